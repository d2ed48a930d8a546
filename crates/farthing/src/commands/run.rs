//! `farthing run -- COMMAND`: a command whose requests are paid for, and what it spent.

mod child;
mod surroundings;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use farthing_money::Price;
use farthing_proxy::{Agents, Closer, LeftOpen, Proxy, Spent, Token};
use farthing_wallet::client::plain;
use farthing_wallet::{Ambient, RunLimit, WalletName};
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
        farthing run --wallet agent --max \"5 USD\" --tag project=atlas -- python3 agent.py\n  \
        farthing run --allow-private 127.0.0.1:4020 -- node agent.js\n\n\
        The command finds a proxy and the certificates to trust in its environment (HTTP_PROXY, HTTPS_PROXY, NO_PROXY,\n\
        SSL_CERT_FILE, REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE, NODE_EXTRA_CA_CERTS, NODE_USE_ENV_PROXY), with a credential\n\
        that ends with it. It does not find what opens the wallet. Its exit code is that of farthing run; what it\n\
        spent is said on standard error.")]
pub(crate) struct Run {
    /// The wallet that pays.
    #[arg(long, default_value = "agent")]
    wallet: WalletName,
    /// The most that the whole run may spend, on top of the policy.
    #[arg(long)]
    max: Option<Price>,
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
        let ambient = Ambient::new(clock::now);
        self.home.wallets()?.show(&self.wallet).map_err(said)?;
        let limit = self.limit(&ambient)?;
        let purses = HomePurses::new(self.home.clone())?.within(limit);
        let (tokens, token) = tokens(&self.home)?.with_own(&self.wallet, &ambient).map_err(said)?;
        let authority = authority(&self.home, &[])?;
        let listener = TcpListener::bind("127.0.0.1:0").await.or_fail("cannot listen on this machine")?;
        let address = listener.local_addr().or_fail("the listener has no address")?;
        let reach = self.way.reach()?;
        let surroundings = Surroundings::new(&authority, &self.proxy_url(&token, address), &reach)?;
        let proxy = self.way.proxy(Agents::new(Arc::new(purses), tokens), authority, reach, self.max)?;
        let (tally, closer) = (proxy.tally(), proxy.closer());
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(serve(proxy, listener, stopped));
        let exit = child::run(&self.command, &surroundings).await?;
        drop(stop);
        let served = serving.await.or_fail("the proxy ended early").flatten();
        // What lies in sessions that nobody else draws from comes back.
        let left = if self.max.is_some() { close(&closer).await } else { Vec::new() };
        self.say(&tally.spent(), &left, exit);
        served.map(|()| ExitCode::from(exit))
    }

    /// The limit of the whole run. It counts in the currency of the wallet's own limits.
    fn limit(&self, ambient: &Ambient) -> Result<Option<RunLimit>, Failure> {
        let Some(max) = self.max else { return Ok(None) };
        let policy = self.home.wallets()?.policy(&self.wallet).map_err(said)?;
        if let Some(policy) = policy.filter(|policy| policy.currency != max.currency()) {
            let sentence = format!(
                "the policy of {} counts in {currency}; say --max in {currency}",
                self.wallet,
                currency = policy.currency
            );
            return Err(Failure::wrong_use(sentence));
        }
        RunLimit::new(max, ambient).map(Some).map_err(said)
    }

    fn proxy_url(&self, token: &Token, address: std::net::SocketAddr) -> String {
        format!("http://{}:{}@{address}", self.wallet, token.reveal())
    }

    fn say(&self, spent: &[Spent], left: &[LeftOpen], exit: u8) {
        if self.json {
            self.say_json(spent, left, exit);
            return;
        }
        if spent.is_empty() {
            terminal::note("farthing: spent nothing");
        }
        for Spent { origin, payments, cost, .. } in spent {
            let payments = if *payments == 1 { "1 payment".to_owned() } else { format!("{payments} payments") };
            terminal::note(&format!("farthing: spent {cost} at {origin} in {payments}"));
        }
        for LeftOpen { wallet, origin, channel, unspent, sentence } in left {
            let sentence = plain(sentence);
            let name = channel.as_deref().unwrap_or("--all");
            terminal::note(&format!(
                "farthing: {unspent} lies in a session at {origin} that has not ended: {sentence}; end it with: \
                 farthing sessions close {name} --wallet {wallet}"
            ));
        }
    }

    fn say_json(&self, spent: &[Spent], left: &[LeftOpen], exit: u8) {
        let spent: Vec<_> = spent
            .iter()
            .map(|spent| json!({ "origin": spent.origin, "payments": spent.payments, "cost": spent.cost.to_string() }))
            .collect();
        let left: Vec<_> = left
            .iter()
            .map(|left| {
                json!({ "origin": left.origin, "channel": left.channel, "unspent": left.unspent.to_string(),
                    "sentence": left.sentence })
            })
            .collect();
        let shown = json!({
            "wallet": self.wallet.as_str(), "max": self.max.map(|max| max.to_string()), "spent": spent,
            "left_open": left, "exit": exit,
        });
        terminal::note(&shown.to_string());
    }
}

/// Ends the sessions of the run, unless whoever sits at the terminal has no patience for it.
async fn close(closer: &Closer) -> Vec<LeftOpen> {
    tokio::select! {
        left = closer.close() => left,
        _ = tokio::signal::ctrl_c() => {
            terminal::note("farthing: sessions may be open still; see them with: farthing sessions list");
            Vec::new()
        }
    }
}

fn said(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}

async fn serve(proxy: Proxy, listener: TcpListener, stopped: oneshot::Receiver<()>) -> Result<(), Failure> {
    let stopped = async { drop(stopped.await) };
    proxy.serve(listener, stopped).await.map(drop).map_err(|error| Failure::new(error.to_string()))
}
