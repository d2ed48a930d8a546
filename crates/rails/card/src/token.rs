use farthing_protocol::json::{JsonError, parse_object};
use farthing_protocol::{JsonObject, Timestamp};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::Personal;

/// What is inside the encryption: a network token and what proves that this use of it was wanted. Between enablers
/// only; `Debug` shows none of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkToken {
    /// The number that stands for the card.
    pub number: Personal<String>,
    /// When that number ends: year and month, `2030-12`.
    pub ends: Personal<String>,
    /// The electronic commerce indicator, if the network gave one.
    pub indicator: Option<String>,
    /// What makes it good for one use.
    pub dynamic: DynamicData,
    /// The challenge that it is for. Not of the draft, which binds a token to nothing: an enabler that finds it
    /// here must refuse the token for any other.
    pub challenge: Option<String>,
}

/// What makes a token good for one use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DynamicData {
    /// What kind of proof it is.
    pub kind: DynamicKind,
    /// The proof; none for [`DynamicKind::None`].
    pub value: Option<Personal<String>>,
    /// Until when it is good.
    pub expires: Option<Timestamp>,
}

/// Kinds of proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DynamicKind {
    /// A short application cryptogram.
    ShortForm,
    /// A long one.
    LongForm,
    /// The holder was asked.
    CardholderAuthentication,
    /// No proof at all.
    None,
}

/// Why a plaintext is no network token. Nothing of it is repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAToken {
    /// Not an object of JSON.
    #[error("what was encrypted cannot be read: {0}")]
    Unreadable(#[from] JsonError),
    /// A member that is missing or is something else.
    #[error("what was encrypted has no \"{0}\" of the form that it must have")]
    Member(&'static str),
}

impl DynamicKind {
    const NAMED: [(&'static str, Self); 4] = [
        ("CARD_APPLICATION_CRYPTOGRAM_SHORT_FORM", Self::ShortForm),
        ("CARD_APPLICATION_CRYPTOGRAM_LONG_FORM", Self::LongForm),
        ("CARDHOLDER_AUTHENTICATION_CRYPTOGRAM", Self::CardholderAuthentication),
        ("NONE", Self::None),
    ];

    fn named(word: &str) -> Option<Self> {
        Self::NAMED.into_iter().find(|(name, _)| *name == word).map(|(_, kind)| kind)
    }

    fn word(self) -> &'static str {
        Self::NAMED.into_iter().find(|(_, kind)| *kind == self).map_or("NONE", |(word, _)| word)
    }
}

impl NetworkToken {
    /// Reads what came out of the encryption. The draft calls `dynamicDataValue` required and excuses it for `NONE`;
    /// so it is here.
    pub fn read(plain: &[u8]) -> Result<Self, NotAToken> {
        let object = parse_object(plain)?;
        let token = inner(&object, "token")?;
        let dynamic = inner(&object, "dynamicData")?;
        let number = text(token, "paymentToken")?;
        if !(12..=19).contains(&number.len()) || !is_digits(number) {
            return Err(NotAToken::Member("paymentToken"));
        }
        let kind = DynamicKind::named(text(dynamic, "dynamicDataType")?);
        let kind = kind.ok_or(NotAToken::Member("dynamicDataType"))?;
        let value = optional(dynamic, "dynamicDataValue")?.filter(|value| !value.is_empty());
        if value.is_none() && kind != DynamicKind::None {
            return Err(NotAToken::Member("dynamicDataValue"));
        }
        let expires = optional(dynamic, "dynamicDataExpiration")?.map(Timestamp::parse).transpose();
        Ok(Self {
            number: Personal::new(number.to_owned()),
            ends: Personal::new(month(token, "tokenExpirationYear", "tokenExpirationMonth")?),
            indicator: optional(token, "eci")?.map(str::to_owned),
            dynamic: DynamicData {
                kind,
                value: value.map(|value| Personal::new(value.to_owned())),
                expires: expires.map_err(|_| NotAToken::Member("dynamicDataExpiration"))?,
            },
            challenge: optional(&object, "challengeId")?.map(str::to_owned),
        })
    }

    /// What is encrypted.
    pub fn to_plain(&self) -> Zeroizing<String> {
        let (year, month) = self.ends.reveal().split_once('-').unwrap_or_default();
        let mut token = JsonObject::new();
        token.insert("paymentToken".into(), self.number.reveal().as_str().into());
        token.insert("tokenExpirationMonth".into(), month.into());
        token.insert("tokenExpirationYear".into(), year.into());
        token.extend(self.indicator.as_deref().map(|eci| ("eci".to_owned(), Value::from(eci))));
        let mut dynamic = JsonObject::new();
        dynamic.insert("dynamicDataType".into(), self.dynamic.kind.word().into());
        if let Some(value) = &self.dynamic.value {
            dynamic.insert("dynamicDataValue".into(), value.reveal().as_str().into());
        }
        if let Some(expires) = self.dynamic.expires {
            dynamic.insert("dynamicDataExpiration".into(), expires.to_rfc3339().into());
        }
        let mut plain = json!({ "token": token, "dynamicData": dynamic });
        if let Some(challenge) = &self.challenge {
            plain["challengeId"] = challenge.as_str().into();
        }
        Zeroizing::new(plain.to_string())
    }
}

/// A year of four and a month of two digits, as `2030-12`.
pub(crate) fn month(object: &JsonObject, year: &'static str, month: &'static str) -> Result<String, NotAToken> {
    let (year_text, month_text) = (text(object, year)?, text(object, month)?);
    if year_text.len() != 4 || !is_digits(year_text) {
        return Err(NotAToken::Member(year));
    }
    if month_text.len() != 2 || !("01"..="12").contains(&month_text) || !is_digits(month_text) {
        return Err(NotAToken::Member(month));
    }
    Ok(format!("{year_text}-{month_text}"))
}

/// Whether a month that is written like that is over.
pub(crate) fn is_over(month: &str, now: Timestamp) -> bool {
    now.to_rfc3339().get(..7).is_none_or(|this_month| month < this_month)
}

pub(crate) fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn inner<'a>(object: &'a JsonObject, name: &'static str) -> Result<&'a JsonObject, NotAToken> {
    object.get(name).and_then(Value::as_object).ok_or(NotAToken::Member(name))
}

fn text<'a>(object: &'a JsonObject, name: &'static str) -> Result<&'a str, NotAToken> {
    object.get(name).and_then(Value::as_str).ok_or(NotAToken::Member(name))
}

fn optional<'a>(object: &'a JsonObject, name: &'static str) -> Result<Option<&'a str>, NotAToken> {
    object.get(name).map(|value| value.as_str().ok_or(NotAToken::Member(name))).transpose()
}
