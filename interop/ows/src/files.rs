//! Files, written by one and read by the other.

use farthing_keys::{KeyFile, Phrase, Secp256k1Key, Token};
use farthing_ows::{Credential, Presented};

use crate::table::Table;
use crate::vault::{PASSPHRASE, PHRASE, Shared, WALLET, account, ambient, owner};

const MESSAGE: &str = "hello";
const CHAIN: &str = "eip155:1";

type Check = fn(&Shared) -> Result<(), String>;

const CHECKS: &[(&str, Check, Check)] = &[
    ("a wallet of a phrase", their_phrase, our_rewrite),
    ("a wallet of keys by curve", their_keys, our_keys),
    ("an API key", their_api_key, our_api_key),
    ("an API key for a wallet that the other made", their_api_key_for_us, our_api_key_for_them),
];

/// The table; what failed goes to `failures`.
pub(crate) fn compare(failures: &mut Vec<String>) -> String {
    let mut table =
        Table::new(&["file", "written by ows-lib, used by farthing", "written by farthing, used by ows-lib"]);
    for (name, theirs, ours) in CHECKS {
        let mut cell = |check: &Check, whose: &str| match check(&Shared::new()) {
            Ok(()) => "ok".to_owned(),
            Err(why) => {
                failures.push(format!("{name}, written by {whose}: {why}"));
                "FAILED".to_owned()
            }
        };
        let cells = [(*name).to_owned(), cell(theirs, "ows-lib"), cell(ours, "farthing")];
        table.row(&cells);
    }
    table.text()
}

fn their_phrase(shared: &Shared) -> Result<(), String> {
    same_signature(shared, &Credential::Owner(owner()), PASSPHRASE)
}

/// We keep no phrases, and write back a file that holds one as it was.
fn our_rewrite(shared: &Shared) -> Result<(), String> {
    let wallet = shared.ours.wallet(WALLET).map_err(text)?;
    let path = shared.path.join("wallets").join(format!("{}.json", wallet.id));
    std::fs::write(&path, wallet.to_json().map_err(text)?).map_err(text)?;
    same_signature(shared, &Credential::Owner(owner()), PASSPHRASE)?;
    let exported = ows_lib::export_wallet(WALLET, Some(PASSPHRASE), Some(&shared.path)).map_err(text)?;
    if exported == PHRASE { Ok(()) } else { Err("another phrase came out".into()) }
}

fn their_keys(shared: &Shared) -> Result<(), String> {
    let key = "11".repeat(32);
    let vault = Some(shared.path.as_path());
    ows_lib::import_wallet_private_key("keys", &key, Some("ethereum"), Some(PASSPHRASE), vault, None, None, None)
        .map_err(text)?;
    let wallet = shared.ours.wallet("keys").map_err(text)?;
    let opened = wallet.open_account(&owner()).and_then(|key| key.address()).map_err(text)?;
    if opened == account(&wallet) { Ok(()) } else { Err(format!("it holds {opened}")) }
}

/// In both forms: as our own wallets are, and as they are exported for other software.
fn our_keys(shared: &Shared) -> Result<(), String> {
    let key = || Phrase::parse(PHRASE).and_then(|phrase| phrase.key("m/44'/60'/0'/0/7")).map_err(text);
    let whole = KeyFile::with_key(&ambient(), "whole", &owner(), &key()?).map_err(text)?;
    let exported = KeyFile::with_key(&ambient(), "exported", &owner(), &key()?).map_err(text)?.for_other_software();
    for wallet in [whole, exported] {
        shared.ours.add_wallet(&wallet).map_err(text)?;
        let info = ows_lib::get_wallet(&wallet.name, Some(&shared.path)).map_err(text)?;
        if !info.accounts.iter().any(|listed| listed.address == account(&wallet)) {
            return Err(format!("{} lists {:?}", wallet.name, info.accounts));
        }
        let vault = Some(shared.path.as_path());
        let theirs = ows_lib::sign_message(&wallet.name, CHAIN, MESSAGE, Some(PASSPHRASE), None, None, None, vault)
            .map_err(text)?;
        if theirs.signature != signed_by(&key()?)? {
            return Err(format!("{} signs with another key", wallet.name));
        }
    }
    Ok(())
}

fn their_api_key(shared: &Shared) -> Result<(), String> {
    let token = shared.their_key(&[open_policy(shared)?]);
    same_signature(shared, &Credential::Token(Token::parse(&token).map_err(text)?), &token)
}

fn our_api_key(shared: &Shared) -> Result<(), String> {
    let token = shared.our_key(&[open_policy(shared)?]);
    same_signature(shared, &Credential::Token(Token::parse(&token).map_err(text)?), &token)
}

fn their_api_key_for_us(shared: &Shared) -> Result<(), String> {
    let policy = open_policy(shared)?;
    let wallet = KeyFile::create(&ambient(), "ours", &owner()).map_err(text)?;
    shared.ours.add_wallet(&wallet).map_err(text)?;
    let vault = Some(shared.path.as_path());
    let made = ows_lib::key_ops::create_api_key("k", &["ours".into()], &[policy], PASSPHRASE, None, vault);
    let token = Token::parse(&made.map_err(text)?.0).map_err(text)?;
    let key = shared.ours.key_of(&token).map_err(text)?;
    let opened = key.open_account(&wallet, &token).and_then(|key| key.address()).map_err(text)?;
    if opened == account(&wallet) { Ok(()) } else { Err(format!("it holds {opened}")) }
}

fn our_api_key_for_them(shared: &Shared) -> Result<(), String> {
    let policy = open_policy(shared)?;
    let wallet = KeyFile::create(&ambient(), "ours", &owner()).map_err(text)?;
    shared.ours.add_wallet(&wallet).map_err(text)?;
    let made = farthing_keys::ApiKeyFile::create(&ambient(), "k", &[(&wallet, &owner())], &[policy], None);
    let (token, key) = made.map_err(text)?;
    shared.ours.add_key(&key).map_err(text)?;
    let vault = Some(shared.path.as_path());
    let theirs = ows_lib::sign_message("ours", CHAIN, MESSAGE, Some(token.expose()), None, None, None, vault);
    let ours = signed_by(&wallet.open_account(&owner()).map_err(text)?)?;
    if theirs.map_err(text)?.signature == ours { Ok(()) } else { Err("it signs with another key".into()) }
}

/// Both sign the same message with the shared wallet, and come to the same bytes.
fn same_signature(shared: &Shared, ours: &Credential, theirs: &str) -> Result<(), String> {
    let signed = shared.sign(ours, CHAIN, Presented::Message(MESSAGE.into())).map_err(text)?;
    let vault = Some(shared.path.as_path());
    let expected =
        ows_lib::sign_message(WALLET, CHAIN, MESSAGE, Some(theirs), None, None, None, vault).map_err(text)?;
    if alloy_primitives::hex::encode(signed.signature) == expected.signature {
        Ok(())
    } else {
        Err("the signatures differ".into())
    }
}

fn signed_by(key: &Secp256k1Key) -> Result<String, String> {
    let mut signature = key.sign_keccak(b"\x19Ethereum Signed Message:\n5hello").map_err(text)?;
    signature[64] += 27;
    Ok(alloy_primitives::hex::encode(signature))
}

/// A policy that allows everything there is to try here.
fn open_policy(shared: &Shared) -> Result<String, String> {
    let rules = serde_json::json!([{ "type": "allowed_chains", "chain_ids": [CHAIN] }]);
    crate::policies::add(shared, "open", &serde_json::json!({ "rules": rules }))
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
