//! How a wallet's process reaches the gateways: one connection for each request, and an auditor who reads along.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use farthing_books::SessionRecord;
use farthing_money::Amount;
use farthing_protocol::{Credential, Problem, ProblemType, Timestamp};
use farthing_rail::{PaymentId, SessionId};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::task::JoinHandle;
use tower::{BoxError, Service};

use crate::audit::{Answered, missing_in_answer};
use crate::faults::Fault;
use crate::seller::Sellers;
use crate::upstream::FAILS;
use crate::world::{Life, World};

/// So long after an offer is over nothing that answered it is under way any more.
const UNDER_WAY: Duration = Duration::from_secs(60);

/// One life's way to the gateways.
#[derive(Clone)]
pub struct Line {
    /// Where it happens.
    pub world: Arc<World>,
    /// Whose.
    pub life: Life,
    /// Who is reached.
    pub sellers: Arc<Sellers>,
}

type Sent = Result<Response<Full<Bytes>>, BoxError>;

impl Service<Request<Full<Bytes>>> for Line {
    type Response = Response<Full<Bytes>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Sent> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        let line = self.clone();
        Box::pin(async move { line.exchange(request).await })
    }
}

impl Line {
    async fn exchange(self, request: Request<Full<Bytes>>) -> Sent {
        let path = request.uri().path().to_owned();
        let lines = request.headers().get_all(AUTHORIZATION).iter().map(http::HeaderValue::as_bytes);
        let credential = Credential::from_lines(lines)?;
        if let Some(credential) = &credential {
            self.world.presents(credential);
        }
        let shown = credential.as_ref().and_then(Shown::in_session);
        // What is drawn from a session is no payment of its own.
        let charge = credential.filter(|credential| credential.challenge().intent().as_str() == "charge");
        let payment = charge.map(|credential| PaymentId::answering(credential.challenge()));
        let named = payment.map_or_else(|| "without a payment".to_owned(), |payment| format!("with {payment}"));
        self.world.effect(&self.life, format!("asks for {path} {named}")).await;
        let order = path.rsplit('/').next().and_then(|number| number.parse().ok());
        let doubt = payment
            .zip(order)
            .is_some_and(|(payment, order)| self.world.audit(|auditor| auditor.presented(payment, order)));
        let opens_in_doubt = shown
            .as_ref()
            .filter(|shown| shown.opens)
            .map(|shown| self.world.audit(|auditor| auditor.session(&shown.channel).open()));
        if let Some(shown) = shown.as_ref().filter(|shown| shown.closes) {
            self.world.audit(|auditor| auditor.session(&shown.channel).close(shown.total));
        }
        let sent = match payment {
            Some(_) if self.world.strikes(|weather| weather.duplicate) => self.send_twice(request).await?,
            _ => self.clone().send(request).await,
        };
        self.life.gate().await;
        let response = sent.inspect_err(|error| self.world.note(self.life.node, format_args!("no answer: {error}")))?;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await?.to_bytes();
        if parts.status.as_u16() >= 400 && !parts.headers.contains_key(FAILS) {
            let content_type = parts.headers.get(CONTENT_TYPE).map(http::HeaderValue::as_bytes);
            let missing = missing_in_answer(parts.status.as_u16(), content_type, &bytes);
            self.world
                .audit(|auditor| missing.into_iter().for_each(|missing| auditor.found(format!("{path}: {missing}"))));
        }
        let answered = answered(&parts, &bytes, doubt);
        let told = format!("{} {:?}", answered.status, answered.problem.map(ProblemType::slug));
        self.world.note(self.life.node, format_args!("is answered {told} for {path}"));
        if let Some(payment) = payment {
            self.world.audit(|auditor| auditor.answered(payment, &answered));
        }
        match shown {
            Some(shown) if parts.status.is_success() => self.acknowledged(shown).await?,
            Some(shown)
                if opens_in_doubt
                    .is_some_and(|doubt| shown.is_given_up(&answered, doubt, self.world.now(self.life.node))) =>
            {
                self.world.audit(|auditor| auditor.session(&shown.channel).refuse());
            }
            _ => {}
        }
        self.world.may_die(&self.life);
        self.life.gate().await;
        if let Some(payment) = payment {
            self.world.audit(|auditor| auditor.told(payment, &answered));
        }
        Ok(Response::from_parts(parts, Full::new(bytes)))
    }

    /// What was signed for and served is durable by the time that its payer hears of it.
    async fn acknowledged(&self, shown: Shown) -> Result<(), BoxError> {
        let record = self.sellers.eye().session(shown.session).await?;
        let (accepted, spent) = record.as_ref().map_or_else(Default::default, |record| (record.accepted, record.spent));
        if shown.closes {
            self.world.note(self.life.node, format_args!("a session ends, and {spent} of it was spent"));
            self.world.audit(|auditor| auditor.session(&shown.channel).end(spent));
        } else {
            self.world.note(self.life.node, format_args!("is served for {} of {accepted} in all", shown.total));
            let credit = record.as_ref().map(SessionRecord::credit);
            self.world.audit(|auditor| auditor.acknowledged(&shown.channel, shown.total, credit));
        }
        Ok(())
    }

    /// Somebody in between sends it twice, and hands on either answer.
    async fn send_twice(&self, request: Request<Full<Bytes>>) -> Result<Sent, BoxError> {
        self.world.fault(self.life.node, Fault::Duplicated);
        let copies = [request.clone(), request].map(|request| self.clone().send_apart(request));
        let [one, other] = copies;
        Ok(if self.world.dice.thousandths(500) { one.await? } else { other.await? })
    }

    fn send_apart(self, request: Request<Full<Bytes>>) -> JoinHandle<Sent> {
        tokio::spawn(async move {
            let late = self.world.dice.up_to(self.world.scenario.network);
            if !late.is_zero() {
                tokio::time::sleep(late).await;
            }
            self.send(request).await
        })
    }

    async fn send(self, mut request: Request<Full<Bytes>>) -> Sent {
        let end = self.sellers.connect(&self.life)?;
        if let Some(host) = request.uri().authority().and_then(|host| host.as_str().parse().ok()) {
            request.headers_mut().insert(http::header::HOST, host);
        }
        if let Some(path) = request.uri().path_and_query().cloned() {
            *request.uri_mut() = path.into();
        }
        let (mut sender, connection) = http1::handshake(TokioIo::new(end)).await?;
        tokio::spawn(connection);
        let (parts, body) = sender.send_request(request).await?.into_parts();
        Ok(Response::from_parts(parts, Full::new(body.collect().await?.to_bytes())))
    }
}

/// A voucher as anybody reads it who sees its credential.
struct Shown {
    session: SessionId,
    channel: String,
    total: Amount,
    opens: bool,
    closes: bool,
    /// When the offer that it answers is over.
    end: Option<Timestamp>,
}

impl Shown {
    fn in_session(credential: &Credential) -> Option<Self> {
        let text = |name: &str| credential.payload().get(name).and_then(|value| value.as_str());
        let total = text("cumulativeAmount")?.parse().ok()?;
        let (payer, channel) = (text("payer")?, text("channelId")?.to_owned());
        let session = SessionId::of(&format!("balance/session/{payer}/{channel}"));
        let is = |action| text("action") == Some(action);
        let end = credential.challenge().expires();
        Some(Self { session, channel, total, opens: is("open"), closes: is("close"), end })
    }

    /// Whether its wallet lets go of a session that it asks for when it hears this. In doubt what went before may still
    /// be under way, unless the offer is over for long.
    fn is_given_up(&self, answered: &Answered, doubt: bool, now: Timestamp) -> bool {
        let is_over = answered.problem == Some(ProblemType::PaymentExpired);
        let is_long_over = is_over && self.end.is_some_and(|end| end.after(UNDER_WAY) < now);
        answered.status == 402 && (!doubt || is_long_over)
    }
}

fn answered(parts: &http::response::Parts, body: &[u8], doubt: bool) -> Answered {
    Answered {
        status: parts.status.as_u16(),
        has_receipt: parts.headers.contains_key("payment-receipt"),
        problem: Problem::parse(body).map(|problem| problem.kind),
        doubt,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_that_was_asked_for_before_is_given_up_once_its_offer_is_over_for_long() {
        let at = |seconds: i64| Timestamp::from_unix_millis(seconds * 1_000);
        let (session, channel, total) = (SessionId::of("a"), "a".to_owned(), Amount::new(500));
        let shown = Shown { session, channel, total, opens: true, closes: false, end: Some(at(300)) };
        let refused = |problem| Answered { status: 402, has_receipt: false, problem: Some(problem), doubt: false };
        let (too_little, over) = (refused(ProblemType::PaymentInsufficient), refused(ProblemType::PaymentExpired));
        assert!(shown.is_given_up(&too_little, false, at(1)), "nothing went before");
        assert!(!shown.is_given_up(&too_little, true, at(400)));
        assert!(!shown.is_given_up(&over, true, at(360)), "what went before may be under way");
        assert!(shown.is_given_up(&over, true, at(361)));
    }
}
