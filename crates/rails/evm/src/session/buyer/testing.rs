//! Offers and payers made to order, for this module's tests.

use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::{Address, B256, U256};
use farthing_money::Amount;
use farthing_protocol::{
    Binder, BindingSecret, Challenge, ChallengeTemplate, EncodedObject, IntentName, JsonObject, MethodName, Realm,
    Timestamp,
};
use farthing_rail::{
    Answer, ChannelStanding, Deposit, NotPayable, Offer, OpenedChannel, RailError, Sent, SessionPayer, SessionQuote,
};
use serde_json::{Value, json};

use super::{EvmSessionPayer, Randomness, TempoSessionPayer};
use crate::buyer::{Chains, Funds, SoughtChannel, ToSend};
use crate::session::{RESERVE, SessionPayload};
pub(super) use crate::tempo::testing::{CHAIN, OTHER, SELLER, TOKEN, account, at_once, now};
use crate::tempo::{Clock, PayingKey};

/// The escrow that the owner trusts on Base.
pub(super) const ESCROW: Address = Address::repeat_byte(0xe5);
pub(super) const BASE: u64 = 8453;
/// USDC on Base.
pub(super) const USDC: &str = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913";

pub(super) fn chains() -> Chains {
    let text =
        format!("[chain.base]\nrpc = \"http://127.0.0.1:1\"\nnative_price = \"4000 USD\"\nescrow = [\"{ESCROW}\"]");
    Chains::parse(&text).unwrap()
}

pub(super) fn clock() -> Clock {
    Arc::new(now)
}

/// Not random at all: the same salt each time.
pub(super) fn random() -> Randomness {
    Arc::new(|| Some([0x5a; 32]))
}

pub(super) fn on_tempo() -> TempoSessionPayer {
    TempoSessionPayer::new(PayingKey::Own(account(0x11)), &chains(), clock(), random())
}

pub(super) fn on_evm() -> EvmSessionPayer {
    EvmSessionPayer::new(account(0x11), &chains(), clock(), random())
}

/// An offer of version 2 on Tempo: a thousandth of a dollar for a request.
pub(super) fn reserve() -> Value {
    json!({
        "amount": "1000", "currency": TOKEN, "recipient": SELLER, "unitType": "request", "suggestedDeposit": "50000",
        "methodDetails": {"chainId": CHAIN, "escrowContract": RESERVE, "sessionProtocol": "v2"},
    })
}

/// The same of version 1.
pub(super) fn stream() -> Value {
    let escrow = crate::chain::stream_channel(CHAIN).unwrap();
    changed(reserve(), json!({"methodDetails": {"escrowContract": escrow, "sessionProtocol": "v1"}}))
}

/// The same on Base.
pub(super) fn evm(accepts: &[&str]) -> Value {
    let details = json!({"chainId": BASE, "escrowContract": ESCROW, "credentialTypes": accepts});
    json!({"amount": "1000", "currency": USDC, "recipient": SELLER, "methodDetails": details})
}

pub(super) fn changed(mut offer: Value, change: Value) -> Value {
    for (name, value) in change.as_object().unwrap().clone() {
        match (offer.get_mut(&name), value) {
            (Some(Value::Object(old)), Value::Object(new)) => old.extend(new),
            (_, value) => offer[name] = value,
        }
    }
    offer
}

/// The challenge of this offer, which lives for five minutes.
pub(super) fn challenge(method: &str, request: &Value) -> Challenge {
    challenge_until(method, request, now().after(Duration::from_secs(300)))
}

pub(super) fn challenge_until(method: &str, request: &Value, expires: Timestamp) -> Challenge {
    let realm = Realm::new("api.example.com").unwrap();
    let (method, intent) = (MethodName::read(method).unwrap(), IntentName::new("session").unwrap());
    let object: JsonObject = request.as_object().unwrap().clone();
    let request = EncodedObject::encode(&object).unwrap();
    let template = ChallengeTemplate::new(&realm, &method, &intent, &request, None).unwrap();
    let binder = Binder::new(BindingSecret::new(&[0x24; 32]).unwrap(), None);
    let mut header = String::new();
    template.issue(&binder, &expires.to_rfc3339(), None, "e30", &mut header);
    Challenge::parse_all([header.as_bytes()]).remove(0).unwrap()
}

pub(super) fn quoted(payer: &dyn SessionPayer, offer: &Value) -> Result<SessionQuote, NotPayable> {
    let challenge = challenge(payer.pays().0, offer);
    let origin = "https://api.example.com".parse().unwrap();
    payer.quote(&Offer { challenge: &challenge, origin: &origin, amount: None, now: now() })
}

#[track_caller]
pub(super) fn refused(payer: &dyn SessionPayer, offer: &Value) -> String {
    match quoted(payer, offer) {
        Err(refusal) => refusal.0,
        Ok(_) => panic!("it was quoted: {offer}"),
    }
}

pub(super) fn deposit(payer: &dyn SessionPayer, offer: &Value, amount: u128) -> Deposit {
    payer.deposit(&quoted(payer, offer).unwrap(), Amount::new(amount), Amount::new(1000)).unwrap()
}

pub(super) fn payload(opened: &OpenedChannel) -> SessionPayload {
    SessionPayload::read(opened.credential.payload()).unwrap()
}

/// A chain that answers what it is told to, and takes what is sent to it.
#[derive(Default)]
pub(super) struct Scripted {
    pub(super) allowance: U256,
    pub(super) standing: Option<ChannelStanding>,
    pub(super) sent: std::sync::Mutex<Vec<B256>>,
}

impl Funds for Scripted {
    fn of_token<'a>(&'a self, _: u64, _: Address, _: Address) -> Answer<'a, Option<U256>> {
        Box::pin(std::future::ready(Some(U256::from(1_000_000))))
    }

    fn of_coin<'a>(&'a self, _: u64, _: Address) -> Answer<'a, Option<U256>> {
        Box::pin(std::future::ready(Some(U256::from(u64::MAX))))
    }

    fn allowance<'a>(&'a self, _: u64, _: Address, _: Address, _: Address) -> Answer<'a, Option<U256>> {
        Box::pin(std::future::ready(Some(self.allowance)))
    }

    fn next_nonce<'a>(&'a self, _: u64, _: Address) -> Answer<'a, Option<u64>> {
        Box::pin(std::future::ready(Some(7)))
    }

    fn reaches(&self, _: u64) -> bool {
        true
    }

    fn send(&self, sending: ToSend) -> Answer<'_, Sent> {
        self.sent.lock().unwrap().push(sending.hash);
        Box::pin(std::future::ready(Sent::Moved))
    }

    fn channel<'a>(&'a self, _: &'a SoughtChannel) -> Answer<'a, Result<ChannelStanding, RailError>> {
        let standing = self.standing.clone().ok_or_else(|| RailError("no answer".into()));
        Box::pin(std::future::ready(standing))
    }
}
