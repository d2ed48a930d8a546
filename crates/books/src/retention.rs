//! What may leave the books after its time, and what stays of it.
//!
//! A payment out of a balance is bound to one challenge, whose id is its own: nothing but that challenge could be
//! presented for it again, and that expired minutes after the claim. Once all of it is long over, the record and its
//! transfers may go, if three things hold. What they add up to is carried forward, so that every balance still follows
//! from what is there. Nothing is claimed any more by a clock that reads a time before the horizon, so that no
//! challenge from then is taken for one that lives. And the horizon is never closer to the newest claim than
//! [`SHORTEST`], whatever the clock of whoever asks says. Everything else stays: what a rail moved is matched by its
//! movement, and that counts once, ever.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use farthing_money::Amount;
use farthing_protocol::Timestamp;
use farthing_rail::PaymentId;

use crate::ledger::Purpose;
use crate::{AccountId, PaymentRecord, PaymentState, Transfer, TransferId};

/// What was claimed so shortly before the newest claim does not leave: longer than any challenge lives, and than
/// clocks of machines are apart.
pub const SHORTEST: Duration = Duration::from_secs(7 * 24 * 3_600);

/// The latest horizon there may be, given the newest claim in the books.
pub fn latest_horizon(newest_claim: Timestamp) -> Timestamp {
    newest_claim.before(SHORTEST)
}

/// Whether a payment may leave the books: it was paid out of a balance, by the challenge that it is named after, and
/// nothing happened to it since the horizon, or will.
pub fn may_leave(payment: &PaymentRecord, horizon: Timestamp) -> bool {
    let is_over = matches!(payment.state, PaymentState::Closed | PaymentState::Refunded);
    let only_its_own = payment.session.is_none() && payment.tops_up.is_none() && payment.consumed.is_empty();
    is_over
        && payment.prepaid
        && only_its_own
        && payment.is_proven_by_its_challenge()
        && payment.confirm_at.is_none()
        && payment.claimed_at < horizon
        && payment.updated_at < horizon
}

/// The transfers that a payment may have made, in any version of the books.
pub fn transfers_of(payment: PaymentId) -> BTreeSet<TransferId> {
    let ids = Purpose::ALL.map(|purpose| TransferId::of(payment, purpose));
    ids.into_iter().chain([TransferId::of_charge_before(payment)]).collect()
}

/// A payment that is to leave and whose transfers are not what follows from it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} has other transfers than follow from it, so that nothing leaves; run `farthing books verify`")]
pub struct Unsound(pub PaymentId);

/// What the transfers that left add up to, by account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CarriedForward {
    /// Debits and credits of each account.
    pub sums: BTreeMap<AccountId, (Amount, Amount)>,
    /// How many payments they were of.
    pub payments: u64,
    /// How many there were.
    pub transfers: u64,
}

impl CarriedForward {
    /// Adds a payment that leaves with all its transfers, which must be those that follow from it.
    pub fn add(&mut self, payment: &PaymentRecord, transfers: &[Transfer]) -> Result<(), Unsound> {
        let unsound = || Unsound(payment.id);
        let mut due = vec![payment.charge(payment.claimed_at)];
        if payment.state == PaymentState::Refunded {
            due.push(payment.refund_entry(payment.claimed_at));
        }
        let is_this = |due: &Transfer, transfer: &Transfer| {
            let placed = Transfer { id: due.id, ..transfer.clone() };
            due.id.is_but_for_place(transfer.id) && due.is_same_movement(&placed)
        };
        let is_due = |transfer: &Transfer| due.iter().any(|due| is_this(due, transfer));
        if transfers.len() != due.len() || !transfers.iter().all(is_due) {
            return Err(unsound());
        }
        for transfer in transfers {
            let debit = self.sums.entry(transfer.debit.clone()).or_default();
            debit.0 = debit.0.checked_add(transfer.amount).ok_or_else(unsound)?;
            let credit = self.sums.entry(transfer.credit.clone()).or_default();
            credit.1 = credit.1.checked_add(transfer.amount).ok_or_else(unsound)?;
            self.transfers += 1;
        }
        self.payments += 1;
        Ok(())
    }
}

impl PaymentRecord {
    /// Whether its proof is nothing but the challenge that it answers, so that it is named once by being claimed once.
    pub fn is_proven_by_its_challenge(&self) -> bool {
        let rest = self.key.as_str().strip_prefix(self.method.as_str()).and_then(|rest| rest.strip_prefix('/'));
        rest == Some(self.challenge.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::samples::{at, external, prepaid};

    fn over(number: u32) -> PaymentRecord {
        PaymentRecord { state: PaymentState::Closed, ..prepaid(number, 1, 7).record() }
    }

    #[test]
    fn only_what_is_over_and_named_by_its_challenge_may_leave() {
        let payment = over(1);
        let later = Timestamp::from_unix_millis(payment.updated_at.unix_millis() + 1);
        assert!(may_leave(&payment, later));
        assert!(!may_leave(&payment, payment.claimed_at), "it is not from before the horizon");
        for state in PaymentState::ALL {
            let is_over = matches!(state, PaymentState::Closed | PaymentState::Refunded);
            assert_eq!(may_leave(&PaymentRecord { state, ..over(1) }, later), is_over, "{state:?}");
        }
        let elsewhere = PaymentRecord { state: PaymentState::Closed, ..external(1, 7).record() };
        assert!(!may_leave(&elsewhere, later), "a rail moved it");
        let by_another_proof = PaymentRecord { key: farthing_rail::ProofKey::new("balance/other"), ..over(1) };
        assert!(!may_leave(&by_another_proof, later));
        assert!(!may_leave(&PaymentRecord { confirm_at: Some(at(1)), ..over(1) }, later));
    }

    #[test]
    fn what_leaves_is_carried_forward_and_what_contradicts_itself_stays() {
        let mut carried = CarriedForward::default();
        let (closed, refunded) = (over(1), PaymentRecord { state: PaymentState::Refunded, ..over(2) });
        carried.add(&closed, &[closed.charge(at(1))]).unwrap();
        let both = [refunded.charge(at(1)), refunded.refund_entry(at(2))];
        carried.add(&refunded, &both).unwrap();
        let debits: u128 = carried.sums.values().map(|(debits, _)| debits.units()).sum();
        let credits: u128 = carried.sums.values().map(|(_, credits)| credits.units()).sum();
        assert_eq!((debits, credits, carried.payments, carried.transfers), (21, 21, 2, 3));
        let of_before = Transfer { id: TransferId::of_charge_before(closed.id), ..closed.charge(at(1)) };
        assert_eq!(CarriedForward::default().add(&closed, &[of_before]), Ok(()), "it had no place then");
        let before = carried.clone();
        let other = Transfer { amount: Amount::new(8), ..closed.charge(at(1)) };
        for transfers in [&[][..], &[other][..], &both[..]] {
            assert_eq!(carried.add(&closed, transfers), Err(Unsound(closed.id)));
        }
        assert_eq!(carried, before);
    }
}
