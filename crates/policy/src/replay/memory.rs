use std::collections::HashMap;

use farthing_books::budget::ReservationId;
use farthing_money::Price;

use crate::decide::unit_price;
use crate::{Known, Purchase};

/// What the history makes known of sellers. A wallet looks it up only where a policy asks, so what the log holds
/// is not enough for a policy that asks more. What was remembered for a payment that did not happen is forgotten.
#[derive(Default)]
pub(super) struct Memory {
    /// Who was paid where, by which payments.
    payees: HashMap<[String; 2], Vec<Option<ReservationId>>>,
    /// What a resource cost in each of them; the first one counts.
    prices: HashMap<[String; 3], Vec<(Option<ReservationId>, Price)>>,
    /// What those that have not ended are remembered by.
    open: HashMap<ReservationId, ([String; 2], [String; 3])>,
}

impl Memory {
    /// What the log says, and what it does not.
    pub(super) fn known(&self, purchase: &Purchase, logged: Known) -> Known {
        let payee_paid = self.payees.get(&payee(purchase)).is_some_and(|payments| !payments.is_empty());
        let pinned = self.prices.get(&resource(purchase)).and_then(|prices| prices.first());
        Known {
            payee_paid: logged.payee_paid || payee_paid,
            pinned: logged.pinned.or_else(|| pinned.map(|(_, price)| *price)),
        }
    }

    /// Remembers a payment, if it was one and not only would have been. A price that is known stays, unless a person
    /// agreed to this one.
    pub(super) fn remember(&mut self, purchase: &Purchase, agreed: bool, payment: Option<ReservationId>) {
        let (payee, resource) = (payee(purchase), resource(purchase));
        self.payees.entry(payee.clone()).or_default().push(payment);
        let prices = self.prices.entry(resource.clone()).or_default();
        let place = if agreed { 0 } else { prices.len() };
        prices.insert(place, (payment, unit_price(purchase)));
        match payment {
            Some(id) => drop(self.open.insert(id, (payee, resource))),
            None => self.is_certain(&payee, &resource, None),
        }
    }

    /// A payment ended: it happened, or it did not.
    pub(super) fn ended(&mut self, id: ReservationId, happened: bool) {
        let Some((payee, resource)) = self.open.remove(&id) else { return };
        if happened {
            return self.is_certain(&payee, &resource, Some(id));
        }
        if let Some(payments) = self.payees.get_mut(&payee) {
            payments.retain(|payment| *payment != Some(id));
        }
        if let Some(prices) = self.prices.get_mut(&resource) {
            prices.retain(|(payment, _)| *payment != Some(id));
        }
    }

    /// Nothing that comes after what is certain can ever count.
    fn is_certain(&mut self, payee: &[String; 2], resource: &[String; 3], id: Option<ReservationId>) {
        if let Some(payments) = self.payees.get_mut(payee)
            && let Some(place) = payments.iter().position(|payment| *payment == id)
        {
            payments.truncate(place.saturating_add(1));
        }
        if let Some(prices) = self.prices.get_mut(resource)
            && let Some(place) = prices.iter().position(|(payment, _)| *payment == id)
        {
            prices.truncate(place.saturating_add(1));
        }
    }
}

fn payee(purchase: &Purchase) -> [String; 2] {
    [purchase.origin.to_string(), purchase.payee.as_deref().unwrap_or_default().to_ascii_lowercase()]
}

fn resource(purchase: &Purchase) -> [String; 3] {
    [purchase.origin.to_string(), purchase.http_method.clone(), purchase.path.clone()]
}
