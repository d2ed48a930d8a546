//! The rails whose sessions are looked after, and how each wants that done.

use std::sync::Arc;
use std::time::Duration;

use farthing_books::{SessionRecord, Tender};
use farthing_money::{Amount, Asset, Price, Rounding};
use farthing_rail::{Acceptor, Deposits, Escrow};

use crate::config::{Keeping, MAX_UNSETTLED, MAX_UNSETTLED_PER_PAYER, SETTLE_AMOUNT};

/// One way in which sessions are taken, whether or not a route still takes it.
#[derive(Clone)]
pub(crate) struct SessionRail {
    pub(crate) tender: Tender,
    pub(crate) deposits: Deposits,
    pub(crate) policy: Policy,
}

/// See [`Keeping`]; amounts in base units of the asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    pub(crate) settle_amount: Amount,
    pub(crate) settle_age: Duration,
    pub(crate) settle_idle: Duration,
    pub(crate) idle_close: Duration,
    pub(crate) max_unsettled_per_payer: Amount,
    pub(crate) max_unsettled: Amount,
}

impl SessionRail {
    /// The sessions of an acceptor, where it takes any, or why they cannot be kept so.
    pub(crate) fn of(name: &str, acceptor: &Acceptor, keeping: &Keeping) -> Result<Option<Self>, String> {
        let Acceptor::Session(method, deposits) = acceptor else { return Ok(None) };
        let terms = method.terms();
        let asset = terms.asset.clone();
        let policy = Policy::of(keeping, &asset)?;
        let tender = Tender { method: terms.method.as_str().to_owned(), rail: name.to_owned(), asset };
        Ok(Some(Self { tender, deposits: deposits.clone(), policy }))
    }

    /// The escrow, where the deposits are in one.
    pub(crate) fn escrow(&self) -> Option<&Arc<dyn Escrow>> {
        match &self.deposits {
            Deposits::InBooks => None,
            Deposits::InEscrow(escrow) => Some(escrow),
        }
    }
}

/// The rail of a session: its own table, or the only one that is like it where that has another name now.
pub(super) fn of<'a>(rails: &'a [SessionRail], session: &SessionRecord) -> Option<&'a SessionRail> {
    let is_alike = |rail: &&SessionRail| rail.tender.method == session.method && rail.tender.asset == session.asset;
    let mut alike = rails.iter().filter(is_alike);
    let named = alike.clone().find(|rail| rail.tender.rail == session.rail);
    let only = alike.next().filter(|_| alike.next().is_none());
    named.or(only)
}

impl Policy {
    fn of(keeping: &Keeping, asset: &Asset) -> Result<Self, String> {
        let amount = |said: Option<Price>, otherwise: u64| match said {
            Some(price) => match price.in_asset(asset, Rounding::Up) {
                Ok(converted) => Ok(converted.amount),
                Err(reason) => Err(reason.to_string()),
            },
            None => Ok(whole(asset, otherwise)),
        };
        Ok(Self {
            settle_amount: amount(keeping.settle_amount, SETTLE_AMOUNT)?,
            settle_age: keeping.settle_age,
            settle_idle: keeping.settle_idle,
            idle_close: keeping.idle_close,
            max_unsettled_per_payer: amount(keeping.max_unsettled_per_payer, MAX_UNSETTLED_PER_PAYER)?,
            max_unsettled: amount(keeping.max_unsettled, MAX_UNSETTLED)?,
        })
    }
}

/// So many of what an asset counts, in its base units.
fn whole(asset: &Asset, count: u64) -> Amount {
    let one = 10_u128.checked_pow(u32::from(asset.decimals())).unwrap_or(u128::MAX);
    Amount::new(one.saturating_mul(u128::from(count)))
}
