//! Where the money for a response comes from while it goes out.

use std::future::Future;

use farthing_money::Amount;
use farthing_protocol::Receipt;
use farthing_protocol::stream::NeedVoucher;

use super::tariff::Tariff;

/// What a session has signed for, held piece by piece. Dropping it lets go of what is held and was not delivered.
///
/// What takes time takes the purse and gives it back, so that a response goes on meanwhile.
pub(crate) trait Purse: Send + Sized + Unpin + 'static {
    /// Holds as much as is wanted, durably, or what there is if that is at least so much.
    fn hold(self, least: Amount, wanted: Amount) -> impl Future<Output = (Self, Held)> + Send;

    /// Waits until there may be more to hold than when something was last tried; not for long, and nothing is lost
    /// when it is waited for no longer.
    fn news(&mut self) -> impl Future<Output = ()> + Send;

    /// So much of what is held was delivered.
    fn deliver(&mut self, amount: Amount, units: u64);

    /// How the session stands, without what is held and was not delivered.
    fn receipt(&self) -> Receipt;

    /// What is asked for when this total must be signed for.
    fn need(&self, required: Amount) -> NeedVoucher;
}

/// What became of an attempt to hold more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// So much more is held.
    More(Amount),
    /// What is signed for is spent.
    Uncovered {
        /// The total that would cover the least that was asked for.
        least: Amount,
        /// The total that would cover what was wanted.
        wanted: Amount,
        /// Whether a voucher may be asked for before anything waits for it: it costs its payer nothing then.
        early: bool,
    },
    /// There will never be more: the session is closed or being closed.
    Ended,
    /// The books did not answer.
    Unknown,
}

/// What a response has cost so far. Nothing is delivered beyond what is held.
#[derive(Debug)]
pub(crate) struct Account {
    tariff: Tariff,
    slice: Amount,
    held: Amount,
    delivered: Amount,
    units: u64,
}

impl Account {
    /// With so much held to begin with, and at most a slice of it undelivered at a time where that is enough.
    pub(crate) fn new(tariff: Tariff, slice: Amount, held: Amount) -> Self {
        Self { tariff, slice, held, delivered: Amount::ZERO, units: 0 }
    }

    /// One unit pays for everything: nothing more is held than that.
    pub(crate) fn without_a_slice(self) -> Self {
        Self { slice: Amount::ZERO, ..self }
    }

    /// How many are paid for.
    pub(crate) fn paid(&self) -> u64 {
        self.tariff.affordable(self.held)
    }

    /// So much more is held.
    pub(crate) fn add(&mut self, more: Amount) {
        self.held = self.held.checked_add(more).unwrap_or(self.held);
    }

    /// What must be held at least for a count of so many, and what is wanted with it: a slice beyond what is owed.
    pub(crate) fn to_hold(&self, count: u64, owed: u64) -> (Amount, Amount) {
        let least = self.tariff.cost(count).checked_sub(self.held).unwrap_or(Amount::ZERO).max(Amount::new(1));
        let left = self.left(owed);
        (least, self.slice.checked_sub(left).unwrap_or(Amount::ZERO).max(least))
    }

    /// Whether it is time to hold more, so that nothing has to wait for it.
    pub(crate) fn runs_low(&self, owed: u64) -> bool {
        self.left(owed).units() < self.slice.units().div_ceil(2)
    }

    /// What was delivered since this was last asked, given that so many are owed. What was delivered stays so, even
    /// if the upstream says afterwards that it was less.
    pub(crate) fn deliver(&mut self, owed: u64) -> Option<(Amount, u64)> {
        let due = self.tariff.cost(owed).min(self.held);
        let amount = due.checked_sub(self.delivered).filter(|amount| !amount.is_zero())?;
        let units = owed.div_ceil(self.tariff.per()).saturating_sub(self.units);
        self.delivered = due;
        self.units += units;
        Some((amount, units))
    }

    fn left(&self, owed: u64) -> Amount {
        self.held.checked_sub(self.tariff.cost(owed)).unwrap_or(Amount::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU64;

    fn account(unit: u128, per: u64, slice: u128, held: u128) -> Account {
        let tariff = Tariff::new(Amount::new(unit), NonZeroU64::new(per).unwrap());
        Account::new(tariff, Amount::new(slice), Amount::new(held))
    }

    #[test]
    fn the_next_slice_is_asked_for_before_the_last_is_used_up() {
        let account = account(2, 1, 50, 50);
        assert_eq!((account.paid(), account.runs_low(12), account.runs_low(13)), (25, false, true));
        assert_eq!(account.to_hold(14, 13), (Amount::new(1), Amount::new(26)));
        // What is owed at once may be more than a slice.
        assert_eq!(account.to_hold(125, 13), (Amount::new(200), Amount::new(200)));
    }

    #[test]
    fn what_was_delivered_is_told_once_and_never_taken_back() {
        let mut account = account(3, 1000, 10, 10);
        assert_eq!((account.deliver(0), account.deliver(400)), (None, Some((Amount::new(2), 1))));
        assert_eq!(
            (account.deliver(400), account.deliver(100), account.deliver(1001)),
            (None, None, Some((Amount::new(2), 1)))
        );
        assert_eq!(account.deliver(1_000_000), Some((Amount::new(6), 998)), "never above what is held");
    }
}
