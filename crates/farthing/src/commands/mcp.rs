//! `farthing mcp`: the wallet as tools of an assistant.

use std::process::ExitCode;

use clap::Args;
use farthing_mcp::Server;
use farthing_wallet::WalletName;

use super::home::Home;
use crate::failure::{Failure, OrFail};
use crate::logging;

/// Give an assistant a wallet, as tools of the Model Context Protocol, over standard input and output.
#[derive(Args)]
#[command(after_help = "Example, in the configuration of an assistant:\n  \
    {\"mcpServers\": {\"farthing\": {\"command\": \"farthing\", \"args\": [\"mcp\", \"--wallet\", \"agent\"]}}}\n\n\
    The passphrase comes from FARTHING_PASSPHRASE, from --passphrase-file or from the key file beside the wallets:\n\
    there is no terminal to ask on.")]
pub(crate) struct Mcp {
    /// The wallet that pays.
    #[arg(long, default_value = "agent")]
    wallet: WalletName,
    #[command(flatten)]
    home: Home,
}

impl Mcp {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        logging::start();
        let server = Server::new(self.home.client(&self.wallet).await?, self.home.wallets()?);
        farthing_mcp::serve_stdio(server).await.or_fail("the assistant could not be served")?;
        Ok(ExitCode::SUCCESS)
    }
}
