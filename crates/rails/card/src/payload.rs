use std::fmt;

use farthing_protocol::json::canonical;
use farthing_protocol::{JsonObject, Timestamp};
use serde_json::Value;

use crate::token::{is_digits, is_over, month};
use crate::{Network, Personal};

/// Longer than any name, reference or part of an address.
const LONGEST_TEXT: usize = 256;
/// More members than any address has.
const MOST_MEMBERS: usize = 16;

/// The proof in a credential: the encrypted token, and what may be known of the card beside it. `Debug` shows the
/// network and nothing else.
#[derive(Clone, PartialEq, Eq)]
pub struct Payload {
    /// The token, a compact JWE: opaque to everybody but the enablers.
    pub encrypted: Personal<String>,
    /// The card's network.
    pub network: Network,
    /// The last four digits of the card.
    pub last_four: Personal<String>,
    /// When the card ends: year and month, `2030-12`.
    pub ends: Personal<String>,
    /// Where bills go, an object of texts as canonical JSON. Required where the request says so.
    pub billing_address: Option<Personal<String>>,
    /// Whose card it is.
    pub holder: Option<Personal<String>>,
    /// What the network calls the account behind all its tokens.
    pub account_reference: Option<Personal<String>>,
}

/// Why a payload is not of this method, in words for whoever wrote the client. Nothing of it is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPayload {
    /// A member that is missing or is something else.
    #[error("the payload has no \"{0}\" of the form that the method's table says")]
    Member(&'static str),
    /// The request wants an address.
    #[error("the request says billingRequired and the payload has no \"billingAddress\"")]
    NoAddress,
    /// No use to try.
    #[error("the card's last month is over; pay with another card")]
    Over,
}

impl Payload {
    /// Reads a payload; members it does not know are ignored (core, section 9.2.1).
    pub fn read(object: &JsonObject) -> Result<Self, InvalidPayload> {
        let text = |name| text(object, name)?.ok_or(InvalidPayload::Member(name));
        let network = text("network")?.parse().map_err(|_| InvalidPayload::Member("network"))?;
        let last_four = text("panLastFour")?;
        if last_four.len() != 4 || !is_digits(last_four) {
            return Err(InvalidPayload::Member("panLastFour"));
        }
        let (year, month_of_year) = ("panExpirationYear", "panExpirationMonth");
        let _ = (text(year)?, text(month_of_year)?);
        let ends = month(object, year, month_of_year).map_err(|_| InvalidPayload::Member(month_of_year))?;
        let personal = |name| -> Result<_, InvalidPayload> {
            let value = self::text(object, name)?.map(|value| value.chars().take(LONGEST_TEXT + 1).collect::<String>());
            match value {
                Some(value) if value.is_empty() || value.chars().count() > LONGEST_TEXT => {
                    Err(InvalidPayload::Member(name))
                }
                value => Ok(value.map(Personal::new)),
            }
        };
        Ok(Self {
            encrypted: Personal::new(text("encryptedPayload")?.to_owned()),
            network,
            last_four: Personal::new(last_four.to_owned()),
            ends: Personal::new(ends),
            billing_address: address(object)?,
            holder: personal("cardholderFullName")?,
            account_reference: personal("paymentAccountReference")?,
        })
    }

    /// Whether it holds what a request wants, now.
    pub fn suits(&self, billing_required: bool, now: Timestamp) -> Result<(), InvalidPayload> {
        if billing_required && self.billing_address.is_none() {
            return Err(InvalidPayload::NoAddress);
        }
        if is_over(self.ends.reveal(), now) { Err(InvalidPayload::Over) } else { Ok(()) }
    }

    /// As it stands in a credential.
    pub fn to_object(&self) -> JsonObject {
        let (year, month) = self.ends.reveal().split_once('-').unwrap_or_default();
        let named = [
            ("encryptedPayload", self.encrypted.reveal().as_str()),
            ("network", self.network.as_str()),
            ("panLastFour", self.last_four.reveal()),
            ("panExpirationMonth", month),
            ("panExpirationYear", year),
        ];
        let optional = [("cardholderFullName", &self.holder), ("paymentAccountReference", &self.account_reference)];
        let optional = optional.iter().filter_map(|(name, text)| Some((*name, text.as_ref()?.reveal().as_str())));
        let members = named.into_iter().chain(optional);
        let mut object: JsonObject = members.map(|(name, text)| (name.to_owned(), Value::from(text))).collect();
        let address = self.billing_address.as_ref().and_then(|text| serde_json::from_str(text.reveal()).ok());
        object.extend(address.map(|address: Value| ("billingAddress".to_owned(), address)));
        object
    }
}

fn text<'a>(object: &'a JsonObject, name: &'static str) -> Result<Option<&'a str>, InvalidPayload> {
    object.get(name).map(|value| value.as_str().ok_or(InvalidPayload::Member(name))).transpose()
}

fn address(object: &JsonObject) -> Result<Option<Personal<String>>, InvalidPayload> {
    let refused = InvalidPayload::Member("billingAddress");
    let Some(value) = object.get("billingAddress") else { return Ok(None) };
    let members = value.as_object().filter(|members| !members.is_empty() && members.len() <= MOST_MEMBERS);
    let is_text = |value: &Value| value.as_str().is_some_and(|text| text.len() <= LONGEST_TEXT);
    if !members.ok_or(refused)?.values().all(is_text) {
        return Err(refused);
    }
    canonical(value).map(|text| Some(Personal::new(text))).map_err(|_| refused)
}

impl fmt::Debug for Payload {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Payload").field("network", &self.network).finish_non_exhaustive()
    }
}
