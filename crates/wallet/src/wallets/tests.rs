use super::*;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use farthing_keys::{Phrase, Stopped, Vault, VaultSigner};
use farthing_protocol::Timestamp;
use farthing_rail::Signer as _;
use farthing_rail_balance::PayerKey;
use secrecy::SecretString;

struct Place {
    directory: tempfile::TempDir,
    wallets: Wallets,
}

fn place() -> Place {
    let directory = tempfile::tempdir().unwrap();
    let ambient = Ambient::new(|| Timestamp::from_unix_millis(1_795_000_000_000));
    let wallets = Wallets::at(&directory.path().join("home"), ambient).unwrap();
    Place { directory, wallets }
}

fn agent() -> WalletName {
    "agent".parse().unwrap()
}

fn passphrase(text: &str) -> PassphraseSource {
    PassphraseSource::Given(SecretString::from(text))
}

fn vault(wallets: &Wallets, source: PassphraseSource) -> Arc<Vault> {
    let file = wallets.key_in_use(&agent()).unwrap();
    Arc::new(Vault::new(file, &wallets.home, wallets.stops(&agent()), source))
}

fn signer(wallets: &Wallets, source: PassphraseSource) -> VaultSigner {
    VaultSigner::new(vault(wallets, source)).unwrap()
}

#[test]
fn names_that_are_paths_are_refused() {
    for name in ["", ".", "..", "a/b", "A", "a b", "-a", "a-", "é", &"a".repeat(33)] {
        assert!(name.parse::<WalletName>().is_err(), "{name}");
    }
}

#[test]
fn a_created_wallet_signs_as_the_key_it_names() {
    let place = place();
    let wallets = &place.wallets;
    let created = wallets.create(&agent(), &PassphraseSource::KeyFile).unwrap();
    assert_eq!(wallets.list().unwrap(), std::slice::from_ref(&created));
    let signer = signer(wallets, PassphraseSource::KeyFile);
    let signature = signer.sign(b"message").unwrap();
    assert_eq!(signer.did(), created.did);
    assert!(created.did.parse::<PayerKey>().unwrap().made(&signature, b"message"));
    assert!(matches!(wallets.create(&agent(), &PassphraseSource::KeyFile), Err(WalletsError::Exists(_))));
}

#[test]
fn a_wrong_passphrase_signs_nothing_and_says_so() {
    let place = place();
    let wallets = &place.wallets;
    wallets.create(&agent(), &passphrase("right")).unwrap();
    let refusal = signer(wallets, passphrase("wrong")).sign(b"message").unwrap_err().to_string();
    assert!(refusal.contains("the passphrase does not open this key"), "{refusal}");
}

#[test]
fn a_frozen_wallet_signs_nothing_even_with_its_key_open() {
    let place = place();
    let wallets = &place.wallets;
    wallets.create(&agent(), &PassphraseSource::KeyFile).unwrap();
    let vault = vault(wallets, PassphraseSource::KeyFile);
    vault.unlock().unwrap();
    let signer = VaultSigner::new(vault).unwrap();
    wallets.freeze(&agent()).unwrap();
    assert!(wallets.show(&agent()).unwrap().frozen);
    assert!(signer.sign(b"message").unwrap_err().to_string().contains("thaw agent"));
    wallets.thaw(&agent()).unwrap();
    assert!(signer.sign(b"message").is_ok());
}

#[test]
fn while_everything_is_frozen_no_wallet_signs_and_thawing_one_does_not_help() {
    let place = place();
    let wallets = &place.wallets;
    wallets.create(&agent(), &PassphraseSource::KeyFile).unwrap();
    let signer = signer(wallets, PassphraseSource::KeyFile);
    assert!(signer.sign(b"message").is_ok());
    wallets.freeze_all().unwrap();
    wallets.thaw(&agent()).unwrap();
    assert_eq!(wallets.stopped(&agent()), Some(Stopped::Everything));
    assert!(signer.sign(b"message").unwrap_err().to_string().contains("farthing thaw --all"));
    let later: WalletName = "later".parse().unwrap();
    assert!(wallets.create(&later, &PassphraseSource::KeyFile).unwrap().frozen);
    wallets.freeze(&agent()).unwrap();
    wallets.thaw_all().unwrap();
    assert_eq!(wallets.stopped(&agent()), Some(Stopped::Wallet("agent".into())));
    assert_eq!(wallets.stopped(&later), None);
}

#[test]
fn a_home_or_key_that_others_can_read_is_refused() {
    let Place { directory, wallets } = &place();
    wallets.create(&agent(), &PassphraseSource::KeyFile).unwrap();
    let key = wallets.path(&agent(), "wallet.json");
    let open = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    open(&key, 0o644);
    assert!(wallets.show(&agent()).unwrap_err().to_string().contains("chmod 600"));
    open(&key, 0o600);
    let vault_key = wallets.home.join("vault.key");
    open(&vault_key, 0o640);
    assert!(signer(wallets, PassphraseSource::KeyFile).sign(b"x").unwrap_err().to_string().contains("chmod 600"));
    let home = directory.path().join("home");
    for (path, mode, remedy) in [(home.clone(), 0o775, "chmod 755"), (home.join("wallets"), 0o750, "chmod 700")] {
        let before = fs::metadata(&path).unwrap().permissions();
        open(&path, mode);
        let refusal = Wallets::at(&wallets.home, wallets.ambient.clone()).unwrap_err();
        assert!(refusal.to_string().contains(remedy), "{refusal}");
        fs::set_permissions(&path, before).unwrap();
    }
}

#[tokio::test]
async fn what_was_bought_is_the_owner_s_alone_to_read() {
    let place = place();
    let books = place.wallets.budgets().unwrap();
    assert!(books.verify().await.unwrap().findings.is_empty());
    let mut files = 0;
    for entry in fs::read_dir(&place.wallets.home).unwrap().map(Result::unwrap) {
        if entry.file_name().to_string_lossy().starts_with("budgets.db") {
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.file_name());
            files += 1;
        }
    }
    assert!(files >= 1);
}

#[test]
fn an_exported_wallet_imports_elsewhere_with_its_passphrase() {
    let (here, there) = (place(), place());
    let created = here.wallets.create(&agent(), &passphrase("open sesame")).unwrap();
    let exported = here.wallets.export(&agent()).unwrap();
    assert!(there.wallets.import(&agent(), &exported, &passphrase("wrong")).is_err());
    let imported = there.wallets.import(&agent(), &exported, &passphrase("open sesame")).unwrap();
    assert_eq!((imported.did, imported.address), (created.did, created.address));
}

#[test]
fn a_wallet_of_other_software_brings_its_account_and_gets_a_key_for_balances() {
    let place = place();
    let wallets = &place.wallets;
    let source = passphrase("correct horse battery staple");
    let file = include_bytes!("../../../keys/tests/vectors/ows-phrase.json");
    assert!(wallets.import(&agent(), file, &passphrase("wrong")).is_err());
    let imported = wallets.import(&agent(), file, &source).unwrap();
    assert_eq!(imported.address.as_deref(), Some("0x9858EfFD232B4033E47d90003D41EC34EcaEda94"));
    assert!(signer(wallets, source).sign(b"message").is_ok());
}

#[test]
fn a_wallet_can_be_made_of_a_phrase() {
    let place = place();
    let phrase = Phrase::parse("test test test test test test test test test test test junk").unwrap();
    let key = phrase.key(farthing_keys::DEFAULT_PATH).unwrap();
    let made = place.wallets.create_with(&agent(), &PassphraseSource::KeyFile, &key).unwrap();
    assert_eq!(made.address.as_deref(), Some("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"));
}

#[tokio::test]
async fn a_wallet_from_before_accounts_works_and_takes_one() {
    let place = place();
    let wallets = &place.wallets;
    let source = passphrase("open sesame");
    let did = wallets.create(&agent(), &source).unwrap().did;
    let older = include_bytes!("../../tests/vectors/wallet-without-account.json");
    private_file::write(&wallets.path(&agent(), "wallet.json"), older).unwrap();
    let shown = wallets.show(&agent()).unwrap();
    assert!(shown.did != did && shown.address.is_none());
    assert!(wallets.open(&agent(), source.clone()).unwrap().account().is_none());
    assert!(signer(wallets, source.clone()).sign(b"message").is_ok());
    assert!(wallets.create_account(&agent(), &passphrase("wrong")).is_err());
    let address = wallets.create_account(&agent(), &source).unwrap();
    assert!(wallets.create_account(&agent(), &source).is_err());
    let wallet = wallets.open(&agent(), source).unwrap();
    assert_eq!(wallet.account().unwrap().address(), address);
    let again = wallets.show(&agent()).unwrap();
    assert_eq!((again.did, again.address), (shown.did, Some(address)));
}

#[test]
fn a_policy_is_kept_and_a_bad_one_changes_nothing() {
    let place = place();
    let wallets = &place.wallets;
    wallets.create(&agent(), &PassphraseSource::KeyFile).unwrap();
    assert_eq!(wallets.policy(&agent()).unwrap(), None);
    let policy: Policy = "total = \"1 USD\"".parse().unwrap();
    wallets.set_policy(&agent(), &policy, &PassphraseSource::KeyFile).unwrap();
    assert!(
        wallets.set_policy(&agent(), &Policy { total: None, ..policy.clone() }, &PassphraseSource::KeyFile).is_err()
    );
    assert_eq!(wallets.show(&agent()).unwrap().policy, Some(policy));
}

#[test]
fn a_new_key_takes_over_and_an_old_one_can_be_revoked() {
    let place = place();
    let wallets = &place.wallets;
    let source = passphrase("open sesame");
    let first = wallets.create(&agent(), &source).unwrap().did;
    assert!(wallets.create_key(&agent(), &passphrase("other")).is_err());
    let account = wallets.show(&agent()).unwrap().address;
    let second = wallets.create_key(&agent(), &source).unwrap().did;
    assert_eq!(wallets.show(&agent()).unwrap().address, account, "money on a chain stays in reach");
    let dids: Vec<_> = wallets.keys(&agent()).unwrap().into_iter().map(|key| (key.did, key.in_use)).collect();
    assert_eq!(dids, [(second.clone(), true), (first.clone(), false)]);
    assert!(matches!(wallets.revoke_key(&agent(), &second), Err(WalletsError::InUse(_))));
    wallets.revoke_key(&agent(), &first).unwrap();
    assert!(matches!(wallets.revoke_key(&agent(), &first), Err(WalletsError::NoKey { .. })));
    assert_eq!(wallets.keys(&agent()).unwrap().len(), 1);
}

#[test]
fn a_delegation_is_kept_until_it_is_removed() {
    let place = place();
    let wallets = &place.wallets;
    assert!(matches!(wallets.set_delegation(&agent(), "x"), Err(WalletsError::Absent(_))));
    wallets.create(&agent(), &PassphraseSource::KeyFile).unwrap();
    assert_eq!(wallets.delegation(&agent()).unwrap(), None);
    wallets.set_delegation(&agent(), "first").unwrap();
    wallets.set_delegation(&agent(), "second").unwrap();
    assert_eq!(wallets.delegation(&agent()).unwrap().as_deref(), Some("second"));
    wallets.remove_delegation(&agent()).unwrap();
    assert_eq!(wallets.delegation(&agent()).unwrap(), None);
}

#[test]
fn no_file_holds_the_private_key_in_clear() {
    let place = place();
    let wallets = &place.wallets;
    wallets.create(&agent(), &PassphraseSource::KeyFile).unwrap();
    let json = String::from_utf8(wallets.export(&agent()).unwrap()).unwrap();
    assert!(!json.contains("ed25519") && json.contains("aes-256-gcm"));
}
