use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::ZeroizeOnDrop;

use crate::api::{Api, ApiConfigError, Place, Version};

/// How a token comes to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Issue {
    /// Out of the agent's own account: `issued_tokens`.
    #[default]
    Issued,
    /// By the helper of Stripe's test mode, in the account of the seller that is tried out.
    TestHelper,
}

/// What a wallet pays by card with: a key of the agent's account at Stripe, and a payment method in it. It is
/// kept sealed under the wallet's own key; `Debug` shows no key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ZeroizeOnDrop)]
pub struct Funding {
    key: String,
    payment_method: String,
    #[zeroize(skip)]
    issue: Issue,
    version: String,
    api_base: Option<String>,
}

/// What a wallet cannot pay by card with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FundingError {
    /// The key, the version or the place.
    #[error("the {what} {error}")]
    Api {
        /// Which of them.
        what: &'static str,
        /// What is wrong.
        error: ApiConfigError,
    },
    /// Not a payment method.
    #[error("the payment method is an id of Stripe's, which begins with pm_")]
    PaymentMethod,
    /// Test money with a live key.
    #[error("Stripe's test helper takes a key of its test mode, which begins with sk_test_ or rk_test_")]
    LiveKey,
    /// What was kept is something else.
    #[error("what is kept of the card cannot be read; set it anew with: farthing wallet fund NAME --stripe")]
    Unreadable,
}

impl Funding {
    /// Checks what a wallet's owner says.
    pub fn new(
        key: &str,
        payment_method: &str,
        issue: Issue,
        version: &str,
        api_base: Option<&str>,
    ) -> Result<Self, FundingError> {
        let rest = payment_method.strip_prefix("pm_").unwrap_or_default();
        if rest.is_empty() || !rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(FundingError::PaymentMethod);
        }
        if issue == Issue::TestHelper && !(key.starts_with("sk_test_") || key.starts_with("rk_test_")) {
            return Err(FundingError::LiveKey);
        }
        let funding = Self {
            key: key.to_owned(),
            payment_method: payment_method.to_owned(),
            issue,
            version: version.to_owned(),
            api_base: api_base.map(str::to_owned),
        };
        funding.api()?;
        Ok(funding)
    }

    /// From bytes that [`Funding::to_bytes`] made.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FundingError> {
        serde_json::from_slice(bytes).map_err(|_| FundingError::Unreadable)
    }

    /// To be sealed.
    pub fn to_bytes(&self) -> Result<zeroize::Zeroizing<Vec<u8>>, FundingError> {
        serde_json::to_vec(self).map(zeroize::Zeroizing::new).map_err(|_| FundingError::Unreadable)
    }

    pub(super) fn payment_method(&self) -> &str {
        &self.payment_method
    }

    pub(super) fn issue(&self) -> Issue {
        self.issue
    }

    /// The API, asked with the key. A double on this machine is good enough for whoever points there.
    pub(super) fn api(&self) -> Result<Api, FundingError> {
        let wrong = |what| move |error| FundingError::Api { what, error };
        let version = Version::parse(&self.version).map_err(wrong("version"))?;
        let place = match &self.api_base {
            Some(base) => Place::parse(base, true),
            None => Place::stripe(),
        };
        Api::new(&place.map_err(wrong("API's place"))?, &version, &self.key, None).map_err(wrong("key"))
    }
}

impl fmt::Debug for Funding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Funding").field("payment_method", &self.payment_method).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION: &str = "2026-04-22.preview";

    #[test]
    fn a_funding_reads_back_and_does_not_show_its_key() {
        let funding = Funding::new("sk_test_Secret", "pm_card_visa", Issue::TestHelper, VERSION, None).unwrap();
        assert_eq!(Funding::from_bytes(&funding.to_bytes().unwrap()).unwrap(), funding);
        assert!(!format!("{funding:?}").contains("Secret"));
        assert_eq!(Funding::from_bytes(b"{}"), Err(FundingError::Unreadable));
    }

    #[test]
    fn what_cannot_pay_is_refused_without_repeating_the_key() {
        let new = |key, method, issue, version, base| Funding::new(key, method, issue, version, base).unwrap_err();
        let refusals = [
            new("pk_test_Secret", "pm_1", Issue::Issued, VERSION, None),
            new("sk_live_Secret", "pm_1", Issue::TestHelper, VERSION, None),
            new("sk_live_Secret", "4242424242424242", Issue::Issued, VERSION, None),
            new("sk_live_Secret", "pm_1", Issue::Issued, "latest", None),
            new("sk_live_Secret", "pm_1", Issue::Issued, VERSION, Some("http://api.example.com")),
        ];
        for refusal in refusals {
            assert!(!refusal.to_string().contains("Secret"), "{refusal}");
        }
    }
}
