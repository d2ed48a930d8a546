use async_trait::async_trait;
use farthing_proxy::Purses;
use farthing_wallet::{PassphraseSource, PayingClient, RunLimit, Token, WalletName};

use crate::commands::home::Home;
use crate::failure::Failure;

/// The wallets of a home. What opens them is asked for once, at the start.
pub(in crate::commands) struct HomePurses {
    home: Home,
    passphrase: PassphraseSource,
    /// What all of them may spend together.
    run: Option<RunLimit>,
}

impl HomePurses {
    /// Asks for what opens the vault, if it has to be asked for.
    pub(in crate::commands) fn new(home: Home) -> Result<Self, Failure> {
        let passphrase = home.passphrase()?;
        Ok(Self { home, passphrase, run: None })
    }

    /// The same wallets, and cards, within the limit of a run.
    pub(in crate::commands) fn within(self, run: Option<RunLimit>) -> Self {
        Self { run, ..self }
    }

    fn limited(&self, client: PayingClient) -> PayingClient {
        match &self.run {
            Some(run) => client.within(run),
            None => client,
        }
    }
}

#[async_trait]
impl Purses for HomePurses {
    async fn open(&self, wallet: &WalletName) -> Result<PayingClient, String> {
        let opened = self.home.client_with(wallet, self.passphrase.clone()).await;
        opened.map(|client| self.limited(client)).map_err(|failure| failure.to_string())
    }

    async fn open_card(&self, token: Token) -> Result<PayingClient, String> {
        let wallets = self.home.wallets().map_err(|failure| failure.to_string())?;
        let wallet = wallets.open_card(token).map_err(|error| error.to_string())?;
        let opened = self.home.client_of(wallet).await;
        opened.map(|client| self.limited(client)).map_err(|failure| failure.to_string())
    }
}
