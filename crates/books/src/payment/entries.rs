//! What a payment puts into the ledger. The accounts are those of the [chart](crate::ledger::chart).

use farthing_money::Amount;
use farthing_protocol::Timestamp;

use super::step::Step;
use super::top_up::conversion_of;
use super::{PaymentRecord, PaymentState};
use crate::ledger::{Phase, Purpose};
use crate::{AccountId, AccountKind, Transfer, TransferId};

impl PaymentRecord {
    /// The transfers that go into the ledger with a step, given the payment after it.
    pub(crate) fn entries_of(&self, step: &Step<'_>, at: Timestamp) -> Vec<Transfer> {
        match step {
            Step::Settle { settled, .. } => {
                let mut entries = self.with_fee(self.charge(at), Purpose::Fee, settled.fee);
                entries.extend(self.share_entry(at));
                entries.extend(self.credit_entry(at));
                entries
            }
            Step::Refund { .. } if self.tops_up.is_some() => self.return_entries(at),
            Step::Refund { .. } if self.state == PaymentState::Refunded => vec![self.refund_entry(at)],
            Step::ConfirmRefund(settled) => self.with_fee(self.refund_entry(at), Purpose::RefundFee, settled.fee),
            Step::Reverse { .. } => {
                let mut entries = vec![self.reversal(at)];
                entries.extend(self.share_reversal(at));
                if self.refund.is_none() {
                    entries.extend(self.return_entries(at));
                }
                entries
            }
            _ => Vec::new(),
        }
    }

    /// The payment itself: from the payer's balance, or from what the rail owes, to the route's revenue or to
    /// what vouchers are worth.
    pub(crate) fn charge(&self, at: Timestamp) -> Transfer {
        self.entry(Purpose::Charge, self.source(), self.earned(), self.amount, at)
    }

    /// What it is paid for: a route's service, vouchers, or a balance.
    fn earned(&self) -> AccountKind {
        match (self.session, &self.tops_up) {
            (Some(_), _) => AccountKind::Vouchers(self.method.clone()),
            (None, Some(balance)) => conversion_of(balance),
            (None, None) => AccountKind::Revenue(self.route.clone()),
        }
    }

    /// Back to where the payment came from.
    pub(crate) fn refund_entry(&self, at: Timestamp) -> Transfer {
        self.entry(Purpose::Refund, AccountKind::Refunds, self.source(), self.to_pay_back(), at)
    }

    /// The rail no longer owes it: the sale is undone, or its price is lost where something was given.
    pub(crate) fn reversal(&self, at: Timestamp) -> Transfer {
        let undone = if self.is_spent() || self.tops_up.is_some() {
            AccountKind::Losses(self.method.clone())
        } else {
            self.earned()
        };
        self.entry(Purpose::Reversal, undone, self.source(), self.to_reverse(), at)
    }

    /// What went straight to others: the rail never owed it to us. Nothing for a payment that is not split.
    pub(crate) fn share_entry(&self, at: Timestamp) -> Option<Transfer> {
        let shares = AccountKind::Shares(self.method.clone());
        let entry = || self.entry(Purpose::Share, shares, self.source(), self.passed_on, at);
        (!self.passed_on.is_zero()).then(entry)
    }

    /// What others got is gone with a payment that was taken back.
    pub(crate) fn share_reversal(&self, at: Timestamp) -> Option<Transfer> {
        let shares = AccountKind::Shares(self.method.clone());
        let entry = || self.entry(Purpose::ShareReversal, self.source(), shares, self.passed_on, at);
        (!self.passed_on.is_zero()).then(entry)
    }

    /// What the rail kept, out of what it owes.
    pub(crate) fn fee_entry(&self, purpose: Purpose, fee: Amount, at: Timestamp) -> Transfer {
        let fees = AccountKind::Fees(self.method.clone());
        self.entry(purpose, fees, AccountKind::Clearing(self.method.clone()), fee, at)
    }

    /// The reference of a prepaid payment's refund: its ledger transfer.
    pub(crate) fn refund_reference(&self) -> String {
        TransferId::of(self.id, Purpose::Refund).to_string()
    }

    /// The accounts that some step of this payment may touch.
    pub(crate) fn accounts(&self) -> Vec<AccountId> {
        let mut kinds = vec![self.source(), self.earned(), AccountKind::Refunds];
        if !self.prepaid {
            let of_rail = [AccountKind::Fees, AccountKind::Losses, AccountKind::Shares];
            kinds.extend(of_rail.map(|kind| kind(self.method.clone())));
        }
        let mut accounts: Vec<AccountId> = kinds.into_iter().map(|kind| AccountId::new(kind, &self.asset)).collect();
        if let Some(balance) = &self.tops_up {
            accounts.push(AccountId::new(conversion_of(balance), balance));
            accounts.extend(self.topped_up());
        }
        accounts
    }

    /// Where the money comes from: for prepaid money the payer's balance, else what the rail owes.
    fn source(&self) -> AccountKind {
        match &self.payer {
            Some(payer) if self.prepaid => AccountKind::Payer(payer.clone()),
            _ => AccountKind::Clearing(self.method.clone()),
        }
    }

    fn with_fee(&self, entry: Transfer, purpose: Purpose, fee: Amount) -> Vec<Transfer> {
        if fee.is_zero() {
            return vec![entry];
        }
        let fee = self.fee_entry(purpose, fee, entry.at);
        vec![entry, fee]
    }

    pub(super) fn entry(
        &self,
        purpose: Purpose,
        debit: AccountKind,
        credit: AccountKind,
        amount: Amount,
        at: Timestamp,
    ) -> Transfer {
        Transfer {
            id: TransferId::of(self.id, purpose),
            debit: AccountId::new(debit, &self.asset),
            credit: AccountId::new(credit, &self.asset),
            amount,
            phase: Phase::Single,
            payment: Some(self.id),
            at,
        }
    }
}
