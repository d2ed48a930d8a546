//! The ledger, added up once more.

use std::collections::{BTreeMap, BTreeSet};

use farthing_books::ledger::{AccountKind, Phase, Transfer, TransferId};
use farthing_books::{Account, AccountId};

/// Accounts as the transfers make them, and nothing else.
#[derive(Debug, Default)]
pub struct Ledger {
    read_to: u64,
    names: BTreeSet<TransferId>,
    /// Credits less debits of each account.
    sums: BTreeMap<AccountId, i128>,
}

impl Ledger {
    /// The number of the last transfer that was seen.
    pub fn read_to(&self) -> u64 {
        self.read_to
    }

    /// Whether a transfer is in it.
    pub fn holds(&self, transfer: TransferId) -> bool {
        self.names.contains(&transfer)
    }

    /// Adds a transfer.
    pub fn add(&mut self, number: u64, transfer: &Transfer, findings: &mut Vec<String>) {
        self.read_to = self.read_to.max(number);
        if !self.names.insert(transfer.id) {
            findings.push(format!("the ledger holds the transfer {} twice", transfer.id));
        }
        if transfer.phase != Phase::Single {
            return;
        }
        let Ok(amount) = i128::try_from(transfer.amount.units()) else {
            return findings.push("a transfer is larger than all money".to_owned());
        };
        for (account, amount) in [(&transfer.debit, -amount), (&transfer.credit, amount)] {
            let sum = self.sums.entry(account.clone()).or_default();
            *sum = sum.saturating_add(amount);
            let is_a_payers = matches!(account.kind, AccountKind::Payer(_) | AccountKind::Deposit(_));
            if is_a_payers && *sum < 0 {
                findings.push(format!("{account} stands at {sum}"));
            }
        }
    }

    fn all(&self, is_of: impl Fn(&AccountKind) -> bool) -> i128 {
        self.sums.iter().filter(|(account, _)| is_of(&account.kind)).map(|(_, sum)| *sum).sum()
    }

    /// What the rail owes us by the ledger is what it took and did not send back.
    pub fn at_rest(&self, taken: u128, sent_back: u128) -> Vec<String> {
        let mut findings = Vec::new();
        let owed = |kind: &AccountKind| {
            matches!(kind, AccountKind::Clearing(_) | AccountKind::Confirmed(_) | AccountKind::Suspense)
        };
        let (by_ledger, by_rail) =
            (-self.all(owed), i128::try_from(taken).unwrap_or(i128::MAX) - i128::try_from(sent_back).unwrap_or(0));
        if by_ledger != by_rail {
            findings.push(format!("the rail owes us {by_rail}, and the ledger says {by_ledger}"));
        }
        let sum = self.all(|_| true);
        if sum != 0 {
            findings.push(format!("the ledger's sum is {sum}"));
        }
        findings
    }

    /// What the books themselves say of their accounts is what the transfers make of them.
    pub fn compare(&self, accounts: &[Account]) -> Vec<String> {
        let of = |account: &Account| {
            let units = |amount: farthing_money::Amount| i128::try_from(amount.units()).unwrap_or(i128::MAX);
            units(account.credits) - units(account.debits)
        };
        let differing =
            accounts.iter().filter(|account| self.sums.get(&account.id).copied().unwrap_or(0) != of(account));
        differing.map(|account| format!("{} does not stand where its transfers say", account.id)).collect()
    }
}
