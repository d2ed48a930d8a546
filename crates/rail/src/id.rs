use std::fmt;
use std::str::FromStr;

use farthing_protocol::ChallengeId;
use sha2::{Digest, Sha256};

/// The one name of a payment in the books, in logs and in support requests. Derived from the
/// challenge it answers, so that doing a payment twice is naming it twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PaymentId([u8; 16]);

/// Not a payment id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a payment id is pay_ and 32 hexadecimal digits; got \"{0}\"")]
pub struct NotAPaymentId(String);

impl PaymentId {
    /// The id of the payment that answers a challenge.
    pub fn of(challenge: &ChallengeId) -> Self {
        Self(hashed(b"farthing/payment/1\0", challenge.as_str()))
    }

    /// From stored bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// For storing.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for PaymentId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("pay_")?;
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for PaymentId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for PaymentId {
    type Err = NotAPaymentId;

    fn from_str(text: &str) -> Result<Self, NotAPaymentId> {
        let refused = || NotAPaymentId(text.chars().take(64).collect());
        Ok(Self(digits_of(text, "pay_").ok_or_else(refused)?))
    }
}

/// The one name of a session in the books, in logs and in support requests. Derived from what the rail calls
/// it, so that opening it twice is naming it twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId([u8; 16]);

/// Not a session id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a session id is ses_ and 32 hexadecimal digits; got \"{0}\"")]
pub struct NotASessionId(String);

impl SessionId {
    /// The id of the session that a rail calls this. The name begins with the rail's own, so that two rails
    /// never collide: `eip155:<chain>/channel/<escrow>/<id>`, `balance/session/<did>/<id>`.
    pub fn of(name: &str) -> Self {
        Self(hashed(b"farthing/session/1\0", name))
    }

    /// From stored bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// For storing.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ses_{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for SessionId {
    type Err = NotASessionId;

    fn from_str(text: &str) -> Result<Self, NotASessionId> {
        let refused = || NotASessionId(text.chars().take(64).collect());
        Ok(Self(digits_of(text, "ses_").ok_or_else(refused)?))
    }
}

/// The first half of a hash over a kind and a name.
fn hashed(kind: &[u8], name: &str) -> [u8; 16] {
    let mut hasher = Sha256::new();
    hasher.update(kind);
    hasher.update(name.as_bytes());
    let hash: [u8; 32] = hasher.finalize().into();
    let mut id = [0; 16];
    id.copy_from_slice(hash.split_at(16).0);
    id
}

/// The bytes behind a prefix and 32 hexadecimal digits.
fn digits_of(text: &str, prefix: &str) -> Option<[u8; 16]> {
    let digits = text.strip_prefix(prefix)?;
    if digits.len() != 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(digits, 16).ok().map(u128::to_be_bytes)
}

/// Who pays, as the rail knows them: `did:key:z6Mk...`, an address, a customer id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PayerId(Box<str>);

impl PayerId {
    /// Takes the rail's own name of a payer.
    pub fn new(name: impl Into<Box<str>>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PayerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payment_id_reads_back_from_its_text() {
        let id = PaymentId::from_bytes([0xab; 16]);
        assert_eq!(id.to_string(), format!("pay_{}", "ab".repeat(16)));
        assert_eq!(id.to_string().parse::<PaymentId>(), Ok(id));
        assert!("pay_".parse::<PaymentId>().is_err());
        assert!(format!("pay_+{}", "a".repeat(31)).parse::<PaymentId>().is_err());
    }

    #[test]
    fn a_session_id_reads_back_from_its_text() {
        let id = SessionId::of("eip155:1/channel/0x01/0x02");
        assert_eq!(id.to_string().parse::<SessionId>(), Ok(id));
        assert_ne!(id, SessionId::of("eip155:1/channel/0x01/0x03"));
        assert!("ses_".parse::<SessionId>().is_err() && "pay_".parse::<SessionId>().is_err());
    }
}
