use std::fmt;
use std::str::FromStr;

use farthing_protocol::{Challenge, ChallengeId, base64url};
use sha2::{Digest, Sha256};

/// The one name of a payment in the books, in logs and in support requests. Derived from the
/// challenge it answers, so that doing a payment twice is naming it twice. Where the challenge's nonce begins with
/// when it was issued, the id does too: what is paid at one time lies side by side in every index, however large the
/// books are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PaymentId([u8; 16]);

/// Not a payment id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a payment id is pay_ and 32 hexadecimal digits; got \"{0}\"")]
pub struct NotAPaymentId(String);

impl PaymentId {
    /// How many bytes say where it lies among others; the rest is a hash.
    pub const PLACE: usize = 6;

    /// The id of the payment that answers a challenge: the first bytes of the nonce in its `opaque`, if it has one, and
    /// a hash of its id.
    pub fn answering(challenge: &Challenge) -> Self {
        let mut id = Self::of(challenge.id());
        for (byte, placed) in id.0.iter_mut().zip(place(challenge).into_iter().flatten()) {
            *byte = placed;
        }
        id
    }

    /// The id of the payment that answers a challenge of this name without a nonce.
    pub fn of(challenge: &ChallengeId) -> Self {
        Self(hashed(b"farthing/payment/1\0", challenge.as_str()))
    }

    /// Whether this is the id of a payment that answers this challenge, wherever it lies.
    pub fn answers(&self, challenge: &ChallengeId) -> bool {
        self.0.iter().zip(Self::of(challenge).0).skip(Self::PLACE).all(|(own, its)| *own == its)
    }

    /// An id that lies beside this one: the hash of something that belongs to it.
    pub fn beside(&self, mut hash: [u8; 16]) -> [u8; 16] {
        hash.iter_mut().zip(self.0).take(Self::PLACE).for_each(|(byte, placed)| *byte = placed);
        hash
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

/// The beginning of a challenge's nonce.
fn place(challenge: &Challenge) -> Option<[u8; PaymentId::PLACE]> {
    let opaque = challenge.opaque()?.decode().ok()?;
    let nonce = base64url::decode(opaque.get("n")?.as_str()?).ok()?;
    nonce.first_chunk().copied()
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
    use farthing_protocol::challenge::ChallengeDraft;
    use farthing_protocol::{EncodedObject, IntentName, JsonObject, MethodName, Realm};

    #[test]
    fn a_payment_id_reads_back_from_its_text() {
        let id = PaymentId::from_bytes([0xab; 16]);
        assert_eq!(id.to_string(), format!("pay_{}", "ab".repeat(16)));
        assert_eq!(id.to_string().parse::<PaymentId>(), Ok(id));
        assert!("pay_".parse::<PaymentId>().is_err());
        assert!(format!("pay_+{}", "a".repeat(31)).parse::<PaymentId>().is_err());
    }

    #[test]
    fn a_payment_lies_where_the_nonce_of_its_challenge_says() {
        let issued = |nonce: &[u8]| {
            let mut opaque = JsonObject::new();
            opaque.insert("n".to_owned(), base64url::encode(nonce).into());
            let request = EncodedObject::encode(&JsonObject::new()).unwrap();
            let named = (MethodName::new("balance").unwrap(), IntentName::new("charge").unwrap());
            ChallengeDraft::new(Realm::read("shop.example").unwrap(), named.0, named.1, request)
                .opaque(EncodedObject::encode(&opaque).unwrap())
                .with_id(ChallengeId::read(&format!("testChallenge-{:0>29}", nonce.len())).unwrap())
                .unwrap()
        };
        let challenge = issued(&[5; 16]);
        let id = PaymentId::answering(&challenge);
        assert_eq!(id.as_bytes()[..PaymentId::PLACE], [5; PaymentId::PLACE]);
        assert_eq!(id.as_bytes()[PaymentId::PLACE..], PaymentId::of(challenge.id()).as_bytes()[PaymentId::PLACE..]);
        assert!(id.answers(challenge.id()) && PaymentId::of(challenge.id()).answers(challenge.id()));
        let without = issued(&[5; 3]);
        assert_eq!(PaymentId::answering(&without), PaymentId::of(without.id()), "too short to say");
        assert!(!id.answers(without.id()));
    }

    #[test]
    fn a_session_id_reads_back_from_its_text() {
        let id = SessionId::of("eip155:1/channel/0x01/0x02");
        assert_eq!(id.to_string().parse::<SessionId>(), Ok(id));
        assert_ne!(id, SessionId::of("eip155:1/channel/0x01/0x03"));
        assert!("ses_".parse::<SessionId>().is_err() && "pay_".parse::<SessionId>().is_err());
    }
}
