//! A seller, and a home with a wallet that has money there.

use std::path::Path;
use std::process::{Command, Output};

use super::FARTHING;
use super::seller::{HONEST_RAIL, Seller, config};
use super::upstream::Upstream;

pub const PASSPHRASE: &str = "correct horse battery staple";

/// A seller and a home with a wallet that may spend so much in total.
pub struct Scene {
    pub upstream: Upstream,
    pub seller: Seller,
    pub home: tempfile::TempDir,
    _directory: tempfile::TempDir,
}

impl Scene {
    pub async fn with(total: &str) -> Self {
        Self::selling(total, "").await
    }

    /// One whose seller has these routes too.
    pub async fn selling(total: &str, routes: &str) -> Self {
        let (directory, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let upstream = Upstream::start().await;
        let config = format!("{}{routes}", config(&upstream.url(), HONEST_RAIL));
        let seller = Seller::start(directory.path(), &config, &[("RUST_LOG", "warn")]);
        let scene = Self { upstream, seller, home, _directory: directory };
        must(scene.farthing(&["wallet", "create", "agent"]));
        must(scene.farthing(&["policy", "set", "--total", total, "--per-payment", "0.01 USD"]));
        let wallet = must(scene.farthing(&["wallet", "show", "agent", "--json"]));
        let wallet: serde_json::Value = serde_json::from_str(&wallet).unwrap();
        scene.seller.grant(wallet["did"].as_str().unwrap(), "1 USD").await;
        scene
    }

    pub fn farthing(&self, arguments: &[&str]) -> Command {
        farthing(self.home.path(), arguments)
    }

    /// `farthing run` of a command, where the seller may be reached.
    pub fn run(&self, arguments: &[&str], command: &[&str]) -> Output {
        self.running(arguments, command).output().unwrap()
    }

    /// The same, to be started.
    pub fn running(&self, arguments: &[&str], command: &[&str]) -> Command {
        let listed = ["run", "--allow-private", &self.seller.listen["http://".len()..]];
        self.farthing(&[listed.as_slice(), arguments, &["--"], command].concat())
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.seller.listen)
    }
}

pub fn farthing(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(FARTHING);
    command.args(arguments).env("FARTHING_HOME", home).env("FARTHING_PASSPHRASE", PASSPHRASE);
    command
}

pub fn must(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

pub fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
