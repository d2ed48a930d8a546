//! A payment that tops up a balance: what came over a rail becomes prepaid money, and what is left of that can go
//! back the way it came.
//!
//! Nothing is delivered for it, so it is closed once it is settled. What its payer spends afterwards are payments of
//! their own. When it is paid back, or its rail takes it back, the balance gives what it still holds; what is missing
//! then is lost.

use farthing_money::{Amount, Asset, Rate, Rounding};
use farthing_protocol::Timestamp;

use super::{NewPayment, PaymentRecord, PaymentState};
use crate::ledger::{Phase, Purpose};
use crate::{AccountId, AccountKind, Transfer, TransferId};

impl NewPayment {
    /// Whether the balance that it tops up, if it does, can hold what it is: the same currency, and units as small.
    pub(crate) fn can_top_up(&self) -> bool {
        self.tops_up.as_ref().is_none_or(|balance| {
            balance.code().parse::<farthing_money::Currency>().is_ok()
                && credited(self.proof.amount, &self.proof.asset, balance).is_some()
        })
    }
}

impl PaymentRecord {
    /// The balance that it tops up.
    pub fn topped_up(&self) -> Option<AccountId> {
        let (balance, payer) = (self.tops_up.as_ref()?, self.payer.clone()?);
        Some(AccountId::new(AccountKind::Payer(payer), balance))
    }

    /// How much that balance got, in its own units.
    pub fn credited(&self) -> Option<Amount> {
        credited(self.amount, &self.asset, self.tops_up.as_ref()?)
    }

    /// What is paid back of it: all, or what was still in the balance that it topped up.
    pub fn to_pay_back(&self) -> Amount {
        if self.tops_up.is_some() { self.taken_back } else { self.amount }
    }

    /// What the rail takes with a reversal: of a top-up that was paid back in part, the rest.
    pub(super) fn to_reverse(&self) -> Amount {
        let paid_back = if self.tops_up.is_some() && self.refund.is_some() { self.taken_back } else { Amount::ZERO };
        self.amount.checked_sub(paid_back).unwrap_or(Amount::ZERO)
    }

    /// How much of it a balance that holds so much can give back, in this payment's units.
    pub(crate) fn returnable(&self, available: Amount) -> Amount {
        let Some(balance) = &self.tops_up else { return Amount::ZERO };
        let whole = Rate::PARITY.convert(available, balance.decimals(), self.asset.decimals(), Rounding::Down);
        whole.map_or(Amount::ZERO, |whole| whole.amount).min(self.amount)
    }

    /// The money as the payer's balance gets it.
    pub(crate) fn credit_entry(&self, at: Timestamp) -> Option<Transfer> {
        let balance = self.tops_up.as_ref()?;
        self.in_balance(Purpose::Credit, conversion_of(balance), self.topped_up()?.kind, self.amount, at)
    }

    /// What leaves that balance again, and where it goes from there: on its way to the payer, or against what the
    /// rail took.
    pub(crate) fn return_entries(&self, at: Timestamp) -> Vec<Transfer> {
        let (Some(balance), Some(topped_up)) = (&self.tops_up, self.topped_up()) else { return Vec::new() };
        if self.taken_back.is_zero() {
            return Vec::new();
        }
        let is_taken = self.state == PaymentState::Reversed && self.refund.is_none();
        let goal = if is_taken { AccountKind::Losses(self.method.clone()) } else { AccountKind::Refunds };
        let conversion = conversion_of(balance);
        let debit = self.in_balance(Purpose::Debit, topped_up.kind, conversion.clone(), self.taken_back, at);
        debit.into_iter().chain([self.entry(Purpose::Return, conversion, goal, self.taken_back, at)]).collect()
    }

    /// A transfer in the balance's asset of so much in this payment's.
    fn in_balance(
        &self,
        purpose: Purpose,
        debit: AccountKind,
        credit: AccountKind,
        amount: Amount,
        at: Timestamp,
    ) -> Option<Transfer> {
        let balance = self.tops_up.as_ref()?;
        Some(Transfer {
            id: TransferId::of(self.id, purpose),
            debit: AccountId::new(debit, balance),
            credit: AccountId::new(credit, balance),
            amount: credited(amount, &self.asset, balance)?,
            phase: Phase::Single,
            payment: Some(self.id),
            at,
        })
    }
}

/// The account through which the currency of a balance is converted.
pub(super) fn conversion_of(balance: &Asset) -> AccountKind {
    // A claim refuses an asset that is no currency.
    balance.code().parse().map_or(AccountKind::Suspense, AccountKind::Conversion)
}

fn credited(amount: Amount, asset: &Asset, balance: &Asset) -> Option<Amount> {
    let converted = Rate::PARITY.convert(amount, asset.decimals(), balance.decimals(), Rounding::Exact);
    converted.ok().map(|converted| converted.amount)
}
