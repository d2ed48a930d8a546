//! The seller's half: what is asked for, what a credential must look like, and what the enabler made of it.

mod enabler;
mod kept;
mod outcome;
mod settings;
mod table;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand::SecureRandom;
use farthing_money::Rounding;
use farthing_protocol::{IntentName, JsonObject, MethodName, ProblemType, Realm, Timestamp};
use farthing_rail::{
    Answer, Capture, Claim, Cursor, Fault, Method, Order, PaymentId, Presented, Proof, ProofKey, Protocol, RailError,
    RailStatement, Refund, Refusal, Settled, Settlement, Settler, Standing, Terms, Unpriceable,
};

pub use enabler::{Asked, Authorisation, Done, Outcome, ServerEnabler};
pub use outcome::movement;
pub use settings::Settings;
pub use table::Around;

use crate::jwe::Envelope;
use crate::{CardRequest, INTENT, METHOD, Payload};
use kept::{Kept, Seal};

/// Reads the clock.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What an enabler does not know after so long never reached it.
const NEVER_ARRIVED: Duration = Duration::from_secs(10 * 60);
/// When a payment that an enabler does not know is asked about again.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// The seller's half of `card/charge`.
pub struct Card {
    terms: Terms,
    settings: Settings,
    enabler: Arc<dyn ServerEnabler>,
    seal: Seal,
    now: Clock,
}

impl Card {
    /// Charges through this enabler, in challenges of this realm.
    pub fn new(
        settings: Settings,
        realm: &Realm,
        enabler: Arc<dyn ServerEnabler>,
        random: &dyn SecureRandom,
        now: Clock,
    ) -> Result<Self, Unpriceable> {
        enabler.key().belongs_to(realm).map_err(|error| Unpriceable(error.to_string()))?;
        let terms = Terms {
            method: MethodName::new(METHOD).map_err(|error| Unpriceable(error.to_string()))?,
            intent: IntentName::new(INTENT).map_err(|error| Unpriceable(error.to_string()))?,
            asset: settings.asset.clone(),
            floor: settings.floor,
            fee: settings.fee,
            finality: enabler.finality(),
            refundable: true,
            validity: settings.validity,
            protocol: Protocol::Payment,
            capture: Capture::Whole,
        };
        let seal = Seal::new(random).map_err(|_| Unpriceable("this machine gives no randomness".to_owned()))?;
        Ok(Self { terms, settings, enabler, seal, now })
    }

    fn asked(&self, claim: &Claim, challenge: String) -> Asked {
        Asked { payment: claim.payment, challenge, amount: claim.proof.amount, asset: claim.proof.asset.clone() }
    }

    async fn authorise(&self, claim: &Claim) -> Settlement {
        let kept = Kept::read(&claim.proof.kept);
        let opened = kept.and_then(|kept| Some((self.seal.open(claim.payment, &kept)?, kept.challenge)));
        let Some((payload, challenge)) = opened else {
            return outcome::not_asked("what was kept of the payment was closed by another process");
        };
        let order = Authorisation { asked: self.asked(claim, challenge), payload };
        outcome::settlement(self.enabler.authorise(&order).await, claim.proof.amount)
    }

    async fn find_out(&self, claim: &Claim) -> Settlement {
        let Some(kept) = Kept::read(&claim.proof.kept) else {
            return outcome::unknown("what was kept of the payment cannot be read", NEVER_ARRIVED);
        };
        match self.enabler.look_up(&self.asked(claim, kept.challenge)).await {
            Some(found) => outcome::settlement(found, claim.proof.amount),
            None if (self.now)().since(claim.claimed_at) >= NEVER_ARRIVED => {
                outcome::not_asked("the enabler knows nothing of the payment")
            }
            None => outcome::unknown("the enabler does not know the payment yet", ASK_AGAIN),
        }
    }

    fn read(&self, presented: &Presented<'_>) -> Result<(CardRequest, Payload), Refusal> {
        let failed = |detail: &str| Refusal::new(ProblemType::VerificationFailed, detail).because(Fault::OfferUnknown);
        let invalid = |detail: String| Refusal::new(ProblemType::InvalidPayload, detail).because(Fault::Malformed);
        let request = CardRequest::from_shared(presented.request).map_err(|error| failed(&error.to_string()))?;
        if request.asset != self.terms.asset || request.key != *self.enabler.key() {
            return Err(failed("the request is for another key or currency; ask for a new challenge"));
        }
        let payload = Payload::read(presented.credential.payload()).map_err(|error| invalid(error.to_string()))?;
        if !request.networks.contains(&payload.network) {
            return Err(failed("cards of this network are not taken; pay with one of acceptedNetworks"));
        }
        let suits = payload.suits(request.billing_required, presented.now);
        suits.map_err(|error| invalid(error.to_string()))?;
        Ok((request, payload))
    }
}

impl Method for Card {
    fn terms(&self) -> &Terms {
        &self.terms
    }

    fn request(&self, order: &Order) -> Result<JsonObject, Unpriceable> {
        let (asset, price) = (&self.terms.asset, order.price);
        if price.currency().as_str() != asset.code() {
            let code = asset.code();
            return Err(Unpriceable(format!("{price} is not charged by a rail in {code}; price it in {code}")));
        }
        let converted = price.in_asset(asset, Rounding::Exact);
        let amount = converted.map_err(|error| Unpriceable(format!("{price}: {error}")))?.amount;
        if amount < self.terms.floor {
            let floor = asset.display(self.terms.floor);
            return Err(Unpriceable(format!(
                "{price} is below {floor}, the least that is charged by card; sell it from a balance that is topped up"
            )));
        }
        let request = CardRequest {
            amount,
            asset: asset.clone(),
            recipient: self.settings.recipient.clone(),
            networks: self.settings.networks.clone(),
            merchant_name: self.settings.merchant_name.clone(),
            key: self.enabler.key().clone(),
            billing_required: self.settings.billing_required,
            external_id: order.external_id.clone(),
        };
        Ok(request.to_shared(order.description.clone()).to_object())
    }

    fn verify(&self, presented: &Presented<'_>) -> Result<Proof, Refusal> {
        let invalid = |detail: String| Refusal::new(ProblemType::InvalidPayload, detail).because(Fault::Malformed);
        let (request, payload) = self.read(presented)?;
        let envelope = Envelope::read(payload.encrypted.reveal()).map_err(|error| invalid(error.to_string()))?;
        if envelope.kid() != request.key.kid() {
            let detail = "the token is encrypted to another key than the challenge's; encrypt it to that";
            return Err(Refusal::new(ProblemType::VerificationFailed, detail).because(Fault::OfferUnknown));
        }
        let challenge = presented.credential.challenge().id();
        let payment = PaymentId::answering(presented.credential.challenge());
        let kept = self.seal.close(payment, challenge.as_str(), &payload);
        let unkept = || Refusal::new(ProblemType::VerificationFailed, "the payment cannot be kept; present it again");
        Ok(Proof {
            key: ProofKey::new(format!("{METHOD}/token/{}", envelope.fingerprint())),
            payer: None,
            amount: request.amount,
            asset: request.asset,
            kept: kept.ok_or_else(unkept)?,
        })
    }

    fn receipt_members(&self) -> JsonObject {
        self.enabler.receipt_members()
    }
}

impl Settler for Card {
    fn settle<'a>(&'a self, claim: &'a Claim) -> Answer<'a, Settlement> {
        Box::pin(self.authorise(claim))
    }

    fn lookup<'a>(&'a self, claim: &'a Claim) -> Answer<'a, Settlement> {
        Box::pin(self.find_out(claim))
    }

    fn refund<'a>(&'a self, refund: &'a Refund) -> Answer<'a, Settlement> {
        Box::pin(async move { outcome::settlement(self.enabler.refund(refund).await, refund.amount) })
    }

    fn confirm<'a>(&'a self, _: &'a Claim, settled: &'a Settled) -> Answer<'a, Standing> {
        self.enabler.standing(settled)
    }

    fn statement<'a>(&'a self, after: &'a Cursor) -> Answer<'a, Result<RailStatement, RailError>> {
        self.enabler.statement(after)
    }
}

impl fmt::Debug for Card {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Card").field("asset", &self.terms.asset).finish_non_exhaustive()
    }
}
