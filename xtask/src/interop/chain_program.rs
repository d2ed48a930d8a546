use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;
use serde::de::DeserializeOwned;

use crate::commands::{Run as _, cargo};
use crate::workspace;

/// A program of `testing/rpc` that runs chains; they end when this is dropped.
pub(super) struct ChainProgram(Child);

impl ChainProgram {
    /// Builds it and starts it; returns what it prints when everything listens.
    pub(super) fn start<Addresses: DeserializeOwned>(name: &str) -> anyhow::Result<(Self, Addresses)> {
        cargo(["build", "--quiet", "--package", "farthing-testing-rpc", "--bin", name]).run()?;
        let binary = workspace::target()?.join("debug").join(name);
        let mut process = Command::new(binary)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the chains' program")?;
        let mut line = String::new();
        let output = process.stdout.take().context("no standard output")?;
        let program = Self(process);
        BufReader::new(output).read_line(&mut line)?;
        let addresses = serde_json::from_str(&line).context("the chains did not start; what they wrote is above")?;
        Ok((program, addresses))
    }
}

impl Drop for ChainProgram {
    fn drop(&mut self) {
        // Both fail only when it is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
