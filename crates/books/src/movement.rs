//! What a rail's own statement shows, and which payment each movement was.
//!
//! A movement is named by the rail, once and for ever. A payment that settles consumes the movements
//! it was; a statement shows them, before or after. Whoever comes second finds the first: that is
//! all of reconciliation. What a statement shows and no payment consumed rests elsewhere: money that
//! came in suspense, money that went out with the withdrawals, and what the rail took with its fees.

pub(crate) mod consume;
pub(crate) mod reconcile;

use std::time::Duration;

use farthing_money::{Amount, Asset};
use farthing_protocol::Timestamp;
use farthing_rail::{Cursor, Direction, Movement, PayerId, PaymentId, ProofKey};

use crate::ledger::{MovementPurpose, Phase};
use crate::{AccountId, AccountKind, Transfer, TransferId};

/// A statement may show a final payment this much later; after that it is missing.
pub const SHOWN_WITHIN: Duration = Duration::from_secs(300);

/// A movement as the books know it: consumed by a payment, seen in a statement, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovementRecord {
    /// Its one name.
    pub key: ProofKey,
    /// The payment that it was; no other payment ever settles by it.
    pub payment: Option<PaymentId>,
    /// What the statement says, once it has shown it.
    pub seen: Option<Seen>,
    /// Whether no payment explains it: its money rests in suspense, or with the withdrawals or fees.
    pub suspended: bool,
}

/// What a rail's statement says of a movement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Whose statement: the method's name.
    pub rail: String,
    /// The rail's reference, as people look it up.
    pub reference: String,
    /// Which way it went.
    pub direction: Direction,
    /// Where it came from or went to, when the rail says.
    pub payer: Option<PayerId>,
    /// How much.
    pub amount: Amount,
    /// Of what.
    pub asset: Asset,
    /// When, as the rail says.
    pub at: Timestamp,
}

/// A page of a rail's own statement, to be matched with the payments.
#[derive(Clone, Debug)]
pub struct StatementPage {
    /// Whose statement: the method's name, which its accounts carry.
    pub rail: String,
    /// The name of the statement: its cursor is kept under it.
    pub source: String,
    /// Where the page begins. It must be where the books stand, or the page is not taken.
    pub after: Cursor,
    /// Where it ends: where the books stand afterwards.
    pub next: Cursor,
    /// What it shows.
    pub movements: Vec<Movement>,
}

/// What a page came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Movements of payments and their refunds, between clearing and confirmed, and what the rail took
    /// for its services.
    pub matched: u64,
    /// Money of nobody yet that came in: into suspense.
    pub suspended: u64,
    /// Money that went out and was no refund.
    pub withdrawn: u64,
    /// Movements that an earlier page, or this one, had shown already.
    pub repeated: u64,
}

impl MovementRecord {
    /// A movement that nothing is known of.
    pub(crate) fn unheard_of(key: &ProofKey) -> Self {
        Self { key: key.clone(), payment: None, seen: None, suspended: false }
    }

    /// A movement that a statement shows, between what is confirmed and what the rail owes for the
    /// payment that it was; where it was none, the place where such money rests.
    pub(crate) fn confirmed(&self, seen: &Seen, clearing: Option<&str>, at: Timestamp) -> Transfer {
        let (purpose, other) = match clearing {
            Some(method) => (MovementPurpose::Match, AccountKind::Clearing(method.to_owned())),
            None => (MovementPurpose::Suspend, seen.resting_place()),
        };
        self.entry(purpose, AccountKind::Confirmed(seen.rail.clone()), other, seen, at)
    }

    /// What rested elsewhere turns out to be what the rail owed, or was owed, for a payment.
    pub(crate) fn explained(&self, seen: &Seen, method: &str, at: Timestamp) -> Transfer {
        let clearing = AccountKind::Clearing(method.to_owned());
        self.entry(MovementPurpose::Explain, seen.resting_place(), clearing, seen, at)
    }

    /// What comes in is debited to the nearer account and credited to the farther one; what goes out
    /// the other way round.
    fn entry(
        &self,
        purpose: MovementPurpose,
        nearer: AccountKind,
        farther: AccountKind,
        seen: &Seen,
        at: Timestamp,
    ) -> Transfer {
        let (debit, credit) = match seen.direction {
            Direction::In => (nearer, farther),
            Direction::Out | Direction::Fee => (farther, nearer),
        };
        Transfer {
            id: TransferId::of_movement(&self.key, purpose),
            debit: AccountId::new(debit, &seen.asset),
            credit: AccountId::new(credit, &seen.asset),
            amount: seen.amount,
            phase: Phase::Single,
            payment: None,
            at,
        }
    }
}

impl Seen {
    /// Where its money rests while no payment explains it.
    fn resting_place(&self) -> AccountKind {
        match self.direction {
            Direction::In => AccountKind::Suspense,
            Direction::Out => AccountKind::Withdrawals(self.rail.clone()),
            Direction::Fee => AccountKind::Fees(self.rail.clone()),
        }
    }

    fn of(rail: &str, movement: &Movement) -> Self {
        Self {
            rail: rail.to_owned(),
            reference: movement.reference.clone(),
            direction: movement.direction,
            payer: movement.payer.clone(),
            amount: movement.amount,
            asset: movement.asset.clone(),
            at: movement.at,
        }
    }
}
