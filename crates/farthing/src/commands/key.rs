//! `farthing key`: the keys of a wallet.

pub(super) mod delegated;
mod vault;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use farthing_keys::KeyServer;
use farthing_ows::OwsVault;
use serde_json::{Value, json};

use super::home::WhichWallet;
use crate::failure::{Failure, OrFail};
use crate::stop::Stop;
use crate::terminal;

/// The keys of a wallet.
#[derive(Subcommand)]
pub(crate) enum Key {
    /// Make a fresh key the one that pays. Balances stay with the old key.
    #[command(after_help = "Examples:\n  farthing key create --wallet agent\n  \
        farthing key create --wallet agent --type evm\n  \
        farthing key create --vault ~/.ows --of treasury --policy limits --expires 30d\n\n\
        An account on chains is made once, for a wallet that was made before there was one: money stays\n\
        where it is, so for another account make another wallet.")]
    Create(Create),
    /// The wallet's keys, the one in use first.
    #[command(after_help = "Examples:\n  farthing key list --wallet agent --json\n  farthing key list --vault ~/.ows")]
    List(List),
    /// Destroy a key that is no longer in use.
    #[command(after_help = "Examples:\n  farthing key revoke --wallet agent did:key:z6Mk...\n  \
        farthing key revoke --vault ~/.ows 7217a7ec-c16b-42ac-949c-61b70ec922a8")]
    Revoke(Revoke),
    /// Let another wallet's key spend from this wallet's account on Tempo: so much, and only until then.
    #[command(after_help = "Examples:\n  \
        farthing key grant --wallet treasury --to agent --limit \"5 USD\" --expires 7d\n  \
        farthing key grant --wallet treasury --to 0x1234... --limit \"5 USD\" --every 1d --expires 30d > grant.json\n\n\
        The chain keeps to the limits, whatever happens to the key. Nothing secret is handed over, and the\n\
        account's own key may stay where it is: a wallet elsewhere takes the file with farthing key accept.\n\
        A grant cannot be taken back from here before it expires, so let it expire soon.")]
    Grant(delegated::Grant),
    /// Pay on Tempo by what another account has granted this wallet's key.
    #[command(after_help = "Examples:\n  farthing key accept --wallet agent grant.json\n  \
        farthing key accept --wallet agent --none")]
    Accept(delegated::Accept),
    /// Sign for other processes of this account with the wallet's account on chains, over a socket.
    #[command(after_help = "Example:\n  farthing key serve --wallet seller --socket /run/farthing/keys.sock\n\n\
        In a gateway's configuration:\n  \
        signer = { socket = \"/run/farthing/keys.sock\", address = \"0x...\" }\n\n\
        Whoever can connect to the socket can have anything signed; it is made for its owner alone.")]
    Serve(Serve),
}

#[derive(Args)]
pub(crate) struct Create {
    /// Which key: the one of prepaid balances, or the account on chains.
    #[arg(long = "type", value_enum, default_value = "ed25519")]
    kind: Kind,
    #[command(flatten)]
    of_vault: vault::Made,
    #[command(flatten)]
    which: WhichWallet,
}

/// What a key is for.
#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// Prepaid balances.
    Ed25519,
    /// An account on Tempo and every EVM chain.
    Evm,
}

#[derive(Args)]
pub(crate) struct List {
    /// List the keys of this vault of the Open Wallet Standard instead.
    #[arg(long, conflicts_with = "wallet")]
    vault: Option<PathBuf>,
    #[command(flatten)]
    which: WhichWallet,
}

#[derive(Args)]
pub(crate) struct Revoke {
    /// The key's public name; of a vault's key, its id.
    did: String,
    /// Revoke a key of this vault of the Open Wallet Standard instead.
    #[arg(long, conflicts_with = "wallet")]
    vault: Option<PathBuf>,
    #[command(flatten)]
    which: WhichWallet,
}

#[derive(Args)]
pub(crate) struct Serve {
    /// Where to listen; others cannot connect.
    #[arg(long)]
    socket: PathBuf,
    #[command(flatten)]
    which: WhichWallet,
}

impl Key {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Create(create) => create.run()?,
            Self::List(List { vault: Some(vault), which }) => {
                super::ows::list_keys(&OwsVault::at(&vault), which.json)?;
            }
            Self::List(List { vault: None, which }) => list(&which)?,
            Self::Revoke(Revoke { did: id, vault: Some(vault), .. }) => {
                OwsVault::at(&vault).remove_key(&id).map_err(say)?;
                terminal::say(&format!("{id} is revoked, and its token signs nothing"));
            }
            Self::Revoke(Revoke { did, vault: None, which }) => {
                which.home.wallets()?.revoke_key(&which.wallet, &did).map_err(say)?;
                terminal::say(&format!("{did} is destroyed"));
            }
            Self::Grant(grant) => grant.run().await?,
            Self::Accept(accept) => accept.run()?,
            Self::Serve(serve) => serve.run().await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Create {
    fn run(self) -> Result<(), Failure> {
        let WhichWallet { wallet, json, home } = self.which;
        if self.of_vault.run(&home, json)? {
            return Ok(());
        }
        let (wallets, source) = (home.wallets()?, home.passphrase()?);
        let (member, made) = match self.kind {
            Kind::Ed25519 => ("did", wallets.create_key(&wallet, &source).map_err(say)?.did),
            Kind::Evm => ("address", wallets.create_account(&wallet, &source).map_err(say)?),
        };
        if json {
            terminal::say_json(&json!({ "wallet": wallet.as_str(), member: made }));
        } else {
            terminal::say(&made);
        }
        Ok(())
    }
}

impl Serve {
    async fn run(self) -> Result<(), Failure> {
        let WhichWallet { wallet: name, json, home } = self.which;
        let wallet = home.wallets()?.open(&name, home.passphrase()?).map_err(say)?;
        let account = wallet.account().ok_or_else(|| {
            let remedy = format!("farthing key create --wallet {name} --type evm");
            Failure::new(format!("{name} has no account on chains; run: {remedy}"))
        })?;
        wallet.unlock().await.map_err(say)?;
        let address = account.address();
        let mut stop = Stop::listen()?;
        let server = KeyServer::bind(&self.socket, vec![account]).map_err(say)?;
        let socket = self.socket.display();
        if json {
            terminal::say_json(&json!({ "wallet": name.as_str(), "address": address, "socket": socket.to_string() }));
        } else {
            terminal::say(&format!("signing for {address} at {socket}; stop with ctrl-c"));
        }
        tokio::select! {
            ended = server.run() => ended.or_fail("the socket cannot be served any more"),
            () = stop.asked() => Ok(()),
        }
    }
}

fn say(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}

fn list(which: &WhichWallet) -> Result<(), Failure> {
    let keys = which.home.wallets()?.keys(&which.wallet).map_err(say)?;
    if which.json {
        let listed =
            keys.iter().map(|key| json!({ "did": key.did, "created_at": key.created_at, "in_use": key.in_use }));
        terminal::say_json(&listed.collect::<Value>());
        return Ok(());
    }
    for key in keys {
        terminal::say(&format!("{}  {}{}", key.did, key.created_at, if key.in_use { "  in use" } else { "" }));
    }
    Ok(())
}
