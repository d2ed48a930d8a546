//! The one way from an offer to an approval.
//!
//! What may be paid is [`farthing_policy`]'s to say, and pure. [`approve()`] adds what a decision needs to
//! hold over several processes: the reservation, durable before anything can be signed.

mod approve;
mod asking;
mod decided;
mod history;
mod issued;
#[cfg(feature = "planted-bugs")]
mod planted;
mod session;

pub use approve::{Grounds, Refused, approve};
pub(crate) use approve::{exceeded, no_policy_sentence};
pub use asking::Asking;
pub(crate) use decided::{made_again, refuse_unreadable};
pub use farthing_policy::{
    Always, Answer, Authority, Counter, Decision, Difference, Held, Known, Level, LevelError, Limited, OriginLimit,
    Policy, PolicyError, Purchase, Replayed, Rule, Totals, counted_always, decide, each_level, limit_behind,
    most_in_a_session, most_per_payment,
};
pub(crate) use history::History;
pub(crate) use issued::{Use, allow_use};
pub use session::{Call, Locked, approve_deposit, approve_reclaim, approve_voucher};

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
            tops_up_for: None,
        }
    }
}
