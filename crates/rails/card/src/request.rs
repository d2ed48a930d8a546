use farthing_money::{Amount, Asset};
use farthing_protocol::json::JsonError;
use farthing_protocol::{ChargeRequest, EncodedObject, JsonObject};
use serde_json::Value;

use crate::currency::code_of;
use crate::{KeySource, Network, NotACurrency, NotAKeySource, NotANetwork, asset_of};

/// What a `card/charge` challenge asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardRequest {
    /// In the currency's smallest unit, above zero.
    pub amount: Amount,
    /// The currency, on cards.
    pub asset: Asset,
    /// Who is paid: the seller's id at its acquirer.
    pub recipient: String,
    /// Whose cards are taken; never empty.
    pub networks: Vec<Network>,
    /// What the seller is called, as it stands on the statement of the card.
    pub merchant_name: String,
    /// What a token is encrypted to.
    pub key: KeySource,
    /// Whether the card's address is wanted.
    pub billing_required: bool,
    /// The seller's own reference.
    pub external_id: Option<String>,
}

/// Why a request is not one of this method.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotACardRequest {
    /// The shared fields cannot be read.
    #[error("the request cannot be read: {0}")]
    Unreadable(#[from] JsonError),
    /// See [`NotACurrency`].
    #[error(transparent)]
    Currency(#[from] NotACurrency),
    /// Nothing to pay.
    #[error("the amount is zero, which nobody charges")]
    Zero,
    /// Nobody to pay.
    #[error("the request has no recipient, the seller's id at its acquirer")]
    Recipient,
    /// No card would do.
    #[error("the request's methodDetails have no acceptedNetworks, a list of at least one")]
    Networks,
    /// See [`NotANetwork`].
    #[error(transparent)]
    Network(#[from] NotANetwork),
    /// Nobody knows whom a payer pays.
    #[error("the request's methodDetails have no merchantName")]
    MerchantName,
    /// Neither yes nor no.
    #[error("the request's methodDetails.billingRequired is neither true nor false")]
    BillingRequired,
    /// See [`NotAKeySource`].
    #[error(transparent)]
    Key(#[from] NotAKeySource),
}

impl CardRequest {
    /// Reads the request of a challenge, whole or not at all.
    pub fn read(request: &EncodedObject) -> Result<Self, NotACardRequest> {
        Self::from_shared(&ChargeRequest::from_object(&request.decode()?)?)
    }

    /// Reads the method's meaning out of the shared fields.
    pub fn from_shared(shared: &ChargeRequest) -> Result<Self, NotACardRequest> {
        if shared.amount.is_zero() {
            return Err(NotACardRequest::Zero);
        }
        let details = &shared.method_details;
        let merchant_name = details.get("merchantName").and_then(Value::as_str).filter(|name| !name.is_empty());
        let billing_required = details.get("billingRequired").map_or(Some(false), Value::as_bool);
        let recipient = shared.recipient.as_deref().filter(|recipient| !recipient.is_empty());
        Ok(Self {
            amount: shared.amount,
            asset: asset_of(&shared.currency)?,
            recipient: recipient.ok_or(NotACardRequest::Recipient)?.to_owned(),
            networks: networks(details)?,
            merchant_name: merchant_name.ok_or(NotACardRequest::MerchantName)?.to_owned(),
            key: KeySource::read(details)?,
            billing_required: billing_required.ok_or(NotACardRequest::BillingRequired)?,
            external_id: shared.external_id.clone(),
        })
    }

    /// As the shared request fields, with the seller's text.
    pub fn to_shared(&self, description: Option<String>) -> ChargeRequest {
        let mut method_details = JsonObject::new();
        let networks = self.networks.iter().map(|network| Value::from(network.as_str()));
        method_details.insert("acceptedNetworks".into(), Value::Array(networks.collect()));
        method_details.insert("merchantName".into(), self.merchant_name.as_str().into());
        if self.billing_required {
            method_details.insert("billingRequired".into(), true.into());
        }
        self.key.put(&mut method_details);
        ChargeRequest {
            amount: self.amount,
            currency: code_of(&self.asset),
            recipient: Some(self.recipient.clone()),
            description,
            external_id: self.external_id.clone(),
            method_details,
        }
    }
}

/// A network that is not known here is one that is not paid by; all others stay.
fn networks(details: &JsonObject) -> Result<Vec<Network>, NotACardRequest> {
    let list = details.get("acceptedNetworks").and_then(Value::as_array).ok_or(NotACardRequest::Networks)?;
    let words = list.iter().map(|each| each.as_str().ok_or(NotACardRequest::Networks));
    let words = words.collect::<Result<Vec<_>, _>>()?;
    let known: Vec<Network> = words.iter().filter_map(|word| word.parse().ok()).collect();
    match (known.is_empty(), words.is_empty()) {
        (false, _) => Ok(known),
        (true, true) => Err(NotACardRequest::Networks),
        (true, false) => Err(NotANetwork.into()),
    }
}
