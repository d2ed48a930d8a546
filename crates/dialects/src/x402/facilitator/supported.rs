use std::collections::BTreeMap;

use farthing_protocol::JsonObject;
use serde_json::Value;

use crate::x402::encoding::{object, optional_object, text};
use crate::x402::{Malformed, Network, Version};

/// What a facilitator can do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Supported {
    /// What it settles.
    pub kinds: Vec<Kind>,
    /// The extensions that it knows.
    pub extensions: Vec<String>,
    /// The accounts that submit payments, by networks: `eip155:8453`, or `eip155:*` for all of a family.
    pub signers: BTreeMap<String, Vec<String>>,
}

/// One kind of payment that a facilitator settles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    /// In which version.
    pub version: Version,
    /// `exact`, `upto`.
    pub scheme: String,
    /// Where.
    pub network: Network,
    /// What an offer of this kind must say in its own `extra`, such as `facilitatorAddress`.
    pub extra: JsonObject,
}

impl Supported {
    /// Reads a facilitator's body. Kinds of other versions and of networks that have no name here are left
    /// out: they are nothing that could be asked for.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Malformed> {
        let supported = object(bytes)?;
        let Some(Value::Array(kinds)) = supported.get("kinds") else {
            return Err(Malformed::member("kinds", "a list"));
        };
        let texts = |value: &Value| -> Vec<String> {
            value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let signers = optional_object(&supported, "signers")?;
        Ok(Self {
            kinds: kinds.iter().filter_map(Value::as_object).filter_map(|kind| Kind::read(kind).ok()).collect(),
            extensions: supported.get("extensions").map(texts).unwrap_or_default(),
            signers: signers.iter().map(|(networks, accounts)| (networks.clone(), texts(accounts))).collect(),
        })
    }

    /// What it says of a kind, if it settles it.
    pub fn kind(&self, version: Version, scheme: &str, network: &Network) -> Option<&Kind> {
        let is_it = |kind: &&Kind| kind.version == version && kind.scheme == scheme && kind.network == *network;
        self.kinds.iter().find(is_it)
    }

    /// As an object. A kind of version 1 on a network that has no name there is left out.
    pub fn to_object(&self) -> JsonObject {
        let kinds: Vec<Value> = self.kinds.iter().filter_map(Kind::to_object).map(Value::Object).collect();
        let signers = self.signers.iter().map(|(networks, accounts)| (networks.clone(), accounts.clone().into()));
        let mut supported = JsonObject::new();
        supported.insert("kinds".into(), kinds.into());
        supported.insert("extensions".into(), self.extensions.clone().into());
        supported.insert("signers".into(), Value::Object(signers.collect()));
        supported
    }
}

impl Kind {
    fn read(kind: &JsonObject) -> Result<Self, Malformed> {
        let network = Network::read(text(kind, "network")?);
        Ok(Self {
            version: Version::read(kind.get("x402Version"))?,
            scheme: text(kind, "scheme")?.to_owned(),
            network: network.ok_or(Malformed::member("network", "a network's name"))?,
            extra: optional_object(kind, "extra")?,
        })
    }

    fn to_object(&self) -> Option<JsonObject> {
        let network = match self.version {
            Version::V1 => self.network.name()?,
            Version::V2 => self.network.as_str(),
        };
        let mut kind = JsonObject::new();
        kind.insert("x402Version".into(), self.version.number().into());
        kind.insert("scheme".into(), self.scheme.as_str().into());
        kind.insert("network".into(), network.into());
        if !self.extra.is_empty() {
            kind.insert("extra".into(), Value::Object(self.extra.clone()));
        }
        Some(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_said_reads_back() {
        let kind = |version, network| Kind {
            version,
            scheme: "upto".into(),
            network: Network::evm(network),
            extra: json!({"facilitatorAddress": "0xf"}).as_object().unwrap().clone(),
        };
        let supported = Supported {
            kinds: vec![kind(Version::V1, 8453), kind(Version::V2, 8453), kind(Version::V2, 999_999)],
            extensions: vec!["payment-identifier".into()],
            signers: BTreeMap::from([("eip155:*".into(), vec!["0xf".into()])]),
        };
        let text = Value::Object(supported.to_object()).to_string();
        assert_eq!(Supported::from_json(text.as_bytes()), Ok(supported.clone()));
        assert!(supported.kind(Version::V2, "upto", &Network::evm(8453)).is_some());
        assert!(supported.kind(Version::V1, "upto", &Network::evm(999_999)).is_none());
        let nameless = Supported { kinds: vec![kind(Version::V1, 999_999)], ..Supported::default() };
        assert_eq!(nameless.to_object()["kinds"], json!([]));
    }

    #[test]
    fn kinds_that_nobody_here_could_ask_for_are_left_out() {
        let text = json!({"kinds": [
            {"x402Version": 1, "scheme": "exact", "network": "solana-devnet"},
            {"x402Version": 3, "scheme": "exact", "network": "eip155:1"},
            {"x402Version": 2, "scheme": "exact", "network": "eip155:1", "extra": null},
            7,
        ]});
        let supported = Supported::from_json(text.to_string().as_bytes()).unwrap();
        assert_eq!(supported.kinds.len(), 1);
        for body in ["{}", "[]", "<html>", r#"{"kinds":{}}"#] {
            assert!(Supported::from_json(body.as_bytes()).is_err(), "{body}");
        }
    }
}
