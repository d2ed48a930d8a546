//! Keys that live in another process than the one that pays, and wallets made of keys that were there.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use farthing_keys::{SocketSigner, private_file};
use farthing_rail::RecoverableSigner as _;
use serde_json::Value;

const FARTHING: &str = env!("CARGO_BIN_EXE_farthing");
const PHRASE: &str = "test test test test test test test test test test test junk";

fn farthing(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(FARTHING);
    command.args(arguments).env("FARTHING_HOME", home).env("FARTHING_PASSPHRASE", "open sesame");
    command.env("RUST_LOG", "trace").stdin(Stdio::null());
    command
}

fn run(home: &Path, arguments: &[&str]) -> Output {
    farthing(home, arguments).output().unwrap()
}

fn json(home: &Path, arguments: &[&str]) -> Value {
    let output = run(home, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The files under a directory that hold this text.
fn files_with(directory: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else if std::fs::read(&path).unwrap().windows(text.len()).any(|window| window == text.as_bytes()) {
            found.push(path);
        }
    }
    found
}

struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn another_process_signs_until_its_wallet_is_frozen() {
    let directory = tempfile::tempdir().unwrap();
    let (home, socket) = (directory.path().join("home"), directory.path().join("keys.sock"));
    let created = json(&home, &["wallet", "create", "seller", "--json"]);
    let address = created["address"].as_str().unwrap().to_owned();
    let socket_text = socket.to_str().unwrap();
    let mut server = farthing(&home, &["key", "serve", "--wallet", "seller", "--json", "--socket", socket_text]);
    let mut server = Served(server.stdout(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let said: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(said["address"].as_str(), Some(address.as_str()));
    let signer = SocketSigner::for_address(&socket, &address).unwrap();
    // The signer itself checks that the signature is this key's.
    let first = signer.sign_keccak(b"message").await.unwrap();
    assert_eq!(signer.sign_keccak(b"message").await.unwrap(), first);
    assert!(run(&home, &["wallet", "freeze", "seller"]).status.success());
    let refusal = signer.sign_keccak(b"message").await.unwrap_err().to_string();
    assert!(refusal.contains("farthing wallet thaw seller"), "{refusal}");
    assert!(run(&home, &["wallet", "thaw", "seller"]).status.success());
    assert_eq!(signer.sign_keccak(b"message").await.unwrap(), first);
}

#[test]
fn a_wallet_is_made_of_a_phrase_or_a_key_and_neither_is_ever_shown() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path().join("home");
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        private_file::write(&path, text.as_bytes()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let key = "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
    let (phrase_file, key_file) = (file("phrase", PHRASE), file("key", key));
    let made = json(&home, &["wallet", "create", "first", "--json", "--phrase-file", &phrase_file]);
    assert_eq!(made["address"], "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
    let path = "m/44'/60'/0'/0/1";
    let made = json(&home, &["wallet", "create", "second", "--json", "--phrase-file", &phrase_file, "--path", path]);
    let same = json(&home, &["wallet", "create", "third", "--json", "--key-file", &key_file]);
    assert_eq!(
        (&made["address"], &same["address"]),
        (&"0x70997970C51812dc3A010C7d01b50e0d17dc79C8".into(), &made["address"])
    );
    assert_eq!(json(&home, &["wallet", "show", "third", "--json"])["address"], same["address"]);
    let wrong = file("wrong", &PHRASE.replace("junk", "junky"));
    let refused = run(&home, &["wallet", "create", "fourth", "--phrase-file", &wrong]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && said.contains("BIP-39") && !said.contains("junky"), "{said}");
    for secret in [key, "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80", "test test", "open sesame"]
    {
        assert_eq!(files_with(&home, secret), Vec::<PathBuf>::new(), "a secret in clear");
    }
    let again = run(&home, &["key", "create", "--wallet", "third", "--type", "evm"]);
    assert!(String::from_utf8(again.stderr).unwrap().contains("has an account for chains already"));
}
