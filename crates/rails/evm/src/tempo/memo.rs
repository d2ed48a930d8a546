//! The attribution memo: 32 bytes beside a transfer that say which challenge it answers.
//!
//! The official clients write it whenever the seller asks for no memo of its own, and the official
//! servers demand it; the draft does not know it. Layout: tag (4), version (1), server (10), client
//! (10), challenge (7). The tag is the beginning of the Keccak-256 of `mpp`.

use alloy_primitives::{B256, keccak256};

use crate::Memo;

/// Tag and version.
const PREFIX: [u8; 5] = [0xef, 0x1e, 0xd7, 0x12, 0x01];

/// The memo that a client writes beside its transfer. `client` names the client's software to the
/// server and to whoever reads the chain; without it, the place holds zeros.
pub fn attribution(realm: &str, client: Option<&str>, challenge: &str) -> B256 {
    let server: [u8; 10] = beginning(realm);
    let client: [u8; 10] = client.map_or([0; 10], beginning);
    let challenge: [u8; 7] = beginning(challenge);
    let bytes = PREFIX.into_iter().chain(server).chain(client).chain(challenge);
    let mut memo = B256::ZERO;
    memo.iter_mut().zip(bytes).for_each(|(place, byte)| *place = byte);
    memo
}

/// What a transfer's memo must be to answer this challenge, whatever client wrote it.
pub fn attributed(realm: &str, challenge: &str) -> Memo {
    Memo::Attributed { server: beginning(realm), challenge: beginning(challenge) }
}

fn beginning<const LENGTH: usize>(text: &str) -> [u8; LENGTH] {
    let hash = keccak256(text);
    let mut start = [0; LENGTH];
    start.iter_mut().zip(hash).for_each(|(place, byte)| *place = byte);
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `tempo.json`, `attribution_memo`.
    const VECTOR: &str = "0xef1ed712011ece072f76bd8b82350e00000000000000000000eb18f2d4402269";

    #[test]
    fn the_published_memo_is_written() {
        assert_eq!(attribution("api.example.com", None, "challenge-123"), VECTOR.parse::<B256>().unwrap());
        assert_eq!(PREFIX.split_last().unwrap().1, keccak256("mpp").split_at(4).0);
    }

    #[test]
    fn a_memo_fits_the_challenge_it_was_written_for_and_no_other() {
        let expected = attributed("api.example.com", "challenge-123");
        assert!(expected.fits(Some(&attribution("api.example.com", None, "challenge-123"))));
        assert!(expected.fits(Some(&attribution("api.example.com", Some("farthing"), "challenge-123"))));
        assert!(!expected.fits(Some(&attribution("api.example.com", None, "challenge-124"))));
        assert!(!expected.fits(Some(&attribution("api.example.org", None, "challenge-123"))));
        assert!(!expected.fits(Some(&B256::repeat_byte(0xab))));
        assert!(!expected.fits(None));
    }
}
