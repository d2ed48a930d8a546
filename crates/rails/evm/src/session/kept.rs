use farthing_rail::RailError;
use serde::{Deserialize, Serialize};

use super::{ChannelTerms, Vault};

/// What the rail keeps of a session for as long as it lives: where the deposit is, and what the channel is
/// made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptSession {
    /// Where the deposit is.
    pub vault: Vault,
    /// What the channel is made of.
    pub terms: ChannelTerms,
}

impl KeptSession {
    /// The channel's id.
    pub fn channel(&self) -> alloy_primitives::B256 {
        self.terms.id_in(&self.vault)
    }

    /// For the books.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Strings and numbers in maps with text keys: there is nothing that JSON cannot carry.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// From the books.
    pub fn read(kept: &[u8]) -> Result<Self, RailError> {
        serde_json::from_slice(kept)
            .map_err(|error| RailError(format!("what was kept of the session cannot be read: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Address, B256};

    use super::*;

    #[test]
    fn what_is_kept_reads_back() {
        let terms = ChannelTerms {
            payer: Address::repeat_byte(1),
            payee: Address::repeat_byte(2),
            operator: Address::ZERO,
            token: Address::repeat_byte(4),
            salt: B256::repeat_byte(5),
            authorized_signer: Address::ZERO,
            expiring_nonce_hash: B256::repeat_byte(7),
        };
        let kept = KeptSession { vault: Vault::reserve(42431), terms };
        assert_eq!(KeptSession::read(&kept.to_bytes()), Ok(kept));
        assert!(KeptSession::read(b"{}").is_err());
    }
}
