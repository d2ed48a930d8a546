//! The one name of an entry, whichever file shows it.
//!
//! Most banks name an entry themselves, the same in a notification and in the statement after it. Where one does not,
//! the entry is named by what it says, and by its number among those of a statement that say the same: two equal
//! transfers on one day are two.

use std::collections::HashMap;

use farthing_rail::{EntryKey, Shown};

use super::entry::Entry;
use crate::BankAccount;

/// The names given in one statement.
#[derive(Default)]
pub(super) struct Names(HashMap<EntryKey, u32>);

impl Names {
    pub(super) fn name(&mut self, account: &BankAccount, entry: &Entry, shown: Shown) -> EntryKey {
        let amount = entry.amount.to_string();
        let way = if entry.credit { "in" } else { "out" };
        let kind = if entry.reversal { "reversal" } else { "entry" };
        let own = !entry.bank_reference.is_empty();
        let said = if own { entry.bank_reference.clone() } else { entry.said() };
        let parts = [account.number.as_str(), if own { "named" } else { "said" }, &said, way, kind, &amount];
        let name = EntryKey::of(&parts);
        let before = self.0.entry(name).or_default();
        let number = *before;
        *before += 1;
        // A notification may repeat itself and has no balance to say so.
        let name = match number {
            0 => name,
            _ if own && shown == Shown::Notified => name,
            _ => EntryKey::of(&[parts.as_slice(), &[&number.to_string()]].concat()),
        };
        name.among(entry.group())
    }
}

impl Entry {
    /// What entries of one time have in common: banks count their names upwards.
    fn group(&self) -> &str {
        const COUNTED: usize = 4;
        let length = self.bank_reference.len().saturating_sub(COUNTED);
        match self.bank_reference.get(..length) {
            Some(common) if !self.bank_reference.is_empty() => common,
            _ => &self.day,
        }
    }

    /// What it says, for want of a name.
    fn said(&self) -> String {
        let mut said = self.day.clone();
        for (amount, transaction) in &self.transactions {
            let parts =
                [&amount.to_string(), &transaction.end_to_end, &transaction.structured.join("\n"), &transaction.text];
            for part in parts {
                said.push('\0');
                said.push_str(part);
            }
        }
        said
    }
}
