//! What was spent through one proxy, and where.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use farthing_money::{Currency, Price};
use farthing_wallet::WalletName;

/// Counts payments; clones share one count. It is for people: limits are counted elsewhere, durably.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<Mutex<BTreeMap<Place, Counted>>>);

type Place = (WalletName, String, Currency);

#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    payments: u64,
    millionths: u64,
}

/// What one wallet spent at one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spent {
    /// The wallet.
    pub wallet: WalletName,
    /// The server.
    pub origin: String,
    /// How many payments.
    pub payments: u64,
    /// What they came to, at most.
    pub cost: Price,
}

impl Tally {
    pub(crate) fn add(&self, wallet: &WalletName, origin: &str, cost: Price) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = counted.entry((wallet.clone(), origin.to_owned(), cost.currency())).or_default();
        counted.payments = counted.payments.saturating_add(1);
        counted.millionths = counted.millionths.saturating_add(cost.millionths());
    }

    /// Everything so far, by wallet and server.
    pub fn spent(&self) -> Vec<Spent> {
        let counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let spent = counted.iter().map(|((wallet, origin, currency), counted)| Spent {
            wallet: wallet.clone(),
            origin: origin.clone(),
            payments: counted.payments,
            cost: Price::from_millionths(counted.millionths, *currency),
        });
        spent.collect()
    }
}
