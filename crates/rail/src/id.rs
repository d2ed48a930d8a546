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
        let mut hasher = Sha256::new();
        hasher.update(b"farthing/payment/1\0");
        hasher.update(challenge.as_str().as_bytes());
        let hash: [u8; 32] = hasher.finalize().into();
        let mut id = [0; 16];
        id.copy_from_slice(hash.split_at(16).0);
        Self(id)
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
        let digits = text.strip_prefix("pay_").ok_or_else(refused)?;
        if digits.len() != 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(refused());
        }
        let number = u128::from_str_radix(digits, 16).map_err(|_| refused())?;
        Ok(Self(number.to_be_bytes()))
    }
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
}
