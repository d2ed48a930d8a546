//! Balances that crossed from one merchant's books to another's: each books say their half, and both halves must agree.

use std::collections::BTreeMap;

use farthing_money::Amount;

use super::Verification;
use crate::ledger::Phase;
use crate::{AccountId, AccountKind, Transfer, TransferId};

/// What one books say of the remittances that left them or came to them, by their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Crossings(BTreeMap<TransferId, Crossing>);

/// A remittance as one books know it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Crossing {
    balance: AccountId,
    amount: Amount,
    stands: Stands,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stands {
    Held,
    Departed,
    Released,
    Arrived,
    Refused,
}

/// What several books say of each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Remittances that are whole.
    pub whole: u64,
    /// Remittances that stopped on their way: run the same command again.
    pub under_way: Vec<String>,
    /// What does not hold.
    pub findings: Vec<String>,
}

impl Crossings {
    /// Takes a transfer between a balance and other books; whether it is one that a remittance makes.
    pub(super) fn transfer(&mut self, transfer: &Transfer) -> bool {
        use AccountKind::{Payer, Transit};
        let leaves = matches!((&transfer.debit.kind, &transfer.credit.kind), (Payer(_), Transit));
        let comes = matches!((&transfer.debit.kind, &transfer.credit.kind), (Transit, Payer(_)));
        let (id, balance, stands) = match transfer.phase {
            Phase::Pending if leaves => (transfer.id, &transfer.debit, Stands::Held),
            Phase::Post(hold) if leaves => (hold, &transfer.debit, Stands::Departed),
            Phase::Void(hold) if leaves => (hold, &transfer.debit, Stands::Released),
            Phase::Single if comes && transfer.amount.is_zero() => (transfer.id, &transfer.credit, Stands::Refused),
            Phase::Single if comes => (transfer.id, &transfer.credit, Stands::Arrived),
            _ => return transfer.debit.kind != Transit && transfer.credit.kind != Transit,
        };
        let held = self.0.get(&id).map(|crossing| crossing.amount);
        let amount = if stands == Stands::Released { held.unwrap_or_default() } else { transfer.amount };
        let is_whole = stands != Stands::Departed || held == Some(amount);
        self.0.insert(id, Crossing { balance: balance.clone(), amount, stands });
        is_whole
    }
}

/// What books say of the remittances between them, when all of them are looked at.
pub fn compare(all: &[Verification]) -> Comparison {
    let mut halves: BTreeMap<TransferId, Vec<&Crossing>> = BTreeMap::new();
    for (id, crossing) in all.iter().flat_map(|books| &books.crossings.0) {
        halves.entry(*id).or_default().push(crossing);
    }
    let mut comparison = Comparison::default();
    for (id, halves) in halves {
        match verdict(&halves) {
            Verdict::Whole => comparison.whole += 1,
            Verdict::UnderWay => comparison
                .under_way
                .push(format!("{id}: {} is held and on its way; run the same command again", shown(&halves))),
            Verdict::Wrong(why) => comparison.findings.push(format!("{id}: {} {why}", shown(&halves))),
        }
    }
    comparison
}

enum Verdict {
    Whole,
    UnderWay,
    Wrong(&'static str),
}

fn verdict(halves: &[&Crossing]) -> Verdict {
    let is_there = |crossing: &&&Crossing| matches!(crossing.stands, Stands::Arrived | Stands::Refused);
    let there: Vec<_> = halves.iter().filter(is_there).collect();
    let here: Vec<_> = halves.iter().filter(|crossing| !is_there(crossing)).collect();
    match (&here[..], &there[..]) {
        ([], [one]) if one.stands == Stands::Refused => Verdict::Whole,
        ([one], []) if one.stands == Stands::Held => Verdict::UnderWay,
        ([one], []) if one.stands == Stands::Released => Verdict::Whole,
        ([_], []) => Verdict::Wrong("left and is in none of these books"),
        ([], [_]) => Verdict::Wrong("arrived and left none of these books"),
        ([here], [there]) => match (here.stands, there.stands) {
            (Stands::Held | Stands::Departed, Stands::Arrived)
                if (&here.balance, here.amount) != (&there.balance, there.amount) =>
            {
                Verdict::Wrong("arrived as something else than left")
            }
            (Stands::Held, _) => Verdict::UnderWay,
            (Stands::Departed, Stands::Arrived) | (Stands::Released, Stands::Refused) => Verdict::Whole,
            (Stands::Departed, _) => Verdict::Wrong("left and was refused"),
            _ => Verdict::Wrong("arrived and was given back"),
        },
        _ => Verdict::Wrong("left or arrived more than once"),
    }
}

fn shown(halves: &[&Crossing]) -> String {
    let largest = halves.iter().max_by_key(|crossing| crossing.amount);
    largest.map_or_else(String::new, |one| format!("{} of {}", one.balance.asset.display(one.amount), one.balance.kind))
}
