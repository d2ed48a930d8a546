//! Vaults of the Open Wallet Standard, from the command line.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const TOKEN: &str = "ows_key_936d043c49b725370daa61eb9fadef810a7465349f7181a563c0e205158d3152";
const PASSPHRASE: &str = "correct horse battery staple";
const ADDRESS: &str = "0x9858EfFD232B4033E47d90003D41EC34EcaEda94";
/// An unsigned transaction of Base: EIP-1559, 5 wei to 0x...bEEF, no fee.
const TRANSACTION: &str = "0x02e182210580808082520894000000000000000000000000000000000000beef0580c0";

struct Scene {
    directory: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let scene = Self { directory: tempfile::tempdir().unwrap() };
        let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ows/tests/vectors/vault");
        copy(&vectors, &scene.vault());
        scene
    }

    fn vault(&self) -> PathBuf {
        self.directory.path().join("ows")
    }

    fn run(&self, opened_by: (&str, &str), arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_farthing"));
        command.args(arguments).env("FARTHING_HOME", self.directory.path().join("home"));
        command.env("HOME", self.directory.path()).env_remove("FARTHING_PASSPHRASE").stdin(Stdio::null());
        command.env(opened_by.0, opened_by.1).output().unwrap()
    }

    fn sign(&self, opened_by: (&str, &str), what: &[&str]) -> Output {
        let vault = self.vault();
        let wallet = ["--wallet", "vector-wallet", "--vault", vault.to_str().unwrap(), "--json"];
        self.run(opened_by, &[&["sign"], what, &wallet].concat())
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    std::fs::set_permissions(to, std::fs::Permissions::from_mode(0o700)).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::write(&target, std::fs::read(&path).unwrap()).unwrap();
            std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", said(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn owner_and_token_sign_and_a_policy_refuses_with_its_code() {
    let scene = Scene::new();
    let message = ["message", "--chain", "eip155:8453", "--message", "hello"];
    let signed = json(&scene.sign(("OWS_PASSPHRASE", PASSPHRASE), &message));
    for token in [("OWS_PASSPHRASE", TOKEN), ("FARTHING_CARD", TOKEN)] {
        assert_eq!(json(&scene.sign(token, &message)), signed);
    }
    assert_eq!(signed["signature"].as_str().unwrap().len(), 130);
    let elsewhere = scene.sign(("FARTHING_CARD", TOKEN), &["message", "--chain", "ethereum", "--message", "hello"]);
    assert_eq!(elsewhere.status.code(), Some(3));
    assert!(said(&elsewhere).contains("POLICY_DENIED") && said(&elsewhere).contains("allowed_chains"));
    let unsaid = scene.sign(("OWS_PASSPHRASE", ""), &message);
    assert_eq!(unsaid.status.code(), Some(2), "{}", said(&unsaid));
    for (opened_by, arguments, code) in [
        (("OWS_PASSPHRASE", "wrong"), message.as_slice(), "INVALID_PASSPHRASE"),
        (("OWS_PASSPHRASE", TOKEN), &["tx", "--chain", "solana:x", "--tx", "0x01"], "CHAIN_NOT_SUPPORTED"),
        (("OWS_PASSPHRASE", TOKEN), &["tx", "--chain", "base", "--tx", "0x01"], "INVALID_INPUT"),
        (("OWS_PASSPHRASE", TOKEN), &["tx", "--chain", "moon", "--tx", "0x01"], "CAIP_PARSE_ERROR"),
    ] {
        let refused = scene.sign(opened_by, arguments);
        assert_eq!(refused.status.code(), Some(1));
        assert!(said(&refused).contains(code), "{}", said(&refused));
        assert!(!said(&refused).contains(TOKEN));
    }
}

#[test]
fn a_transaction_is_signed_if_it_is_what_it_is_said_to_be() {
    let scene = Scene::new();
    let tx = ["tx", "--chain", "eip155:8453", "--tx", TRANSACTION];
    let signed = json(&scene.sign(("FARTHING_CARD", TOKEN), &[&tx, ["--amount", "5"].as_slice()].concat()));
    assert!(signed["transaction"].as_str().unwrap().starts_with("0x02"));
    assert!(matches!(signed["recovery_id"].as_u64(), Some(0 | 1)));
    let other = scene.sign(("OWS_PASSPHRASE", PASSPHRASE), &[&tx, ["--amount", "4"].as_slice()].concat());
    assert!(said(&other).contains("said to be 4, but the bytes say 5"), "{}", said(&other));
    let frozen = scene.directory.path().join("home/frozen");
    assert!(scene.run(("FARTHING_PASSPHRASE", "x"), &["freeze", "--all"]).status.success() && frozen.exists());
    assert!(said(&scene.sign(("FARTHING_CARD", TOKEN), &tx)).contains("thaw --all"));
}

#[test]
fn wallets_go_into_vaults_and_come_out_of_them() {
    let scene = Scene::new();
    let vault = scene.vault();
    let vault = vault.to_str().unwrap();
    let own = ("FARTHING_PASSPHRASE", "open sesame");
    let imported = scene.run(
        ("OWS_PASSPHRASE", PASSPHRASE),
        &["wallet", "import", "agent", "--vault", vault, "--from", "vector-wallet"],
    );
    assert!(String::from_utf8_lossy(&imported.stdout).contains(ADDRESS), "{}", said(&imported));
    assert!(scene.run(own, &["wallet", "create", "second"]).status.success());
    assert!(scene.run(own, &["wallet", "export", "second", "--vault", vault]).status.success());
    let listed = json(&scene.run(own, &["wallet", "list", "--vault", vault, "--json"]));
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|wallet| wallet["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"second") && names.contains(&"vector-wallet"), "{names:?}");
    let keys = json(&scene.run(own, &["key", "list", "--vault", vault, "--json"]));
    assert_eq!(keys[0]["policy_ids"][0], "permit2-only");
    let policies = json(&scene.run(own, &["policy", "list", "--vault", vault, "--json"]));
    assert_eq!(policies[0]["not_understood"], Value::Array(Vec::new()));
}

#[test]
fn a_key_is_made_for_a_policy_of_ours_and_revoked() {
    let scene = Scene::new();
    let vault = scene.vault();
    let vault = vault.to_str().unwrap();
    let owner = ("OWS_PASSPHRASE", PASSPHRASE);
    let file = scene.directory.path().join("limits.json");
    let policy = |rule: Value| {
        let policy = serde_json::json!({
            "id": "limits", "name": "limits", "version": 1, "created_at": "2026-11-21T00:00:00Z",
            "rules": [rule], "action": "deny",
        });
        std::fs::write(&file, policy.to_string()).unwrap();
        scene.run(owner, &["policy", "create", "--vault", vault, "--file", file.to_str().unwrap()])
    };
    assert!(said(&policy(serde_json::json!({ "type": "allowed_moons" }))).contains("allowed_moons"));
    let amounts = serde_json::json!({ "eip155:8453/slip44:60": "8" });
    let window = serde_json::json!({ "type": "farthing:window", "amounts": amounts, "seconds": 86400 });
    assert!(policy(window).status.success());
    let arguments = ["key", "create", "--vault", vault, "--of", "vector-wallet", "--policy", "limits", "--json"];
    let key = json(&scene.run(owner, &arguments));
    let token = ("FARTHING_CARD", key["token"].as_str().unwrap());
    let tx = ["tx", "--chain", "eip155:8453", "--tx", TRANSACTION];
    assert!(scene.sign(token, &tx).status.success());
    let again = scene.sign(token, &tx);
    assert_eq!(again.status.code(), Some(3), "5 and 5 are more than 8");
    assert!(said(&again).contains("farthing:window"));
    assert!(scene.run(owner, &["key", "revoke", "--vault", vault, key["id"].as_str().unwrap()]).status.success());
    assert!(said(&scene.sign(token, &tx)).contains("API_KEY_NOT_FOUND"));
}
