//! `farthing facilitator`: verifies and settles x402 payments for other sellers.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use farthing_facilitator::{Config, Facilitator as Service, Running, StartError};
use serde_json::json;

use crate::failure::Failure;
use crate::stop::Stop;
use crate::{clock, environment, logging, rails, terminal};

/// Settle x402 payments for other sellers.
#[derive(Args)]
#[command(after_help = "Example:\n  farthing facilitator --config facilitator.toml")]
pub(crate) struct Facilitator {
    /// The configuration.
    #[arg(long)]
    config: PathBuf,
    /// Say the addresses as one line of JSON.
    #[arg(long)]
    json: bool,
}

impl Facilitator {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        logging::start();
        let config = Config::load(&self.config, &environment::variable);
        let config = config.map_err(|error| Failure::wrong_use(error.to_string()))?;
        let open = config.callers.is_empty();
        let facilitator = Service::new(config, rails::facilitated_chains(), Arc::new(clock::now));
        let running = facilitator.run().await.map_err(|error| match error {
            StartError::Config(mistake) => Failure::wrong_use(mistake.to_string()),
            other => Failure::new(other.to_string()),
        })?;
        let mut stop = Stop::listen()?;
        self.announce(&running, open);
        stop.asked().await;
        let drained = running.shutdown().await;
        if drained.cut > 0 {
            terminal::note(&format!("{} connections were cut after the time to drain", drained.cut));
        }
        Ok(ExitCode::SUCCESS)
    }

    fn announce(&self, running: &Running, open: bool) {
        let addresses = running.addresses();
        let admin = addresses.admin.map(|admin| admin.to_string());
        if self.json {
            terminal::say_json(&json!({ "listen": addresses.public.to_string(), "admin": admin }));
            return;
        }
        terminal::say(&format!("settling on  http://{}", addresses.public));
        if let Some(admin) = admin {
            terminal::say(&format!("operators on http://{admin}"));
        }
        for kind in running.kinds() {
            let scheme = kind.settler.terms().intent.as_str();
            terminal::say(&format!("{scheme} on {}, submitted by {}", kind.network, kind.signers.join(", ")));
        }
        if open {
            terminal::say("whoever reaches this address has payments settled; add [callers] to change that");
        }
    }
}
