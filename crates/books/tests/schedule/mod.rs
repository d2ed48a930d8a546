//! Random schedules of commands, and a model that knows nothing of accounts and steps: it only counts
//! what each payer was given, what each winner paid, and what was paid back.

#![allow(unreachable_pub, reason = "a module of several tests")]

use std::collections::{BTreeMap, BTreeSet};

use farthing_books::budget::ReserveOutcome;
use farthing_books::testing::MemoryStore;
use farthing_books::testing::samples::{
    at, external, grant, movement, page, payer, prepaid, rejected, reservation, settled, settled_by, unknown, usd,
};
use farthing_books::{AccountId, AccountKind, ClaimOutcome, Command, NewPayment, Outcome, PaymentState};
use farthing_money::Amount;
use farthing_rail::Settled;
use proptest::prelude::*;

const PAYMENTS: u32 = 6;
const PAYERS: u32 = 2;

/// Odd payments go over a rail, even ones over a balance.
fn payment(number: u32) -> NewPayment {
    let new = if number % 2 == 1 { external(number, 30) } else { prepaid(number, number / 2 % PAYERS, 30) };
    // Some share an idempotency key.
    NewPayment { idempotency: (number >= 3).then_some([u8::try_from(number % 2).unwrap(); 32]), ..new }
}

pub fn any_command() -> impl Strategy<Value = Command> {
    let any_payment = (0..PAYMENTS).prop_map(|number| payment(number).id);
    let step = (any_payment, 0..14_u8).prop_map(|(payment, step)| match step {
        // Two payments in three name a movement that others name too.
        0 | 1 => {
            let movements = match payment.as_bytes()[0] % 3 {
                0 => vec![],
                shared => vec![if shared == 1 { "m/0" } else { "m/1" }],
            };
            let settled = Settled { fee: Amount::new(2), ..settled_by("0xabc", &movements) };
            Command::Settle { payment, settled, confirm_at: (step == 0).then(|| at(40)), at: at(10) }
        }
        9 => Command::Finalize { payment, at: at(40) },
        10 => Command::Postpone { payment, until: at(45), at: at(40) },
        11 => Command::Reverse { payment, reason: "reorganised away".to_owned(), at: at(40) },
        13 => Command::Resettle { payment, settled: settled_by("0xdef", &["m/1"]), at: at(41) },
        12 => Command::Reject { payment, rejected: rejected(), at: at(10) },
        2 => Command::Doubt { payment, unknown: unknown(), at: at(10) },
        3 => Command::Deliver { payment, status: 200, at: at(10) },
        4 => {
            let reason = "the upstream failed".to_owned();
            Command::Entitle { payment, reason, status: None, deadline: at(1_000), at: at(10) }
        }
        5 => Command::Redeliver { payment, at: at(20) },
        6 => Command::Close { payment, response: None, at: at(10) },
        7 => Command::Refund { payment, reason: "never delivered".to_owned(), at: at(30) },
        _ => Command::ConfirmRefund { payment, settled: settled("0xback", 1), at: at(31) },
    });
    let confirm =
        |number: u32| Command::Confirm { reservation: wanted(number).id, receipt: None, cost: None, at: at(1) };
    let release = |number: u32| Command::Release { reservation: wanted(number).id, reason: String::new(), at: at(1) };
    prop_oneof![
        6 => step,
        4 => (0..PAYMENTS).prop_map(|number| Command::Claim(Box::new(payment(number)))),
        2 => (0..4_u8).prop_map(|number| grant(number, u32::from(number) % PAYERS, 50)),
        1 => Just(Command::Recover { deadline: at(1_000), at: at(15) }),
        2 => any_page(),
        2 => (0..4_u32).prop_map(|number| Command::Reserve(Box::new(wanted(number)))),
        1 => (0..4_u32).prop_map(confirm),
        1 => (0..4_u32).prop_map(release),
    ]
}

/// Pages that follow each other, go back, or leave one out; their movements repeat.
fn any_page() -> impl Strategy<Value = Command> {
    (0..3_u8, 0..4_u32, 0..4_u32).prop_map(|(place, one, other)| {
        let name = |place: u8| if place == 0 { String::new() } else { place.to_string() };
        let key = |number: u32| if number < 2 { format!("m/{number}") } else { format!("evm:{number}") };
        let movements = [one, other].map(|number| movement(&key(number), 30)).into();
        page(&name(place), &name((place + 1) % 3), movements)
    })
}

const CAP: u64 = 100;

fn wanted(number: u32) -> farthing_books::budget::Reservation {
    reservation(number, 40, &[("agent/total", CAP)])
}

/// What an outsider can know from the outcomes alone.
#[derive(Default)]
pub struct Outsider {
    granted: BTreeMap<u32, u128>,
    grants: BTreeSet<u8>,
    won: BTreeSet<farthing_rail::PaymentId>,
    arrived: BTreeMap<farthing_rail::ProofKey, u128>,
}

impl Outsider {
    pub fn sees(&mut self, command: &Command, outcome: &Outcome) {
        match (command, outcome) {
            (Command::Grant { id, amount, .. }, Outcome::Transferred) if self.grants.insert(id.0[0]) => {
                *self.granted.entry(u32::from(id.0[0]) % PAYERS).or_default() += amount.units();
            }
            (Command::Claim(new), Outcome::Claim(ClaimOutcome::Won(_))) => {
                assert!(self.won.insert(new.id), "a challenge is won once");
            }
            (Command::Reconcile { page, .. }, Outcome::Reconciled(_)) => {
                let lines = page.movements.iter().map(|line| (line.key.clone(), line.amount.units()));
                self.arrived.extend(lines);
            }
            (Command::Reserve(_), Outcome::Reserve(outcome)) => {
                assert!(
                    !matches!(outcome, ReserveOutcome::Exceeded { spent, reserved, .. }
                    if spent + reserved + 40 <= CAP),
                    "there was room"
                );
            }
            _ => {}
        }
    }

    pub fn check(&self, books: &mut MemoryStore) {
        assert_eq!(books.verify().findings, Vec::<String>::new());
        assert_eq!(books.payments.keys().copied().collect::<BTreeSet<_>>(), self.won);
        for number in 0..PAYERS {
            let granted = self.granted.get(&number).copied().unwrap_or_default();
            let paid = |state: PaymentState| state.is_paid() && state != PaymentState::Refunded;
            let spent: u128 = (0..PAYMENTS)
                .map(payment)
                .filter(|new| new.proof.payer == Some(payer(number)))
                .filter_map(|new| books.payments.get(&new.id))
                .filter(|payment| paid(payment.state))
                .map(|payment| payment.amount.units())
                .sum();
            assert!(spent <= granted, "nobody spends what they do not have");
            let account = books.accounts.get(&AccountId::new(AccountKind::Payer(payer(number)), &usd()));
            let available = account.and_then(|account| account.available()).map_or(0, |amount| amount.units());
            assert_eq!(available, granted - spent);
        }
        self.check_arrivals(books);
        for counter in books.counters.values() {
            assert!(counter.spent + counter.reserved <= CAP);
        }
    }

    /// What statements showed is confirmed, each movement once; what nobody explained is in suspense.
    fn check_arrivals(&self, books: &MemoryStore) {
        let sums = |kind: AccountKind| {
            let account = books.accounts.get(&AccountId::new(kind, &usd()));
            account.map_or((0, 0), |account| (account.debits.units(), account.credits.units()))
        };
        assert_eq!(sums(AccountKind::Confirmed("evm".to_owned())), (self.arrived.values().sum(), 0));
        let stands = |payment: &&farthing_books::PaymentRecord| payment.reference.is_some();
        let consumed = books.payments.values().filter(stands).flat_map(|payment| payment.consumed.clone());
        let consumed: Vec<_> = consumed.collect();
        let once: BTreeSet<_> = consumed.iter().cloned().collect();
        assert_eq!(consumed.len(), once.len(), "a movement is one payment");
        let (explained, suspended) = sums(AccountKind::Suspense);
        let unexplained: u128 = books.movements.values().filter(|row| row.suspended).map(|_| 30).sum();
        assert_eq!(suspended - explained, unexplained);
        let unknown = self.arrived.iter().filter(|(key, _)| !once.contains(key)).map(|(_, amount)| amount).sum();
        assert!(unexplained >= unknown, "what no payment consumed is in suspense");
    }
}
