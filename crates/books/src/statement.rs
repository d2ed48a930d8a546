//! What was sold: payments by filter, and totals by payer, route, rail and asset.

use std::collections::BTreeMap;

use farthing_money::{Amount, Asset};
use farthing_protocol::Timestamp;
use farthing_rail::{PayerId, PaymentId};

use crate::{PaymentRecord, PaymentState};

/// Which payments to list; what is `None` does not matter. In the order in which they were claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentFilter {
    /// Where they stand.
    pub state: Option<PaymentState>,
    /// On which route.
    pub route: Option<String>,
    /// Who paid.
    pub payer: Option<PayerId>,
    /// Claimed at or after.
    pub since: Option<Timestamp>,
    /// Claimed before.
    pub until: Option<Timestamp>,
    /// The last payment of the page before.
    pub after: Option<PaymentId>,
    /// At most so many.
    pub limit: u32,
}

impl Default for PaymentFilter {
    /// The first hundred.
    fn default() -> Self {
        Self { state: None, route: None, payer: None, since: None, until: None, after: None, limit: 100 }
    }
}

/// The line of what rails kept for collecting vouchers: no route's.
pub const COLLECTING: &str = "(collecting vouchers)";

/// The line of what rails kept for topping up balances: no route's either.
pub const TOPPING_UP: &str = "(topping up balances)";

/// The payments of a period, added up, and what sessions delivered in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statement {
    /// By who paid for what over which rail, in that order.
    pub lines: BTreeMap<StatementKey, Totals>,
}

/// What the payments of a line have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatementKey {
    /// Who paid, when the rail knows.
    pub payer: Option<PayerId>,
    /// For which route.
    pub route: String,
    /// Over which rail: the method's name.
    pub rail: String,
    /// In what.
    pub asset: Asset,
}

/// The sums of a line. A payment counts when its money is in the ledger; what sessions delivered is in the sums
/// once it is posted, and is not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many payments.
    pub count: u64,
    /// What was paid, refunds included.
    pub gross: Amount,
    /// What the rail kept.
    pub fees: Amount,
    /// What went straight to others.
    pub shares: Amount,
    /// What was paid back.
    pub refunds: Amount,
    /// What rails took back.
    pub reversed: Amount,
}

impl Totals {
    /// What is left of it; `None` when what left exceeds what was paid.
    pub fn net(&self) -> Option<Amount> {
        let kept = self.gross.checked_sub(self.fees)?.checked_sub(self.shares)?;
        kept.checked_sub(self.refunds)?.checked_sub(self.reversed)
    }

    fn with(&self, payment: &PaymentRecord) -> Option<Self> {
        // What others got of a payment that was taken back is gone with it.
        let shares = if payment.state == PaymentState::Reversed { Amount::ZERO } else { payment.passed_on };
        let all_if = |left: bool| if left { payment.amount } else { Amount::ZERO };
        Some(Self {
            count: self.count.checked_add(1)?,
            gross: self.gross.checked_add(payment.amount)?,
            fees: self.fees.checked_add(payment.fee)?,
            shares: self.shares.checked_add(shares)?,
            refunds: self.refunds.checked_add(all_if(payment.refund.is_some()))?,
            reversed: self.reversed.checked_add(all_if(payment.state == PaymentState::Reversed))?,
        })
    }
}

/// The sums of a statement's line do not fit in 128 bits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the payments of {0} add up to more than 128 bits; ask for a shorter period")]
pub struct TooMuch(String);

impl Statement {
    /// Adds what sessions delivered and the books posted. Vouchers of all payers of a method are posted together.
    pub fn add_posted(
        &mut self,
        payer: Option<PayerId>,
        route: String,
        rail: String,
        asset: Asset,
        amount: Amount,
    ) -> Result<(), TooMuch> {
        let totals = self.lines.entry(StatementKey { payer, route: route.clone(), rail, asset }).or_default();
        totals.gross = totals.gross.checked_add(amount).ok_or(TooMuch(route))?;
        Ok(())
    }

    /// Adds a payment; one that is not paid does not count. Of one that collects vouchers only the fee does: what
    /// they were worth was sold when it was delivered. So it is of one that tops up a balance: nothing is sold yet.
    pub fn add(&mut self, payment: &PaymentRecord) -> Result<(), TooMuch> {
        if !payment.state.is_paid() {
            return Ok(());
        }
        if payment.session.is_some() {
            return self.add_fee(payment, COLLECTING);
        }
        if payment.tops_up.is_some() {
            return self.add_fee(payment, TOPPING_UP);
        }
        let key = StatementKey {
            payer: payment.payer.clone(),
            route: payment.route.clone(),
            rail: payment.method.clone(),
            asset: payment.asset.clone(),
        };
        let totals = self.lines.entry(key).or_default();
        *totals = totals.with(payment).ok_or_else(|| TooMuch(payment.route.clone()))?;
        Ok(())
    }

    fn add_fee(&mut self, payment: &PaymentRecord, line: &str) -> Result<(), TooMuch> {
        if payment.fee.is_zero() {
            return Ok(());
        }
        let (payer, rail) = (payment.payer.clone(), payment.method.clone());
        let key = StatementKey { payer, route: line.to_owned(), rail, asset: payment.asset.clone() };
        let totals = self.lines.entry(key).or_default();
        totals.fees = totals.fees.checked_add(payment.fee).ok_or_else(|| TooMuch(line.to_owned()))?;
        Ok(())
    }

    /// The sum of all lines in one asset.
    pub fn total(&self, asset: &Asset) -> Option<Totals> {
        let lines = self.lines.iter().filter(|(key, _)| key.asset == *asset).map(|(_, totals)| totals);
        lines.into_iter().try_fold(Totals::default(), |sum, line| {
            Some(Totals {
                count: sum.count.checked_add(line.count)?,
                gross: sum.gross.checked_add(line.gross)?,
                fees: sum.fees.checked_add(line.fees)?,
                shares: sum.shares.checked_add(line.shares)?,
                refunds: sum.refunds.checked_add(line.refunds)?,
                reversed: sum.reversed.checked_add(line.reversed)?,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::samples::{external, usd};

    #[test]
    fn only_what_is_paid_counts() {
        let mut statement = Statement::default();
        for (number, state) in (1..).zip(PaymentState::ALL) {
            let refund = (state == PaymentState::Refunded).then(|| "0xback".to_owned());
            let payment = PaymentRecord { state, refund, fee: Amount::new(1), ..external(number, 10).record() };
            statement.add(&payment).unwrap();
        }
        assert_eq!(statement.lines.len(), 1);
        let total = statement.total(&usd()).unwrap();
        assert_eq!((total.count, total.gross.units(), total.fees.units()), (7, 70, 7));
        assert_eq!((total.refunds.units(), total.reversed.units()), (10, 10));
        assert_eq!(total.net(), Some(Amount::new(43)));
    }

    #[test]
    fn vouchers_are_sold_when_they_are_posted_and_not_once_more_when_they_are_collected() {
        let mut statement = Statement::default();
        let session = Some(crate::testing::sessions::id(1));
        let state = PaymentState::Closed;
        let collected = PaymentRecord { state, session, fee: Amount::new(1), ..external(1, 10).record() };
        statement.add(&collected).unwrap();
        statement.add_posted(None, "weather".into(), "evm".into(), usd(), Amount::new(9)).unwrap();
        let total = statement.total(&usd()).unwrap();
        assert_eq!((total.count, total.gross.units(), total.fees.units()), (0, 9, 1));
        assert_eq!(total.net(), Some(Amount::new(8)));
    }
}
