//! A seller's half against a double of Stripe, and a clock that a test sets.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use farthing_protocol::{
    Binder, BindingSecret, Challenge, ChallengeTemplate, ChargeRequest, Credential, EncodedObject, IntentName,
    JsonObject, MethodName, Realm, Timestamp,
};
use farthing_rail::{Claim, Method as _, Order, PaymentId, Presented, Refusal, Settled, Settlement, Settler as _};
use farthing_rail_stripe::Stripe;
use farthing_rail_stripe::seller::Around;
use farthing_testing_stripe::{Double, SELLER_KEY, SELLER_PROFILE, Trouble};
use serde_json::{Value, json};
use zeroize::Zeroizing;

pub const CREATE: &str = "POST payment_intents";

/// 2026-01-31T12:00:00Z.
const START: i64 = 1_769_860_800_000;

/// A shop, Stripe's double, and the time of both.
pub struct Stage {
    pub double: Double,
    pub stripe: Stripe,
    clock: Arc<AtomicI64>,
}

impl Stage {
    pub async fn new() -> Self {
        Self::with("").await
    }

    /// With more lines in the table.
    pub async fn with(lines: &str) -> Self {
        let clock = Arc::new(AtomicI64::new(START));
        let read = Arc::clone(&clock);
        let double = Double::start(Arc::new(move || read.load(Ordering::SeqCst) / 1_000)).await.unwrap();
        let stripe = seller(&double, lines, &clock);
        Self { double, stripe, clock }
    }

    /// Another process of the same shop.
    pub fn again(&self, lines: &str) -> Stripe {
        seller(&self.double, lines, &self.clock)
    }

    pub fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.clock.load(Ordering::SeqCst))
    }

    pub fn pass(&self, seconds: i64) {
        self.clock.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }

    pub fn trouble(&self, troubles: impl IntoIterator<Item = Trouble>) {
        self.double.desk().expect(CREATE, troubles);
    }

    /// The claim of a payment of five dollars with a token of this payment method.
    pub fn claim(&self, payment_method: &str) -> Claim {
        let spt = self.double.token(payment_method, 500);
        self.claim_of(&spt)
    }

    pub fn claim_of(&self, spt: &str) -> Claim {
        let (payment, proof) = self.verify(&json!({ "spt": spt }), None).unwrap();
        Claim { payment, proof, claimed_at: self.now() }
    }

    /// What verifying a payload comes to, when the request has this externalId.
    pub fn verify(
        &self,
        payload: &Value,
        external_id: Option<&str>,
    ) -> Result<(PaymentId, farthing_rail::Proof), Refusal> {
        let order =
            Order { price: "5 USD".parse().unwrap(), description: None, external_id: external_id.map(str::to_owned) };
        let object = self.stripe.request(&order).unwrap();
        self.present(&object, payload)
    }

    /// What verifying comes to, when this is asked for.
    pub fn present(&self, request: &JsonObject, payload: &Value) -> Result<(PaymentId, farthing_rail::Proof), Refusal> {
        // A nonce of its own: each challenge is another one.
        let nonce = nonce(&self.double.desk().tokens.len().to_string());
        let challenge = challenge(request, &nonce);
        let payment = PaymentId::answering(&challenge);
        let credential = Credential::new(challenge, payload.as_object().unwrap().clone(), None);
        let request = ChargeRequest::from_object(request).unwrap();
        let presented = Presented { credential: &credential, request: &request, now: self.now() };
        self.stripe.verify(&presented).map(|proof| (payment, proof))
    }

    pub async fn settle(&self, claim: &Claim) -> Settlement {
        self.stripe.settle(claim).await
    }

    pub async fn lookup(&self, claim: &Claim) -> Settlement {
        self.stripe.lookup(claim).await
    }

    /// A payment that is settled.
    pub async fn settled(&self) -> (Claim, Settled) {
        let claim = self.claim("pm_card_visa");
        match self.settle(&claim).await {
            Settlement::Settled(settled) => (claim, settled),
            other => panic!("{other:?}"),
        }
    }
}

pub fn table(double: &Double, lines: &str) -> toml::Table {
    let table = format!(
        "asset = \"USD\"\nnetwork_id = \"{SELLER_PROFILE}\"\napi_base = \"{}\"\nsecret_key = {{ env = \"KEY\" }}\n{lines}",
        double.url()
    );
    table.parse().unwrap()
}

fn seller(double: &Double, lines: &str, clock: &Arc<AtomicI64>) -> Stripe {
    let secrets = |table: &toml::Table, name: &str| match table[name].get("env").and_then(toml::Value::as_str) {
        Some("KEY") => Ok(Zeroizing::new(SELLER_KEY.to_owned())),
        Some(other) => Ok(Zeroizing::new(other.to_owned())),
        None => Err("is { env = .. }".to_owned()),
    };
    let around = Around { name: "stripe", development: true, secrets: &secrets, data: std::path::Path::new(".") };
    let clock = Arc::clone(clock);
    let now = Arc::new(move || Timestamp::from_unix_millis(clock.load(Ordering::SeqCst)));
    Stripe::from_table(&table(double, lines), around, now).unwrap()
}

/// What makes one challenge another than the next.
pub fn nonce(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(json!({ "n": text }).to_string())
}

pub fn challenge(request: &JsonObject, nonce: &str) -> Challenge {
    let realm = Realm::new("api.example.com").unwrap();
    let method = MethodName::new("stripe").unwrap();
    let intent = IntentName::new("charge").unwrap();
    let encoded = EncodedObject::encode(request).unwrap();
    let template = ChallengeTemplate::new(&realm, &method, &intent, &encoded, None).unwrap();
    let binder = Binder::new(BindingSecret::new(&[0x24; 32]).unwrap(), None);
    let mut header = String::new();
    template.issue(&binder, "2026-01-31T12:05:00Z", None, nonce, &mut header);
    Challenge::parse_all([header.as_bytes()]).remove(0).unwrap()
}

pub fn word(settlement: &Settlement) -> &'static str {
    match settlement {
        Settlement::Settled(_) => "settled",
        Settlement::Rejected(_) => "rejected",
        Settlement::Unknown(_) => "unknown",
    }
}

/// The problem type that the client is told.
pub fn problem(settlement: &Settlement) -> &'static str {
    match settlement {
        Settlement::Rejected(rejected) => rejected.refusal.problem.slug(),
        other => panic!("{other:?}"),
    }
}
