//! Somebody who pays by voucher out of one deposit: real signatures, and the patience of a client that is told to repeat.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use farthing_money::{Amount, Price};
use farthing_protocol::{Challenge, Credential};
use farthing_rail::{Approved, Channel, Offer, Origin, SessionId, SessionPayer as _, SessionQuote, VoucherQuote};
use farthing_rail_balance::BalanceSessionPayer;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tower::ServiceExt as _;

use crate::Broken;
use crate::audit::Outcome;
use crate::line::Line;
use crate::scenario::Order;
use crate::seller::ORIGIN;

/// What is set aside, in millionths, and the longest wait before something is sent again.
const DEPOSIT: u64 = 2_500;
const AGAIN: Duration = Duration::from_secs(4);
/// How often one credential is sent, and how often one order is signed for anew.
const SENDINGS: usize = 60;
const ROUNDS: usize = 6;

/// A payer with a deposit.
pub struct Drawer {
    /// How it reaches the gateways.
    pub line: Line,
    /// Its key.
    pub payer: BalanceSessionPayer,
    /// Its public name.
    pub did: String,
}

impl Drawer {
    /// Buys these, one after the other.
    pub async fn run(self: Arc<Self>, orders: Vec<Order>) -> Result<(), Broken> {
        let mut channel = None;
        for order in orders {
            let outcome = self.buy(&mut channel, order).await?;
            let world = &self.line.world;
            world.note(self.line.life.node, format_args!("order {}: {outcome:?}", order.number));
            world.audit(|auditor| auditor.concluded(order.number, outcome));
        }
        Ok(())
    }

    async fn buy(&self, channel: &mut Option<Channel>, order: Order) -> Result<Outcome, Broken> {
        let path = format!("{ORIGIN}/{}/{}", order.goods.path(), order.number);
        for _ in 0..ROUNDS {
            let Some(challenge) = self.ask(&path).await else { continue };
            let (next, credential) = self.sign(channel.as_ref(), challenge, order).await?;
            let answer = self.present(&path, &credential, order).await;
            let status = answer.map(|answer| answer.status());
            match status {
                Some(status) if status.is_success() => {
                    self.acknowledged(&next).await?;
                    *channel = Some(next);
                    return Ok(Outcome::Bought);
                }
                // What was signed for stays signed for.
                _ if channel.is_some() => *channel = Some(next),
                Some(StatusCode::PAYMENT_REQUIRED) => return Ok(Outcome::Unpayable),
                _ => return Ok(Outcome::GivenUp),
            }
        }
        Ok(Outcome::GivenUp)
    }

    /// What was signed for and served is durable by the time that its payer hears of it.
    async fn acknowledged(&self, channel: &Channel) -> Result<(), Broken> {
        let id = SessionId::of(&format!("balance/session/{}/{}", self.did, channel.id));
        let read = self.line.sellers.eye().session(id).await;
        let record = read.map_err(|error| Broken(format!("the session cannot be read: {error}")))?;
        let accepted = record.map_or(Amount::ZERO, |record| record.accepted);
        let world = &self.line.world;
        world.note(self.line.life.node, format_args!("is served for {} of {accepted} in all", channel.signed));
        world.audit(|auditor| auditor.acknowledged(channel.signed, accepted));
        Ok(())
    }

    async fn wait(&self) {
        tokio::time::sleep(self.line.world.dice.up_to(AGAIN)).await;
    }

    /// A challenge for a session; nothing when none came in time.
    async fn ask(&self, path: &str) -> Option<Challenge> {
        for _ in 0..SENDINGS {
            let request = Request::get(path).body(Full::new(Bytes::new())).ok()?;
            if let Ok(answer) = self.line.clone().oneshot(request).await {
                let lines = answer.headers().get_all(WWW_AUTHENTICATE).iter().map(http::HeaderValue::as_bytes);
                return Challenge::parse_all(lines).into_iter().flatten().next();
            }
            self.wait().await;
        }
        None
    }

    /// Signs the opening of a channel, or the next total of one.
    #[expect(clippy::disallowed_methods, reason = "it has no wallet and no limits: it is one who signs anything")]
    async fn sign(
        &self,
        channel: Option<&Channel>,
        challenge: Challenge,
        order: Order,
    ) -> Result<(Channel, Credential), Broken> {
        let broken = |error: &dyn std::fmt::Display| Broken(format!("no voucher can be made: {error}"));
        let price = Amount::new(order.goods.price().into());
        let currency = "USD".parse().map_err(|error| broken(&error))?;
        let cost = Price::from_millionths(order.goods.price(), currency);
        let origin: Origin = ORIGIN.parse().map_err(|error| broken(&error))?;
        let Some(channel) = channel else {
            let quote = self.quote(&challenge, &origin).map_err(|error| broken(&error))?;
            let deposit = self.payer.deposit(&quote, Amount::new(DEPOSIT.into()), price);
            let opened = self.payer.open(Approved::grant(deposit.map_err(|error| broken(&error))?)).await;
            let opened = opened.map_err(|error| broken(&error))?;
            return Ok((opened.channel, opened.credential));
        };
        let cumulative = channel.signed.checked_add(price).unwrap_or(channel.signed).min(channel.deposit);
        let quote = VoucherQuote { challenge, origin, cumulative, cost, closes: false };
        let credential = self.payer.voucher(channel, Approved::grant(quote)).await.map_err(|error| broken(&error))?;
        Ok((Channel { signed: cumulative, ..channel.clone() }, credential))
    }

    fn quote(&self, challenge: &Challenge, origin: &Origin) -> Result<SessionQuote, farthing_rail::NotPayable> {
        let now = self.line.world.now(self.line.life.node);
        self.payer.quote(&Offer { challenge, origin, amount: None, now })
    }

    /// Sends a credential until there is an answer that is final.
    async fn present(&self, path: &str, credential: &Credential, order: Order) -> Option<Response<Full<Bytes>>> {
        for _ in 0..SENDINGS {
            let request = Request::get(path)
                .header(AUTHORIZATION, credential.to_header())
                .header("idempotency-key", format!("order-{}", order.number));
            let request = request.body(Full::new(Bytes::new())).ok()?;
            match self.line.clone().oneshot(request).await {
                Ok(answer) if answer.status().is_success() || answer.status() == StatusCode::PAYMENT_REQUIRED => {
                    return Some(answer);
                }
                _ => self.wait().await,
            }
        }
        None
    }
}
