//! Movements against the payments that consumed them and the transfers that they made.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use farthing_rail::PaymentId;

use crate::ledger::{AccountKind, MovementPurpose, Phase};
use crate::{MovementRecord, PaymentRecord, Transfer, TransferId};

/// What the movements are checked against, until all of them were shown.
#[derive(Debug, Default)]
pub(super) struct Movements {
    /// Transfers that no payment made and that touch what statements touch.
    transfers: HashMap<TransferId, Moved>,
    /// Which payment names a movement, and the method it was paid with.
    consumers: HashMap<Box<str>, (PaymentId, Box<str>)>,
}

/// A transfer, small enough to keep one for each entry of a year.
#[derive(Debug)]
struct Moved {
    content: u64,
    claims_arrival: bool,
}

impl Moved {
    fn of(transfer: &Transfer) -> Self {
        let mut hasher = DefaultHasher::new();
        (&transfer.debit, &transfer.credit, transfer.amount, transfer.phase == Phase::Single).hash(&mut hasher);
        Self { content: hasher.finish(), claims_arrival: claims_arrival(transfer) }
    }
}

impl Movements {
    pub(super) fn transfer(&mut self, transfer: &Transfer) {
        if [&transfer.debit, &transfer.credit].iter().any(|account| is_of_statements(&account.kind)) {
            self.transfers.insert(transfer.id, Moved::of(transfer));
        }
    }

    /// Takes out a transfer that something explains; false when there is none of this content.
    pub(super) fn take(&mut self, due: &Transfer) -> bool {
        self.transfers.remove(&due.id).is_some_and(|moved| moved.content == Moved::of(due).content)
    }

    /// Takes out a transfer that is checked otherwise.
    pub(super) fn pass(&mut self, id: &TransferId) {
        self.transfers.remove(id);
    }

    /// Says which movements of a payment another one names too.
    pub(super) fn payment(&mut self, payment: &PaymentRecord) -> Vec<String> {
        let mut findings = Vec::new();
        for key in &payment.consumed {
            let consumer = (payment.id, payment.method.as_str().into());
            if let Some((other, _)) = self.consumers.insert(key.as_str().into(), consumer) {
                findings.push(format!("{}: its movement {} was {other} too", payment.id, key.as_str()));
            }
        }
        findings
    }

    /// Says what does not hold of a movement.
    pub(super) fn movement(&mut self, record: &MovementRecord) -> Vec<String> {
        let key = record.key.as_str();
        let consumer = self.consumers.remove(key);
        let mut findings = Vec::new();
        if consumer.as_ref().map(|(payment, _)| *payment) != record.payment {
            let of = |payment: Option<PaymentId>| payment.map_or("nobody".to_owned(), |payment| payment.to_string());
            let named = of(consumer.as_ref().map(|(payment, _)| *payment));
            findings.push(format!("movement {key}: stored as that of {}, and named by {named}", of(record.payment)));
        }
        let Some(seen) = &record.seen else {
            if record.suspended {
                findings.push(format!("movement {key}: rests unexplained and no statement showed it"));
            }
            return findings;
        };
        let method = consumer.as_ref().map(|(_, method)| &**method);
        let suspended = record.confirmed(seen, None, seen.at);
        let due = match method.filter(|_| !record.suspended) {
            None => vec![suspended],
            Some(method)
                if self.transfers.contains_key(&TransferId::of_movement(&record.key, MovementPurpose::Match)) =>
            {
                vec![record.confirmed(seen, Some(method), seen.at)]
            }
            Some(method) => vec![suspended, record.explained(seen, method, seen.at)],
        };
        for due in due {
            if !self.take(&due) {
                let (from, to) = (&due.credit, &due.debit);
                findings.push(format!("movement {key}: lacks its transfer of {} from {from} to {to}", due.amount));
            }
        }
        findings
    }

    /// What is left over when every movement was shown.
    pub(super) fn left(self) -> Vec<String> {
        let unshown = self
            .consumers
            .iter()
            .map(|(key, (payment, _))| format!("{payment}: settled by movement {key}, which is not on record"));
        let arrivals = self.transfers.iter().filter(|(_, moved)| moved.claims_arrival);
        let unfounded = arrivals.map(|(id, _)| format!("transfer {id} says what a statement showed, and none did"));
        let mut findings: Vec<String> = unshown.chain(unfounded).collect();
        findings.sort();
        findings
    }
}

/// Whether statements may move something on an account.
fn is_of_statements(kind: &AccountKind) -> bool {
    use AccountKind::{Confirmed, Conversion, Fees, Losses, Suspense, Withdrawals};
    matches!(kind, Confirmed(_) | Suspense | Withdrawals(_) | Fees(_) | Losses(_) | Conversion(_))
}

/// Whether a transfer says that a statement showed money that came in or went out.
fn claims_arrival(transfer: &Transfer) -> bool {
    use AccountKind::{Clearing, Confirmed, Conversion, Opening, Suspense};
    let (debit, credit) = (&transfer.debit.kind, &transfer.credit.kind);
    match (debit, credit) {
        (Confirmed(_), Clearing(_) | Suspense | Conversion(_) | Opening(_)) | (Opening(_), Confirmed(_)) => true,
        (debit, Confirmed(_)) => is_of_statements(debit) || matches!(debit, Clearing(_)),
        _ => false,
    }
}
