//! Every payment method there is, for whoever pays out of a wallet.
//!
//! [`farthing_wallet`] knows no payment method; it is handed those that it pays with. This crate hands it all of
//! them, in one call:
//!
//! ```
//! use farthing_rails::wallet::{Outcome, PassphraseSource, Policy, reqwest};
//!
//! # async fn fetch(home: &std::path::Path) -> Result<(), Box<dyn std::error::Error>> {
//! let wallets = farthing_rails::wallets(home)?;
//! let agent = "agent".parse()?;
//! let client = farthing_rails::client(&wallets, &agent, PassphraseSource::KeyFile).await?;
//!
//! let request = reqwest::Request::new(reqwest::Method::GET, "https://api.example.com/v1/forecast".parse()?);
//! match client.pay(request, Some("0.01 USD".parse()?)).await? {
//!     Outcome::Free { response } | Outcome::Paid { response, .. } => println!("{}", response.text().await?),
//!     Outcome::Refused { sentence, .. } => println!("not paid: {sentence}"),
//!     other => println!("{other:?}"),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! What pays over chains pays on those that the owner named, in `chains.toml` beside the wallets
//! (`farthing wallet chain add`); where there is none, prepaid balances are left, and cards of those wallets that
//! have one (`farthing wallet fund --stripe`).

mod cards;
mod chains;
mod clock;
mod issuing;
mod payers;

use std::path::Path;

pub use cards::{by_card, by_token};
pub use chains::{ChainsFileError, delegation, load, save};
pub use clock::now;
pub use farthing_wallet as wallet;
pub use issuing::{CardDesk, Told};
pub use payers::{OnChains, PayersError, payers, session_payers};

use farthing_wallet::{Ambient, PassphraseSource, PayError, PayingClient, Wallet, WalletName, Wallets, WalletsError};

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// See [`WalletsError`].
    #[error(transparent)]
    Wallets(#[from] WalletsError),
    /// See [`ChainsFileError`].
    #[error(transparent)]
    Chains(#[from] ChainsFileError),
    /// See [`PayersError`].
    #[error(transparent)]
    Payers(#[from] PayersError),
    /// What fetches a seller's keys could not be made.
    #[error("the client that fetches sellers' keys cannot be made: {0}")]
    Keys(String),
    /// The HTTP client could not be made.
    #[error(transparent)]
    Http(#[from] PayError),
}

/// The wallets under this directory, by this machine's clock. The command line's are under `~/.farthing`.
pub fn wallets(home: &Path) -> Result<Wallets, WalletsError> {
    Wallets::at(home, Ambient::new(now))
}

/// A client that pays out of a wallet with every method there is, sessions included.
pub async fn client(
    wallets: &Wallets,
    name: &WalletName,
    passphrase: PassphraseSource,
) -> Result<PayingClient, ClientError> {
    client_of(wallets, wallets.open(name, passphrase)?).await
}

/// The same out of a wallet that is open, such as one that was opened by a virtual card.
pub async fn client_of(wallets: &Wallets, wallet: Wallet) -> Result<PayingClient, ClientError> {
    let (chains, delegation) = (load(wallets.home())?, delegation(wallets, &wallet)?);
    let on_chains = wallet.account().map(|account| OnChains { account, chains, delegation });
    let mut charges = payers(wallet.signer(), on_chains.as_ref()).await?;
    charges.extend(by_card(&wallet));
    charges.extend(by_token(&wallet).map_err(|error| ClientError::Keys(error.without_url().to_string()))?);
    let sessions = session_payers(wallet.signer(), on_chains.as_ref()).await?;
    Ok(PayingClient::new(wallet, charges)?.with_session_payers(sessions))
}
