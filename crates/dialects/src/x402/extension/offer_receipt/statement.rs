use farthing_money::Amount;
use farthing_protocol::{JsonObject, Timestamp};
use serde_json::Value;

use super::typed::{self, Member};
use crate::x402::encoding::{amount, optional_text, text};
use crate::x402::{Malformed, Network, Requirements};

/// The only version of what is signed.
const VERSION: u64 = 1;

/// What a server signs: an [`Offer`] or a [`Receipt`].
pub trait Statement: Sized {
    /// Reads what was signed.
    fn read(payload: &JsonObject) -> Result<Self, Malformed>;

    /// As it is signed in a JWS: without what it does not say.
    fn to_object(&self) -> JsonObject;

    /// As it stands beside an EIP-712 signature: what it does not say is zero or empty.
    fn to_typed_object(&self) -> JsonObject;

    /// The 66 bytes of EIP-712 whose Keccak-256 hash is signed.
    fn to_typed_message(&self) -> [u8; 66];
}

/// What is offered: for this much, there, until then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// What is sold.
    pub resource_url: String,
    /// `exact`, `upto`.
    pub scheme: String,
    /// Where.
    pub network: Network,
    /// The token, as written.
    pub asset: String,
    /// Who is paid, as written.
    pub pay_to: String,
    /// Base units.
    pub amount: Amount,
    /// Until when, in seconds since the epoch.
    pub valid_until: Option<u64>,
}

/// What was received: a payment by that account for this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Where it was paid.
    pub network: Network,
    /// What was sold.
    pub resource_url: String,
    /// Whose money, as written.
    pub payer: String,
    /// When the receipt was made, in seconds since the epoch.
    pub issued_at: u64,
    /// The transaction; a server may leave it out for privacy.
    pub transaction: Option<String>,
}

impl Offer {
    /// The offer of this entry of a price list.
    pub fn new(resource_url: &str, entry: &Requirements, valid_until: Option<Timestamp>) -> Self {
        Self {
            resource_url: resource_url.to_owned(),
            scheme: entry.scheme.clone(),
            network: entry.network.clone(),
            asset: entry.asset.clone(),
            pay_to: entry.pay_to.clone(),
            amount: entry.amount,
            valid_until: valid_until.map(seconds),
        }
    }

    /// Whether this is what an entry of a price list offers, and still is.
    pub fn is_of(&self, resource_url: &str, entry: &Requirements, now: Timestamp) -> bool {
        self.valid_until.is_none_or(|end| seconds(now) < end)
            && *self == Self { valid_until: self.valid_until, ..Self::new(resource_url, entry, None) }
    }
}

impl Receipt {
    /// Whether this acknowledges a payment by that account for what was offered, not before `since`.
    pub fn is_of(&self, resource_url: &str, network: &Network, payer: &str, since: Timestamp) -> bool {
        self.resource_url == resource_url
            && self.network == *network
            && self.payer.eq_ignore_ascii_case(payer)
            && self.issued_at >= seconds(since)
    }
}

impl Statement for Offer {
    fn read(payload: &JsonObject) -> Result<Self, Malformed> {
        check_version(payload)?;
        Ok(Self {
            resource_url: text(payload, "resourceUrl")?.to_owned(),
            scheme: text(payload, "scheme")?.to_owned(),
            network: network(payload)?,
            asset: text(payload, "asset")?.to_owned(),
            pay_to: text(payload, "payTo")?.to_owned(),
            amount: amount(payload, "amount")?,
            valid_until: second(payload, "validUntil")?.filter(|end| *end > 0),
        })
    }

    fn to_object(&self) -> JsonObject {
        let mut payload = self.to_typed_object();
        if self.valid_until.is_none() {
            payload.remove("validUntil");
        }
        payload
    }

    fn to_typed_object(&self) -> JsonObject {
        JsonObject::from_iter([
            ("version".to_owned(), VERSION.into()),
            ("resourceUrl".to_owned(), self.resource_url.as_str().into()),
            ("scheme".to_owned(), self.scheme.as_str().into()),
            ("network".to_owned(), self.network.as_str().into()),
            ("asset".to_owned(), self.asset.as_str().into()),
            ("payTo".to_owned(), self.pay_to.as_str().into()),
            ("amount".to_owned(), self.amount.to_string().into()),
            ("validUntil".to_owned(), self.valid_until.unwrap_or_default().into()),
        ])
    }

    fn to_typed_message(&self) -> [u8; 66] {
        let kind = "Offer(uint256 version,string resourceUrl,string scheme,string network,string asset,string payTo,\
            string amount,uint256 validUntil)";
        let members = [
            Member::Number(VERSION),
            Member::Text(&self.resource_url),
            Member::Text(&self.scheme),
            Member::Text(self.network.as_str()),
            Member::Text(&self.asset),
            Member::Text(&self.pay_to),
            Member::Text(&self.amount.to_string()),
            Member::Number(self.valid_until.unwrap_or_default()),
        ];
        typed::message("x402 offer", kind, &members)
    }
}

impl Statement for Receipt {
    fn read(payload: &JsonObject) -> Result<Self, Malformed> {
        check_version(payload)?;
        Ok(Self {
            network: network(payload)?,
            resource_url: text(payload, "resourceUrl")?.to_owned(),
            payer: text(payload, "payer")?.to_owned(),
            issued_at: second(payload, "issuedAt")?.ok_or(Malformed::member("issuedAt", SECONDS))?,
            transaction: optional_text(payload, "transaction")?.filter(|hash| !hash.is_empty()),
        })
    }

    fn to_object(&self) -> JsonObject {
        let mut payload = self.to_typed_object();
        if self.transaction.is_none() {
            payload.remove("transaction");
        }
        payload
    }

    fn to_typed_object(&self) -> JsonObject {
        JsonObject::from_iter([
            ("version".to_owned(), VERSION.into()),
            ("network".to_owned(), self.network.as_str().into()),
            ("resourceUrl".to_owned(), self.resource_url.as_str().into()),
            ("payer".to_owned(), self.payer.as_str().into()),
            ("issuedAt".to_owned(), self.issued_at.into()),
            ("transaction".to_owned(), self.transaction.as_deref().unwrap_or_default().into()),
        ])
    }

    fn to_typed_message(&self) -> [u8; 66] {
        let kind = "Receipt(uint256 version,string network,string resourceUrl,string payer,uint256 issuedAt,\
            string transaction)";
        let members = [
            Member::Number(VERSION),
            Member::Text(self.network.as_str()),
            Member::Text(&self.resource_url),
            Member::Text(&self.payer),
            Member::Number(self.issued_at),
            Member::Text(self.transaction.as_deref().unwrap_or_default()),
        ];
        typed::message("x402 receipt", kind, &members)
    }
}

const SECONDS: &str = "a time in seconds since 1970";

fn check_version(payload: &JsonObject) -> Result<(), Malformed> {
    if payload.get("version").and_then(Value::as_u64) == Some(VERSION) {
        return Ok(());
    }
    Err(Malformed::member("version", "the number 1"))
}

/// Only the CAIP-2 name itself is signed.
fn network(payload: &JsonObject) -> Result<Network, Malformed> {
    let told = text(payload, "network")?;
    let network = Network::read(told).filter(|network| network.as_str() == told);
    network.ok_or(Malformed::member("network", "a CAIP-2 name such as eip155:8453"))
}

fn second(payload: &JsonObject, member: &'static str) -> Result<Option<u64>, Malformed> {
    match payload.get(member) {
        None => Ok(None),
        Some(value) => value.as_u64().map(Some).ok_or(Malformed::member(member, SECONDS)),
    }
}

fn seconds(at: Timestamp) -> u64 {
    u64::try_from(at.unix_millis().div_euclid(1000)).unwrap_or_default()
}
