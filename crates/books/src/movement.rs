//! What a rail's own statement shows, and which payment each movement was.
//!
//! A movement is named by the rail, once and for ever. A payment that settles consumes the movements
//! it was; a statement shows them, before or after. Whoever comes second finds the first: that is
//! all of reconciliation. What a statement shows and no payment consumed rests in suspense.

pub(crate) mod consume;
pub(crate) mod reconcile;

use std::time::Duration;

use farthing_money::{Amount, Asset};
use farthing_protocol::Timestamp;
use farthing_rail::{Cursor, Movement, PayerId, PaymentId, ProofKey};

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
    /// Whether its money rests in suspense: nobody knows what it was for.
    pub suspended: bool,
}

/// What a rail's statement says of a movement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Whose statement: the method's name.
    pub rail: String,
    /// The rail's reference, as people look it up.
    pub reference: String,
    /// Where it came from, when the rail says.
    pub payer: Option<PayerId>,
    /// How much came in.
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
    /// Movements of payments: from clearing to confirmed.
    pub matched: u64,
    /// Movements of nobody yet: into suspense.
    pub suspended: u64,
    /// Movements that an earlier page, or this one, had shown already.
    pub repeated: u64,
}

impl MovementRecord {
    /// A movement that nothing is known of.
    pub(crate) fn unheard_of(key: &ProofKey) -> Self {
        Self { key: key.clone(), payment: None, seen: None, suspended: false }
    }

    /// What came in goes to what a statement confirmed: out of what the rail owes for the payment that
    /// it was, or into suspense.
    pub(crate) fn confirmed(&self, seen: &Seen, clearing: Option<&str>, at: Timestamp) -> Transfer {
        let (purpose, from) = match clearing {
            Some(method) => (MovementPurpose::Match, AccountKind::Clearing(method.to_owned())),
            None => (MovementPurpose::Suspend, AccountKind::Suspense),
        };
        self.entry(purpose, AccountKind::Confirmed(seen.rail.clone()), from, seen, at)
    }

    /// What rested in suspense turns out to be what the rail owed for a payment.
    pub(crate) fn explained(&self, seen: &Seen, method: &str, at: Timestamp) -> Transfer {
        let clearing = AccountKind::Clearing(method.to_owned());
        self.entry(MovementPurpose::Explain, AccountKind::Suspense, clearing, seen, at)
    }

    fn entry(
        &self,
        purpose: MovementPurpose,
        debit: AccountKind,
        credit: AccountKind,
        seen: &Seen,
        at: Timestamp,
    ) -> Transfer {
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
    fn of(rail: &str, movement: &Movement) -> Self {
        Self {
            rail: rail.to_owned(),
            reference: movement.reference.clone(),
            payer: movement.payer.clone(),
            amount: movement.amount,
            asset: movement.asset.clone(),
            at: movement.at,
        }
    }
}
