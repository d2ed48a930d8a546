use std::collections::{HashMap, HashSet};

use farthing_money::Price;

use crate::decide::unit_price;
use crate::{Known, Purchase};

/// What the history makes known of sellers. A wallet looks it up only where a policy asks, so what the log holds
/// is not enough for a policy that asks more.
#[derive(Default)]
pub(super) struct Memory {
    /// Who was paid where.
    payees: HashSet<[String; 2]>,
    /// What a resource cost first, or when a person last agreed to it.
    prices: HashMap<[String; 3], Price>,
}

impl Memory {
    /// What the log says, and what it does not.
    pub(super) fn known(&self, purchase: &Purchase, logged: Known) -> Known {
        Known {
            payee_paid: logged.payee_paid || self.payees.contains(&payee(purchase)),
            pinned: logged.pinned.or_else(|| self.prices.get(&resource(purchase)).copied()),
        }
    }

    /// A price that is known stays, unless a person agreed to this one.
    pub(super) fn remember(&mut self, purchase: &Purchase, agreed: bool) {
        self.payees.insert(payee(purchase));
        let pinned = self.prices.entry(resource(purchase)).or_insert_with(|| unit_price(purchase));
        if agreed {
            *pinned = unit_price(purchase);
        }
    }
}

fn payee(purchase: &Purchase) -> [String; 2] {
    [purchase.origin.to_string(), purchase.payee.as_deref().unwrap_or_default().to_ascii_lowercase()]
}

fn resource(purchase: &Purchase) -> [String; 3] {
    [purchase.origin.to_string(), purchase.http_method.clone(), purchase.path.clone()]
}
