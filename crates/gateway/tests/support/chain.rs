//! A chain that is none: a scripted settler behind `evm/charge`, `x402/exact` and `x402/upto` at once, with one
//! set of authorizations. It says what a test tells it to, and counts what it is asked.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use farthing_money::{Amount, Asset, Rounding};
use farthing_protocol::{ChargeRequest, IntentName, JsonObject, MethodName, ProblemType, Timestamp};
use farthing_rail::{
    Acceptor, Answer, Capture, Claim, Cursor, ExpectedFee, Fault, Finality, Hold, Method, NotReady, Order, PayerId,
    PaymentId, Presented, Proof, ProofKey, Protocol, RailError, RailStatement, Refund, Refusal, Rejected, Settled,
    Settlement, Settler, Terms, Unknown, Unpriceable,
};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::TestClock;

pub const TOKEN: &str = "0x036CbD53842c5426634e7929541eC2318f3dCF7e";
pub const SELLER: &str = "0x209693Bc6afc0C5328bA36FaF03C514EF312287C";
pub const NETWORK: &str = "eip155:84532";
/// For how long a payment may be valid, in seconds.
pub const LIFETIME: u64 = 60;

/// What it says to the next question.
#[derive(Clone, Debug)]
pub enum Say {
    /// The money moved.
    Yes,
    /// It did not, and will not.
    No(Fault),
    /// Nothing, and the money did not move.
    Nothing,
    /// Nothing, and the money moved.
    NothingButTook,
    /// Nothing: whoever asked dies of a fault of the rail's code, and the money did not move.
    Death,
    /// The same, and the money moved.
    DeathButTook,
    /// The truth, after so many milliseconds.
    Late(u64),
    /// The truth, once it is told to go on.
    When(Arc<Notify>),
}

/// What happened on it.
#[derive(Default)]
pub struct Chain {
    pub says: Mutex<VecDeque<Say>>,
    pub transfers: Mutex<BTreeMap<PaymentId, u128>>,
    pub settles: AtomicUsize,
    pub holds: AtomicUsize,
    pub captures: AtomicUsize,
    pub lookups: AtomicUsize,
    pub verified: AtomicUsize,
    /// Look-ups find nothing out.
    pub silent: AtomicBool,
    /// x402 cannot be paid by just now.
    pub down: AtomicBool,
    /// Nor can `evm/charge`.
    pub all_down: AtomicBool,
}

impl Chain {
    pub fn says(&self, says: impl IntoIterator<Item = Say>) {
        self.says.lock().unwrap().extend(says);
    }

    /// What was taken by each payment that took something.
    pub fn taken(&self) -> Vec<u128> {
        self.transfers.lock().unwrap().values().copied().collect()
    }

    fn next(&self) -> Say {
        self.says.lock().unwrap().pop_front().unwrap_or(Say::Yes)
    }
}

/// One of its payment methods.
pub struct OnChain {
    terms: Terms,
    chain: Arc<Chain>,
    clock: TestClock,
}

/// `evm/charge`, `x402/exact` and `x402/upto`.
pub fn methods(chain: &Arc<Chain>, clock: &TestClock) -> Vec<Acceptor> {
    let method = |name: &str, intent: &str, protocol, capture| {
        let terms = Terms {
            method: MethodName::read(name).unwrap(),
            intent: IntentName::new(intent).unwrap(),
            asset: format!("USDC.6@{NETWORK}/{}", TOKEN.to_lowercase()).parse::<Asset>().unwrap(),
            floor: Amount::new(1),
            fee: ExpectedFee::NONE,
            finality: Finality::Immediate,
            refundable: false,
            validity: Duration::from_secs(LIFETIME),
            protocol,
            capture,
        };
        let method = OnChain { terms, chain: Arc::clone(chain), clock: clock.clone() };
        Acceptor::External(Arc::new(method))
    };
    vec![
        method("evm", "charge", Protocol::Payment, Capture::Whole),
        method("x402", "exact", Protocol::X402, Capture::Whole),
        method("x402", "upto", Protocol::X402, Capture::Actual),
    ]
}

/// An authorization as a payer signs it; `signature` is good when it says so.
pub fn authorization(from: &str, nonce: &str, value: &str, valid_before: i64) -> Value {
    json!({
        "signature": "0xgood",
        "authorization": {
            "from": from, "to": SELLER, "value": value, "validAfter": "0",
            "validBefore": valid_before.to_string(), "nonce": nonce,
        },
    })
}

fn refused(fault: Fault, detail: &str) -> Refusal {
    Refusal::new(ProblemType::VerificationFailed, detail).because(fault)
}

impl Method for OnChain {
    fn terms(&self) -> &Terms {
        &self.terms
    }

    fn request(&self, order: &Order) -> Result<JsonObject, Unpriceable> {
        let converted = order.price.in_asset(&self.terms.asset, Rounding::Exact);
        let details = json!({
            "network": NETWORK, "maxTimeoutSeconds": LIFETIME, "extra": { "name": "USDC", "version": "2" },
        });
        let request = ChargeRequest {
            amount: converted.map_err(|error| Unpriceable(error.to_string()))?.amount,
            currency: TOKEN.to_owned(),
            recipient: Some(SELLER.to_owned()),
            description: None,
            external_id: None,
            method_details: details.as_object().unwrap().clone(),
        };
        Ok(request.to_object())
    }

    fn verify(&self, presented: &Presented<'_>) -> Result<Proof, Refusal> {
        self.chain.verified.fetch_add(1, Ordering::SeqCst);
        let payload = presented.credential.payload();
        let member = |name: &str| payload.get("authorization").and_then(|it| it.get(name)).and_then(Value::as_str);
        let missing = || refused(Fault::Malformed, "The payload holds no authorization.");
        let (from, to) = (member("from").ok_or_else(missing)?, member("to").ok_or_else(missing)?);
        let (value, nonce) = (member("value").ok_or_else(missing)?, member("nonce").ok_or_else(missing)?);
        let valid_before = member("validBefore").and_then(|text| text.parse::<i64>().ok()).ok_or_else(missing)?;
        let now = presented.now.unix_millis() / 1000;
        if payload.get("signature").and_then(Value::as_str) != Some("0xgood") {
            return Err(refused(Fault::Signature, "The signature is not the payer's."));
        }
        if !to.eq_ignore_ascii_case(SELLER) {
            return Err(refused(Fault::Recipient, "The payment is for somebody else."));
        }
        if value != presented.request.amount.to_string() {
            return Err(refused(Fault::Amount, "The payment is not of the price."));
        }
        if valid_before <= now {
            return Err(refused(Fault::Expired, "The payment is over."));
        }
        if valid_before > now + i64::try_from(LIFETIME).unwrap() {
            return Err(refused(Fault::TooLongLived, "The payment is valid for too long."));
        }
        Ok(Proof {
            key: ProofKey::new(format!("{NETWORK}/authorization/{TOKEN}/{from}/{nonce}").to_ascii_lowercase()),
            payer: Some(PayerId::new(format!("did:pkh:{NETWORK}:{from}"))),
            amount: presented.request.amount,
            asset: self.terms.asset.clone(),
            kept: Vec::new(),
        })
    }

    fn readiness(&self) -> Result<(), NotReady> {
        let down = &self.chain;
        let is_x402 = self.terms.protocol == Protocol::X402;
        if down.all_down.load(Ordering::SeqCst) || (is_x402 && down.down.load(Ordering::SeqCst)) {
            return Err(NotReady("the facilitator does not answer; start it".to_owned()));
        }
        Ok(())
    }
}

impl OnChain {
    fn settled(&self, claim: &Claim, amount: u128) -> Settlement {
        let whole = claim.proof.amount.units();
        Settlement::Settled(Settled {
            reference: format!("0x{}", claim.payment.to_string().trim_start_matches("pay_")),
            at: self.now(),
            fee: Amount::ZERO,
            passed_on: Amount::ZERO,
            consumed: Vec::new(),
            captured: (amount < whole).then(|| Amount::new(amount)),
        })
    }

    fn now(&self) -> Timestamp {
        farthing_gateway::Clock::now(&self.clock)
    }

    fn take(&self, claim: &Claim, amount: u128) -> Settlement {
        let before = self.chain.transfers.lock().unwrap().insert(claim.payment, amount);
        assert_eq!(before, None, "a payment was taken twice");
        self.settled(claim, amount)
    }

    async fn answer(&self, claim: &Claim, amount: u128) -> Settlement {
        match self.chain.next() {
            Say::Yes => self.take(claim, amount),
            Say::No(fault) => Settlement::Rejected(rejected(fault)),
            Say::Nothing => unknown(),
            Say::NothingButTook => {
                self.take(claim, amount);
                unknown()
            }
            Say::Death => panic!("the rail's code is broken"),
            Say::DeathButTook => {
                self.take(claim, amount);
                panic!("the rail's code is broken")
            }
            Say::Late(millis) => {
                tokio::time::sleep(Duration::from_millis(millis)).await;
                self.take(claim, amount)
            }
            Say::When(told) => {
                told.notified().await;
                self.take(claim, amount)
            }
        }
    }
}

fn rejected(fault: Fault) -> Rejected {
    let refusal = refused(fault, "The chain would not take the payment.");
    Rejected { reason: format!("the scripted chain says {fault:?}"), refusal }
}

fn unknown() -> Settlement {
    let ask_again = Duration::from_secs(1);
    Settlement::Unknown(Unknown { reason: "the scripted chain says nothing".to_owned(), ask_again })
}

impl Settler for OnChain {
    fn settle<'a>(&'a self, claim: &'a Claim) -> Answer<'a, Settlement> {
        self.chain.settles.fetch_add(1, Ordering::SeqCst);
        Box::pin(self.answer(claim, claim.proof.amount.units()))
    }

    fn hold<'a>(&'a self, _claim: &'a Claim) -> Answer<'a, Hold> {
        self.chain.holds.fetch_add(1, Ordering::SeqCst);
        let hold = match self.chain.next() {
            Say::No(fault) => Hold::Rejected(rejected(fault)),
            Say::Nothing | Say::NothingButTook => match unknown() {
                Settlement::Unknown(unknown) => Hold::Unknown(unknown),
                _ => unreachable!(),
            },
            Say::Death | Say::DeathButTook => panic!("the rail's code is broken"),
            _ => Hold::Held,
        };
        Box::pin(std::future::ready(hold))
    }

    fn capture<'a>(&'a self, claim: &'a Claim, amount: Amount) -> Answer<'a, Settlement> {
        self.chain.captures.fetch_add(1, Ordering::SeqCst);
        assert!(amount <= claim.proof.amount, "captured above the cap");
        Box::pin(self.answer(claim, amount.units()))
    }

    fn lookup<'a>(&'a self, claim: &'a Claim) -> Answer<'a, Settlement> {
        self.chain.lookups.fetch_add(1, Ordering::SeqCst);
        let taken = self.chain.transfers.lock().unwrap().get(&claim.payment).copied();
        let found = match taken {
            _ if self.chain.silent.load(Ordering::SeqCst) => unknown(),
            Some(amount) => self.settled(claim, amount),
            None => Settlement::Rejected(rejected(Fault::Unmovable)),
        };
        Box::pin(std::future::ready(found))
    }

    fn refund<'a>(&'a self, _refund: &'a Refund) -> Answer<'a, Settlement> {
        Box::pin(std::future::ready(unknown()))
    }

    fn statement<'a>(&'a self, _after: &'a Cursor) -> Answer<'a, Result<RailStatement, RailError>> {
        Box::pin(std::future::ready(Ok(RailStatement { movements: vec![], next: Cursor::default(), more: false })))
    }
}
