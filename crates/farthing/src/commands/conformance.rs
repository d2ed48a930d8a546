use std::process::ExitCode;

use clap::Args;

use crate::conformance;
use crate::failure::{Failure, OrFail};

/// One JSON request on standard input, one JSON answer on standard output.
#[derive(Args)]
#[command(
    after_help = "Example:\n  echo '{\"schema\":1,\"op\":\"base64url.encode\",\"input\":{\"text\":\"hi\"}}' | farthing conformance"
)]
pub(crate) struct Conformance {}

impl Conformance {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        conformance::run(std::io::stdin().lock(), std::io::stdout().lock()).or_fail("cannot answer")?;
        Ok(ExitCode::SUCCESS)
    }
}
