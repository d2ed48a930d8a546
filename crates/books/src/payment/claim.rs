//! Claiming: one record per challenge, per proof and per idempotency key.

use farthing_money::Amount;
use farthing_rail::PaymentId;

use super::top_up::conversion_of;
use super::{NewPayment, PaymentRecord, PaymentState};
use crate::command::{ClaimOutcome, Invalid};
use crate::ledger::Purpose;
use crate::ledger::posting::{Refused, post};
use crate::shelf::{Missing, ProofUse, Shelf};
use crate::{AccountId, AccountKind, Outcome, TransferId};

/// Claims a payment, and posts it when the money is in these books.
///
/// The questions are asked in this order: is the challenge claimed, do the books go back so far, is the idempotency key
/// held by another payment, is the proof used, does the balance hold the amount.
pub(crate) fn claim(shelf: &mut Shelf, new: &NewPayment) -> Result<Outcome, Missing> {
    if let Some(known) = shelf.payments.get(&new.id)? {
        if known.challenge != new.challenge {
            return Ok(Outcome::Invalid(Invalid::ForeignId));
        }
        return Ok(Outcome::Claim(ClaimOutcome::Lost(Box::new(known.clone()))));
    }
    let horizon = shelf.horizon.ok_or(Missing("how far back the books go"))?;
    if new.at < horizon {
        return Ok(Outcome::Invalid(Invalid::BeforeHorizon));
    }
    if !new.id.answers(&new.challenge) {
        return Ok(Outcome::Invalid(Invalid::ForeignId));
    }
    if (new.prepaid || new.tops_up.is_some()) && new.proof.payer.is_none() {
        return Ok(Outcome::Invalid(Invalid::NoPayer));
    }
    if !new.can_top_up() {
        return Ok(Outcome::Invalid(Invalid::NotExact));
    }
    if let Some(key) = &new.idempotency
        && let Some(holder) = shelf.keys.get(key)?
    {
        return Ok(Outcome::Claim(ClaimOutcome::KeyUsed(*holder)));
    }
    match shelf.proofs.get(&new.proof.key)? {
        None => {}
        Some(ProofUse::Payment(other)) => return Ok(Outcome::Claim(used(shelf, new, *other)?)),
        Some(ProofUse::Deposit(session)) => return Ok(Outcome::Claim(ClaimOutcome::Deposited(*session))),
    }
    let record = new.record();
    if new.prepaid {
        // A payment that is not on record has no entry either.
        shelf.transfers.load(TransferId::of(new.id, Purpose::Charge), None);
        match post(shelf, &[record.charge(new.at)]) {
            Ok(()) => {}
            Err(Refused::Missing(missing)) => return Err(missing),
            Err(Refused::Insufficient { available }) => {
                return Ok(Outcome::Claim(ClaimOutcome::Insufficient { available }));
            }
            Err(Refused::Invalid(invalid)) => return Ok(Outcome::Invalid(invalid)),
            Err(Refused::Conflict | Refused::NoSuchHold) => return Ok(Outcome::Conflict),
        }
    }
    if let Some(key) = new.idempotency {
        shelf.keys.put(key, new.id);
    }
    shelf.proofs.put(new.proof.key.clone(), ProofUse::Payment(new.id));
    shelf.payments.put(new.id, record.clone());
    Ok(Outcome::Claim(ClaimOutcome::Won(Box::new(record))))
}

/// A proof is on record: of another payment, or of this very one from the time when ids were not placed.
fn used(shelf: &Shelf, new: &NewPayment, other: PaymentId) -> Result<ClaimOutcome, Missing> {
    let known = shelf.payments.get(&other)?.filter(|known| known.challenge == new.challenge);
    Ok(known.map_or(ClaimOutcome::ProofUsed(other), |known| ClaimOutcome::Lost(Box::new(known.clone()))))
}

impl NewPayment {
    /// The accounts of its charge out of its payer's balance.
    pub(crate) fn charged(&self) -> Option<[AccountId; 2]> {
        let payer = self.proof.payer.clone()?;
        let earned = match &self.tops_up {
            Some(balance) => conversion_of(balance),
            None => AccountKind::Revenue(self.route.clone()),
        };
        Some([AccountKind::Payer(payer), earned].map(|kind| AccountId::new(kind, &self.proof.asset)))
    }

    /// The record as it is first written.
    pub(crate) fn record(&self) -> PaymentRecord {
        PaymentRecord {
            id: self.id,
            challenge: self.challenge.clone(),
            key: self.proof.key.clone(),
            method: self.method.clone(),
            intent: self.intent.clone(),
            rail: self.rail.clone(),
            route: self.route.clone(),
            request: self.request.clone(),
            payer: self.proof.payer.clone(),
            amount: self.proof.amount,
            asset: self.proof.asset.clone(),
            prepaid: self.prepaid,
            idempotency: self.idempotency,
            kept: self.proof.kept.clone(),
            state: if self.prepaid { PaymentState::Posted } else { PaymentState::Claimed },
            reference: self.prepaid.then(|| TransferId::of(self.id, Purpose::Charge).to_string()),
            consumed: Vec::new(),
            confirm_at: None,
            fee: Amount::ZERO,
            passed_on: Amount::ZERO,
            refund: None,
            reason: None,
            deadline: None,
            status: None,
            session: None,
            tops_up: self.tops_up.clone(),
            taken_back: Amount::ZERO,
            claimed_at: self.at,
            settled_at: self.prepaid.then_some(self.at),
            updated_at: self.at,
        }
    }
}
