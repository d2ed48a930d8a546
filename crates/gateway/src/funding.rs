//! Balances that are funded by bank transfer: orders, statements, payouts.

mod folder;
mod import;
mod orders;
mod standing;

use std::sync::Arc;

use farthing_money::Asset;
use farthing_rail::{Acceptor, Deposits, FundingAccount, Method};

use crate::site::Site;

pub(crate) use folder::run as watch;
pub use import::{ImportError, Imported, Progress, import};
pub(crate) use orders::{OrderRate, answer, is_ours};
pub(crate) use standing::BankStanding;

impl Site {
    /// The funding account of that name, or the first one of that currency.
    pub(crate) fn funding(&self, rail: Option<&str>, currency: &str) -> Option<&Arc<dyn FundingAccount>> {
        let of_currency = self.fundings.iter().filter(|account| account.currency().as_str() == currency);
        of_currency.into_iter().find(|account| rail.is_none_or(|rail| account.name() == rail))
    }

    /// The prepaid balance of a currency, among what the routes accept.
    pub(crate) fn prepaid(&self, currency: &str) -> Option<(Asset, &dyn Method)> {
        let offers = self.table.routes().iter().filter_map(|route| route.paid.as_ref()).flat_map(|paid| &paid.offers);
        let in_books =
            |acceptor: &Acceptor| matches!(acceptor, Acceptor::Prepaid(_) | Acceptor::Session(_, Deposits::InBooks));
        let prepaid = offers.map(|offer| &offer.acceptor).filter(|acceptor| in_books(acceptor));
        let mut found = prepaid.filter(|acceptor| acceptor.terms().asset.code() == currency);
        found.next().map(|acceptor| (acceptor.terms().asset.clone(), acceptor.method()))
    }
}
