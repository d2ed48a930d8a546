//! `farthing proxy`: any program that knows a proxy pays.

mod ca;
mod purses;
mod token;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use farthing_money::Price;
use farthing_proxy::{Agents, Authority, Limits, Listed, Proxy as Service, Reach, StartError, Tokens};
use farthing_wallet::client::Order;
use farthing_wallet::{Ambient, WalletName};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::json;
use tokio::net::TcpListener;

pub(super) use self::purses::HomePurses;
use super::home::Home;
use super::tag::{self, Tag};
use crate::failure::{Failure, OrFail};
use crate::stop::Stop;
use crate::{clock, logging, terminal};

/// Let any program that knows a proxy pay.
#[derive(Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  farthing proxy --wallet agent\n  farthing proxy ca --install-command\n  \
        farthing proxy --listen 127.0.0.1:4010            # agents come with tokens\n  \
        farthing proxy token --wallet agent\n\n\
        HTTPS is read with a certificate authority of this machine, which clients must trust; farthing proxy ca\n\
        says how. To run one command, farthing run -- COMMAND needs none of this."
)]
pub(crate) struct Proxy {
    #[command(subcommand)]
    command: Option<Other>,
    /// Where agents reach it.
    #[arg(long, default_value = "127.0.0.1:4010")]
    listen: SocketAddr,
    /// The wallet of whoever comes without a token; only on this machine. Without it, everybody needs a token.
    #[arg(long)]
    wallet: Option<WalletName>,
    /// The most for one request, on top of the policy.
    #[arg(long)]
    max: Option<Price>,
    #[command(flatten)]
    way: Way,
    /// Say the address as one line of JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    home: Home,
}

/// What a proxy lets through.
#[derive(Args)]
pub(super) struct Way {
    /// What every payment is for, for limits of the policy; may be repeated.
    #[arg(long = "tag", value_name = "NAME=VALUE")]
    tags: Vec<Tag>,
    /// A host that may be on a private address, HOST or HOST:PORT; may be repeated.
    #[arg(long, value_name = "HOST[:PORT]")]
    allow_private: Vec<Listed>,
    /// A port that tunnels may lead to, besides 443 and 80; may be repeated.
    #[arg(long, value_name = "PORT")]
    allow_port: Vec<u16>,
    /// A host whose connections are passed on unread, and unpaid; may be repeated.
    #[arg(long, value_name = "HOST[:PORT]")]
    tunnel: Vec<Listed>,
    /// Certificates, PEM, of authorities that servers are trusted by besides those that this system trusts.
    #[arg(long, value_name = "FILE")]
    upstream_ca: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Other {
    /// The certificate authority that clients must trust, and how to have them trust it.
    #[command(after_help = "Examples:\n  farthing proxy ca\n  farthing proxy ca --install-command | sh\n  \
        farthing proxy ca --print > ca.pem\n  farthing proxy ca --only api.example.com   # when it is made")]
    Ca(ca::Ca),
    /// Make the token by which an agent is known; the one before ends.
    #[command(after_help = "Examples:\n  farthing proxy token --wallet agent\n  \
        farthing proxy token --wallet agent --revoke")]
    Token(token::Token),
}

impl Proxy {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        match self.command {
            Some(Other::Ca(command)) => command.run(),
            Some(Other::Token(command)) => command.run(),
            None => self.serve().await,
        }
    }

    async fn serve(self) -> Result<ExitCode, Failure> {
        logging::start();
        let purses = HomePurses::new(self.home.clone())?;
        let mut agents = Agents::new(Arc::new(purses), tokens(&self.home)?);
        if let Some(wallet) = &self.wallet {
            self.home.client(wallet).await?;
            agents = agents.or_else(wallet.clone());
        }
        let proxy = self.way.proxy(agents, authority(&self.home, &[])?, self.way.reach()?, self.max)?;
        let listener = TcpListener::bind(self.listen).await;
        let listener = listener.or_fail(&format!("cannot listen on {}", self.listen))?;
        let address = listener.local_addr().or_fail("the listener has no address")?;
        let mut stop = Stop::listen()?;
        self.announce(address)?;
        let stopped = async move { stop.asked().await };
        let drained = proxy.serve(listener, stopped).await.map_err(|error| match error {
            StartError::Open(_) => Failure::wrong_use(error.to_string()),
            error => Failure::new(error.to_string()),
        })?;
        if drained.cut > 0 {
            terminal::note(&format!("{} connections were cut after the time to drain", drained.cut));
        }
        Ok(ExitCode::SUCCESS)
    }

    fn announce(&self, address: SocketAddr) -> Result<(), Failure> {
        if self.json {
            terminal::say_json(&json!({ "listen": address.to_string() }));
            return Ok(());
        }
        terminal::say(&format!("listening on http://{address}"));
        match &self.wallet {
            Some(wallet) => terminal::say(&format!("whoever comes without a token pays out of the wallet {wallet}")),
            None => terminal::say("agents come with a token: farthing proxy token --wallet NAME"),
        }
        terminal::say("for HTTPS, clients must trust its certificates: farthing proxy ca");
        Ok(())
    }
}

impl Way {
    /// A proxy that lets this through. `max` is the most for one request.
    pub(super) fn proxy(
        &self,
        agents: Agents,
        authority: Authority,
        reach: Reach,
        max: Option<Price>,
    ) -> Result<Service, Failure> {
        let order = Order { max, tags: tag::all(&self.tags), ..Order::default() };
        let proxy = Service::new(agents, authority, reach, order, Limits::default());
        proxy.map_err(|error| Failure::new(error.to_string()))
    }

    /// Where it goes.
    pub(super) fn reach(&self) -> Result<Reach, Failure> {
        let (private, ports, tunnels) = (self.allow_private.clone(), self.allow_port.clone(), self.tunnel.clone());
        let authorities = match &self.upstream_ca {
            None => Vec::new(),
            Some(file) => {
                let unreadable = |error: &dyn std::fmt::Display| {
                    Failure::wrong_use(format!("{} holds no certificates: {error}", file.display()))
                };
                let read = CertificateDer::pem_file_iter(file).map_err(|error| unreadable(&error))?;
                read.collect::<Result<_, _>>().map_err(|error| unreadable(&error))?
            }
        };
        Ok(Reach { private, ports, tunnels, authorities })
    }
}

/// The authority of this home.
pub(super) fn authority(home: &Home, only: &[String]) -> Result<Authority, Failure> {
    home.wallets()?;
    let authority = Authority::open(&home.directory()?.join("proxy"), only, &Ambient::new(clock::now));
    authority.map_err(|error| Failure::new(error.to_string()))
}

/// The tokens of this home.
pub(super) fn tokens(home: &Home) -> Result<Tokens, Failure> {
    Ok(Tokens::at(&home.directory()?.join("proxy").join("tokens")))
}
