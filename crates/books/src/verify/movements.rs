//! Movements against the payments that consumed them and the transfers that they made.

use std::collections::HashMap;

use farthing_rail::PaymentId;

use crate::ledger::{AccountKind, MovementPurpose};
use crate::{MovementRecord, PaymentRecord, Transfer, TransferId};

/// What the movements are checked against, until all of them were shown.
#[derive(Debug, Default)]
pub(super) struct Movements {
    /// Transfers that no payment made and that touch what statements touch.
    transfers: HashMap<TransferId, Transfer>,
    /// Which payment names a movement, and the method it was paid with.
    consumers: HashMap<Box<str>, (PaymentId, Box<str>)>,
}

impl Movements {
    pub(super) fn transfer(&mut self, transfer: &Transfer) {
        if [&transfer.debit, &transfer.credit].iter().any(|account| is_of_statements(&account.kind)) {
            self.transfers.insert(transfer.id, transfer.clone());
        }
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
            if !self.transfers.remove(&due.id).is_some_and(|transfer| transfer.is_same_movement(&due)) {
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
        let unfounded = self.transfers.values().filter(|transfer| claims_arrival(transfer)).map(|transfer| {
            format!("transfer {} says that a statement showed {}, and no movement does", transfer.id, transfer.amount)
        });
        let mut findings: Vec<String> = unshown.chain(unfounded).collect();
        findings.sort();
        findings
    }
}

/// Whether statements may move something on an account.
fn is_of_statements(kind: &AccountKind) -> bool {
    use AccountKind::{Confirmed, Fees, Suspense, Withdrawals};
    matches!(kind, Confirmed(_) | Suspense | Withdrawals(_) | Fees(_))
}

/// Whether a transfer says that a statement showed money that came in or went out.
fn claims_arrival(transfer: &Transfer) -> bool {
    let (debit, credit) = (&transfer.debit.kind, &transfer.credit.kind);
    match (debit, credit) {
        (AccountKind::Confirmed(_), AccountKind::Clearing(_) | AccountKind::Suspense) => true,
        (debit, AccountKind::Confirmed(_)) => is_of_statements(debit) || matches!(debit, AccountKind::Clearing(_)),
        _ => false,
    }
}
