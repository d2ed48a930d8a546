use farthing_money::{Amount, Asset};
use farthing_protocol::json::JsonError;
use farthing_protocol::{ChargeRequest, EncodedObject, JsonObject};

use crate::{NotACurrency, asset_of, identifier_of};

/// The version of this method's fields; absent on the wire while it is 1 (core, section 9.2.2).
const VERSION: u64 = 1;

/// What a challenge of this method asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BalanceRequest {
    /// Millionths of the currency, above zero.
    pub amount: Amount,
    /// The currency, in the issuer's books.
    pub asset: Asset,
    /// Whose books hold the balance: the gateway's public URL or host.
    pub issuer: String,
}

/// Why a request is not one of this method.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotABalanceRequest {
    /// The shared fields cannot be read.
    #[error("the request cannot be read: {0}")]
    Unreadable(#[from] JsonError),
    /// See [`NotACurrency`].
    #[error(transparent)]
    Currency(#[from] NotACurrency),
    /// Nothing to pay.
    #[error("the amount is zero; a balance charge is at least one millionth")]
    Zero,
    /// Money would go to somebody this method does not know.
    #[error("the request names a recipient, which this method does not have; the issuer is paid")]
    Recipient,
    /// No issuer, or not a text.
    #[error("the request names no issuer in its methodDetails")]
    Issuer,
    /// Made for software that does not exist yet.
    #[error("the request is of another version of the balance method than {VERSION}, the one this software speaks")]
    Version,
}

impl BalanceRequest {
    /// Reads the request of a challenge, whole or not at all.
    pub fn read(request: &EncodedObject) -> Result<Self, NotABalanceRequest> {
        Self::from_shared(&ChargeRequest::from_object(&request.decode()?)?)
    }

    /// Reads the method's meaning out of the shared fields. Unknown members of `methodDetails` are
    /// ignored, as the core demands; what they could mean, a version announces.
    pub fn from_shared(shared: &ChargeRequest) -> Result<Self, NotABalanceRequest> {
        if let Some(version) = shared.method_details.get("version") {
            version.as_u64().filter(|version| *version == VERSION).ok_or(NotABalanceRequest::Version)?;
        }
        if shared.recipient.is_some() {
            return Err(NotABalanceRequest::Recipient);
        }
        if shared.amount.is_zero() {
            return Err(NotABalanceRequest::Zero);
        }
        let asset = asset_of(&shared.currency)?;
        let issuer = shared.method_details.get("issuer").and_then(|issuer| issuer.as_str());
        let issuer = issuer.filter(|issuer| !issuer.is_empty()).ok_or(NotABalanceRequest::Issuer)?;
        Ok(Self { amount: shared.amount, asset, issuer: issuer.to_owned() })
    }

    /// As the shared request fields, with the seller's texts.
    pub fn to_shared(&self, description: Option<String>, external_id: Option<String>) -> ChargeRequest {
        let mut method_details = JsonObject::new();
        method_details.insert("issuer".into(), self.issuer.as_str().into());
        ChargeRequest {
            amount: self.amount,
            currency: identifier_of(&self.asset),
            recipient: None,
            description,
            external_id,
            method_details,
        }
    }
}
