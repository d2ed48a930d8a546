//! A nonce that says what it pays for.
//!
//! x402 leaves an authorization's nonce to chance, so that what was signed for one resource pays for any
//! other at that price. Our wallet derives it from what is bought and a salt; to everybody who does not know
//! the rule it is as random as any other.

use farthing_protocol::json::canonical;
use farthing_protocol::{BodyDigest, ChallengeId, JsonObject, base64url};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Requirements;
use super::hex::{digit, from_hex};

/// What makes two purchases of the same thing differ.
pub type Salt = [u8; 16];

/// The name of the rule, which servers advertise that check it.
pub(super) const RULE: &str = "farthing/x402-nonce/1";

/// What is bought.
#[derive(Clone, Copy, Debug)]
pub struct Binding<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// `resource.url` of the offer.
    pub resource: &'a str,
    /// The digest of the request's body, where it has one.
    pub digest: Option<&'a BodyDigest>,
    /// The offer, as the server made it.
    pub accepted: &'a Requirements,
    /// The client's own.
    pub salt: &'a Salt,
}

impl Binding<'_> {
    /// The nonce: 32 bytes.
    pub fn nonce(&self) -> [u8; 32] {
        let accepted = canonical(&Value::Object(self.accepted.to_object())).unwrap_or_default();
        let digest = self.digest.map_or("", BodyDigest::as_str);
        let mut hasher = Sha256::new();
        for part in
            [RULE.as_bytes(), self.method.as_bytes(), self.resource.as_bytes(), digest.as_bytes(), accepted.as_bytes()]
        {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        hasher.update(self.salt);
        hasher.finalize().into()
    }

    /// Whether the payload of a scheme uses this nonce: `nonce` of an EIP-3009 authorization, or of a
    /// Permit2 one, where it is a number of 256 bits.
    pub fn is_nonce_of(&self, payload: &JsonObject) -> bool {
        let nonce = |member: &str| payload.get(member)?.as_object()?.get("nonce")?.as_str();
        let used = nonce("authorization").and_then(from_hex).or_else(|| nonce("permit2Authorization").and_then(word));
        used == Some(self.nonce())
    }

    /// The nonce as the id of the challenge that our wallet answers.
    pub fn challenge_id(&self) -> Option<ChallengeId> {
        ChallengeId::read(&base64url::encode(self.nonce())).ok()
    }
}

/// A decimal number below 2^256, in its one spelling, as 32 bytes.
fn word(text: &str) -> Option<[u8; 32]> {
    if text.is_empty() || (text.len() > 1 && text.starts_with('0')) {
        return None;
    }
    text.bytes().try_fold([0; 32], |mut word: [u8; 32], letter| {
        let mut carry = u16::from(digit(letter, 10)?);
        for byte in word.iter_mut().rev() {
            let [over, low] = (u16::from(*byte) * 10 + carry).to_be_bytes();
            (*byte, carry) = (low, over.into());
        }
        (carry == 0).then_some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_has_one_spelling_in_each_scheme() {
        let largest = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
        assert_eq!(word(largest), Some([0xff; 32]));
        assert_eq!(word("115792089237316195423570985008687907853269984665640564039457584007913129639936"), None);
        let mut small = [0; 32];
        (small[30], small[31]) = (1, 2);
        assert_eq!(word("258"), Some(small));
        assert_eq!(from_hex(&format!("0x{:0>64}", "0102")), Some(small));
        assert_eq!(from_hex(&format!("0x{}", "Ff".repeat(32))), Some([0xff; 32]));
        for text in ["", "00", "+1", " 1", "1e1", "0x1"] {
            assert_eq!(word(text), None, "{text}");
        }
        for text in [String::new(), "ff".repeat(32), format!("0x{}", "f".repeat(63)), format!("0x{}", "+f".repeat(32))]
        {
            assert_eq!(from_hex::<32>(&text), None, "{text}");
        }
    }
}
