//! Policies as people write them: TOML, in which every mistake is refused in one sentence.

use farthing_money::PriceError;
use farthing_rail::OriginError;

mod check;
mod form;
mod read;
mod write;

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
    /// Not a value that this key can have.
    #[error("{key} is \"{value}\"; write {wanted}")]
    Value {
        /// Which key.
        key: &'static str,
        /// Its value.
        value: String,
        /// What it can be.
        wanted: &'static str,
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
    /// The same thing twice.
    #[error("{key} {value} is there twice; keep one")]
    Twice {
        /// Of which kind.
        key: &'static str,
        /// Which.
        value: String,
    },
    /// A signer of offers that is no account.
    #[error("offer_signer: \"{0}\" is no account; write 0x and 40 hexadecimal digits")]
    OfferSigner(String),
    /// A limit that limits nothing.
    #[error(
        "the limit {limit} has neither an amount nor a number of payments; write amount = \"1 USD\" or payments = 10"
    )]
    EmptyLimit {
        /// Which.
        limit: String,
    },
    /// Nothing adds up.
    #[error("the policy has neither a total nor a per_day limit, so it limits nothing; write total = \"1 USD\"")]
    Unlimited,
}

impl PolicyError {
    /// What the parser says, on one line and with the number of the line that it speaks of.
    fn form(text: &str, error: &toml::de::Error) -> Self {
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.map(|before| format!("line {}: ", before.matches('\n').count() + 1));
        let said = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
        Self::Form(format!("{}{said}", line.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Policy;

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
        assert_eq!(origins(twice), PolicyError::Twice { key: "origin", value: "https://a".into() });
    }
}
