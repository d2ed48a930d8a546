use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use farthing_rail::RecoverableSigner;
use secrecy::SecretString;
use toml::{Table, Value};
use zeroize::Zeroizing;

use crate::envelope::bytes;
use crate::{
    DEFAULT_PATH, KeyFile, LocalSigner, PassphraseSource, Phrase, Secp256k1Key, SocketSigner, Vault, VaultAccount,
    private_file,
};

/// What a configuration may refer to.
pub struct Surroundings<'a> {
    /// Reads a variable of the environment.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// What relative paths are relative to.
    pub directory: &'a Path,
}

impl fmt::Debug for Surroundings<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Surroundings").field("directory", &self.directory).finish_non_exhaustive()
    }
}

/// How every form of a signer is written, for whoever wrote another.
const FORMS: &str = "a signer is { key = { env = \"NAME\" } } or { key = { file = \"PATH\" } }, \
    { mnemonic = { file = \"PATH\" }, path = \"m/44'/60'/0'/0/0\" }, \
    { vault = \"PATH\", passphrase = { env = \"NAME\" } }, or { socket = \"PATH\", address = \"0x...\" }";

/// The secp256k1 signer that a configuration names; the refusal is for whoever wrote it.
///
/// A secret is never written in a configuration: it names a variable of the environment, or a file
/// that only its owner can read.
pub fn recoverable_from_table(
    value: &Value,
    surroundings: &Surroundings<'_>,
) -> Result<Arc<dyn RecoverableSigner>, String> {
    let table = value.as_table().ok_or_else(|| {
        let literal = value.as_str().map_or("", |_| "a key is never written in a configuration; ");
        format!("{literal}{FORMS}")
    })?;
    if table.contains_key("key") {
        known(table, &["key"])?;
        return local(surroundings.secret(table, "key").and_then(|text| key(&text))?);
    }
    if table.contains_key("mnemonic") {
        known(table, &["mnemonic", "path"])?;
        let path = text(table, "path")?.unwrap_or(DEFAULT_PATH);
        let phrase = Phrase::parse(&surroundings.secret(table, "mnemonic")?).map_err(said)?;
        return local(phrase.key(path).map_err(said)?);
    }
    if table.contains_key("vault") {
        known(table, &["vault", "passphrase"])?;
        return surroundings.vault(table);
    }
    if table.contains_key("socket") {
        known(table, &["socket", "public_key", "address"])?;
        return surroundings.socket(table);
    }
    Err(FORMS.to_owned())
}

impl Surroundings<'_> {
    /// A secret that stands under a name in a table as `{ env = ".." }` or `{ file = ".." }`; the refusal is
    /// for whoever wrote it.
    pub fn secret(&self, table: &Table, name: &str) -> Result<Zeroizing<String>, String> {
        match self.named(table, name)? {
            Named::Variable(text) => Ok(text),
            Named::File(path) => {
                let bytes = Zeroizing::new(private_file::read(&path).map_err(said)?);
                let text = std::str::from_utf8(&bytes).map_err(|_| format!("{}: it is not text", path.display()))?;
                Ok(Zeroizing::new(text.trim().to_owned()))
            }
        }
    }

    fn vault(&self, table: &Table) -> Result<Arc<dyn RecoverableSigner>, String> {
        let path = text(table, "vault")?.ok_or(FORMS)?;
        let file = KeyFile::read(&self.directory.join(path)).map_err(said)?;
        let passphrase = match self.named(table, "passphrase")? {
            Named::Variable(text) => PassphraseSource::Given(SecretString::from(text.as_str())),
            Named::File(path) => PassphraseSource::File(path),
        };
        let vault = Vault::new(file, self.directory, Vec::new(), passphrase);
        Ok(Arc::new(VaultAccount::new(Arc::new(vault)).map_err(said)?))
    }

    fn socket(&self, table: &Table) -> Result<Arc<dyn RecoverableSigner>, String> {
        let path = self.directory.join(text(table, "socket")?.ok_or(FORMS)?);
        match (text(table, "public_key")?, text(table, "address")?) {
            (Some(key), None) => {
                let key = key.strip_prefix("0x").and_then(|digits| bytes("public_key", digits).ok());
                let key = key.and_then(|key| key.try_into().ok());
                let key = key.ok_or("a signer's public_key is 0x and 128 hexadecimal digits (without 04)")?;
                Ok(Arc::new(SocketSigner::new(&path, key)))
            }
            (None, Some(address)) => Ok(Arc::new(SocketSigner::for_address(&path, address).map_err(said)?)),
            _ => Err("a signer with socket has one of public_key and address, and signs for no other key".to_owned()),
        }
    }

    fn named(&self, table: &Table, name: &str) -> Result<Named, String> {
        let form = || {
            format!(
                "{name} is {{ env = \"NAME\" }} or {{ file = \"PATH\" }}; a secret is never written in a configuration"
            )
        };
        let reference = table.get(name).and_then(Value::as_table).ok_or_else(form)?;
        let entry = |key: &str| reference.get(key).and_then(Value::as_str).filter(|_| reference.len() == 1);
        if let Some(variable) = entry("env") {
            let text = (self.variable)(variable).filter(|text| !text.is_empty());
            let text = text.ok_or_else(|| format!("{variable} is not set; put the {name} in it, or name a file"))?;
            return Ok(Named::Variable(Zeroizing::new(text)));
        }
        entry("file").map(|path| Named::File(self.directory.join(path))).ok_or_else(form)
    }
}

/// Where a secret is.
enum Named {
    Variable(Zeroizing<String>),
    File(PathBuf),
}

fn key(text: &str) -> Result<Secp256k1Key, String> {
    Secp256k1Key::from_hex(text).map_err(said)
}

fn local(key: Secp256k1Key) -> Result<Arc<dyn RecoverableSigner>, String> {
    Ok(Arc::new(LocalSigner::new(key).map_err(said)?))
}

fn text<'a>(table: &'a Table, name: &str) -> Result<Option<&'a str>, String> {
    let Some(value) = table.get(name) else { return Ok(None) };
    value.as_str().map(Some).ok_or_else(|| format!("a signer's {name} is text"))
}

fn known(table: &Table, names: &[&str]) -> Result<(), String> {
    match table.keys().find(|key| !names.contains(&key.as_str())) {
        Some(unknown) => Err(format!("a signer with {} has no \"{unknown}\"; {FORMS}", names.first().unwrap_or(&""))),
        None => Ok(()),
    }
}

fn said(error: impl fmt::Display) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Ambient;
    use crate::secp256k1_key::address_of;
    use farthing_protocol::Timestamp;

    const KEY: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
    const ADDRESS: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
    const PHRASE: &str = "test test test test test test test test test test test junk";

    fn signer(directory: &Path, toml: &str) -> Result<String, String> {
        let table: Table = toml.parse().unwrap();
        let variable = |name: &str| match name {
            "KEY" => Some(KEY.to_owned()),
            "PHRASE" => Some(PHRASE.to_owned()),
            "PASSPHRASE" => Some("open sesame".to_owned()),
            _ => None,
        };
        let surroundings = Surroundings { variable: &variable, directory };
        recoverable_from_table(&table["signer"], &surroundings).map(|signer| address_of(&signer.public_key()))
    }

    #[test]
    fn every_form_comes_to_its_account() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        private_file::write(&directory.join("key"), format!("0x{KEY}\n").as_bytes()).unwrap();
        private_file::write(&directory.join("phrase"), PHRASE.as_bytes()).unwrap();
        private_file::write(&directory.join("passphrase"), b"open sesame\n").unwrap();
        let ambient = Ambient::new(|| Timestamp::from_unix_millis(0));
        let key = Secp256k1Key::from_hex(KEY).unwrap();
        let file = KeyFile::with_key(&ambient, "seller", &b"open sesame".to_vec().into(), &key).unwrap();
        private_file::write(&directory.join("vault.json"), &file.to_json().unwrap()).unwrap();
        for form in [
            "{ key = { env = \"KEY\" } }",
            "{ key = { file = \"key\" } }",
            "{ mnemonic = { env = \"PHRASE\" } }",
            "{ mnemonic = { file = \"phrase\" }, path = \"m/44'/60'/0'/0/0\" }",
            "{ vault = \"vault.json\", passphrase = { env = \"PASSPHRASE\" } }",
            "{ vault = \"vault.json\", passphrase = { file = \"passphrase\" } }",
        ] {
            assert_eq!(signer(directory, &format!("signer = {form}")).as_deref(), Ok(ADDRESS), "{form}");
        }
    }

    #[test]
    fn a_literal_secret_is_refused_with_the_remedy_and_not_repeated() {
        let directory = tempfile::tempdir().unwrap();
        for form in [
            format!("\"{KEY}\""),
            format!("{{ key = \"{KEY}\" }}"),
            format!("{{ mnemonic = \"{PHRASE}\" }}"),
            "{ vault = \"vault.json\", passphrase = \"open sesame\" }".to_owned(),
        ] {
            private_file::write(&directory.path().join("vault.json"), VAULT.as_bytes()).unwrap();
            let refusal = signer(directory.path(), &format!("signer = {form}")).unwrap_err();
            assert!(refusal.contains("never written in a configuration"), "{refusal}");
            assert!(!refusal.contains(KEY) && !refusal.contains("junk") && !refusal.contains("sesame"), "{refusal}");
        }
    }

    const VAULT: &str = include_str!("../tests/vectors/ows-phrase.json");

    #[test]
    fn what_cannot_be_followed_is_refused_with_the_remedy() {
        let directory = tempfile::tempdir().unwrap();
        for (form, words) in [
            ("7", "a signer is"),
            ("{}", "a signer is"),
            ("{ key = { env = \"ABSENT\" } }", "ABSENT is not set"),
            ("{ key = { file = \"absent\" } }", "absent"),
            ("{ key = { env = \"KEY\", file = \"key\" } }", "{ env"),
            ("{ key = { env = \"KEY\" }, path = \"m\" }", "has no \"path\""),
            ("{ mnemonic = { env = \"KEY\" } }", "BIP-39"),
            ("{ mnemonic = { env = \"PHRASE\" }, path = 7 }", "is text"),
            ("{ mnemonic = { env = \"PHRASE\" }, path = \"x\" }", "BIP-32"),
            ("{ socket = \"keys.sock\" }", "one of public_key and address"),
            ("{ socket = \"keys.sock\", public_key = \"0x04\" }", "128 hexadecimal digits"),
            ("{ socket = \"keys.sock\", address = \"0x00\" }", "farthing key serve"),
        ] {
            let refusal = signer(directory.path(), &format!("signer = {form}")).unwrap_err();
            assert!(refusal.contains(words), "{form}: {refusal}");
        }
    }
}
