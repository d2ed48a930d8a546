//! Names of entries, and the check digits that IBANs and references share.

use std::fmt;

use sha2::{Digest, Sha256};

/// The one name of an entry of an account, whichever file shows it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryKey([u8; 16]);

impl EntryKey {
    /// The name of what these parts say, in this order.
    pub fn of(parts: &[&str]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(b"farthing/bank-entry/1\0");
        for part in parts {
            hasher.update(part.len().to_be_bytes());
            hasher.update(part.as_bytes());
        }
        let hash: [u8; 32] = hasher.finalize().into();
        let mut key = [0; 16];
        key.copy_from_slice(hash.split_at(16).0);
        Self(key)
    }

    /// For storing.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for EntryKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// The remainder by 97 of letters and digits, letters counting from 10 (ISO 7064); `None` for anything else.
pub(crate) fn mod_97(text: &str) -> Option<u32> {
    text.chars().try_fold(0, |rest, letter| {
        let value = letter.to_digit(36)?;
        let shifted = if value < 10 { rest * 10 } else { rest * 100 };
        Some((shifted + value) % 97)
    })
}
