//! A payment that is held before its service and captured after it, as much of it as was used.
//!
//! From the claim to the ledger entry it runs in a task of its own: what the upstream did is captured even
//! when the client has left. Until the capture nothing is taken, so whatever goes wrong before it closes the
//! payment as rejected; what goes wrong in it is looked up.

use std::sync::Arc;
use std::time::Duration;

use farthing_books::{Command, NewPayment, PaymentRecord};
use farthing_money::Amount;
use farthing_protocol::ProblemType;
use farthing_rail::{Hold, Refusal, Rejected, Settlement, Settler};
use farthing_store::Life;
use http::header::ACCEPT_ENCODING;
use http::{Request, Response, StatusCode};
use tokio::time::{Instant, timeout};
use tracing::Instrument;

use super::Head;
use super::claim::{Asking, Progress, claim, in_doubt, post};
use super::confirm::first_question;
use super::deliver::is_success;
use super::obligation::Obligation;
use crate::answer;
use crate::config::{Meter, Reading};
use crate::failpoint::reach;
use crate::metering::{Cap, measure};
use crate::proxy::Body;
use crate::route::SharedRoute;
use crate::seller::Seller;

/// What is to be done for a payment of which only what was used is taken.
pub(super) struct Metered {
    pub(super) seller: Arc<Seller>,
    pub(super) route: SharedRoute,
    pub(super) settler: Arc<dyn Settler>,
    /// How long the rail may take for an answer.
    pub(super) patience: Duration,
    pub(super) meter: Meter,
}

/// The same, once the payment is claimed.
struct Held {
    metered: Metered,
    record: Box<PaymentRecord>,
    /// As whom this process claimed it.
    life: Life,
}

/// What came of it.
pub(super) enum Served {
    /// It is captured and posted; this very answer is owed.
    Now(Obligation, Response<Body>),
    /// The payment was claimed before, so nothing was done; this is where it stands, and the body is unread.
    Before(Box<PaymentRecord>, Body),
    /// Nothing is owed.
    Not(Progress),
}

/// Claims, holds, asks the upstream, captures and posts.
pub(super) async fn serve(metered: Metered, new: NewPayment, head: Head, body: Body) -> Served {
    let seller = Arc::clone(&metered.seller);
    let span = tracing::info_span!("capture", payment = %new.id, method = new.method);
    // Keeps others from finding out what became of it.
    let claiming = seller.claiming.set(new.id);
    let task = async move {
        let life = metered.seller.books.life();
        let served = match claim(&metered.seller, &metered.route, new).await {
            Ok(record) => match (Held { metered, record, life }).run(head, body).await {
                Ok((owed, response)) => Served::Now(owed, response),
                Err(progress) => Served::Not(progress),
            },
            Err(Progress::Standing(record)) => Served::Before(record, body),
            Err(progress) => Served::Not(progress),
        };
        drop(claiming);
        served
    };
    match seller.spawn(task.instrument(span)).await {
        Ok(served) => served,
        Err(error) => {
            tracing::error!(%error, "a payment's task ended early; the resolver finds out what became of the payment");
            Served::Not(Progress::Elsewhere(Box::new(in_doubt(Duration::from_secs(2)))))
        }
    }
}

impl Held {
    async fn run(self, mut head: Head, body: Body) -> Result<(Obligation, Response<Body>), Progress> {
        self.hold().await?;
        reach("before-upstream");
        if matches!(self.metered.meter.reading, Reading::Json(_) | Reading::Tokens(_)) {
            // What is compressed cannot be read here.
            head.parts.headers.remove(ACCEPT_ENCODING);
        }
        let response = self.ask(head, body).await?;
        let (amount, response) = self.measured(response).await?;
        match self.capture(amount).await {
            Progress::Owed(owed) => Ok((owed, response)),
            progress => Err(progress),
        }
    }

    /// The upstream's answer, if it is one to be paid for.
    async fn ask(&self, head: Head, body: Body) -> Result<Response<Body>, Progress> {
        let route = &self.metered.route;
        let started = Instant::now();
        let request = Request::from_parts(head.parts, body);
        let answered = route.upstream.forward(&head.target, &head.peer, request).await;
        route.meters.upstream_seconds.record(started.elapsed().as_secs_f64());
        reach("after-upstream");
        match answered {
            Ok(response) if is_service(response.status()) => Ok(response),
            Ok(response) => Err(self.unserved(response).await),
            Err(error) => {
                tracing::warn!(%error, upstream = route.upstream.authority(), "the upstream failed");
                let answer = answer::plain(error.status(), "The upstream did not answer; nothing was charged.");
                Err(self.let_go(&error.to_string(), answer).await)
            }
        }
    }

    /// What the answer cost, and the answer without what it says about that in a header.
    async fn measured(&self, response: Response<Body>) -> Result<(Amount, Response<Body>), Progress> {
        let Some(paid) = &self.metered.route.paid else { return Err(self.unserved(response).await) };
        let cap = Cap { price: paid.price, amount: self.record.amount, asset: &self.record.asset };
        match measure(&self.metered.meter, cap, response).await {
            Ok(measured) => Ok(measured),
            Err(reason) => {
                tracing::error!(%reason, "an answer was not measured, so nothing is captured and nothing given");
                let detail = "The upstream did not say what its answer cost; nothing was charged.";
                let answer = answer::plain(StatusCode::BAD_GATEWAY, detail);
                Err(self.let_go(&reason.to_string(), answer).await)
            }
        }
    }

    /// Takes what was used, once, and posts what the rail says of it.
    async fn capture(self, amount: Amount) -> Progress {
        let Self { metered: Metered { seller, route, settler, patience, .. }, record, life } = self;
        let claim = record.claim();
        let asking = Asking { seller: &seller, route: &route, patience, life };
        let settlement = asking.ask(|| settler.capture(&claim, amount)).await;
        let confirm_at = first_question(settler.terms(), seller.now());
        post(seller, route, record, settlement, confirm_at, life).await
    }

    async fn hold(&self) -> Result<(), Progress> {
        let claim = self.record.claim();
        match timeout(self.metered.patience, self.metered.settler.hold(&claim)).await {
            Ok(Hold::Held) => Ok(()),
            Ok(Hold::Rejected(rejected)) => {
                let settlement = Settlement::Rejected(rejected);
                let (seller, route) = (Arc::clone(&self.metered.seller), Arc::clone(&self.metered.route));
                Err(post(seller, route, self.record.clone(), settlement, None, self.life).await)
            }
            Ok(Hold::Unknown(unknown)) => Err(self.not_held(&unknown.reason, unknown.ask_again).await),
            Err(_) => Err(self.not_held("the rail did not answer in time", Duration::from_secs(2)).await),
        }
    }

    /// Nothing was taken and, since nobody asks for it any more, nothing will be.
    async fn not_held(&self, reason: &str, wait: Duration) -> Progress {
        self.metered.route.meters.unknown.increment(1);
        let detail = "It is not known just now whether the payment could be made; nothing was charged. Try again in a \
                      moment with a fresh payment.";
        let answer = answer::retry_after(answer::plain(StatusCode::SERVICE_UNAVAILABLE, detail), wait);
        self.let_go(&format!("it could not be held: {reason}"), answer).await
    }

    /// The upstream's own answer, for which nothing is taken.
    async fn unserved(&self, mut response: Response<Body>) -> Progress {
        let status = response.status();
        if let Reading::Header(name) = &self.metered.meter.reading {
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
        let command = Command::Reject { payment: self.record.id, rejected, at: self.metered.seller.now() };
        match self.metered.seller.books.submit(command.clone()).await {
            Ok(_) => Progress::Elsewhere(Box::new(answer)),
            Err(error) => {
                self.metered.seller.later(command);
                Progress::store_down(&self.metered.seller, &error)
            }
        }
    }
}

/// Whether an answer is what was to be paid for: a redirect may be all that is sold.
fn is_service(status: StatusCode) -> bool {
    is_success(status) && status != StatusCode::SWITCHING_PROTOCOLS
}
