use std::collections::BTreeMap;

use farthing_money::{Amount, Asset};
use farthing_protocol::json::JsonError;
use farthing_protocol::subscription::{Period, PeriodUnit};
use farthing_protocol::{EncodedObject, SubscriptionRequest};

use crate::asset_of;
use crate::currency::code_of;
use crate::request::{Details, NotAStripeRequest};

/// The most intervals that Stripe bills at a time: three years.
const LONGEST: [(PeriodUnit, u32); 3] = [(PeriodUnit::Day, 1_095), (PeriodUnit::Week, 156), (PeriodUnit::Month, 36)];

/// What a `stripe/subscription` challenge asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StripeSubscription {
    /// For each period, in the currency's smallest unit, above zero.
    pub amount: Amount,
    /// The currency, at Stripe.
    pub asset: Asset,
    /// How long a period is: one that Stripe bills exactly.
    pub period: Period,
    /// The seller's Stripe profile.
    pub network: String,
    /// How may be paid, such as `card`; never empty.
    pub payment_method_types: Vec<String>,
    /// What goes into the metadata of the subscription.
    pub metadata: BTreeMap<String, String>,
    /// The seller's own reference, for receipts.
    pub external_id: Option<String>,
}

/// Why a request is not one of this method.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotASubscription {
    /// The shared fields cannot be read.
    #[error("the request cannot be read: {0}")]
    Unreadable(#[from] JsonError),
    /// See [`NotAStripeRequest`].
    #[error(transparent)]
    Details(#[from] NotAStripeRequest),
    /// A field that this method has no meaning for.
    #[error("the request has \"{0}\", which a subscription through Stripe must not have")]
    Forbidden(&'static str),
    /// A period that would have to be approximated.
    #[error("{0}")]
    Period(String),
}

impl StripeSubscription {
    /// Reads the request of a challenge, whole or not at all.
    pub fn read(request: &EncodedObject) -> Result<Self, NotASubscription> {
        Self::from_shared(&SubscriptionRequest::from_object(&request.decode()?)?)
    }

    /// Reads the method's meaning out of the shared fields.
    pub fn from_shared(shared: &SubscriptionRequest) -> Result<Self, NotASubscription> {
        if shared.recipient.is_some() {
            return Err(NotASubscription::Forbidden("recipient"));
        }
        if shared.expires.is_some() {
            return Err(NotASubscription::Forbidden("subscriptionExpires"));
        }
        let Details { network, payment_method_types, metadata } = Details::read(&shared.method_details)?;
        Ok(Self {
            amount: shared.amount,
            asset: asset_of(&shared.currency).map_err(NotAStripeRequest::Currency)?,
            period: billable(shared.period.clone()).map_err(NotASubscription::Period)?,
            network,
            payment_method_types,
            metadata,
            external_id: shared.external_id.clone(),
        })
    }

    /// As the shared request fields, with the seller's text.
    pub fn to_shared(&self, description: Option<String>) -> SubscriptionRequest {
        let details = Details {
            network: self.network.clone(),
            payment_method_types: self.payment_method_types.clone(),
            metadata: self.metadata.clone(),
        };
        SubscriptionRequest {
            amount: self.amount,
            currency: code_of(&self.asset),
            period: self.period.clone(),
            recipient: None,
            expires: None,
            description,
            external_id: self.external_id.clone(),
            method_details: details.to_object(),
        }
    }
}

/// The period in a configuration: `"1 month"`, `"2 weeks"`, `"30 days"`.
pub fn period_from(text: &str) -> Result<Period, String> {
    let wrong = || format!("\"{text}\" is no period; write one such as \"1 month\", \"2 weeks\" or \"30 days\"");
    let (count, unit) = text.split_once(' ').ok_or_else(wrong)?;
    let unit = unit.strip_suffix('s').unwrap_or(unit);
    let unit = LONGEST.into_iter().find(|(known, _)| known.as_str() == unit).ok_or_else(wrong)?.0;
    billable(Period::new(unit, count).ok_or_else(wrong)?)
}

/// The period, if Stripe can bill it as it is.
fn billable(period: Period) -> Result<Period, String> {
    let (unit, count) = (period.unit(), period.count());
    let most = LONGEST.iter().find(|(known, _)| *known == unit).map_or(0, |(_, most)| *most);
    let fits = count.parse::<u32>().is_ok_and(|count| count <= most);
    let unit = unit.as_str();
    if fits { Ok(period) } else { Err(format!("Stripe bills at most {most} {unit}s at a time, and not {count}")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(object: &Value) -> Result<StripeSubscription, NotASubscription> {
        StripeSubscription::from_shared(&SubscriptionRequest::from_object(object.as_object().unwrap())?)
    }

    fn request() -> Value {
        json!({
            "amount": "500", "currency": "usd", "periodUnit": "month", "periodCount": "1", "externalId": "plan-1",
            "methodDetails": { "networkId": "profile_1", "paymentMethodTypes": ["card"], "metadata": { "a": "b" } },
        })
    }

    #[test]
    fn s_46_a_request_reads_back_from_the_wire() {
        assert_eq!(Value::Object(read(&request()).unwrap().to_shared(None).to_object()), request());
    }

    #[test]
    fn s_46_what_the_profile_forbids_is_refused() {
        let with = |name: &str, value: Value| {
            let mut object = request();
            object[name] = value;
            read(&object).unwrap_err()
        };
        assert_eq!(with("recipient", json!("acct_1")), NotASubscription::Forbidden("recipient"));
        let expires = with("subscriptionExpires", json!("2027-01-01T00:00:00Z"));
        assert_eq!(expires, NotASubscription::Forbidden("subscriptionExpires"));
        for (name, value) in [
            ("periodUnit", json!("year")),
            ("periodCount", json!("01")),
            ("periodCount", json!(1)),
            ("amount", json!("0")),
            ("trial", json!("7")),
        ] {
            assert!(matches!(with(name, value), NotASubscription::Unreadable(_)), "{name}");
        }
        assert!(matches!(with("periodCount", json!("37")), NotASubscription::Period(_)));
        assert!(matches!(with("methodDetails", json!({})), NotASubscription::Details(NotAStripeRequest::Network)));
    }

    #[test]
    fn s_46_a_period_in_a_configuration_is_one_that_stripe_bills() {
        for (text, unit, count) in [("1 month", "month", "1"), ("2 weeks", "week", "2"), ("30 days", "day", "30")] {
            let period = period_from(text).unwrap();
            assert_eq!((period.unit().as_str(), period.count()), (unit, count));
        }
        for text in ["", "month", "1 year", "0 days", "01 day", "157 weeks", "1.5 months"] {
            assert!(period_from(text).is_err(), "{text}");
        }
    }
}
