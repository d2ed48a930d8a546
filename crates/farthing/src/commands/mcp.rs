//! `farthing mcp`: the wallet as tools of an assistant.

mod on_chains;
mod token;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use farthing_mcp::{Access, Bridges, Place, Server};
use farthing_rail::Origin;
use farthing_wallet::WalletName;
use farthing_wallet::reach::Listed;
use tokio::net::TcpListener;

use super::home::Home;
use crate::failure::{Failure, OrFail};
use crate::stop::Stop;
use crate::{logging, terminal};

/// Give an assistant a wallet, as tools of the Model Context Protocol, over standard input and output.
#[derive(Args)]
#[command(after_help = "Example, in the configuration of an assistant:\n  \
    {\"mcpServers\": {\"farthing\": {\"command\": \"farthing\", \"args\": [\"mcp\", \"--wallet\", \"agent\"]}}}\n\n\
    A service on this machine or in this network, which a model does not reach otherwise:\n  \
    farthing mcp --allow-private 127.0.0.1:4020\n\n\
    Paid tools of another server, paid for within the wallet's policy:\n  \
    farthing mcp --bridge weather=https://api.example.com/mcp --bridge \"files=npx -y some-server\"\n\n\
    The passphrase comes from FARTHING_PASSPHRASE, from --passphrase-file or from the key file beside the wallets:\n\
    there is no terminal to ask on.")]
pub(crate) struct Mcp {
    /// The wallet that pays.
    #[arg(long, default_value = "agent")]
    wallet: WalletName,
    /// Serve streamable HTTP at http://ADDR/mcp instead, to whoever has the token.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// A name under which requests are answered besides those of this machine; may be repeated.
    #[arg(long = "allow-host", value_name = "HOST", requires = "listen")]
    hosts: Vec<String>,
    /// A page, https://host:port, from which requests are answered; may be repeated. Without it none is.
    #[arg(long = "allow-origin", value_name = "ORIGIN", requires = "listen")]
    origins: Vec<String>,
    /// A file whose first line is the token; otherwise FARTHING_MCP_TOKEN, or one made beside the wallets.
    #[arg(long, value_name = "FILE", requires = "listen")]
    token_file: Option<PathBuf>,
    /// Let no form of the assistant answer what the policy wants a person asked; the owner answers elsewhere.
    #[arg(long)]
    no_forms: bool,
    /// A host that may be on a private address, HOST or HOST:PORT; may be repeated. No other is fetched from.
    #[arg(long = "allow-private", value_name = "HOST[:PORT]")]
    private: Vec<Listed>,
    /// Another server, NAME=COMMAND or NAME=URL, whose tools are offered as NAME_tool and paid for; may be repeated.
    #[arg(long = "bridge", value_name = "NAME=COMMAND|URL")]
    bridges: Vec<Place>,
    /// A service of ATXP, https://HOST, that is asked for the terms of a payment which a tool asks for by a text; may be
    /// repeated. No other is.
    #[arg(long = "atxp", value_name = "ORIGIN")]
    services: Vec<Origin>,
    #[command(flatten)]
    home: Home,
}

impl Mcp {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        logging::start();
        let client = self.home.client(&self.wallet).await?;
        // A card's may be another one than the one that is named.
        let wallet = client.wallet().name().clone();
        let bridges = Bridges::new(self.bridges.clone(), &client);
        let bridges = bridges.map_err(|error| Failure::wrong_use(error.to_string()))?;
        let bridges = bridges.asking(self.services.clone()).or_fail("no client can be made")?;
        let server = Server::new(client, self.home.wallets()?, &self.private).or_fail("no client can be made")?;
        let mut server = server.bridging(bridges).answering(!self.no_forms);
        if let Some(on_chains) = on_chains::of(&self.home, &wallet)? {
            server = server.showing(on_chains);
        }
        match self.listen {
            None => drop(farthing_mcp::serve_stdio(server).await.or_fail("the assistant could not be served")?),
            Some(address) => self.listen(server, address).await?,
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn listen(&self, server: Server, address: SocketAddr) -> Result<(), Failure> {
        if !address.ip().is_loopback() && self.hosts.is_empty() {
            return Err(Failure::wrong_use(format!(
                "{address} is reached from other machines; listen on 127.0.0.1, or name how this server is called with \
                 --allow-host and put TLS before it"
            )));
        }
        let token = token::find(self.token_file.as_deref(), &self.home.directory()?)?;
        let listener = TcpListener::bind(address).await.or_fail("cannot listen")?;
        let address = listener.local_addr().or_fail("cannot listen")?;
        let mut stop = Stop::listen()?;
        terminal::note(&format!("tools at http://{address}/mcp, for whoever shows the token in {}", token.place));
        let access = Access { hosts: self.hosts.clone(), origins: self.origins.clone(), token: token.secret };
        let end = async move { stop.asked().await };
        farthing_mcp::serve_http(server, listener, access, end).await.or_fail("the assistants could not be served")
    }
}
