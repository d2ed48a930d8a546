//! A vault to sign out of: the one of the reference library, on a disk of its own.
#![allow(clippy::unwrap_used, clippy::panic, unreachable_pub)] // a test module
#![allow(dead_code)] // each test file uses a part of it

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use alloy_consensus::{SignableTransaction as _, TxEip1559};
use alloy_primitives::{Address, Bytes, TxKind, U256, address};
use alloy_sol_types::{SolCall as _, sol};
use farthing_keys::{Ambient, ApiKeyFile, Token};
use farthing_ows::{
    Credential, Denial, Journal, Labels, OwsError, OwsSigner, OwsVault, PolicyFile, Presented, Request, Signed,
};
use farthing_protocol::Timestamp;
use secrecy::SecretSlice;
use serde_json::{Value, json};

pub const WALLET: &str = "83402f83-8a11-4ea6-93c0-d54280da94e0";
pub const TOKEN: &str = "ows_key_936d043c49b725370daa61eb9fadef810a7465349f7181a563c0e205158d3152";
pub const PAYEE: Address = address!("000000000000000000000000000000000000bEEF");
pub const THIEF: Address = address!("00000000000000000000000000000000000bad00");
pub const USDC: Address = address!("833589fCD6eDb6E08f4c7C32D4f71b54bdA02913");
pub const PERMIT2: &str = "0x000000000022D473030F116dDEE9F6B43aC78BA3";

sol! {
    function transfer(address to, uint256 value) returns (bool);
}

pub struct Desk {
    pub directory: tempfile::TempDir,
    pub vault: OwsVault,
    now: Arc<AtomicI64>,
}

impl Desk {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("ows");
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/vault"), &root);
        let now = Timestamp::parse("2026-11-21T12:00:00Z").unwrap().unix_millis();
        Self { vault: OwsVault::at(&root), directory, now: Arc::new(AtomicI64::new(now)) }
    }

    pub fn ambient(&self) -> Ambient {
        let now = Arc::clone(&self.now);
        Ambient::new(move || Timestamp::from_unix_millis(now.load(Ordering::SeqCst)))
    }

    pub fn pass_seconds(&self, seconds: i64) {
        self.now.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    pub fn signer(&self) -> OwsSigner<Journal> {
        OwsSigner::new(self.vault.clone(), Journal::of(&self.vault), self.ambient(), Vec::new())
    }

    pub fn owner() -> SecretSlice<u8> {
        b"correct horse battery staple".to_vec().into()
    }

    /// A key under a policy of these rules.
    pub fn key(&self, rules: &Value) -> Credential {
        self.key_under(&json!({ "rules": rules }))
    }

    /// A key under a policy with these members beside those that every policy has.
    pub fn key_under(&self, members: &Value) -> Credential {
        let id = format!("policy-{}", self.vault.policies().unwrap().len());
        let mut policy =
            json!({ "id": id, "name": id, "version": 1, "created_at": "2026-11-21T00:00:00Z", "action": "deny" });
        for (name, value) in members.as_object().unwrap() {
            policy[name] = value.clone();
        }
        self.vault.add_policy(&PolicyFile::from_json(policy.to_string().as_bytes()).unwrap()).unwrap();
        self.key_of(&[id])
    }

    /// A key under these policies.
    pub fn key_of(&self, policies: &[String]) -> Credential {
        let (wallet, owner) = (self.vault.wallet(WALLET).unwrap(), Self::owner());
        let (token, key) = ApiKeyFile::create(&self.ambient(), "agent", &[(&wallet, &owner)], policies, None).unwrap();
        self.vault.add_key(&key).unwrap();
        Credential::Token(token)
    }

    pub fn sign(&self, credential: &Credential, presented: Presented) -> Result<Signed, OwsError> {
        self.sign_on("eip155:8453", credential, presented)
    }

    pub fn sign_on(&self, chain: &str, credential: &Credential, presented: Presented) -> Result<Signed, OwsError> {
        self.signer().sign(&request(chain, presented), credential)
    }

    /// The rule that refused.
    pub fn refused(&self, credential: &Credential, presented: Presented) -> Denial {
        denial(self.sign(credential, presented))
    }

    /// The lines of the audit log.
    pub fn log(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.vault.root().join("logs/audit.jsonl")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// A program in this directory.
    pub fn program(&self, script: &str) -> PathBuf {
        let path =
            self.directory.path().join(format!("program-{}", fs::read_dir(self.directory.path()).unwrap().count()));
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        path
    }
}

pub fn request(chain: &str, presented: Presented) -> Request {
    Request { wallet: "vector-wallet".into(), chain: chain.into(), presented, labels: Labels::default() }
}

pub fn denial(result: Result<Signed, OwsError>) -> Denial {
    match result {
        Err(OwsError::PolicyDenied(denial)) => denial,
        other => panic!("{other:?}"),
    }
}

pub fn fixture_token() -> Credential {
    Credential::Token(Token::parse(TOKEN).unwrap())
}

/// A transaction of Base that costs nothing but what it moves, so that sums are easy to follow.
pub fn plain() -> TxEip1559 {
    TxEip1559 {
        chain_id: 8453,
        gas_limit: 21_000,
        to: TxKind::Call(PAYEE),
        value: U256::from(5),
        ..TxEip1559::default()
    }
}

pub fn coin(to: Address, value: u64) -> Presented {
    unsigned(&TxEip1559 { to: TxKind::Call(to), value: U256::from(value), ..plain() })
}

pub fn tokens(to: Address, value: u64) -> Presented {
    let input = Bytes::from(transferCall { to, value: U256::from(value) }.abi_encode());
    unsigned(&TxEip1559 { to: TxKind::Call(USDC), value: U256::ZERO, input, ..plain() })
}

pub fn unsigned(transaction: &TxEip1559) -> Presented {
    Presented::Transaction(transaction.encoded_for_signing())
}

/// An authorization of the token (EIP-3009) on a chain.
pub fn authorization(chain: u64, contract: &str, to: Address, value: u64) -> Value {
    let field = |name: &str, kind: &str| json!({ "name": name, "type": kind });
    json!({
        "types": {
            "EIP712Domain": [
                field("name", "string"), field("version", "string"), field("chainId", "uint256"),
                field("verifyingContract", "address"),
            ],
            "TransferWithAuthorization": [
                field("from", "address"), field("to", "address"), field("value", "uint256"),
                field("validAfter", "uint256"), field("validBefore", "uint256"), field("nonce", "bytes32"),
            ],
        },
        "primaryType": "TransferWithAuthorization",
        "domain": { "name": "USD Coin", "version": "2", "chainId": chain, "verifyingContract": contract },
        "message": {
            "from": "0x9858EfFD232B4033E47d90003D41EC34EcaEda94",
            "to": to.to_checksum(None),
            "value": value.to_string(),
            "validAfter": "0",
            "validBefore": "1795000000",
            "nonce": format!("0x{}", "01".repeat(32)),
        },
    })
}

pub fn typed(data: &Value) -> Presented {
    Presented::TypedData(data.to_string())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    fs::set_permissions(to, fs::Permissions::from_mode(0o700)).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::write(&target, fs::read(&path).unwrap()).unwrap();
            fs::set_permissions(&target, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
}
