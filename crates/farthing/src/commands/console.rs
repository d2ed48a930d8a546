//! `farthing console`: what an owner sees and does, as an API.

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Args;
use farthing_wallet::Ambient;
use farthing_wallet::console::{Console as Api, ConsoleToken};
use serde_json::json;
use tokio::net::TcpListener;

use super::home::Home;
use crate::failure::{Failure, OrFail};
use crate::stop::Stop;
use crate::{clock, logging, terminal};

/// See and answer what waits, and stop wallets, over an API on this machine.
#[derive(Args)]
#[command(after_help = "Examples:\n  farthing console\n  \
    curl -H \"Authorization: Bearer $(cat ~/.farthing/console.token)\" http://127.0.0.1:4030/approvals\n\n\
    Whoever has the token can stop every wallet and see what was bought; keep it as you keep the wallets.")]
pub(crate) struct Console {
    /// Where it listens.
    #[arg(long, default_value = "127.0.0.1:4030")]
    listen: SocketAddr,
    /// Another host it is reached by, HOST:PORT, such as the one of a proxy with TLS in front of it; may be repeated.
    #[arg(long = "host", value_name = "HOST[:PORT]")]
    hosts: Vec<String>,
    /// Say the address as one line of JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    home: Home,
}

impl Console {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        if !self.listen.ip().is_loopback() && self.hosts.is_empty() {
            let sentence = "beyond this machine the token could be read on its way; listen on 127.0.0.1 behind a \
                            proxy with TLS, and name its host with --host";
            return Err(Failure::wrong_use(sentence));
        }
        logging::start();
        let wallets = self.home.wallets()?;
        let token = ConsoleToken::of(wallets.home(), &Ambient::new(clock::now)).or_fail("the console has no token")?;
        let desk = wallets.desk(None).or_fail("the approvals cannot be reached")?;
        let desk = desk.opened_by(self.home.owner_passphrase()?);
        let listener = TcpListener::bind(self.listen).await.or_fail("the console cannot listen there")?;
        let address = listener.local_addr().or_fail("the console cannot listen there")?;
        let place = ConsoleToken::path(wallets.home());
        let console = Api::new(wallets, desk, token, self.reached_by(address));
        let mut stop = Stop::listen()?;
        if self.json {
            terminal::say_json(&json!({ "address": address.to_string(), "token_file": place }));
        } else {
            terminal::note(&format!("farthing: console on http://{address}, token in {}", place.display()));
        }
        let stopped = async move { stop.asked().await };
        console.serve(listener, stopped).await.or_fail("the console stopped")?;
        Ok(ExitCode::SUCCESS)
    }

    /// The hosts it answers to.
    fn reached_by(&self, address: SocketAddr) -> Vec<String> {
        let mut hosts = self.hosts.clone();
        hosts.push(address.to_string());
        if address.ip().is_loopback() {
            hosts.push(format!("localhost:{}", address.port()));
        }
        hosts
    }
}
