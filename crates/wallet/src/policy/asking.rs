use std::collections::BTreeMap;

use farthing_money::{Asset, Home, Price};
use farthing_policy::{Authority, Purchase};
use farthing_protocol::subscription::INTENT;
use farthing_protocol::{Challenge, SubscriptionRequest};
use farthing_rail::{Deposit, Origin, Quote, VoucherQuote};

use super::{Call, Locked};

/// The request that something is bought for; with an offer it makes a [`Purchase`].
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// The request's method.
    pub http_method: &'a str,
    /// Its path, without the query.
    pub path: &'a str,
    /// SHA-256 over its method, its URL and its body: what a person's answer is bound to.
    pub digest: [u8; 32],
    /// What the caller says it is for.
    pub tags: &'a BTreeMap<String, String>,
    /// The most for this call, on top of the policy.
    pub max: Option<Price>,
    /// Where the caller sent the request, when a redirect to another origin led to the offer.
    pub redirected_from: Option<&'a Origin>,
    /// The accounts that signed the offer; each signature is good.
    pub offer_signers: &'a [String],
}

/// What all purchases have.
struct Facts<'a> {
    challenge: &'a Challenge,
    origin: &'a Origin,
    asset: &'a Asset,
    payee: Option<&'a str>,
    cost: Price,
}

impl Asking<'_> {
    /// One payment.
    pub fn charge(&self, quote: &Quote) -> Purchase {
        let Quote { challenge, origin, asset, cost, .. } = quote;
        let facts = Facts { challenge, origin, asset, payee: quote.payee.as_deref(), cost: *cost };
        let authority = match (quote.tops_up_for, period_of(challenge)) {
            (Some(unit), _) => Authority::TopUp { unit },
            (None, Some(period)) => Authority::Recurring { period },
            (None, None) => Authority::Charge,
        };
        self.purchase(&facts, authority)
    }

    /// A deposit.
    pub fn deposit(&self, deposit: &Deposit, locked: Locked) -> Purchase {
        let (quote, Locked { on_terms, in_all, sessions, held }) = (&deposit.quote, locked);
        let (challenge, origin, asset) = (&quote.challenge, &quote.origin, &quote.asset);
        let facts = Facts { challenge, origin, asset, payee: quote.payee.as_deref(), cost: deposit.cost };
        self.purchase(
            &facts,
            Authority::Deposit { unit: quote.unit_cost, locked: on_terms, locked_in_all: in_all, sessions, held },
        )
    }

    /// A voucher of a session.
    pub fn voucher(&self, voucher: &VoucherQuote, call: &Call<'_>) -> Purchase {
        let VoucherQuote { challenge, origin, cumulative, closes, .. } = voucher;
        let facts = Facts { challenge, origin, asset: call.asset, payee: call.payee, cost: call.cost };
        let authority = Authority::Voucher {
            unit: call.unit,
            cumulative: *cumulative,
            deposit: call.deposit,
            streams: call.streams,
            closes: *closes,
        };
        self.purchase(&facts, authority)
    }

    fn purchase(&self, facts: &Facts<'_>, authority: Authority) -> Purchase {
        let chain = match facts.asset.home() {
            Home::Chain { chain, .. } => Some(chain.clone()),
            _ => None,
        };
        Purchase {
            origin: facts.origin.clone(),
            http_method: self.http_method.to_owned(),
            path: self.path.to_owned(),
            method: format!("{}/{}", facts.challenge.method(), facts.challenge.intent()),
            asset: facts.asset.to_string(),
            chain,
            payee: facts.payee.map(str::to_owned),
            cost: facts.cost,
            authority,
            tags: self.tags.clone(),
            max: self.max,
            redirected_from: self.redirected_from.cloned(),
            offer_signers: self.offer_signers.to_vec(),
        }
    }
}

/// The period of an offer that is paid again and again, for people; one that cannot be read is one all the same.
fn period_of(challenge: &Challenge) -> Option<String> {
    if challenge.intent().as_str() != INTENT {
        return None;
    }
    let object = challenge.request().decode().ok();
    let period = object.and_then(|object| SubscriptionRequest::from_object(&object).ok()).map(|request| request.period);
    Some(period.map_or_else(String::new, |period| format!("{} {}", period.count(), period.unit().as_str())))
}
