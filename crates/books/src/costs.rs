//! What rails really cost: for each method and asset what was sold over it, what it kept, and what was lost.
//!
//! Of what was sold, refunds and reversals are no longer there; what is left is *kept*. A rail's cost is its fees, those
//! of refunds and of collecting vouchers included, and what it took back after something was delivered for it. What went
//! to others is the seller's own decision and shown beside. A top-up sells nothing: what it costs is borne by what is
//! paid out of the balances that it fills.

use std::collections::BTreeMap;

use farthing_money::{Amount, Asset, Rate, Rounding};

use crate::{PaymentRecord, PaymentState};

/// A whole, in the parts that shares are counted in.
const WHOLE: u128 = 1_000_000;

/// Every rail's costs in a period.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RailCosts {
    /// By method, or by the rail's table where no payment says the method, and asset.
    pub lines: BTreeMap<CostKey, RailCost>,
}

/// What a line is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CostKey {
    /// The method's name, as accounts of the ledger have it.
    pub rail: String,
    /// In what.
    pub asset: Asset,
}

/// The sums of a line, in base units of its asset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RailCost {
    /// How many payments bought something.
    pub payments: u64,
    /// What they paid, and what sessions delivered.
    pub sold: Amount,
    /// What was paid back of it.
    pub refunds: Amount,
    /// What rails took back of it.
    pub reversed: Amount,
    /// What went straight to others.
    pub shares: Amount,
    /// What the rail kept of sales, of their refunds and for collecting vouchers.
    pub fees: Amount,
    /// What it kept and no payment explains.
    pub other_fees: Amount,
    /// What it took back after something was delivered.
    pub losses: Amount,
    /// How many payments filled balances.
    pub top_ups: u64,
    /// What they brought.
    pub topped_up: Amount,
    /// What the rail kept of them.
    pub top_up_fees: Amount,
    /// What it took back of them that balances no longer held.
    pub top_up_losses: Amount,
    /// On a line of balances: what filling them cost, on all rails.
    pub filling: Amount,
}

/// What some line of the ledger says beside the payments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Booked {
    /// A fee in a rail's statement, of no payment.
    Fee,
    /// A loss; of a top-up of this balance, where it was one.
    Loss(Option<Asset>),
}

/// Sums that do not fit in 128 bits, or books in which more was undone than done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the costs of the rails do not add up in 128 bits; ask for a shorter period")]
pub struct NoSum;

impl RailCosts {
    /// Adds a payment; one that is not paid does not count. One that collects vouchers costs only.
    pub fn add(&mut self, payment: &PaymentRecord) -> Result<(), NoSum> {
        if !payment.state.is_paid() {
            return Ok(());
        }
        let key = CostKey { rail: payment.method.clone(), asset: payment.asset.clone() };
        let line = self.lines.entry(key).or_default();
        if let Some(balance) = &payment.tops_up {
            line.top_ups += 1;
            grow(&mut line.topped_up, payment.amount)?;
            grow(&mut line.top_up_fees, payment.fee)?;
            return self.fill(balance, payment.fee, &payment.asset);
        }
        grow(&mut line.fees, payment.fee)?;
        if payment.session.is_some() {
            return Ok(());
        }
        line.payments += 1;
        grow(&mut line.sold, payment.amount)?;
        match payment.state {
            PaymentState::Reversed => grow(&mut line.reversed, payment.amount),
            _ if payment.refund.is_some() => grow(&mut line.refunds, payment.amount),
            _ => Ok(()),
        }?;
        // What others got of a payment that was taken back is gone with it.
        match payment.state {
            PaymentState::Reversed => Ok(()),
            _ => grow(&mut line.shares, payment.passed_on),
        }
    }

    /// Adds what sessions delivered.
    pub fn add_delivered(&mut self, rail: String, asset: Asset, amount: Amount) -> Result<(), NoSum> {
        grow(&mut self.lines.entry(CostKey { rail, asset }).or_default().sold, amount)
    }

    /// Adds what the ledger says beside the payments, all of a kind together.
    pub fn add_booked(&mut self, rail: String, asset: Asset, booked: &Booked, amount: Amount) -> Result<(), NoSum> {
        let line = self.lines.entry(CostKey { rail, asset: asset.clone() }).or_default();
        match booked {
            Booked::Fee => grow(&mut line.other_fees, amount),
            Booked::Loss(None) => grow(&mut line.losses, amount),
            Booked::Loss(Some(balance)) => {
                grow(&mut line.top_up_losses, amount)?;
                self.fill(balance, amount, &asset)
            }
        }
    }

    /// What a rail cost for filling a balance, on the line of what is paid out of such.
    fn fill(&mut self, balance: &Asset, cost: Amount, of: &Asset) -> Result<(), NoSum> {
        if cost.is_zero() {
            return Ok(());
        }
        let converted = Rate::PARITY.convert(cost, of.decimals(), balance.decimals(), Rounding::Up);
        let converted = converted.map_err(|_| NoSum)?.amount;
        let key = CostKey { rail: BALANCES.to_owned(), asset: balance.clone() };
        grow(&mut self.lines.entry(key).or_default().filling, converted)
    }
}

/// The method by which balances pay.
const BALANCES: &str = "balance";

fn grow(sum: &mut Amount, by: Amount) -> Result<(), NoSum> {
    *sum = sum.checked_add(by).ok_or(NoSum)?;
    Ok(())
}

impl RailCost {
    /// What was sold and stayed; nothing where more was undone in the period than sold.
    pub fn kept(&self) -> Amount {
        let left = self.sold.units().saturating_sub(self.refunds.units());
        Amount::new(left.saturating_sub(self.reversed.units()))
    }

    /// What selling that cost. What filling balances cost is on the line of the balances, not on that of the rail.
    pub fn cost(&self) -> Option<Amount> {
        [self.other_fees, self.losses, self.filling].into_iter().try_fold(self.fees, Amount::checked_add)
    }

    /// The cost of a unit that was kept, in millionths of it, rounded up; nothing where nothing was kept.
    pub fn per_million(&self) -> Option<u128> {
        let kept = self.kept().units();
        let parts = self.cost()?.units().checked_mul(WHOLE)?;
        (kept > 0).then(|| parts.div_ceil(kept))
    }
}

#[cfg(test)]
mod tests;
