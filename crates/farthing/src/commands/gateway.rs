//! `farthing gateway`: the seller.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use farthing_gateway::economics::{Economics, check};
use farthing_gateway::{Addresses, Config, Flags, Gateway as Seller, Reloader, StartError};
use farthing_store::{Books, Sharing};
use rustls_platform_verifier::ConfigVerifierExt;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::password;
use crate::failure::{Failure, OrFail};
use crate::stop::Stop;
use crate::{environment, logging, rails, terminal};

/// A gateway that cannot write its books sells nothing, and what it was at waits for a process that can.
const NO_WRITER: &str = "the thread that writes the books ended by a fault of this program, which is told above, and \
    nothing can be sold without it; start the gateway again, which goes on where this one stopped, and report the fault";

/// Put a price on an HTTP server.
#[derive(Args)]
#[command(after_help = "Examples:\n  farthing gateway --config farthing.toml\n  \
    farthing gateway --check --config farthing.toml\n  \
    farthing gateway --upstream http://127.0.0.1:9000 --price \"0.001 USD\" --accept balance --data ./seller")]
pub(crate) struct Gateway {
    /// The configuration.
    #[arg(long, conflicts_with_all = ["upstream", "price"])]
    config: Option<PathBuf>,
    /// Without a file: where every request goes.
    #[arg(long, requires = "price")]
    upstream: Option<String>,
    /// Without a file: what each request costs, such as "0.001 USD".
    #[arg(long, requires = "upstream")]
    price: Option<String>,
    /// Without a file: a payment method to accept; may be repeated. Default: balance.
    #[arg(long, conflicts_with = "config")]
    accept: Vec<String>,
    /// Without a file: where clients connect.
    #[arg(long, default_value = "127.0.0.1:4020", conflicts_with = "config")]
    listen: SocketAddr,
    /// Without a file: where operators connect.
    #[arg(long, default_value = "127.0.0.1:4021", conflicts_with = "config")]
    admin: SocketAddr,
    /// Without a file: the directory of the books.
    #[arg(long, default_value = "./farthing-data", conflicts_with = "config")]
    data: PathBuf,
    /// Read everything as at a start, print what each price leaves after the rails' expected fees, and serve nothing.
    #[arg(long)]
    check: bool,
    /// Say the addresses as one line of JSON; with --check, what each price leaves.
    #[arg(long)]
    json: bool,
}

impl Gateway {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        logging::start();
        let config = self.read()?;
        if self.check {
            return self.checked(config);
        }
        let (development, store) = (config.development, password::add_to(config.store.clone()));
        let books =
            Books::open(&store, Sharing::Exclusive).map_err(|error| Failure::new(format!("{store}: {error}")))?;
        let upstream_tls = rustls::ClientConfig::with_platform_verifier().or_fail("the system's trusted roots")?;
        let seller = Seller::new(config, rails::acceptors(), books.clone())
            .signers(rails::signers())
            .fundings(rails::fundings());
        let seller = seller.upstream_tls(upstream_tls);
        let running = match seller.run().await {
            Ok(running) => running,
            Err(error) => {
                // The others need not wait until they find it dead.
                let _ = books.close().await;
                return Err(refused(error));
            }
        };
        let mut stop = Stop::listen()?;
        self.announce(running.addresses(), &running.economics(), development);
        let reloading = tokio::spawn(reload_on_hangup(running.reloader().clone()));
        tokio::select! {
            () = stop.asked() => {}
            () = books.writer_ended() => return Err(Failure::new(NO_WRITER)),
        }
        reloading.abort();
        let drained = running.shutdown().await;
        books.close().await.or_fail("the books could not be closed")?;
        if drained.cut > 0 {
            terminal::note(&format!("{} connections were cut after the time to drain", drained.cut));
        }
        Ok(ExitCode::SUCCESS)
    }

    fn read(&self) -> Result<Config, Failure> {
        let config = match (&self.config, &self.upstream, &self.price) {
            (Some(file), ..) => Config::load(file, Arc::new(environment::variable)),
            (None, Some(upstream), Some(price)) => Config::from_flags(&Flags {
                upstream: upstream.clone(),
                price: price.clone(),
                accept: self.accept.clone(),
                listen: self.listen,
                admin: Some(self.admin),
                data: self.data.clone(),
            }),
            _ => return Err(Failure::wrong_use("name a --config file, or an --upstream and a --price")),
        };
        config.map_err(|error| Failure::wrong_use(error.to_string()))
    }

    /// What each price leaves, without a start.
    fn checked(&self, config: Config) -> Result<ExitCode, Failure> {
        let economics = economics_of(config)?;
        match self.json {
            true => terminal::say_json(&economics.to_json()),
            false => terminal::say(&economics.to_string()),
        }
        Ok(ExitCode::SUCCESS)
    }

    fn announce(&self, addresses: Addresses, economics: &Economics, development: bool) {
        let admin = addresses.admin.map(|admin| admin.to_string());
        if self.json {
            terminal::say_json(&json!({
                "listen": addresses.public.to_string(),
                "admin": admin,
                "development": development,
            }));
            return;
        }
        terminal::say(&format!("selling on   http://{}", addresses.public));
        if let Some(admin) = admin {
            terminal::say(&format!("operators on http://{admin}"));
        }
        if development {
            terminal::say("development mode: balances can be granted and simulated rails are allowed; no real money");
        }
        if !economics.lines.is_empty() {
            terminal::say(&format!("\n{economics}"));
        }
    }
}

/// What each price of a configuration leaves; nothing is served.
pub(super) fn economics_of(config: Config) -> Result<Economics, Failure> {
    let tls = rustls::ClientConfig::with_platform_verifier().or_fail("the system's trusted roots")?;
    let (rails, signers, fundings) = (rails::acceptors(), rails::signers(), rails::fundings());
    check(config, &rails, Some(&signers), Some(&fundings), Some(&tls)).map_err(refused)
}

fn refused(error: StartError) -> Failure {
    match error {
        StartError::Config(mistake) => Failure::wrong_use(mistake.to_string()),
        other => Failure::new(other.to_string()),
    }
}

async fn reload_on_hangup(reloader: Reloader) {
    let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
    while hangup.recv().await.is_some() {
        if let Err(error) = reloader.reload().await {
            tracing::error!(%error, "the configuration was not loaded again; the old one stays in force");
        }
    }
}
