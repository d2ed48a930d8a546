//! `farthing run -- COMMAND`: a command whose requests are paid for, and what it spent.

mod child;
mod surroundings;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use farthing_proxy::{Agents, Proxy, Spent, Token};
use farthing_wallet::{Ambient, WalletName};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use self::surroundings::Surroundings;
use super::home::Home;
use super::proxy::{HomePurses, Way, authority, tokens};
use crate::failure::{Failure, OrFail};
use crate::{clock, terminal};

/// Run a command whose requests are paid for, and say what it spent.
#[derive(Args)]
#[command(after_help = "Examples:\n  farthing run -- curl https://api.example.com/v1/forecast/paris\n  \
        farthing run --wallet agent --max \"0.01 USD\" -- python3 agent.py\n  \
        farthing run --allow-private 127.0.0.1:4020 -- node agent.js\n\n\
        The command finds a proxy and the certificates to trust in its environment (HTTP_PROXY, HTTPS_PROXY, NO_PROXY,\n\
        SSL_CERT_FILE, REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE, NODE_EXTRA_CA_CERTS, NODE_USE_ENV_PROXY), with a credential\n\
        that ends with it. It does not find what opens the wallet. Its exit code is that of farthing run; what it\n\
        spent is said on standard error.")]
pub(crate) struct Run {
    /// The wallet that pays.
    #[arg(long, default_value = "agent")]
    wallet: WalletName,
    #[command(flatten)]
    way: Way,
    /// Say what was spent as one line of JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    home: Home,
    /// The command and its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Run {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure::new(error.to_string());
        let purses = HomePurses::new(self.home.clone())?;
        self.home.wallets()?.show(&self.wallet).map_err(|error| failed(&error))?;
        let tokens = tokens(&self.home)?.with_own(&self.wallet, &Ambient::new(clock::now));
        let (tokens, token) = tokens.map_err(|error| failed(&error))?;
        let authority = authority(&self.home, &[])?;
        let listener = TcpListener::bind("127.0.0.1:0").await.or_fail("cannot listen on this machine")?;
        let address = listener.local_addr().or_fail("the listener has no address")?;
        let reach = self.way.reach()?;
        let surroundings = Surroundings::new(&authority, &self.proxy_url(&token, address), &reach)?;
        let proxy = self.way.proxy(Agents::new(Arc::new(purses), tokens), authority, reach)?;
        let tally = proxy.tally();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(serve(proxy, listener, stopped));
        let exit = child::run(&self.command, &surroundings).await?;
        drop(stop);
        serving.await.or_fail("the proxy ended early")??;
        self.say(&tally.spent(), exit);
        Ok(ExitCode::from(exit))
    }

    fn proxy_url(&self, token: &Token, address: std::net::SocketAddr) -> String {
        format!("http://{}:{}@{address}", self.wallet, token.reveal())
    }

    fn say(&self, spent: &[Spent], exit: u8) {
        if self.json {
            let rows: Vec<_> = spent
                .iter()
                .map(|spent| {
                    json!({ "origin": spent.origin, "payments": spent.payments, "cost": spent.cost.to_string() })
                })
                .collect();
            let shown = json!({ "wallet": self.wallet.as_str(), "spent": rows, "exit": exit });
            terminal::note(&shown.to_string());
            return;
        }
        if spent.is_empty() {
            terminal::note("farthing: spent nothing");
        }
        for Spent { origin, payments, cost, .. } in spent {
            let payments = if *payments == 1 { "1 payment".to_owned() } else { format!("{payments} payments") };
            terminal::note(&format!("farthing: spent {cost} at {origin} in {payments}"));
        }
    }
}

async fn serve(proxy: Proxy, listener: TcpListener, stopped: oneshot::Receiver<()>) -> Result<(), Failure> {
    let stopped = async { drop(stopped.await) };
    proxy.serve(listener, stopped).await.map(drop).map_err(|error| Failure::new(error.to_string()))
}
