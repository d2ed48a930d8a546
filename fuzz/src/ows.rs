//! The files of the Open Wallet Standard, and what is signed out of its vaults. Each takes any bytes, must not panic,
//! and checks that what was read can be written and read again as the same value.

use farthing_keys::{ApiKeyFile, KeyFile};
use farthing_ows::{Facts, OwsError, PolicyFile, Presented};

/// Takes any bytes.
pub type EntryPoint = fn(&[u8]);

/// Every entry point by name.
pub const ALL: [(&str, EntryPoint); 2] = [("ows_file", file), ("ows_request", request)];

/// Wallets, keys and policies.
pub fn file(data: &[u8]) {
    if let Ok(wallet) = KeyFile::from_json(data) {
        let written = wallet.to_json().expect("what was read can be written");
        assert_eq!(KeyFile::from_json(&written).expect("and read again"), wallet);
        let _ = (wallet.did(), wallet.address(), wallet.public_key());
    }
    if let Ok(key) = ApiKeyFile::from_json(data) {
        let written = key.to_json().expect("what was read can be written");
        assert_eq!(ApiKeyFile::from_json(&written).expect("and read again"), key);
    }
    if let Ok(policy) = PolicyFile::from_json(data) {
        let written = policy.to_json().expect("what was read can be written");
        assert_eq!(PolicyFile::from_json(&written).expect("and read again"), policy);
    }
}

/// Transactions, as they are or in hexadecimal, and typed data. What is read in one spelling is not read in another.
pub fn request(data: &[u8]) {
    let read = |presented: Presented| -> Result<Facts, OwsError> { presented.facts() };
    let bytes = decoded(data).unwrap_or_else(|| data.to_vec());
    if let Ok(facts) = read(Presented::Transaction(bytes.clone())) {
        assert!(facts.chain.is_some(), "a transaction is for one chain");
        let longer = [bytes.as_slice(), &[0]].concat();
        assert!(read(Presented::Transaction(longer)).is_err(), "nothing may stand behind it");
    }
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(facts) = read(Presented::TypedData(text.to_owned()))
    {
        assert!(facts.moves.is_empty() || facts.chain.is_some(), "what moves, moves somewhere");
    }
}

fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    text.trim_ascii_end().chunks(2).map(pair).collect()
}
