use std::collections::BTreeMap;

use farthing_money::{Amount, Asset};
use farthing_protocol::json::JsonError;
use farthing_protocol::{ChargeRequest, EncodedObject, JsonObject};
use serde_json::Value;

use crate::currency::code_of;
use crate::{NotACurrency, asset_of};

/// What a `stripe/charge` challenge asks for.
///
/// The draft's table makes `methodDetails.networkId` and `paymentMethodTypes` required, and its own example
/// leaves them out; the table holds here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StripeRequest {
    /// In the currency's smallest unit, above zero.
    pub amount: Amount,
    /// The currency, at Stripe.
    pub asset: Asset,
    /// The seller's Stripe profile, for which a token is issued.
    pub network: String,
    /// How may be paid, such as `card` and `link`; never empty.
    pub payment_method_types: Vec<String>,
    /// What goes into the metadata of the payment at Stripe.
    pub metadata: BTreeMap<String, String>,
    /// The seller's own reference, which a credential must echo.
    pub external_id: Option<String>,
}

/// Why a request is not one of this method.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAStripeRequest {
    /// The shared fields cannot be read.
    #[error("the request cannot be read: {0}")]
    Unreadable(#[from] JsonError),
    /// See [`NotACurrency`].
    #[error(transparent)]
    Currency(#[from] NotACurrency),
    /// Nothing to pay.
    #[error("the amount is zero, which nobody charges")]
    Zero,
    /// Nobody to issue a token for.
    #[error("the request's methodDetails have no networkId, the Stripe profile that is paid")]
    Network,
    /// No way to pay.
    #[error("the request's methodDetails have no paymentMethodTypes, a list of at least one text")]
    PaymentMethodTypes,
    /// Metadata of another form.
    #[error("the request's methodDetails.metadata is not an object of texts")]
    Metadata,
}

impl StripeRequest {
    /// Reads the request of a challenge, whole or not at all.
    pub fn read(request: &EncodedObject) -> Result<Self, NotAStripeRequest> {
        Self::from_shared(&ChargeRequest::from_object(&request.decode()?)?)
    }

    /// Reads the method's meaning out of the shared fields.
    pub fn from_shared(shared: &ChargeRequest) -> Result<Self, NotAStripeRequest> {
        if shared.amount.is_zero() {
            return Err(NotAStripeRequest::Zero);
        }
        let Details { network, payment_method_types, metadata } = Details::read(&shared.method_details)?;
        Ok(Self {
            amount: shared.amount,
            asset: asset_of(&shared.currency)?,
            network,
            payment_method_types,
            metadata,
            external_id: shared.external_id.clone(),
        })
    }

    /// As the shared request fields, with the seller's text.
    pub fn to_shared(&self, description: Option<String>) -> ChargeRequest {
        let details = Details {
            network: self.network.clone(),
            payment_method_types: self.payment_method_types.clone(),
            metadata: self.metadata.clone(),
        };
        ChargeRequest {
            amount: self.amount,
            currency: code_of(&self.asset),
            recipient: None,
            description,
            external_id: self.external_id.clone(),
            method_details: details.to_object(),
        }
    }
}

/// What charges and subscriptions alike say in `methodDetails`.
pub(crate) struct Details {
    pub(crate) network: String,
    pub(crate) payment_method_types: Vec<String>,
    pub(crate) metadata: BTreeMap<String, String>,
}

impl Details {
    pub(crate) fn read(details: &JsonObject) -> Result<Self, NotAStripeRequest> {
        let network = details.get("networkId").and_then(Value::as_str).filter(|network| !network.is_empty());
        let types = details.get("paymentMethodTypes").and_then(Value::as_array);
        let types = types.and_then(|types| types.iter().map(|each| each.as_str().map(str::to_owned)).collect());
        let metadata = match details.get("metadata") {
            None => Some(BTreeMap::new()),
            Some(Value::Object(members)) => {
                members.iter().map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
            }
            Some(_) => None,
        };
        Ok(Self {
            network: network.ok_or(NotAStripeRequest::Network)?.to_owned(),
            payment_method_types: types
                .filter(|types: &Vec<String>| !types.is_empty())
                .ok_or(NotAStripeRequest::PaymentMethodTypes)?,
            metadata: metadata.ok_or(NotAStripeRequest::Metadata)?,
        })
    }

    pub(crate) fn to_object(&self) -> JsonObject {
        let mut details = JsonObject::new();
        details.insert("networkId".into(), self.network.as_str().into());
        details.insert("paymentMethodTypes".into(), self.payment_method_types.clone().into());
        if !self.metadata.is_empty() {
            let members = self.metadata.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str())));
            details.insert("metadata".into(), Value::Object(members.collect()));
        }
        details
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(object: &Value) -> Result<StripeRequest, NotAStripeRequest> {
        let shared = ChargeRequest::from_object(object.as_object().unwrap())?;
        StripeRequest::from_shared(&shared)
    }

    fn request() -> Value {
        json!({
            "amount": "500", "currency": "usd", "externalId": "order-1",
            "methodDetails": { "networkId": "profile_1", "paymentMethodTypes": ["card", "link"], "metadata": { "a": "b" } },
        })
    }

    #[test]
    fn a_request_reads_back_from_the_wire() {
        let wire = request();
        assert_eq!(Value::Object(read(&wire).unwrap().to_shared(None).to_object()), wire);
    }

    #[test]
    fn a_request_that_lacks_what_the_table_requires_is_refused() {
        let without = |pointer: &str, name: &str| {
            let mut object = request();
            object.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(name);
            read(&object).unwrap_err()
        };
        assert_eq!(without("", "methodDetails"), NotAStripeRequest::Network);
        assert_eq!(without("/methodDetails", "networkId"), NotAStripeRequest::Network);
        assert_eq!(without("/methodDetails", "paymentMethodTypes"), NotAStripeRequest::PaymentMethodTypes);
        let with = |pointer: &str, value: Value| {
            let mut object = request();
            *object.pointer_mut(pointer).unwrap() = value;
            read(&object).unwrap_err()
        };
        assert_eq!(with("/methodDetails/paymentMethodTypes", json!([])), NotAStripeRequest::PaymentMethodTypes);
        assert_eq!(with("/methodDetails/metadata", json!({ "a": 1 })), NotAStripeRequest::Metadata);
        assert_eq!(with("/amount", json!("0")), NotAStripeRequest::Zero);
        assert!(matches!(with("/currency", json!("usd.6")), NotAStripeRequest::Currency(_)));
        assert!(matches!(with("/amount", json!("1.5")), NotAStripeRequest::Unreadable(_)));
    }
}
