use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Longer than any token that was ever seen, and far below what would hurt.
const LONGEST: usize = 255;

/// A Shared Payment Token: money to whoever holds it and is the seller it was issued for. It never shows in
/// `Debug`, and only [`Spt::reveal`] hands it out.
#[derive(Clone, PartialEq, Eq)]
pub struct Spt(Zeroizing<String>);

/// Not a Shared Payment Token. What it was is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a Shared Payment Token is spt_ and at most 251 letters, digits and underscores")]
pub struct NotASpt;

impl Spt {
    /// Reads a token.
    pub fn parse(text: &str) -> Result<Self, NotASpt> {
        let rest = text.strip_prefix("spt_").filter(|rest| !rest.is_empty()).ok_or(NotASpt)?;
        let is_plain = rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_plain || text.len() > LONGEST {
            return Err(NotASpt);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// The token itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What it goes by in books and logs: the SHA-256 of it, in hexadecimal.
    pub fn fingerprint(&self) -> String {
        let hash: [u8; 32] = Sha256::digest(self.0.as_bytes()).into();
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for Spt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Spt(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_one_form() {
        assert_eq!(Spt::parse("spt_1RgaZcFPC5QUO6ZCDVZuVA8q").unwrap().reveal(), "spt_1RgaZcFPC5QUO6ZCDVZuVA8q");
        for text in ["", "spt_", "pm_1", "SPT_1", " spt_1", "spt_1 ", "spt_1&amount=1", "spt_\u{e9}", &long()] {
            assert_eq!(Spt::parse(text), Err(NotASpt), "{text}");
        }
    }

    #[test]
    fn a_token_goes_by_its_hash() {
        let token = Spt::parse("spt_secret").unwrap();
        assert_eq!(token.fingerprint().len(), 64);
        assert!(!format!("{token:?} {}", token.fingerprint()).contains("secret"));
    }

    fn long() -> String {
        format!("spt_{}", "a".repeat(LONGEST))
    }
}
