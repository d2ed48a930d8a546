use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::Controls;
use crate::api::{Api, ApiConfigError, Form, Heard, Place, Said, Version};
use crate::seller::intent::id;

const CARDS: &str = "v1/issuing/cards";

/// What issues cards for a wallet: a key of an account with Issuing, and the cardholder in it. Kept sealed under the
/// wallet's own key; `Debug` shows no key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ZeroizeOnDrop)]
pub struct IssuingAccount {
    key: String,
    cardholder: String,
    version: String,
    api_base: Option<String>,
}

/// Whether a card pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It does, as far as it may.
    Active,
    /// It does not, for now.
    Inactive,
    /// Never again.
    Canceled,
}

/// A card that was made. Its number stays at Stripe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCard {
    /// `ic_...`.
    pub id: String,
    /// The last four digits.
    pub last4: String,
    /// The currency, in lower case.
    pub currency: String,
}

/// Why no card is issued, or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssuingError {
    /// The key, the version or the place.
    #[error("the {what} {error}")]
    Api {
        /// Which of them.
        what: &'static str,
        /// What is wrong.
        error: ApiConfigError,
    },
    /// Not a cardholder.
    #[error("the cardholder is an id of Stripe's, which begins with ich_; make one in Stripe's dashboard")]
    Cardholder,
    /// What was kept is something else.
    #[error(
        "what is kept of the issuing account cannot be read; make the next card with --stripe and --cardholder anew"
    )]
    Unreadable,
    /// Stripe said no.
    #[error("Stripe did not do it: {0}")]
    Refused(String),
    /// Nobody knows.
    #[error("Stripe gave no answer that counts ({0}); the same command is safe to repeat")]
    Unanswered(String),
}

impl Status {
    /// The word of Stripe's.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Canceled => "canceled",
        }
    }
}

impl IssuingAccount {
    /// Checks what a wallet's owner says.
    pub fn new(key: &str, cardholder: &str, version: &str, api_base: Option<&str>) -> Result<Self, IssuingError> {
        let rest = cardholder.strip_prefix("ich_").unwrap_or_default();
        if rest.is_empty() || !rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(IssuingError::Cardholder);
        }
        let account = Self {
            key: key.to_owned(),
            cardholder: cardholder.to_owned(),
            version: version.to_owned(),
            api_base: api_base.map(str::to_owned),
        };
        account.api()?;
        Ok(account)
    }

    /// From bytes that [`IssuingAccount::to_bytes`] made.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, IssuingError> {
        serde_json::from_slice(bytes).map_err(|_| IssuingError::Unreadable)
    }

    /// To be sealed.
    pub fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, IssuingError> {
        serde_json::to_vec(self).map(Zeroizing::new).map_err(|_| IssuingError::Unreadable)
    }

    /// Makes a virtual card for a wallet, once under this name.
    pub async fn create(
        &self,
        currency: &str,
        wallet: &str,
        name: &str,
        controls: &Controls,
    ) -> Result<NewCard, IssuingError> {
        let form = Form::default()
            .with("cardholder", &self.cardholder)
            .with("currency", &currency.to_ascii_lowercase())
            .with("type", "virtual")
            .with("status", "active")
            .with("metadata[farthing_wallet]", wallet)
            .with("metadata[farthing_card]", name);
        let said = said(self.api()?.post(CARDS, &controls.put(form), Some(&format!("farthing_card_{name}"))).await)?;
        let last4 =
            said.text("/last4").filter(|text| text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit()));
        let made = said.body.get("id").and_then(|value| id(value, "ic_")).zip(last4);
        let (id, last4) = made.ok_or_else(|| IssuingError::Unanswered("a card without an id".to_owned()))?;
        Ok(NewCard { id: id.to_owned(), last4: last4.to_owned(), currency: currency.to_ascii_lowercase() })
    }

    /// Lets a card pay, or not.
    pub async fn set_status(&self, card: &str, status: Status) -> Result<(), IssuingError> {
        let form = Form::default().with("status", status.as_str());
        let said = said(self.api()?.post(&format!("{CARDS}/{card}"), &form, None).await)?;
        match said.text("/status") {
            Some(now) if now == status.as_str() => Ok(()),
            _ => Err(IssuingError::Unanswered("another status".to_owned())),
        }
    }

    fn api(&self) -> Result<Api, IssuingError> {
        let wrong = |what| move |error| IssuingError::Api { what, error };
        let version = Version::parse(&self.version).map_err(wrong("version"))?;
        let place = match &self.api_base {
            Some(base) => Place::parse(base, true),
            None => Place::stripe(),
        };
        Api::new(&place.map_err(wrong("API's place"))?, &version, &self.key, None).map_err(wrong("key"))
    }
}

fn said(heard: Heard) -> Result<Said, IssuingError> {
    match heard {
        Heard::Said(said) if said.is_success() => Ok(said),
        Heard::Said(said) if matches!(said.status, 409 | 429 | 500..) => {
            Err(IssuingError::Unanswered(said.to_string()))
        }
        Heard::Said(said) => Err(IssuingError::Refused(said.to_string())),
        Heard::Unreached => Err(IssuingError::Unanswered("it cannot be reached".to_owned())),
        Heard::Nothing(what) => Err(IssuingError::Unanswered(what.to_owned())),
    }
}

impl fmt::Debug for IssuingAccount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("IssuingAccount").field("cardholder", &self.cardholder).finish_non_exhaustive()
    }
}
