use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Context as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::commands::{Run as _, cargo, program};
use crate::{tools, workspace};

/// A program on an official SDK; `interop/README.md` has its calls.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    command: Vec<OsString>,
    /// The seed of its Ed25519 key, in hex.
    key: String,
}

/// What an SDK read out of a 402.
#[derive(Deserialize)]
pub(crate) struct Reading {
    pub(crate) status: u16,
    pub(crate) problem: Value,
    pub(crate) challenges: Vec<Value>,
}

/// What paying through an SDK gave.
#[derive(Deserialize)]
pub(crate) struct Purchase {
    pub(crate) status: u16,
    pub(crate) body: String,
    pub(crate) receipt: Option<Value>,
}

/// Every peer, installed and built.
pub(crate) fn all() -> anyhow::Result<Vec<Peer>> {
    let mppx = vec!["node".into(), tools::mppx()?.join("peer.js").into()];
    let python = workspace::root().join("interop/pympp/peer.py");
    let pympp = vec![tools::python("pympp")?.into(), python.into()];
    let mpp = vec![build_mpp_rs()?.join("peer").into()];
    let peer = |name, command, digit: &str| Peer { name, command, key: digit.repeat(64) };
    Ok(vec![peer("mppx", mppx, "1"), peer("pympp", pympp, "2"), peer("mpp-rs", mpp, "3")])
}

impl Peer {
    /// The name of its key.
    pub(crate) fn did(&self) -> anyhow::Result<String> {
        let answer: Value = self.ask(&["did", &self.key])?;
        Ok(answer["did"].as_str().context("the peer names no did")?.to_owned())
    }

    /// Fetches without paying; a body makes it a POST.
    pub(crate) fn read(&self, url: &str, body: Option<&str>) -> anyhow::Result<Reading> {
        self.ask(&[&["read", url], body.as_slice()].concat())
    }

    /// Fetches and pays; a body makes it a POST.
    pub(crate) fn pay(&self, url: &str, body: Option<&str>) -> anyhow::Result<Purchase> {
        self.ask(&[&["pay", url, &self.key], body.as_slice()].concat())
    }

    /// Fetches and pays on a Tempo chain, from the account of this key.
    pub(crate) fn charge(&self, url: &str, key: &str, rpc: &str, mode: &str) -> anyhow::Result<Purchase> {
        self.ask(&["charge", url, key, rpc, mode])
    }

    /// Fetches and pays with an EIP-3009 authorization of this asset.
    pub(crate) fn authorize(&self, url: &str, key: &str, asset: &Value) -> anyhow::Result<Purchase> {
        self.ask(&["authorize", url, key, &asset.to_string()])
    }

    fn ask<Answer: DeserializeOwned>(&self, words: &[&str]) -> anyhow::Result<Answer> {
        let (first, rest) = self.command.split_first().context("a peer without a program")?;
        let answer = program(first, rest).args(words).output_text()?;
        serde_json::from_str(&answer).with_context(|| format!("{} answered {answer:?}", self.name))
    }
}

/// Builds the programs on `mpp` and names the folder they are in.
pub(super) fn build_mpp_rs() -> anyhow::Result<PathBuf> {
    let folder = workspace::target()?.join("interop");
    cargo(["build", "--quiet", "--locked", "--manifest-path", "interop/mpp-rs/Cargo.toml", "--features", "tempo"])
        .args(["--bin", "peer", "--bin", "tempo-seller", "--bin", "session-seller", "--bin", "session-buyer"])
        .arg("--target-dir")
        .arg(&folder)
        .run()?;
    Ok(folder.join("debug"))
}
