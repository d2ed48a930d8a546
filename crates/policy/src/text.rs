use std::str::FromStr;

use farthing_money::{Currency, Price, PriceError};
use farthing_rail::OriginError;
use serde::{Deserialize, Serialize};

use crate::{OriginLimit, Policy};

/// Why a policy is refused, in words that say what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// Not TOML of the right form: an unknown key, a wrong kind of value.
    #[error("the policy cannot be read: {0}")]
    Form(String),
    /// Not a price.
    #[error("{key}: {reason}")]
    Price {
        /// Which limit.
        key: &'static str,
        /// What is wrong.
        reason: PriceError,
    },
    /// A limit in another currency than the policy's.
    #[error("{key} is {price}, but the policy counts in {currency}; write every limit in {currency}")]
    Currency {
        /// Which limit.
        key: &'static str,
        /// Its value.
        price: String,
        /// The policy's currency.
        currency: String,
    },
    /// Not an origin.
    #[error("origin: {0}")]
    Origin(#[from] OriginError),
    /// The same origin twice.
    #[error("origin {0} is there twice; keep one")]
    Twice(String),
    /// A signer of offers that is no account.
    #[error("offer_signer: \"{0}\" is no account; write 0x and 40 hexadecimal digits")]
    OfferSigner(String),
    /// Nothing adds up.
    #[error("the policy has neither a total nor a per_day limit, so it limits nothing; write total = \"1 USD\"")]
    Unlimited,
}

/// The file, as written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    #[serde(default = "dollar")]
    currency: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    total: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    per_payment: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    per_day: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session_deposit: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "origin")]
    origins: Option<Vec<OriginText>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OriginText {
    url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limit: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payees: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    offer_signer: Option<String>,
}

fn dollar() -> String {
    "USD".into()
}

impl Policy {
    /// The text of `policy.toml`; [`Policy::from_str`] reads it back.
    pub fn to_toml(&self) -> Result<String, PolicyError> {
        let price = |price: Option<Price>| price.map(|price| price.to_string());
        let origin = |origin: &OriginLimit| OriginText {
            url: origin.origin.to_string(),
            limit: price(origin.limit),
            payees: origin.payees.clone(),
            offer_signer: origin.offer_signer.clone(),
        };
        let text = Text {
            currency: self.currency.to_string(),
            total: price(self.total),
            per_payment: price(self.per_payment),
            per_day: price(self.per_day),
            session_deposit: price(self.session_deposit),
            origins: self.origins.as_ref().map(|origins| origins.iter().map(origin).collect()),
        };
        toml::to_string(&text).map_err(|error| PolicyError::Form(error.to_string()))
    }

    /// Whether it can be followed: one currency, a limit that adds up, no origin twice.
    pub fn check(&self) -> Result<(), PolicyError> {
        if self.total.is_none() && self.per_day.is_none() {
            return Err(PolicyError::Unlimited);
        }
        let origins = self.origins.as_deref().unwrap_or_default();
        for (index, origin) in origins.iter().enumerate() {
            if origins.iter().skip(index + 1).any(|other| other.origin == origin.origin) {
                return Err(PolicyError::Twice(origin.origin.to_string()));
            }
            if let Some(signer) = origin.offer_signer.as_ref().filter(|signer| !is_account(signer)) {
                return Err(PolicyError::OfferSigner(signer.clone()));
            }
        }
        let limits = [
            ("total", self.total),
            ("per_payment", self.per_payment),
            ("per_day", self.per_day),
            ("session_deposit", self.session_deposit),
        ];
        for (key, limit) in limits.into_iter().chain(origins.iter().map(|origin| ("origin.limit", origin.limit))) {
            if let Some(price) = limit.filter(|price| price.currency() != self.currency) {
                let (price, currency) = (price.to_string(), self.currency.to_string());
                return Err(PolicyError::Currency { key, price, currency });
            }
        }
        Ok(())
    }
}

fn is_account(text: &str) -> bool {
    let digits = text.strip_prefix("0x").unwrap_or_default();
    digits.len() == 40 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let text: Text = toml::from_str(text).map_err(|error| PolicyError::Form(error.to_string()))?;
        let price = |key, price: Option<String>| {
            price.map(|price| price.parse()).transpose().map_err(|reason| PolicyError::Price { key, reason })
        };
        let currency: Currency =
            text.currency.parse().map_err(|reason| PolicyError::Price { key: "currency", reason })?;
        let origin = |origin: OriginText| {
            let limit = price("origin.limit", origin.limit)?;
            let OriginText { url, payees, offer_signer, .. } = origin;
            Ok(OriginLimit { origin: url.parse()?, limit, payees, offer_signer })
        };
        let policy = Self {
            currency,
            total: price("total", text.total)?,
            per_payment: price("per_payment", text.per_payment)?,
            per_day: price("per_day", text.per_day)?,
            session_deposit: price("session_deposit", text.session_deposit)?,
            origins: text
                .origins
                .map(|origins| origins.into_iter().map(origin).collect::<Result<_, PolicyError>>())
                .transpose()?,
        };
        policy.check()?;
        Ok(policy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"currency = "USD"
total = "0.5 USD"
per_payment = "0.01 USD"
per_day = "0.2 USD"
session_deposit = "0.1 USD"

[[origin]]
url = "http://127.0.0.1:4020"

[[origin]]
url = "https://api.example.com"
limit = "0.1 USD"
payees = ["0x52908400098527886E0F7030069857D2E4169EE7"]
offer_signer = "0x8617E340B3D01FA5F11F306F4090FD50E238070D"
"#;

    #[test]
    fn a_policy_reads_back_from_its_text() {
        let policy: Policy = WHOLE.parse().unwrap();
        assert_eq!(policy.to_toml().unwrap(), WHOLE);
        let nowhere = Policy { origins: Some(Vec::new()), ..policy };
        assert_eq!(nowhere.to_toml().unwrap().parse::<Policy>().unwrap(), nowhere);
    }

    #[test]
    fn a_policy_that_cannot_be_followed_is_refused() {
        let refusal = |text: &str| text.parse::<Policy>().unwrap_err();
        assert_eq!(refusal(""), PolicyError::Unlimited);
        assert_eq!(refusal("per_payment = \"1 USD\""), PolicyError::Unlimited);
        assert!(matches!(refusal("totl = \"1 USD\""), PolicyError::Form(_)));
        assert!(matches!(refusal("total = 1"), PolicyError::Form(_)));
        assert!(matches!(refusal("total = \"1\""), PolicyError::Price { key: "total", .. }));
        assert!(matches!(refusal("total = \"1 EUR\""), PolicyError::Currency { key: "total", .. }));
        let origins = |origins: &str| refusal(&format!("total = \"1 USD\"\n{origins}"));
        assert!(matches!(origins("[[origin]]\nurl = \"api.example.com\""), PolicyError::Origin(_)));
        assert!(matches!(origins("[[origin]]\nurl = \"https://a\"\nmax = 1"), PolicyError::Form(_)));
        assert!(matches!(
            origins("[[origin]]\nurl = \"https://a\"\noffer_signer = \"0x1\""),
            PolicyError::OfferSigner(_)
        ));
        let twice = "[[origin]]\nurl = \"https://a\"\n[[origin]]\nurl = \"https://A:443/\"";
        assert_eq!(origins(twice), PolicyError::Twice("https://a".into()));
    }
}
