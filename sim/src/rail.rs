//! A rail that keeps its own truth: what it took and sent back, whatever anybody was told.
//!
//! It takes money whenever it is asked to, each time: that nobody asks twice is for the gateway to see to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use farthing_money::{Amount, Asset};
use farthing_protocol::{JsonObject, ProblemType};
use farthing_rail::simulated::{Script, SimulatedRail, Surroundings};
use farthing_rail::{
    Answer, Claim, Cursor, Direction, Finality, Method, Movement, Order, PaymentId, Presented, Proof, ProofKey,
    RailError, RailStatement, Refund, Refusal, Rejected, Settled, Settlement, Settler, Standing, Terms, Unknown,
    Unpriceable,
};

use crate::faults::Fault;
use crate::world::{Life, Node, World};

/// How long a payer's request may be under way to a rail that is not reached at first.
const LATE: Duration = Duration::from_secs(20);
const ASK_AGAIN: Duration = Duration::from_secs(2);
/// About how long a payment can be taken back, where any can.
const FINAL_AFTER: Duration = Duration::from_secs(10);

/// The rail's own memory, which no process of ours can lose.
#[derive(Default)]
pub struct Truth(Mutex<Known>);

#[derive(Default)]
struct Known {
    takings: Vec<(PaymentId, Amount)>,
    /// Those that are final, in the order in which a statement shows them.
    shown: Vec<(PaymentId, Amount)>,
    /// Those that are not, each with whether it will be taken back.
    provisional: BTreeMap<PaymentId, (Amount, bool)>,
    taken_back: BTreeSet<PaymentId>,
    refunds: Vec<(PaymentId, Amount)>,
    refused: BTreeSet<PaymentId>,
    /// On their way here: how many requests for each payment.
    coming: BTreeMap<PaymentId, u32>,
}

/// The seller's half, as one life of a gateway holds it.
pub struct Rail {
    world: Arc<World>,
    life: Life,
    truth: Arc<Truth>,
    /// What needs no rail: prices and proofs.
    face: SimulatedRail,
    terms: Terms,
}

impl Truth {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rail {
    /// The rail for one life of a gateway.
    pub fn new(world: &Arc<World>, life: &Life, truth: &Arc<Truth>) -> Result<Self, String> {
        let (clock, node) = (Arc::clone(world), life.node);
        let surroundings = Surroundings {
            now: Box::new(move || clock.now(node)),
            sleep: Box::new(|_| Box::pin(std::future::ready(()))),
            late_by: Duration::ZERO,
        };
        let face = SimulatedRail::new(Script::honest(), Arc::default(), surroundings).map_err(|it| it.to_string())?;
        let finality = if reverses(world) { Finality::After(FINAL_AFTER) } else { Finality::Immediate };
        let terms = Terms { finality, ..face.terms().clone() };
        Ok(Self { world: Arc::clone(world), life: life.clone(), truth: Arc::clone(truth), face, terms })
    }

    fn asset(&self) -> &Asset {
        &self.face.terms().asset
    }

    /// What goes wrong with a question, if anything does.
    async fn asked(&self, what: &str, payment: PaymentId) -> Option<Fault> {
        self.world.effect(&self.life, format!("asks the rail: {what} {payment}")).await;
        let fault = self.world.strikes(|weather| weather.rail).then(|| match self.world.dice.below(4) {
            0 => Fault::RailUnreached,
            1 => Fault::RailUnanswered,
            2 => Fault::RailSlow,
            _ => Fault::RailRefused,
        });
        if let Some(fault) = fault {
            self.world.fault(Node::Rail, fault);
        }
        if fault == Some(Fault::RailSlow) {
            tokio::time::sleep(self.world.dice.up_to(LATE)).await;
            self.life.gate().await;
        }
        fault
    }

    /// Moves the money, unless it was refused before: here, whoever asked.
    fn take(world: &World, truth: &Truth, payment: PaymentId, amount: Amount) -> bool {
        let mut known = truth.known();
        let refused = known.refused.contains(&payment);
        if !refused {
            known.takings.push((payment, amount));
            if reverses(world) {
                let is_taken_back = world.strikes(|weather| weather.reversal);
                known.provisional.insert(payment, (amount, is_taken_back));
            } else {
                known.shown.push((payment, amount));
            }
        }
        drop(known);
        world.note(Node::Rail, format_args!("{} {payment}", if refused { "refuses" } else { "takes" }));
        if !refused {
            world.audit(|auditor| auditor.took(payment, amount));
        }
        !refused
    }

    /// The request is still under way when whoever sent it has given up on it.
    fn take_later(&self, claim: &Claim) {
        let (world, truth, life) = (Arc::clone(&self.world), Arc::clone(&self.truth), self.life.node);
        let (payment, amount) = (claim.payment, claim.proof.amount);
        *truth.known().coming.entry(payment).or_default() += 1;
        let takes = world.dice.up_to(LATE);
        world.note(life, format_args!("its request for {payment} is under way for {takes:?}"));
        tokio::spawn(async move {
            tokio::time::sleep(takes).await;
            if let Some(coming) = truth.known().coming.get_mut(&payment) {
                *coming = coming.saturating_sub(1);
            }
            Self::take(&world, &truth, payment, amount);
        });
    }

    async fn answer(&self, claim: &Claim) -> Settlement {
        let fault = self.asked("settle", claim.payment).await;
        match fault {
            Some(Fault::RailUnreached) => {
                self.take_later(claim);
                unknown()
            }
            Some(Fault::RailRefused) => {
                self.truth.known().refused.insert(claim.payment);
                self.world.note(Node::Rail, format_args!("refuses {}", claim.payment));
                refused()
            }
            fault => {
                let taken = Self::take(&self.world, &self.truth, claim.payment, claim.proof.amount);
                self.told(fault).await;
                match fault {
                    Some(Fault::RailUnanswered) => unknown(),
                    _ if taken => self.settled(claim.payment),
                    _ => refused(),
                }
            }
        }
    }

    /// The answer is on its way back; its asker may die meanwhile.
    async fn told(&self, fault: Option<Fault>) {
        if fault == Some(Fault::RailSlow) {
            tokio::time::sleep(self.world.dice.up_to(LATE)).await;
        }
        self.world.may_die(&self.life);
        self.life.gate().await;
    }

    async fn became(&self, claim: &Claim) -> Settlement {
        let fault = self.asked("look up", claim.payment).await;
        if matches!(fault, Some(Fault::RailUnreached | Fault::RailUnanswered)) {
            return unknown();
        }
        let answer = {
            let mut known = self.truth.known();
            let is_coming = known.coming.get(&claim.payment).is_some_and(|coming| *coming > 0);
            let is_taken = known.takings.iter().any(|(payment, _)| *payment == claim.payment);
            if is_taken {
                self.settled(claim.payment)
            } else if is_coming {
                unknown()
            } else {
                // It says so, and holds to it: what still comes for this payment is refused.
                known.refused.insert(claim.payment);
                refused()
            }
        };
        self.told(None).await;
        answer
    }

    /// Whether what it settled still stands. It makes up its mind sooner or later, and stays with that.
    async fn stands(&self, payment: PaymentId) -> Standing {
        let provisional = Standing::Provisional { ask_again: ASK_AGAIN };
        let fault = self.asked("confirm", payment).await;
        let is_slow = !self.world.is_calm() && self.world.dice.thousandths(400);
        if is_slow || matches!(fault, Some(Fault::RailUnreached | Fault::RailUnanswered)) {
            return provisional;
        }
        let decided = self.truth.known().provisional.remove(&payment);
        match decided {
            Some((_, true)) => {
                self.truth.known().taken_back.insert(payment);
                self.world.fault(Node::Rail, Fault::RailReversed);
                self.world.note(Node::Rail, format_args!("takes back {payment}"));
                self.world.audit(|auditor| auditor.taken_back(payment));
            }
            Some((amount, false)) => self.truth.known().shown.push((payment, amount)),
            None => {}
        }
        self.told(None).await;
        let is_taken_back = self.truth.known().taken_back.contains(&payment);
        if is_taken_back { Standing::Reversed { reason: "the rail took it back".to_owned() } } else { Standing::Final }
    }

    async fn send_back(&self, refund: &Refund) -> Settlement {
        let fault = self.asked("refund", refund.payment).await;
        if fault == Some(Fault::RailUnreached) {
            return unknown();
        }
        let is_new = {
            let mut known = self.truth.known();
            let is_new = known.refunds.iter().all(|(payment, _)| *payment != refund.payment);
            if is_new {
                known.refunds.push((refund.payment, refund.amount));
            }
            is_new
        };
        if is_new {
            self.world.note(Node::Rail, format_args!("sends back {}", refund.payment));
            self.world.audit(|auditor| auditor.sent_back(refund.payment, refund.amount));
        }
        self.told(None).await;
        if fault == Some(Fault::RailUnanswered) {
            return unknown();
        }
        Settlement::Settled(Settled {
            reference: format!("back-{}", refund.payment),
            ..self.movement(back(refund.payment))
        })
    }

    fn settled(&self, payment: PaymentId) -> Settlement {
        Settlement::Settled(Settled { reference: format!("sim-{payment}"), ..self.movement(there(payment)) })
    }

    fn movement(&self, key: ProofKey) -> Settled {
        Settled {
            reference: String::new(),
            at: self.world.now(Node::Rail),
            fee: Amount::ZERO,
            passed_on: Amount::ZERO,
            consumed: vec![key],
            captured: None,
        }
    }

    fn line(&self, (payment, amount): (PaymentId, Amount), direction: Direction) -> Movement {
        let key = if direction == Direction::In { there(payment) } else { back(payment) };
        let at = self.world.now(Node::Rail);
        Movement {
            key,
            reference: payment.to_string(),
            direction,
            payer: None,
            amount,
            asset: self.asset().clone(),
            at,
        }
    }

    fn says(&self, after: &Cursor) -> RailStatement {
        let known = self.truth.known();
        let (shown, returned) = after.0.split_once('/').unwrap_or_default();
        let (shown, returned) = (shown.parse().unwrap_or(0), returned.parse().unwrap_or(0));
        let came = known.shown.iter().skip(shown).map(|taking| self.line(*taking, Direction::In));
        let went = known.refunds.iter().skip(returned).map(|refund| self.line(*refund, Direction::Out));
        let next = Cursor(format!("{}/{}", known.shown.len(), known.refunds.len()));
        RailStatement { movements: came.chain(went).collect(), next, more: false }
    }
}

impl Method for Rail {
    fn terms(&self) -> &Terms {
        &self.terms
    }

    fn request(&self, order: &Order) -> Result<JsonObject, Unpriceable> {
        self.face.request(order)
    }

    fn verify(&self, presented: &Presented<'_>) -> Result<Proof, Refusal> {
        self.face.verify(presented)
    }
}

impl Settler for Rail {
    fn settle<'a>(&'a self, claim: &'a Claim) -> Answer<'a, Settlement> {
        Box::pin(self.answer(claim))
    }

    fn lookup<'a>(&'a self, claim: &'a Claim) -> Answer<'a, Settlement> {
        Box::pin(self.became(claim))
    }

    fn refund<'a>(&'a self, refund: &'a Refund) -> Answer<'a, Settlement> {
        Box::pin(self.send_back(refund))
    }

    fn confirm<'a>(&'a self, claim: &'a Claim, _settled: &'a Settled) -> Answer<'a, Standing> {
        Box::pin(self.stands(claim.payment))
    }

    fn statement<'a>(&'a self, after: &'a Cursor) -> Answer<'a, Result<RailStatement, RailError>> {
        Box::pin(async move {
            self.life.gate().await;
            Ok(self.says(after))
        })
    }
}

/// Whether payments of this run can be taken back.
fn reverses(world: &World) -> bool {
    world.scenario.weather.reversal > 0
}

fn there(payment: PaymentId) -> ProofKey {
    ProofKey::new(format!("simulated/{payment}"))
}

fn back(payment: PaymentId) -> ProofKey {
    ProofKey::new(format!("simulated/refund/{payment}"))
}

fn unknown() -> Settlement {
    Settlement::Unknown(Unknown { reason: "the rail did not answer".to_owned(), ask_again: ASK_AGAIN })
}

fn refused() -> Settlement {
    let refusal = Refusal::new(
        ProblemType::VerificationFailed,
        "The rail refused the payment; nothing was taken, pay the fresh challenge.",
    );
    Settlement::Rejected(Rejected { reason: "the rail refused".to_owned(), refusal })
}
