//! A payment that is held before its service and captured after it, as much of it as was used.
//!
//! From the hold to the ledger entry it runs in a task of its own: what the upstream did is captured even
//! when the client has left. Until the capture nothing is taken, so whatever goes wrong before it closes the
//! payment as rejected; what goes wrong in it is looked up.

use std::sync::Arc;
use std::time::Duration;

use farthing_books::{Command, PaymentRecord};
use farthing_protocol::ProblemType;
use farthing_rail::{Hold, Refusal, Rejected, Settlement, Settler, Unknown};
use http::header::ACCEPT_ENCODING;
use http::{Request, Response, StatusCode};
use tokio::time::{Instant, timeout};
use tracing::Instrument;

use super::Head;
use super::claim::{Progress, in_doubt, post};
use super::confirm::first_question;
use super::metering::{Cap, measure};
use super::obligation::Obligation;
use crate::answer;
use crate::config::{Meter, Reading};
use crate::failpoint::reach;
use crate::proxy::Body;
use crate::route::SharedRoute;
use crate::seller::{Claiming, Seller};

/// A payment that is claimed, and what is to be done for it.
pub(super) struct Held {
    pub(super) seller: Arc<Seller>,
    pub(super) route: SharedRoute,
    pub(super) settler: Arc<dyn Settler>,
    pub(super) record: Box<PaymentRecord>,
    /// Keeps others from finding out what became of it.
    pub(super) claiming: Claiming,
    /// How long the rail may take for an answer.
    pub(super) patience: Duration,
    pub(super) meter: Meter,
}

/// Holds, asks the upstream, captures and posts. What is owed then is this very answer.
pub(super) async fn serve(held: Held, head: Head, body: Body) -> Result<(Obligation, Response<Body>), Progress> {
    let seller = Arc::clone(&held.seller);
    let span = tracing::info_span!("capture", payment = %held.record.id, method = held.record.method);
    match seller.spawn(held.run(head, body).instrument(span)).await {
        Ok(done) => done,
        Err(error) => {
            tracing::error!(%error, "a payment's task ended early; the resolver finds out what became of the payment");
            Err(Progress::Elsewhere(Box::new(in_doubt(Duration::from_secs(2)))))
        }
    }
}

impl Held {
    async fn run(self, mut head: Head, body: Body) -> Result<(Obligation, Response<Body>), Progress> {
        self.hold().await?;
        reach("before-upstream");
        if matches!(self.meter.reading, Reading::Json(_)) {
            // What is compressed cannot be read here.
            head.parts.headers.remove(ACCEPT_ENCODING);
        }
        let started = Instant::now();
        let request = Request::from_parts(head.parts, body);
        let answered = self.route.upstream.forward(&head.target, &head.peer, request).await;
        self.route.meters.upstream_seconds.record(started.elapsed().as_secs_f64());
        reach("after-upstream");
        let response = match answered {
            Ok(response) if response.status().is_success() => response,
            Ok(response) => return Err(self.unserved(response).await),
            Err(error) => {
                tracing::warn!(%error, upstream = self.route.upstream.authority(), "the upstream failed");
                let answer = answer::plain(error.status(), "The upstream did not answer; nothing was charged.");
                return Err(self.let_go(&error.to_string(), answer).await);
            }
        };
        let Some(paid) = &self.route.paid else { return Err(self.unserved(response).await) };
        let cap = Cap { price: paid.price, amount: self.record.amount, asset: &self.record.asset };
        let (amount, response) = match measure(&self.meter, cap, response).await {
            Ok(measured) => measured,
            Err(reason) => {
                tracing::error!(%reason, "an answer was not measured, so nothing is captured and nothing given");
                let detail = "The upstream did not say what its answer cost; nothing was charged.";
                let answer = answer::plain(StatusCode::BAD_GATEWAY, detail);
                return Err(self.let_go(&reason.to_string(), answer).await);
            }
        };
        let claim = self.record.claim();
        reach("before-settle");
        let started = Instant::now();
        let settlement = timeout(self.patience, self.settler.capture(&claim, amount)).await;
        self.route.meters.settle_seconds.record(started.elapsed().as_secs_f64());
        reach("after-settle");
        let settlement = settlement.unwrap_or_else(|_| {
            let reason = format!("the rail did not answer within {:?}", self.patience);
            Settlement::Unknown(Unknown { reason, ask_again: Duration::from_secs(2) })
        });
        let confirm_at = first_question(self.settler.terms(), self.seller.now());
        let Self { seller, route, record, claiming, .. } = self;
        let progress = post(seller, route, record, settlement, confirm_at).await;
        drop(claiming);
        match progress {
            Progress::Owed(owed) => Ok((owed, response)),
            progress => Err(progress),
        }
    }

    async fn hold(&self) -> Result<(), Progress> {
        let claim = self.record.claim();
        match timeout(self.patience, self.settler.hold(&claim)).await {
            Ok(Hold::Held) => Ok(()),
            Ok(Hold::Rejected(rejected)) => {
                let settlement = Settlement::Rejected(rejected);
                let (seller, route) = (Arc::clone(&self.seller), Arc::clone(&self.route));
                Err(post(seller, route, self.record.clone(), settlement, None).await)
            }
            Ok(Hold::Unknown(unknown)) => Err(self.not_held(&unknown.reason, unknown.ask_again).await),
            Err(_) => Err(self.not_held("the rail did not answer in time", Duration::from_secs(2)).await),
        }
    }

    /// Nothing was taken and, since nobody asks for it any more, nothing will be.
    async fn not_held(&self, reason: &str, wait: Duration) -> Progress {
        self.route.meters.unknown.increment(1);
        let detail = "It is not known just now whether the payment could be made; nothing was charged. Try again in a \
                      moment with a fresh payment.";
        let answer = answer::retry_after(answer::plain(StatusCode::SERVICE_UNAVAILABLE, detail), wait);
        self.let_go(&format!("it could not be held: {reason}"), answer).await
    }

    /// The upstream's own answer, for which nothing is taken.
    async fn unserved(&self, mut response: Response<Body>) -> Progress {
        let status = response.status();
        if let Reading::Header(name) = &self.meter.reading {
            response.headers_mut().remove(name);
        }
        // A 402 of the upstream's own has no challenge and would read as a second price.
        if status == StatusCode::PAYMENT_REQUIRED {
            let detail = "The upstream asks for a payment that this gateway cannot make; nothing was charged.";
            response = answer::plain(StatusCode::BAD_GATEWAY, detail);
        }
        if status == StatusCode::SWITCHING_PROTOCOLS {
            let detail = "What is measured cannot be sold over another protocol; nothing was charged.";
            response = answer::plain(StatusCode::BAD_GATEWAY, detail);
        }
        self.let_go(&format!("the upstream answered {status}"), response).await
    }

    /// Closes the payment with nothing taken, durably before the client is told.
    async fn let_go(&self, reason: &str, answer: Response<Body>) -> Progress {
        tracing::info!(reason, "nothing is captured");
        let refusal = Refusal::new(ProblemType::VerificationFailed, "Nothing was charged.");
        let rejected = Rejected { reason: reason.to_owned(), refusal };
        let command = Command::Reject { payment: self.record.id, rejected, at: self.seller.now() };
        match self.seller.books.submit(command.clone()).await {
            Ok(_) => Progress::Elsewhere(Box::new(answer)),
            Err(error) => {
                self.seller.later(command);
                Progress::store_down(&self.seller, &error)
            }
        }
    }
}
