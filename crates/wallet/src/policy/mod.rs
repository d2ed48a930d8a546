//! What a wallet may spend, and the one way from an offer to an approval.
//!
//! [`decide()`] is pure: a policy, a quote and the time give the same answer always. [`approve()`] adds
//! what a decision needs to hold over several processes: the reservation, durable before anything
//! can be signed.

mod approve;
mod decide;
mod session;
mod text;

pub(crate) use approve::exceeded;
pub use approve::{Refused, approve};
pub(crate) use decide::Counter;
pub use decide::{Decision, Rule, Subject, decide};
pub use session::{Call, approve_deposit, approve_reclaim, approve_voucher};
pub use text::PolicyError;

use farthing_money::{Currency, Price};
use farthing_rail::Origin;

/// The limits of one wallet. Every limit is optional, but one that adds up (`total` or `per_day`)
/// must be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The currency that limits are counted in; offers in another are refused.
    pub currency: Currency,
    /// The most that is ever spent.
    pub total: Option<Price>,
    /// The most for one payment.
    pub per_payment: Option<Price>,
    /// The most in one calendar day, UTC.
    pub per_day: Option<Price>,
    /// The most that one session may hold unspent; `None` is what `per_payment` says.
    pub session_deposit: Option<Price>,
    /// Where money may go; `None` is anywhere, an empty list is nowhere.
    pub origins: Option<Vec<OriginLimit>>,
}

/// A server that may be paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginLimit {
    /// Which.
    pub origin: Origin,
    /// The most it ever gets.
    pub limit: Option<Price>,
    /// Who may be paid there, as methods name payees; `None` is whoever it names.
    pub payees: Option<Vec<String>>,
    /// The account that must have signed whatever is offered there (x402's signed offers); `None` takes
    /// offers that nobody signed.
    pub offer_signer: Option<String>,
}

#[cfg(test)]
pub(crate) mod tests {
    use farthing_money::{Amount, Asset, Home};
    use farthing_protocol::{
        Binder, BindingSecret, Challenge, ChallengeTemplate, EncodedObject, IntentName, JsonObject, MethodName, Realm,
    };
    use farthing_rail::Quote;

    /// A quote over this price; its challenge is of no importance to a policy.
    pub(crate) fn quote(price: &str, origin: &str) -> Quote {
        let realm = Realm::new("api.example.com").unwrap();
        let (method, intent) = (MethodName::new("balance").unwrap(), IntentName::new("charge").unwrap());
        let request = EncodedObject::encode(&JsonObject::new()).unwrap();
        let template = ChallengeTemplate::new(&realm, &method, &intent, &request, None).unwrap();
        let binder = Binder::new(BindingSecret::new(&[1; 32]).unwrap(), None);
        let mut header = String::new();
        template.issue(&binder, "2026-11-21T12:00:00Z", None, "e30", &mut header);
        let cost: farthing_money::Price = price.parse().unwrap();
        Quote {
            challenge: Challenge::parse_all([header.as_bytes()]).remove(0).unwrap(),
            origin: origin.parse().unwrap(),
            amount: Amount::new(u128::from(cost.millionths())),
            fee: Amount::ZERO,
            asset: Asset::new(cost.currency().as_str(), 6, Home::Ledger).unwrap(),
            cost,
            payee: None,
            sent_first: false,
        }
    }
}
