use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use farthing_money::{Amount, Asset, AssetError, Home, Rounding};
use farthing_protocol::names::InvalidName;
use farthing_protocol::{ChargeRequest, IntentName, JsonObject, MethodName, ProblemType, Timestamp};

use super::{Behaviour, CURRENCY, METHOD, Memory, Script, Taking};
use crate::{
    Answer, Capture, Claim, Cursor, Direction, ExpectedFee, Finality, Method, Movement, Order, PayerId, PaymentId,
    Presented, Proof, ProofKey, Protocol, RailError, RailStatement, Refund, Refusal, Rejected, Settled, Settlement,
    Settler, Standing, Terms, Unknown, Unpriceable,
};

const ASK_AGAIN: Duration = Duration::from_secs(1);
const FORGETFUL_LOOKUPS: u32 = 2;
/// After so long a settled payment is final, where some change.
const FINAL_AFTER: Duration = Duration::from_secs(2);

/// What the rail needs from the program around it: a clock and a way to wait.
pub struct Surroundings {
    /// Reads the clock.
    pub now: Box<dyn Fn() -> Timestamp + Send + Sync>,
    /// Waits.
    pub sleep: Box<dyn Fn(Duration) -> Answer<'static, ()> + Send + Sync>,
    /// How long an answer that comes late takes.
    pub late_by: Duration,
}

/// The seller's half.
pub struct SimulatedRail {
    terms: Terms,
    script: Script,
    memory: Arc<Memory>,
    surroundings: Surroundings,
    met: Mutex<BTreeMap<PaymentId, Behaviour>>,
}

/// Why the simulated rail could not be built; only a broken constant can cause it.
#[derive(Debug, thiserror::Error)]
#[error("the simulated rail's own names are invalid")]
pub struct InvalidNames;

impl From<InvalidName> for InvalidNames {
    fn from(_: InvalidName) -> Self {
        Self
    }
}

impl From<AssetError> for InvalidNames {
    fn from(_: AssetError) -> Self {
        Self
    }
}

impl SimulatedRail {
    /// A rail that follows this script.
    pub fn new(script: Script, memory: Arc<Memory>, surroundings: Surroundings) -> Result<Self, InvalidNames> {
        let terms = Terms {
            method: MethodName::new(METHOD)?,
            intent: IntentName::new("charge")?,
            asset: Asset::new("USD", 6, Home::Account(METHOD.into()))?,
            floor: Amount::new(1),
            fee: ExpectedFee::NONE,
            finality: if script.unsettles() { Finality::After(FINAL_AFTER) } else { Finality::Immediate },
            refundable: true,
            validity: Duration::from_secs(300),
            protocol: Protocol::Payment,
            capture: Capture::Whole,
        };
        Ok(Self { terms, script, memory, surroundings, met: Mutex::default() })
    }

    fn behaviour_for(&self, payment: PaymentId) -> Behaviour {
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        *met.entry(payment).or_insert_with(|| self.script.next())
    }

    fn take(&self, claim: &Claim) -> Settlement {
        let taking = Taking { payment: claim.payment, amount: claim.proof.amount };
        match self.memory.take(taking) {
            Ok(()) => self.settled(claim.payment),
            Err(error) => unknown(format!("the simulated rail could not write its memory: {error}")),
        }
    }

    fn settled(&self, payment: PaymentId) -> Settlement {
        Settlement::Settled(Settled {
            reference: format!("simulated-{payment}"),
            at: (self.surroundings.now)(),
            fee: Amount::ZERO,
            passed_on: Amount::ZERO,
            consumed: vec![movement_of(self.stands_for(payment))],
            captured: None,
        })
    }

    /// The payment whose movement this one is: its own, but for one that repeats the last.
    fn stands_for(&self, payment: PaymentId) -> PaymentId {
        match self.behaviour_for(payment) {
            Behaviour::RepeatMovement => self.memory.last().map_or(payment, |last| last.payment),
            _ => payment,
        }
    }

    /// What the statement shows because of one taking.
    fn lines_of(&self, taking: &Taking, met: Option<Behaviour>) -> Vec<Movement> {
        let line = |key: ProofKey, reference: String| Movement {
            key,
            direction: Direction::In,
            payer: None,
            reference,
            amount: taking.amount,
            asset: self.terms.asset.clone(),
            at: (self.surroundings.now)(),
        };
        let own = || line(movement_of(taking.payment), format!("simulated-{}", taking.payment));
        match met {
            Some(Behaviour::Reverse) => vec![],
            Some(Behaviour::Move) => vec![line(moved(taking.payment), format!("simulated-moved-{}", taking.payment))],
            Some(Behaviour::AnswerTwice) => vec![own(), own()],
            Some(Behaviour::ForeignDeposit) => {
                let foreign = ProofKey::new(format!("simulated/foreign/{}", taking.payment));
                vec![own(), line(foreign, "somebody else's transfer".into())]
            }
            _ => vec![own()],
        }
    }

    /// What the statement shows of a refund.
    fn line_back(&self, refund: &Taking) -> Movement {
        Movement {
            key: refund_of(refund.payment),
            reference: format!("simulated-refund-{}", refund.payment),
            direction: Direction::Out,
            payer: None,
            amount: refund.amount,
            asset: self.terms.asset.clone(),
            at: (self.surroundings.now)(),
        }
    }

    async fn answer(&self, claim: &Claim) -> Settlement {
        match self.behaviour_for(claim.payment) {
            Behaviour::Settle
            | Behaviour::AnswerTwice
            | Behaviour::Reverse
            | Behaviour::Move
            | Behaviour::ForeignDeposit => self.take(claim),
            Behaviour::RepeatMovement => self.settled(claim.payment),
            Behaviour::Refuse => refused("the simulated rail was told to refuse"),
            Behaviour::AnswerLate => {
                let answer = self.take(claim);
                (self.surroundings.sleep)(self.surroundings.late_by).await;
                answer
            }
            Behaviour::TimeOutAfterTaking | Behaviour::LoseMemory => {
                self.take(claim);
                unknown("the simulated rail did not answer".into())
            }
            Behaviour::TimeOutBeforeTaking => unknown("the simulated rail did not answer".into()),
        }
    }
}

impl Method for SimulatedRail {
    fn terms(&self) -> &Terms {
        &self.terms
    }

    fn request(&self, order: &Order) -> Result<JsonObject, Unpriceable> {
        if order.price.currency().as_str() != "USD" {
            return Err(Unpriceable("the simulated rail carries USD only; write the price in USD".into()));
        }
        let converted = order.price.in_asset(&self.terms.asset, Rounding::Exact);
        let amount = converted.map_err(|error| Unpriceable(error.to_string()))?.amount;
        let request = ChargeRequest {
            amount,
            currency: CURRENCY.into(),
            recipient: None,
            description: order.description.clone(),
            external_id: order.external_id.clone(),
            method_details: JsonObject::new(),
        };
        Ok(request.to_object())
    }

    fn verify(&self, presented: &Presented<'_>) -> Result<Proof, Refusal> {
        let payload = presented.credential.payload();
        let Some(token) = payload.get("token").and_then(|token| token.as_str()) else {
            return Err(Refusal::new(ProblemType::InvalidPayload, "The payload needs a member \"token\" with a text."));
        };
        if token == "bad" {
            return Err(Refusal::new(ProblemType::VerificationFailed, "The simulated token is a bad one."));
        }
        Ok(Proof {
            key: ProofKey::new(format!("{METHOD}/{token}")),
            payer: presented.credential.source().map(PayerId::new),
            amount: presented.request.amount,
            asset: self.terms.asset.clone(),
            kept: Vec::new(),
        })
    }
}

impl Settler for SimulatedRail {
    fn settle<'a>(&'a self, claim: &'a Claim) -> Answer<'a, Settlement> {
        Box::pin(self.answer(claim))
    }

    fn lookup<'a>(&'a self, claim: &'a Claim) -> Answer<'a, Settlement> {
        let met = self.met.lock().unwrap_or_else(PoisonError::into_inner).get(&claim.payment).copied();
        let forgetful = met == Some(Behaviour::LoseMemory);
        let answer = if forgetful && self.memory.count_lookup(claim.payment) <= FORGETFUL_LOOKUPS {
            unknown("the simulated rail remembers no such payment".into())
        } else {
            match self.memory.took(claim.payment) {
                Ok(true) => self.settled(claim.payment),
                Ok(false) => refused("the simulated rail was never asked for this payment, or refused it"),
                Err(error) => unknown(format!("the simulated rail could not read its memory: {error}")),
            }
        };
        Box::pin(std::future::ready(answer))
    }

    fn refund<'a>(&'a self, refund: &'a Refund) -> Answer<'a, Settlement> {
        if let Err(error) = self.memory.refund(refund.payment, refund.amount) {
            let unwritten = unknown(format!("the simulated rail could not write its memory: {error}"));
            return Box::pin(std::future::ready(unwritten));
        }
        let paid_back = Settlement::Settled(Settled {
            reference: format!("simulated-refund-{}", refund.payment),
            at: (self.surroundings.now)(),
            fee: Amount::ZERO,
            passed_on: Amount::ZERO,
            consumed: vec![refund_of(refund.payment)],
            captured: None,
        });
        Box::pin(std::future::ready(paid_back))
    }

    fn confirm<'a>(&'a self, claim: &'a Claim, settled: &'a Settled) -> Answer<'a, Standing> {
        let standing = match self.behaviour_for(claim.payment) {
            Behaviour::Reverse if self.memory.count_lookup(claim.payment) < 2 => {
                Standing::Provisional { ask_again: ASK_AGAIN }
            }
            Behaviour::Move if self.memory.count_lookup(claim.payment) < 2 => Standing::Moved(Settled {
                reference: format!("simulated-moved-{}", claim.payment),
                consumed: vec![moved(claim.payment)],
                ..settled.clone()
            }),
            Behaviour::Reverse => Standing::Reversed { reason: "the simulated rail was told to take it back".into() },
            _ => Standing::Final,
        };
        Box::pin(std::future::ready(standing))
    }

    /// What it took and keeps, and what it paid back. The cursor is how many takings were shown, and how
    /// many refunds.
    fn statement<'a>(&'a self, after: &'a Cursor) -> Answer<'a, Result<RailStatement, RailError>> {
        let met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        let (shown, returned) = after.0.split_once('/').unwrap_or((&after.0, ""));
        let (shown, returned) = (shown.parse().unwrap_or(0), returned.parse().unwrap_or(0));
        let news = self.memory.after(shown, returned);
        let came = news.taken.iter().flat_map(|taking| self.lines_of(taking, met.get(&taking.payment).copied()));
        let went = news.returned.iter().map(|refund| self.line_back(refund));
        let movements = came.chain(went).collect();
        let next = Cursor(format!("{}/{}", news.known.0, news.known.1));
        Box::pin(std::future::ready(Ok(RailStatement { movements, next, more: false })))
    }
}

/// Where a payment stands after its movement was moved.
fn moved(payment: PaymentId) -> ProofKey {
    ProofKey::new(format!("simulated/moved/{payment}"))
}

fn refund_of(payment: PaymentId) -> ProofKey {
    ProofKey::new(format!("simulated/refund/{payment}"))
}

fn movement_of(payment: PaymentId) -> ProofKey {
    ProofKey::new(format!("simulated/{payment}"))
}

fn refused(reason: &str) -> Settlement {
    let refusal = Refusal::new(ProblemType::VerificationFailed, "The rail refused the payment; nothing was taken.");
    Settlement::Rejected(Rejected { reason: reason.into(), refusal })
}

fn unknown(reason: String) -> Settlement {
    Settlement::Unknown(Unknown { reason, ask_again: ASK_AGAIN })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::{Context, Poll, Waker};

    fn rail(behaviour: Behaviour, memory: &Arc<Memory>) -> SimulatedRail {
        let surroundings = Surroundings {
            now: Box::new(|| Timestamp::from_unix_millis(0)),
            sleep: Box::new(|_| Box::pin(std::future::ready(()))),
            late_by: Duration::from_secs(1),
        };
        SimulatedRail::new(Script::cycle(vec![behaviour]), Arc::clone(memory), surroundings).unwrap()
    }

    fn claim(number: u8) -> Claim {
        let proof = Proof {
            key: ProofKey::new(format!("simulated/{number}")),
            payer: None,
            amount: Amount::new(1000),
            asset: "USD.6@account:simulated".parse().unwrap(),
            kept: Vec::new(),
        };
        Claim { payment: PaymentId::from_bytes([number; 16]), proof, claimed_at: Timestamp::from_unix_millis(0) }
    }

    fn now(mut answer: Answer<'_, Settlement>) -> Settlement {
        match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(settlement) => settlement,
            Poll::Pending => panic!("the simulated rail waits for nothing in this test"),
        }
    }

    #[test]
    fn a_time_out_after_taking_is_found_by_looking_it_up() {
        let memory = Arc::new(Memory::default());
        let rail = rail(Behaviour::TimeOutAfterTaking, &memory);
        assert!(matches!(now(rail.settle(&claim(1))), Settlement::Unknown(_)));
        assert!(matches!(now(rail.lookup(&claim(1))), Settlement::Settled(_)));
        assert_eq!(memory.takings().len(), 1);
    }

    #[test]
    fn a_time_out_before_taking_is_a_refusal_once_looked_up() {
        let memory = Arc::new(Memory::default());
        let rail = rail(Behaviour::TimeOutBeforeTaking, &memory);
        assert!(matches!(now(rail.settle(&claim(1))), Settlement::Unknown(_)));
        assert!(matches!(now(rail.lookup(&claim(1))), Settlement::Rejected(_)));
        assert_eq!(memory.takings(), vec![]);
    }

    #[test]
    fn a_lost_memory_comes_back() {
        let rail = rail(Behaviour::LoseMemory, &Arc::default());
        assert!(matches!(now(rail.settle(&claim(1))), Settlement::Unknown(_)));
        for _ in 0..FORGETFUL_LOOKUPS {
            assert!(matches!(now(rail.lookup(&claim(1))), Settlement::Unknown(_)));
        }
        assert!(matches!(now(rail.lookup(&claim(1))), Settlement::Settled(_)));
    }

    #[test]
    fn settling_twice_takes_twice_and_is_seen() {
        let memory = Arc::new(Memory::default());
        let rail = rail(Behaviour::Settle, &memory);
        now(rail.settle(&claim(1)));
        now(rail.settle(&claim(1)));
        assert_eq!(memory.takings().len(), 2);
    }
}
