//! A seller's half over a sandbox or over an enabler that says what a test tells it to, and a clock that a test sets.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use farthing_protocol::{
    Binder, BindingSecret, Challenge, ChallengeTemplate, ChargeRequest, Credential, EncodedObject, IntentName,
    JsonObject, MethodName, Realm, Timestamp, base64url,
};
use farthing_rail::{
    Answer, Claim, Cursor, Finality, Method as _, Offer, Order, Origin, PaymentId, Presented, Proof, RailError,
    RailStatement, Refund, Refusal, Settled, Settlement, SignError, Signer, Standing,
};
use farthing_rail_card::buyer::{CardPayer, ClientEnabler, FetchKeys, TokenOrder};
use farthing_rail_card::jwe::DecryptionKey;
use farthing_rail_card::sandbox::SandboxClient;
use farthing_rail_card::seller::{Around, Asked, Authorisation, Outcome, ServerEnabler, Settings};
use farthing_rail_card::{Card, KeySource, Network, Payload, asset_of, machine_randomness};
use serde_json::json;
use tempfile::TempDir;

/// 2026-01-31T12:00:00Z.
pub const START: i64 = 1_769_860_800_000;
pub const TABLE: &str = "asset = \"USD\"\nenabler = \"sandbox\"\nrecipient = \"M-1\"\nmerchant_name = \"Example\"\n";

/// A shop over the sandbox, and the time of both.
pub struct Stage {
    pub card: Card,
    pub folder: TempDir,
    pub clock: Arc<AtomicI64>,
}

impl Stage {
    pub fn new() -> Self {
        let (folder, clock) = (TempDir::new().unwrap(), Arc::new(AtomicI64::new(START)));
        Self { card: from_table(TABLE, &folder, &clock, true).unwrap(), folder, clock }
    }

    /// The same shop after its process ended.
    pub fn again(self) -> Self {
        Self { card: from_table(TABLE, &self.folder, &self.clock, true).unwrap(), ..self }
    }

    pub fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.clock.load(Ordering::SeqCst))
    }

    pub fn pass(&self, seconds: i64) {
        self.clock.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }

    /// A payload of the sandbox's client for a challenge.
    pub async fn payload(&self, challenge: &Challenge) -> Payload {
        paid(challenge, SandboxClient::new(machine_randomness())).await
    }

    pub fn claim(&self, challenge: &Challenge, payload: &JsonObject) -> Result<Claim, Refusal> {
        claim(&self.card, challenge, payload, self.now())
    }
}

pub fn from_table(text: &str, folder: &TempDir, clock: &Arc<AtomicI64>, development: bool) -> Result<Card, String> {
    let (realm, read) = (realm(), Arc::clone(clock));
    let random = machine_randomness();
    let around = Around { name: "card", realm: &realm, development, data: folder.path(), random };
    let now = Arc::new(move || Timestamp::from_unix_millis(read.load(Ordering::SeqCst)));
    Card::from_table(&text.parse().unwrap(), around, now)
}

pub fn realm() -> Realm {
    Realm::new("api.example.com").unwrap()
}

pub fn order(price: &str) -> Order {
    Order { price: price.parse().unwrap(), description: None, external_id: None }
}

/// A challenge of five dollars; each number is another one.
pub fn challenge(card: &Card, number: u32) -> Challenge {
    challenge_of(&card.request(&order("5 USD")).unwrap(), number)
}

pub fn challenge_of(request: &JsonObject, number: u32) -> Challenge {
    let (realm, method, intent) = (realm(), MethodName::new("card").unwrap(), IntentName::new("charge").unwrap());
    let encoded = EncodedObject::encode(request).unwrap();
    let template = ChallengeTemplate::new(&realm, &method, &intent, &encoded, None).unwrap();
    let binder = Binder::new(BindingSecret::new(&[0x24; 32]).unwrap(), None);
    let nonce = base64url::encode(json!({ "n": number.to_string() }).to_string());
    let mut header = String::new();
    template.issue(&binder, "2026-01-31T12:05:00Z", None, &nonce, &mut header);
    Challenge::parse_all([header.as_bytes()]).remove(0).unwrap()
}

pub fn claim(card: &Card, challenge: &Challenge, payload: &JsonObject, now: Timestamp) -> Result<Claim, Refusal> {
    let proof = verify(card, challenge, payload, now)?;
    Ok(Claim { payment: PaymentId::answering(challenge), proof, claimed_at: now })
}

pub fn verify(card: &Card, challenge: &Challenge, payload: &JsonObject, now: Timestamp) -> Result<Proof, Refusal> {
    let credential = Credential::new(challenge.clone(), payload.clone(), None);
    let request = ChargeRequest::from_object(&challenge.request().decode().unwrap()).unwrap();
    card.verify(&Presented { credential: &credential, request: &request, now })
}

/// What an enabler makes for a challenge, asked as the wallet's half asks it.
pub async fn paid(challenge: &Challenge, enabler: impl ClientEnabler + 'static) -> Payload {
    let signed = sign(&payer(enabler, no_keys()), challenge, "http://127.0.0.1:4020").await.unwrap();
    Payload::read(signed.payload()).unwrap()
}

pub async fn sign(payer: &CardPayer, challenge: &Challenge, origin: &str) -> Result<Credential, String> {
    use farthing_rail::Payer as _;
    let origin: Origin = origin.parse().unwrap();
    let offer = Offer { challenge, origin: &origin, amount: None, now: Timestamp::from_unix_millis(START) };
    let quote = payer.quote(&offer).map_err(|error| error.to_string())?;
    #[allow(clippy::disallowed_methods, reason = "a test stands in for the policy")]
    let approved = farthing_rail::Approved::grant(quote);
    payer.sign(approved).await.map(|signed| signed.credential).map_err(|error| error.to_string())
}

pub fn payer(enabler: impl ClientEnabler + 'static, fetch: FetchKeys) -> CardPayer {
    let now = Arc::new(|| Timestamp::from_unix_millis(START));
    CardPayer::new(Arc::new(Key { frozen: false }), Arc::new(enabler), fetch, now)
}

pub fn frozen(enabler: impl ClientEnabler + 'static) -> CardPayer {
    let now = Arc::new(|| Timestamp::from_unix_millis(START));
    CardPayer::new(Arc::new(Key { frozen: true }), Arc::new(enabler), no_keys(), now)
}

/// Fetches nothing, and fails whoever tries.
pub fn no_keys() -> FetchKeys {
    Arc::new(|_| Box::pin(std::future::ready(Err("no keys are fetched in this test".to_owned()))))
}

struct Key {
    frozen: bool,
}

impl Signer for Key {
    fn did(&self) -> &str {
        "did:key:z6Mk"
    }

    fn sign(&self, _: &[u8]) -> Result<[u8; 64], SignError> {
        if self.frozen { Err(SignError::Key("the wallet is frozen".to_owned())) } else { Ok([0; 64]) }
    }
}

/// An enabler that answers what it is told, and counts who asks.
pub struct Told {
    pub source: KeySource,
    pub answers: Mutex<Vec<Option<Outcome>>>,
    pub asked: Arc<Mutex<Vec<String>>>,
}

impl Told {
    pub fn to(answers: impl IntoIterator<Item = Option<Outcome>>) -> Self {
        let mut answers: Vec<_> = answers.into_iter().collect();
        answers.reverse();
        let key = DecryptionKey::generate("told").unwrap();
        let source = KeySource::Embedded(key.public().clone());
        Self { source, answers: Mutex::new(answers), asked: Arc::default() }
    }

    fn next(&self, what: String) -> Option<Outcome> {
        self.asked.lock().unwrap().push(what);
        self.answers.lock().unwrap().pop().expect("an answer for every question")
    }
}

impl ServerEnabler for Told {
    fn key(&self) -> &KeySource {
        &self.source
    }

    fn authorise<'a>(&'a self, order: &'a Authorisation) -> Answer<'a, Outcome> {
        let outcome = self.next(format!("authorise {} {}", order.asked.challenge, order.asked.amount));
        Box::pin(std::future::ready(outcome.unwrap()))
    }

    fn look_up<'a>(&'a self, asked: &'a Asked) -> Answer<'a, Option<Outcome>> {
        Box::pin(std::future::ready(self.next(format!("look up {}", asked.challenge))))
    }

    fn refund<'a>(&'a self, refund: &'a Refund) -> Answer<'a, Outcome> {
        Box::pin(std::future::ready(self.next(format!("refund {}", refund.amount)).unwrap()))
    }

    fn standing<'a>(&'a self, _: &'a Settled) -> Answer<'a, Standing> {
        Box::pin(std::future::ready(Standing::Final))
    }

    fn statement<'a>(&'a self, after: &'a Cursor) -> Answer<'a, Result<RailStatement, RailError>> {
        let page = RailStatement { movements: Vec::new(), next: after.clone(), more: false };
        Box::pin(std::future::ready(Ok(page)))
    }

    fn finality(&self) -> Finality {
        Finality::Immediate
    }
}

pub fn settings() -> Settings {
    Settings {
        asset: asset_of("USD").unwrap(),
        recipient: "M-1".to_owned(),
        merchant_name: "Example".to_owned(),
        networks: vec![Network::Visa],
        billing_required: false,
        fee: farthing_rail::ExpectedFee::NONE,
        floor: farthing_money::Amount::new(50),
        validity: std::time::Duration::from_secs(300),
    }
}

pub fn over(enabler: impl ServerEnabler + 'static, clock: &Arc<AtomicI64>) -> Card {
    let read = Arc::clone(clock);
    let now = Arc::new(move || Timestamp::from_unix_millis(read.load(Ordering::SeqCst)));
    Card::new(settings(), &realm(), Arc::new(enabler), machine_randomness(), now).unwrap()
}

pub fn word(settlement: &Settlement) -> &'static str {
    match settlement {
        Settlement::Settled(_) => "settled",
        Settlement::Rejected(_) => "rejected",
        Settlement::Unknown(_) => "unknown",
    }
}

/// A client's enabler that makes something else of the sandbox's payload.
pub struct Twisted(pub fn(&TokenOrder, Payload) -> Payload);

impl ClientEnabler for Twisted {
    fn networks(&self) -> &[Network] {
        &[Network::Visa]
    }

    fn token<'a>(&'a self, order: &'a TokenOrder) -> Answer<'a, Result<Payload, SignError>> {
        Box::pin(async move {
            let payload = SandboxClient::new(machine_randomness()).token(order).await?;
            Ok((self.0)(order, payload))
        })
    }
}
