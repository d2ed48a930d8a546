//! Vaults of the standard on disk.

#![allow(clippy::unwrap_used)] // so that what tests share may fail, too

mod desk;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use desk::{Desk, TOKEN, WALLET, fixture_token};
use farthing_keys::{ApiKeyFile, KeyFile, Token};
use farthing_ows::{Credential, OwsVault, PolicyFile, Presented};
use serde_json::Value;

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

#[test]
fn the_vault_of_the_reference_library_means_the_same_after_a_rewrite() {
    let desk = Desk::new();
    let read =
        |folder: &str, name: &str| fs::read(desk.vault.root().join(folder).join(format!("{name}.json"))).unwrap();
    let (wallet, key, policy) =
        (desk.vault.wallet(WALLET).unwrap(), &desk.vault.keys().unwrap()[0], &desk.vault.policies().unwrap()[0]);
    assert_eq!(json(&wallet.to_json().unwrap()), json(&read("wallets", WALLET)));
    assert_eq!(json(&key.to_json().unwrap()), json(&read("keys", &key.id)));
    assert_eq!(json(&policy.to_json().unwrap()), json(&read("policies", "permit2-only")));
    assert!(wallet.verify(&Desk::owner()).is_ok());
    let account = key.open_account(&wallet, &Token::parse(TOKEN).unwrap()).unwrap();
    assert_eq!(account.address().unwrap(), "0x9858EfFD232B4033E47d90003D41EC34EcaEda94");
}

#[test]
fn members_that_nobody_here_knows_survive_a_rewrite() {
    let desk = Desk::new();
    let mut wallet = json(&desk.vault.wallet(WALLET).unwrap().to_json().unwrap());
    let mut key = json(&desk.vault.keys().unwrap()[0].to_json().unwrap());
    let mut policy = json(&desk.vault.policies().unwrap()[0].to_json().unwrap());
    for file in [&mut wallet, &mut key, &mut policy] {
        file["later"] = serde_json::json!({ "x": [1, null] });
    }
    wallet["crypto"]["kdfparams"]["later"] = 1.into();
    key["wallet_secrets"][WALLET]["cipherparams"]["later"] = 1.into();
    policy["rules"][0]["later"] = 1.into();
    policy["executable"] = Value::Null;
    let again = KeyFile::from_json(wallet.to_string().as_bytes()).unwrap().to_json().unwrap();
    assert_eq!(json(&again), wallet);
    let again = ApiKeyFile::from_json(key.to_string().as_bytes()).unwrap().to_json().unwrap();
    assert_eq!(json(&again), key);
    let again = PolicyFile::from_json(policy.to_string().as_bytes()).unwrap().to_json().unwrap();
    assert_eq!(json(&again), policy);
}

#[test]
fn what_others_could_read_or_change_is_refused_with_the_remedy() {
    let chmod = |desk: &Desk, path: &str, mode: u32| {
        fs::set_permissions(desk.vault.root().join(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    for (path, mode) in [
        ("wallets/83402f83-8a11-4ea6-93c0-d54280da94e0.json", 0o640),
        ("keys/7217a7ec-c16b-42ac-949c-61b70ec922a8.json", 0o604),
        ("wallets", 0o750),
        ("keys", 0o701),
        ("", 0o755),
        ("policies/permit2-only.json", 0o664),
    ] {
        let desk = Desk::new();
        chmod(&desk, path, mode);
        let refusal = desk.sign(&fixture_token(), Presented::Message(b"hello".to_vec())).unwrap_err().to_string();
        assert!(refusal.contains("chmod"), "{path}: {refusal}");
    }
    let desk = Desk::new();
    chmod(&desk, "policies/permit2-only.json", 0o644);
    chmod(&desk, "policies", 0o755);
    assert!(desk.sign(&fixture_token(), Presented::Message(b"hello".to_vec())).is_ok());
}

#[test]
fn an_id_is_a_plain_name_and_the_name_of_its_file() {
    let desk = Desk::new();
    for id in ["", "../x", "a/b", ".hidden", "a\0b", &"x".repeat(101)] {
        let policy = serde_json::json!({ "id": id, "name": "x", "version": 1, "rules": [], "action": "deny" });
        let policy = PolicyFile::from_json(policy.to_string().as_bytes()).unwrap();
        assert!(desk.vault.add_policy(&policy).is_err(), "{id:?}");
        assert!(desk.vault.remove_key(id).is_err(), "{id:?}");
    }
    let path = desk.vault.root().join("policies/permit2-only.json");
    fs::rename(&path, path.with_file_name("other.json")).unwrap();
    assert!(desk.vault.policies().unwrap_err().to_string().contains("another id"));
}

#[test]
fn a_key_is_revoked_by_removing_it() {
    let desk = Desk::new();
    let hello = || Presented::Message(b"hello".to_vec());
    assert!(desk.sign(&fixture_token(), hello()).is_ok());
    desk.vault.remove_key("7217a7ec-c16b-42ac-949c-61b70ec922a8").unwrap();
    assert_eq!(desk.sign(&fixture_token(), hello()).unwrap_err().code(), "API_KEY_NOT_FOUND");
    assert!(desk.sign(&Credential::Owner(Desk::owner()), hello()).is_ok());
}

#[test]
fn a_fresh_vault_is_made_for_its_owner_alone() {
    let desk = Desk::new();
    let vault = OwsVault::at(&desk.directory.path().join("fresh"));
    assert!(vault.wallets().unwrap().is_empty() && vault.keys().unwrap().is_empty());
    let wallet = desk.vault.wallet(WALLET).unwrap();
    let path = vault.add_wallet(&wallet).unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().unwrap()), mode(vault.root())), (0o600, 0o700, 0o700));
    assert!(vault.add_wallet(&wallet).is_err(), "nothing is overwritten");
    assert_eq!(vault.wallet("vector-wallet").unwrap(), wallet);
    assert_eq!(vault.wallet("nobody").unwrap_err().code(), "WALLET_NOT_FOUND");
}
