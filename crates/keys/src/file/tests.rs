use super::*;
use farthing_protocol::Timestamp;

fn passphrase() -> SecretSlice<u8> {
    b"open sesame".to_vec().into()
}

fn ambient() -> Ambient {
    Ambient::new(|| Timestamp::from_unix_millis(0))
}

fn created() -> KeyFile {
    KeyFile::create(&ambient(), "agent", &passphrase()).unwrap()
}

/// As files were before they held a second key.
fn older() -> KeyFile {
    let seed = Seed::new(Zeroizing::new([7; 32]));
    let secret = format!("{{\"ed25519\":\"{}\"}}", *seed.to_hex());
    let mut file = created();
    file.accounts = vec![Account::of_seed(&seed).unwrap()];
    file.crypto = Envelope::close(&ambient(), &passphrase(), secret.as_bytes()).unwrap();
    file
}

#[test]
fn a_file_reads_back_and_opens() {
    let file = created();
    let json = file.to_json().unwrap();
    let read = KeyFile::from_json(&json).unwrap();
    assert_eq!(read, file);
    let keys = read.open(&passphrase()).unwrap();
    let (seed, key) = (keys.ed25519.unwrap(), keys.secp256k1.unwrap());
    assert_eq!(seed.did().unwrap(), read.did().unwrap());
    assert_eq!(Some(key.address().unwrap().as_str()), read.address());
    assert_eq!(key.public_key().ok(), read.public_key());
    let text = String::from_utf8(json).unwrap();
    assert!(!text.contains(seed.to_hex().as_str()) && !text.contains(key.to_hex().as_str()));
}

#[test]
fn a_file_that_names_another_key_is_refused() {
    let other = created();
    for which in 0..2 {
        let mut file = created();
        file.accounts[which] = other.accounts[which].clone();
        assert!(matches!(file.open(&passphrase()), Err(VaultError::Mislabelled { .. })));
    }
    let mut file = created();
    file.accounts[1].public_key = other.accounts[1].public_key.clone();
    assert!(matches!(file.open(&passphrase()), Err(VaultError::Mislabelled { .. })));
}

#[test]
fn an_older_file_opens_and_takes_an_account_once() {
    let older = older();
    assert_eq!((older.address(), older.public_key()), (None, None));
    assert!(older.open(&passphrase()).unwrap().secp256k1.is_none());
    let key = Secp256k1Key::generate(&ambient()).unwrap();
    let extended = older.with_account(&ambient(), &passphrase(), &key).unwrap();
    assert_eq!((extended.did().unwrap(), &extended.id), (older.did().unwrap(), &older.id));
    assert_eq!(extended.address(), Some(key.address().unwrap().as_str()));
    assert!(extended.open(&passphrase()).unwrap().secp256k1.is_some());
    let again = extended.with_account(&ambient(), &passphrase(), &key);
    assert!(matches!(again, Err(VaultError::HasAccount(_))));
}

#[test]
fn a_renewed_file_keeps_its_account_on_chains() {
    let file = created();
    let renewed = file.renewed(&ambient(), &passphrase()).unwrap();
    assert_ne!(renewed.did().unwrap(), file.did().unwrap());
    assert_ne!(renewed.id, file.id);
    assert_eq!(renewed.address(), file.address());
    assert!(renewed.open(&passphrase()).is_ok());
}

#[test]
fn other_versions_and_kinds_are_refused() {
    let json: serde_json::Value = serde_json::from_slice(&created().to_json().unwrap()).unwrap();
    for (name, value) in
        [("ows_version", 99.into()), ("key_type", "hardware".into()), ("accounts", serde_json::json!([]))]
    {
        let mut changed = json.clone();
        changed[name] = value;
        assert!(KeyFile::from_json(changed.to_string().as_bytes()).is_err(), "{name}");
    }
}

#[test]
fn unknown_members_survive() {
    let mut json: serde_json::Value = serde_json::from_slice(&created().to_json().unwrap()).unwrap();
    json["metadata"] = serde_json::json!({ "note": "x" });
    json["accounts"][0]["derivation_path"] = "m/0".into();
    json["accounts"][0]["later"] = true.into();
    let read = KeyFile::from_json(json.to_string().as_bytes()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), json);
}

/// Written by the reference library of the standard, over a public test phrase.
#[test]
fn a_phrase_of_the_reference_library_opens_to_its_account() {
    let file = KeyFile::from_json(include_bytes!("../../tests/vectors/ows-phrase.json")).unwrap();
    let passphrase: SecretSlice<u8> = b"correct horse battery staple".to_vec().into();
    assert_eq!(file.address(), Some("0x9858EfFD232B4033E47d90003D41EC34EcaEda94"));
    let keys = file.open(&passphrase).unwrap();
    assert_eq!(keys.secp256k1.unwrap().address().unwrap(), file.address().unwrap());
    assert!(keys.ed25519.is_none() && file.did().is_err());
}

/// A file of this kind and secret, over the all-zero phrase's account.
fn holding(key_type: KeyType, secret: &[u8]) -> KeyFile {
    let mut file = KeyFile::from_json(include_bytes!("../../tests/vectors/ows-phrase.json")).unwrap();
    file.key_type = key_type;
    file.crypto = Envelope::close(&ambient(), &passphrase(), secret).unwrap();
    file
}

#[test]
fn a_phrase_may_be_stored_as_its_entropy() {
    let keys = holding(KeyType::Mnemonic, &[0; 16]).open(&passphrase()).unwrap();
    assert_eq!(keys.secp256k1.unwrap().address().unwrap(), "0x9858EfFD232B4033E47d90003D41EC34EcaEda94");
    assert!(holding(KeyType::Mnemonic, &[1; 16]).open(&passphrase()).is_err(), "another phrase than the file names");
}

#[test]
fn a_key_may_be_stored_as_it_is() {
    let phrase = Phrase::parse(&format!("{} about", ["abandon"; 11].join(" "))).unwrap();
    let key = bytes("key", &phrase.key(DEFAULT_PATH).unwrap().to_hex()).unwrap();
    assert!(holding(KeyType::PrivateKey, &key).open(&passphrase()).unwrap().ed25519.is_none());
    assert!(matches!(holding(KeyType::PrivateKey, &[1; 32]).open(&passphrase()), Err(VaultError::Mislabelled { .. })));
}

#[test]
fn the_older_version_is_read_and_kept() {
    let mut json: serde_json::Value = serde_json::from_slice(&created().to_json().unwrap()).unwrap();
    let members = json.as_object_mut().unwrap();
    members.remove("ows_version");
    members.insert("chain_type".into(), "evm".into());
    assert!(KeyFile::from_json(&serde_json::to_vec(&members).unwrap()).is_err(), "it says no version");
    members.insert("lws_version".into(), 1.into());
    let read = KeyFile::from_json(&serde_json::to_vec(&members).unwrap()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), json);
    json["lws_version"] = 2.into();
    assert!(KeyFile::from_json(json.to_string().as_bytes()).is_err());
    json["ows_version"] = 2.into();
    assert!(KeyFile::from_json(json.to_string().as_bytes()).is_err(), "it says two");
}

#[test]
fn a_file_for_other_software_opens_and_says_less() {
    let file = created();
    let plain = file.clone().for_other_software();
    assert!(plain.did().is_err() && plain.public_key().is_none());
    assert_eq!((plain.address(), &plain.id), (file.address(), &file.id));
    assert!(plain.open(&passphrase()).unwrap().ed25519.is_some());
    assert!(!String::from_utf8(plain.to_json().unwrap()).unwrap().contains("public_key"));
}
