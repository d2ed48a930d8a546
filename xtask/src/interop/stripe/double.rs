use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;
use serde_json::Value;

use crate::commands::{Run as _, cargo};
use crate::workspace;

/// The seller's key and profile, and the agent's key, as the double knows them.
pub(super) const SELLER: &str = "sk_test_seller";
pub(super) const PROFILE: &str = "profile_test_seller";
pub(super) const AGENT: &str = "sk_test_agent";

/// The double of `testing/stripe` as a program; it ends when this is dropped.
pub(super) struct Double {
    url: String,
    process: Child,
}

impl Double {
    /// Builds it and starts it.
    pub(super) fn start() -> anyhow::Result<Self> {
        cargo(["build", "--quiet", "--package", "farthing-testing-stripe", "--bin", "stripe-double"]).run()?;
        let binary = workspace::target()?.join("debug/stripe-double");
        let command = Command::new(binary).stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let process = command.context("cannot start the double of Stripe")?;
        let mut double = Self { url: String::new(), process };
        let output = double.process.stdout.take().context("no standard output")?;
        BufReader::new(output).read_line(&mut double.url)?;
        double.url.truncate(double.url.trim_end().len());
        Ok(double)
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The PaymentIntents whose money moved.
    pub(super) fn succeeded(&self) -> anyhow::Result<Vec<String>> {
        let request = ureq::get(format!("{}/v1/payment_intents", self.url));
        let list: Value = request.header("authorization", format!("Bearer {SELLER}")).call()?.body_mut().read_json()?;
        let all = list["data"].as_array().context("no list of PaymentIntents")?;
        let succeeded = all.iter().filter(|each| each["status"] == "succeeded");
        succeeded.map(|each| each["id"].as_str().map(str::to_owned).context("no id")).collect()
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        // Both fail only when it is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
