//! The seller's half: what is asked for, what a token is charged by, and what becomes of it.
//!
//! A charge is one call under one idempotency key, which is the payment's own name. Whatever is repeated is that
//! call, byte for byte, and so a lost answer is found by asking again. What the call was is kept with the claim,
//! closed with a key that comes out of the seller's secret key.

mod charge;
mod connect;
pub(crate) mod intent;
mod kept;
pub(crate) mod outcome;
mod refund;
mod settings;
mod standing;
mod statement;
mod table;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use farthing_money::{Amount, Price, Rounding};
use farthing_protocol::{IntentName, JsonObject, MethodName, ProblemType, Timestamp};
use farthing_rail::{
    Answer, Capture, Claim, Cursor, Fault, Finality, Method, Order, PaymentId, Presented, Proof, ProofKey, Protocol,
    RailError, RailStatement, Refund, Refusal, Settled, Settlement, Settler, Standing, Terms, Unpriceable, Webhook,
};

pub use connect::{Connect, Transfer};
pub(crate) use intent::named_payment;
pub use settings::{Settings, Spelling};
pub use table::{Around, Secret};

use crate::api::{Api, Version};
use crate::currency::{code_of, floor_of};
use crate::payload::Payload;
use crate::subscription::AsAsked;
use crate::webhook::{Listening, SigningSecret};
use crate::{INTENT, METHOD, Spt, StripeRequest};
use kept::{Charge, Seal};

/// Reads the clock.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How long a payer's bank may take a charge back: what the card networks give a cardholder.
const DISPUTABLE: Duration = Duration::from_secs(120 * 24 * 60 * 60);

/// The name of a payment in the metadata of what Stripe holds of it.
pub(crate) const PAYMENT: &str = "farthing_payment";
/// The challenge it answered, in the words of the draft.
pub(crate) const CHALLENGE: &str = "challenge_id";

/// The seller's half of `stripe/charge`.
pub struct Stripe {
    terms: Terms,
    settings: Settings,
    api: Api,
    version: Version,
    seal: Seal,
    listening: Option<Listening>,
    now: Clock,
}

impl Stripe {
    /// Charges through this API, asked with this secret key.
    pub fn new(settings: Settings, api: Api, version: Version, secret: &str, now: Clock) -> Result<Self, Unpriceable> {
        let floor = settings.floor.unwrap_or_default().max(floor_of(&settings.asset));
        let terms = Terms {
            method: MethodName::new(METHOD).map_err(|error| Unpriceable(error.to_string()))?,
            intent: IntentName::new(INTENT).map_err(|error| Unpriceable(error.to_string()))?,
            asset: settings.asset.clone(),
            floor,
            fee: settings.fee,
            finality: Finality::Reversible(DISPUTABLE),
            refundable: true,
            validity: settings.validity,
            protocol: Protocol::Payment,
            capture: Capture::Whole,
        };
        let seal = Seal::new(secret).map_err(|_| Unpriceable("the secret key cannot be used".to_owned()))?;
        Ok(Self { terms, settings, api, version, seal, listening: None, now })
    }

    /// Hears what Stripe tells by itself, signed with this secret. What was dealt with is kept in this file.
    pub fn listen(self, secret: SigningSecret, file: &Path) -> Result<Self, String> {
        let listening = Listening::new(secret, file, (self.now)())?;
        Ok(Self { listening: Some(listening), ..self })
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The version and the account that a call made now is made for.
    pub(crate) fn as_asked(&self) -> AsAsked {
        AsAsked { version: self.version.as_str().to_owned(), account: self.settings.connect.account.clone() }
    }

    /// The API as an earlier call was made for, if that can still be.
    pub(crate) fn api_as(&self, asked: &AsAsked) -> Option<Api> {
        self.api.as_before(&asked.version, asked.account.as_deref()).ok()
    }

    pub(crate) fn api(&self) -> &Api {
        &self.api
    }

    /// A price in the smallest unit, if it can be charged.
    pub(crate) fn amount_of(&self, price: Price) -> Result<Amount, Unpriceable> {
        let asset = &self.terms.asset;
        if price.currency().as_str() != asset.code() {
            let code = asset.code();
            return Err(Unpriceable(format!("{price} is not charged by a rail in {code}; price it in {code}")));
        }
        let converted = price.in_asset(asset, Rounding::Exact);
        let amount = converted.map_err(|error| Unpriceable(format!("{price}: {error}")))?.amount;
        if amount < self.terms.floor {
            let floor = asset.display(self.terms.floor);
            return Err(Unpriceable(format!(
                "{price} is below {floor}, the least that Stripe charges; sell it from a balance that is topped up"
            )));
        }
        Ok(amount)
    }

    pub(crate) fn listening(&self) -> Option<&Listening> {
        self.listening.as_ref()
    }

    pub(crate) fn time(&self) -> Timestamp {
        (self.now)()
    }

    /// What is asked of Stripe for a token.
    fn charge(&self, request: &StripeRequest, challenge: &str, payment: PaymentId, spt: &Spt) -> Charge {
        let form = crate::api::Form::default()
            .with("amount", &request.amount.to_string())
            .with("currency", &code_of(&request.asset))
            .with("confirm", "true")
            .with("automatic_payment_methods[enabled]", "true")
            .with("automatic_payment_methods[allow_redirects]", "never")
            .with(self.settings.spelling.parameter(), spt.reveal())
            .with(&format!("metadata[{CHALLENGE}]"), challenge)
            .with(&format!("metadata[{PAYMENT}]"), &payment.to_string());
        let named = request.metadata.iter();
        let form = named.fold(form, |form, (name, value)| form.with(&format!("metadata[{name}]"), value));
        let form = self.settings.connect.put(form).with("expand[]", intent::EXPANDED);
        Charge::new(self.version.as_str(), self.settings.connect.account.as_deref(), &form)
    }
}

impl Method for Stripe {
    fn terms(&self) -> &Terms {
        &self.terms
    }

    fn request(&self, order: &Order) -> Result<JsonObject, Unpriceable> {
        let amount = self.amount_of(order.price)?;
        self.settings.connect.fits(amount).map_err(Unpriceable)?;
        let request = StripeRequest {
            amount,
            asset: self.terms.asset.clone(),
            network: self.settings.network.clone(),
            payment_method_types: self.settings.payment_method_types.clone(),
            metadata: self.settings.metadata.clone(),
            external_id: order.external_id.clone(),
        };
        Ok(request.to_shared(order.description.clone()).to_object())
    }

    fn verify(&self, presented: &Presented<'_>) -> Result<Proof, Refusal> {
        let failed = |detail: &str| Refusal::new(ProblemType::VerificationFailed, detail);
        let request = StripeRequest::from_shared(presented.request).map_err(|error| failed(&error.to_string()))?;
        if request.asset != self.terms.asset || request.network != self.settings.network {
            let detail = "the request is for another Stripe profile or currency; ask for a new challenge";
            return Err(failed(detail).because(Fault::OfferUnknown));
        }
        let payload = Payload::read(presented.credential.payload())
            .map_err(|error| Refusal::new(ProblemType::InvalidPayload, error.to_string()).because(Fault::Malformed))?;
        // What the request does not bind, the payload cannot: an externalId of its own counts for nothing.
        if request.external_id.is_some() && payload.external_id != request.external_id {
            let detail = "the credential's externalId is not that of the request; echo it as it was received";
            return Err(Refusal::new(ProblemType::InvalidChallenge, detail).because(Fault::OfferUnknown));
        }
        let challenge = presented.credential.challenge().id();
        let payment = PaymentId::answering(presented.credential.challenge());
        let charge = self.charge(&request, challenge.as_str(), payment, &payload.spt);
        let kept = self.seal.close(payment, &charge);
        Ok(Proof {
            key: ProofKey::new(format!("{METHOD}/spt/{}", payload.spt.fingerprint())),
            payer: None,
            amount: request.amount,
            asset: request.asset,
            kept: kept.ok_or_else(|| failed("the payment cannot be kept; present it again"))?,
        })
    }
}

impl Settler for Stripe {
    fn settle<'a>(&'a self, claim: &'a Claim) -> Answer<'a, Settlement> {
        Box::pin(self.charge_once(claim))
    }

    fn lookup<'a>(&'a self, claim: &'a Claim) -> Answer<'a, Settlement> {
        Box::pin(self.find_out(claim))
    }

    fn refund<'a>(&'a self, refund: &'a Refund) -> Answer<'a, Settlement> {
        Box::pin(self.pay_back(refund))
    }

    fn confirm<'a>(&'a self, claim: &'a Claim, settled: &'a Settled) -> Answer<'a, Standing> {
        Box::pin(self.standing_of(claim, settled))
    }

    fn webhook(&self) -> Option<&dyn Webhook> {
        self.listening.as_ref().map(|_| self as &dyn Webhook)
    }

    fn statement<'a>(&'a self, after: &'a Cursor) -> Answer<'a, Result<RailStatement, RailError>> {
        Box::pin(self.page_after(after))
    }
}

impl fmt::Debug for Stripe {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Stripe").field("asset", &self.terms.asset).finish_non_exhaustive()
    }
}
