use farthing_money::Amount;
use farthing_protocol::JsonObject;
use serde_json::Value;

use super::encoding::{amount, optional_object, text};
use super::{Malformed, Network, Resource, Version};

/// One way to pay that a server offers: `PaymentRequirements`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirements {
    /// `exact`, `upto`.
    pub scheme: String,
    /// Where.
    pub network: Network,
    /// Base units.
    pub amount: Amount,
    /// A token's address, as written.
    pub asset: String,
    /// Who is paid, as written.
    pub pay_to: String,
    /// For how long a payment may be valid.
    pub max_timeout_seconds: u64,
    /// The scheme's own.
    pub extra: JsonObject,
}

impl Requirements {
    /// Reads one entry of a price list, or `accepted` of a payment. What version 1 says beside the
    /// requirements themselves is ignored.
    pub fn read(object: &JsonObject, version: Version) -> Result<Self, Malformed> {
        let network = Network::read(text(object, "network")?);
        let named = match version {
            Version::V1 => "maxAmountRequired",
            Version::V2 => "amount",
        };
        let seconds = object.get("maxTimeoutSeconds").and_then(Value::as_u64);
        Ok(Self {
            scheme: text(object, "scheme")?.to_owned(),
            network: network.ok_or(Malformed::member("network", "a CAIP-2 name such as eip155:8453"))?,
            amount: amount(object, named)?,
            asset: text(object, "asset")?.to_owned(),
            pay_to: text(object, "payTo")?.to_owned(),
            max_timeout_seconds: seconds.ok_or(Malformed::member("maxTimeoutSeconds", "a whole number"))?,
            extra: optional_object(object, "extra")?,
        })
    }

    /// As in version 2.
    pub fn to_object(&self) -> JsonObject {
        let mut object = JsonObject::new();
        object.insert("scheme".into(), self.scheme.as_str().into());
        object.insert("network".into(), self.network.as_str().into());
        object.insert("amount".into(), self.amount.to_string().into());
        object.insert("asset".into(), self.asset.as_str().into());
        object.insert("payTo".into(), self.pay_to.as_str().into());
        object.insert("maxTimeoutSeconds".into(), self.max_timeout_seconds.into());
        object.insert("extra".into(), Value::Object(self.extra.clone()));
        object
    }

    /// As an entry of version 1, which says in each entry what is sold. `None` where version 1 has no name
    /// for the network.
    pub fn to_first_version(&self, resource: &Resource) -> Option<JsonObject> {
        let mut object = JsonObject::new();
        object.insert("scheme".into(), self.scheme.as_str().into());
        object.insert("network".into(), self.network.name()?.into());
        object.insert("maxAmountRequired".into(), self.amount.to_string().into());
        object.insert("resource".into(), resource.url.as_str().into());
        object.insert("description".into(), resource.description.as_deref().unwrap_or_default().into());
        object.insert("mimeType".into(), resource.mime_type.as_deref().unwrap_or_default().into());
        object.insert("payTo".into(), self.pay_to.as_str().into());
        object.insert("maxTimeoutSeconds".into(), self.max_timeout_seconds.into());
        object.insert("asset".into(), self.asset.as_str().into());
        object.insert("extra".into(), Value::Object(self.extra.clone()));
        Some(object)
    }

    /// Whether a payment of version 1 cannot tell the two apart.
    pub(super) fn is_alike_in_first_version(&self, other: &Self) -> bool {
        self.scheme == other.scheme && self.network == other.network
    }

    /// Whether a payment's `accepted` is this offer: the same in every member, but that `extra` may say more
    /// (deployed clients add to it) and an address may be written in other case.
    pub fn is_accepted_as(&self, accepted: &Self) -> bool {
        let same = |ours: &str, theirs: &str| ours.eq_ignore_ascii_case(theirs);
        let extra = self.extra.iter().all(|(name, value)| accepted.extra.get(name) == Some(value));
        extra
            && self.scheme == accepted.scheme
            && self.network == accepted.network
            && self.amount == accepted.amount
            && same(&self.asset, &accepted.asset)
            && same(&self.pay_to, &accepted.pay_to)
            && self.max_timeout_seconds == accepted.max_timeout_seconds
    }
}
