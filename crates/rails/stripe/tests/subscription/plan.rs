//! A seller of subscriptions, and a payer who signs.

use std::sync::Arc;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use farthing_protocol::{Binder, BindingSecret, Challenge, ChallengeTemplate, ChargeRequest, Credential};
use farthing_protocol::{EncodedObject, IntentName, JsonObject, MethodName, Realm};
use farthing_rail::{
    Claim, Method as _, Order, PayerKey, PaymentId, Presented, Proof, Refusal, Settled, Settlement, Settler as _,
    subscribed_message,
};
use farthing_rail_stripe::StripeSubscriptions;
use farthing_rail_stripe::subscription::{Subscriber, period_from};
use serde_json::Value;

use crate::support::{Stage, nonce};

pub const SUBSCRIBE: &str = "POST subscriptions";

pub struct Plan {
    pub stage: Stage,
    pub seller: StripeSubscriptions,
    key: Ed25519KeyPair,
}

impl Plan {
    pub async fn monthly() -> Self {
        Self::with("1 month").await
    }

    pub async fn with(period: &str) -> Self {
        let stage = Stage::new().await;
        let seller = of(&stage, period);
        Self { stage, seller, key: Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap() }
    }

    /// Another process of the same shop.
    pub fn again(&self) -> StripeSubscriptions {
        of(&self.stage, "1 month")
    }

    pub fn order(&self) -> JsonObject {
        let order = Order { price: "5 USD".parse().unwrap(), description: None, external_id: Some("plan-1".into()) };
        self.seller.request(&order).unwrap()
    }

    /// What verifying comes to, of this request and payer.
    pub fn present(&self, request: &JsonObject, payload: JsonObject, source: Option<String>) -> Result<Claim, Refusal> {
        let challenge = self.challenge(request);
        self.verified(&challenge, request, payload, source)
    }

    fn challenge(&self, request: &JsonObject) -> Challenge {
        let realm = Realm::new("api.example.com").unwrap();
        let (method, intent) = (MethodName::new("stripe").unwrap(), IntentName::new("subscription").unwrap());
        let encoded = EncodedObject::encode(request).unwrap();
        let template = ChallengeTemplate::new(&realm, &method, &intent, &encoded, None).unwrap();
        let binder = Binder::new(BindingSecret::new(&[0x24; 32]).unwrap(), None);
        let mut header = String::new();
        let unique = nonce(&self.stage.double.desk().calls.len().to_string());
        template.issue(&binder, "2026-01-31T12:05:00Z", None, &unique, &mut header);
        Challenge::parse_all([header.as_bytes()]).remove(0).unwrap()
    }

    fn verified(
        &self,
        challenge: &Challenge,
        request: &JsonObject,
        payload: JsonObject,
        source: Option<String>,
    ) -> Result<Claim, Refusal> {
        let credential = Credential::new(challenge.clone(), payload, source);
        let shared = ChargeRequest::from_object(request).unwrap();
        let presented = Presented { credential: &credential, request: &shared, now: self.stage.now() };
        let proof: Proof = self.seller.verify(&presented)?;
        Ok(Claim { payment: PaymentId::answering(challenge), proof, claimed_at: self.stage.now() })
    }

    pub fn did(&self) -> String {
        let public: [u8; 32] = self.key.public_key().as_ref().try_into().unwrap();
        PayerKey::from_bytes(public).to_string()
    }

    /// The claim of a subscription paid by this payment method.
    pub fn claim(&self, payment_method: &str) -> Claim {
        self.claim_of(payment_method, None)
    }

    pub fn claim_of(&self, payment_method: &str, customer: Option<&str>) -> Claim {
        let request = self.order();
        let challenge = self.challenge(&request);
        let subscriber = Subscriber { payment_method: payment_method.into(), customer: customer.map(str::to_owned) };
        let message = subscribed_message(&challenge, &subscriber.signed());
        let signature: [u8; 64] = self.key.sign(&message).as_ref().try_into().unwrap();
        self.verified(&challenge, &request, subscriber.to_object(&signature), Some(self.did())).unwrap()
    }

    /// A payload that is signed for another challenge.
    pub fn foreign_payload(&self) -> JsonObject {
        let subscriber = Subscriber { payment_method: "pm_card_visa".into(), customer: None };
        let signature: [u8; 64] = self.key.sign(b"something else").as_ref().try_into().unwrap();
        subscriber.to_object(&signature)
    }

    /// A subscription that began.
    pub async fn begun(&self) -> (Claim, Settled) {
        let claim = self.claim("pm_card_visa");
        match self.seller.settle(&claim).await {
            Settlement::Settled(settled) => (claim, settled),
            other => panic!("{other:?}"),
        }
    }

    pub fn subscriptions(&self) -> Vec<Value> {
        self.stage.double.desk().billing.subscriptions.values().cloned().collect()
    }

    /// The id of the only subscription.
    pub fn only(&self) -> String {
        let all = self.subscriptions();
        assert_eq!(all.len(), 1);
        all[0]["id"].as_str().unwrap().to_owned()
    }

    /// The last invoice, changed.
    pub fn change_last(&self, change: impl FnOnce(&mut Value)) {
        change(self.stage.double.desk().billing.invoices.last_mut().unwrap());
    }
}

fn of(stage: &Stage, period: &str) -> StripeSubscriptions {
    StripeSubscriptions::over(Arc::new(stage.again("")), period_from(period).unwrap()).unwrap()
}
