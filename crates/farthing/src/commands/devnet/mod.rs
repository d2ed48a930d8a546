//! `farthing devnet`: a chain of one's own, and everything that is needed to be paid on it.

mod kit;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use alloy_primitives::{Address, U256};
use clap::{Args, ValueEnum};
use farthing_devnet::{Devnet as Chain, EVM_ESCROW, Kind, Options, RESERVE, STREAM_ESCROW, Source, base_sepolia};
use farthing_rail_evm::chain;
use serde_json::{Value, json};

use self::kit::Kit;
use crate::failure::{Failure, OrFail};
use crate::stop::Stop;
use crate::{environment, terminal};

/// What `--fund` gives: a hundred dollars, in millionths.
const GIFT: u64 = 100_000_000;
/// The number that development chains have when nobody gives them one.
const EVM_CHAIN_ID: u64 = 31_337;
/// How often the node is looked after.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Start a Tempo or EVM chain, or one that poses as Base Sepolia, on this machine, with money on it, until Ctrl-C.
#[derive(Args)]
#[command(after_help = "Examples:\n  farthing devnet\n  farthing devnet --write ./devnet\n  \
    farthing devnet --kind base-sepolia --write ./devnet\n  \
    farthing devnet --kind evm --chain-id 8453 --port 8546 --json\n\n\
    The node is anvil 1.7.1, fetched from npm on first use into the cache folder \
    ($XDG_CACHE_HOME/farthing or ~/.cache/farthing); FARTHING_ANVIL names one of your own. \
    The chain is forgotten when it stops.")]
pub(crate) struct Devnet {
    /// Which chain.
    #[arg(long, value_enum, default_value_t = ChainKind::Tempo)]
    kind: ChainKind,
    /// The chain id of an EVM chain; default 31337. Tempo's is always 42431, Base Sepolia's 84532.
    #[arg(long)]
    chain_id: Option<u64>,
    /// Where it listens on this machine; 0 takes a free port.
    #[arg(long, default_value_t = 8545)]
    port: u16,
    /// Give this address 100 dollars; may be repeated.
    #[arg(long, value_name = "ADDRESS")]
    fund: Vec<Address>,
    /// Write a gateway's configuration, a wallet's chains and the keys of both into this directory, and a
    /// facilitator's where x402 is spoken.
    #[arg(long, value_name = "DIRECTORY")]
    write: Option<PathBuf>,
    /// Say everything as one line of JSON.
    #[arg(long)]
    json: bool,
}

/// Which chain to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ChainKind {
    /// Tempo, with pathUSD.
    Tempo,
    /// A plain EVM chain, with a test USDC and Permit2.
    Evm,
    /// An EVM chain that poses as Base Sepolia, with its USDC and the contracts of x402 where x402's software looks.
    BaseSepolia,
}

impl Devnet {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        let options = self.options()?;
        let chain = Chain::start(options.port(self.port).with_sessions()).await.or_fail("the chain did not start")?;
        for address in &self.fund {
            chain.fund(*address, U256::from(GIFT)).await.or_fail(&format!("{address} was not funded"))?;
        }
        let kit = Kit::of(&chain);
        let mut stop = Stop::listen()?;
        if let Some(directory) = &self.write {
            kit.write(directory)?;
        }
        if self.json {
            terminal::say_json(&self.described(&chain, &kit));
        } else {
            self.say(&chain, &kit);
        }
        tokio::select! {
            () = stop.asked() => Ok(ExitCode::SUCCESS),
            gone = gone(&chain) => Err(gone),
        }
    }

    fn options(&self) -> Result<Options, Failure> {
        match (self.kind, self.chain_id) {
            (ChainKind::Tempo, None) => Ok(Options::tempo(anvil_source()?)),
            (ChainKind::BaseSepolia, None) => Ok(Options::base_sepolia(anvil_source()?)),
            (ChainKind::Tempo, Some(_)) => {
                Err(Failure::wrong_use("--chain-id is for --kind evm; the Tempo chain is always 42431"))
            }
            (ChainKind::BaseSepolia, Some(_)) => {
                Err(Failure::wrong_use("--chain-id is for --kind evm; Base Sepolia is always 84532"))
            }
            (ChainKind::Evm, Some(id)) if is_tempo(id) => {
                Err(Failure::wrong_use(format!("chain {id} is a Tempo chain; use --kind tempo, or another number")))
            }
            (ChainKind::Evm, id) => Ok(Options::evm(id.unwrap_or(EVM_CHAIN_ID), anvil_source()?)),
        }
    }

    fn described(&self, chain: &Chain, kit: &Kit) -> Value {
        let accounts = chain.accounts().iter();
        let accounts = accounts
            .map(|account| json!({ "address": account.address, "publicly_known_key": account.publicly_known_key }));
        json!({
            "rpc": chain.rpc(),
            "chain_id": chain.chain_id(),
            "token": { "address": chain.token(), "code": kit.token_code(), "decimals": 6 },
            "permit2": chain.permit2(),
            "escrow": escrows(chain).collect::<BTreeMap<_, _>>(),
            "x402": (chain.kind() == Kind::BaseSepolia).then(|| json!({
                "exact_proxy": base_sepolia::EXACT_PROXY,
                "upto_proxy": base_sepolia::UPTO_PROXY,
                "signature_validator": base_sepolia::SIGNATURE_VALIDATOR,
            })),
            "accounts": accounts.collect::<Vec<_>>(),
            "gateway": kit.gateway(),
            "facilitator": kit.facilitator(),
            "chains": kit.chains(),
            "try": self.write.as_ref().map(|directory| kit.commands(directory)),
        })
    }

    fn say(&self, chain: &Chain, kit: &Kit) {
        let token = format!("{} {}, 6 decimals", kit.token_code(), chain.token());
        let rows = [("rpc", chain.rpc().to_owned()), ("chain", chain.chain_id().to_string()), ("token", token)];
        rows.iter().for_each(|(name, value)| terminal::say(&format!("{name:<9} {value}")));
        if chain.kind() != Kind::Tempo {
            let permit2 =
                chain.permit2().map_or("none: it could not be read".to_owned(), |permit2| permit2.to_string());
            terminal::say(&format!("{:<9} {permit2}", "permit2"));
        }
        for (name, escrow) in escrows(chain) {
            terminal::say(&format!("{:<9} {escrow}, for {name}", "escrow"));
        }
        if chain.kind() == Kind::BaseSepolia {
            let (exact, upto) = (base_sepolia::EXACT_PROXY, base_sepolia::UPTO_PROXY);
            terminal::say(&format!("{:<9} exact {exact}, upto {upto}", "x402"));
        }
        terminal::say("\nAccounts with money. Everybody knows their keys: never use them on a real chain.");
        for account in chain.accounts() {
            terminal::say(&format!("  {}  {}", account.address, account.publicly_known_key));
        }
        for address in &self.fund {
            terminal::say(&format!("  {address}  has 100 dollars of yours"));
        }
        terminal::say("\nA gateway that is paid here; seller.key is the key of the second account:\n");
        terminal::say(kit.gateway().trim_end());
        if let Some(facilitator) = kit.facilitator() {
            terminal::say(
                "\nA facilitator.toml for `farthing facilitator`, which settles here for other sellers of x402:\n",
            );
            terminal::say(facilitator.trim_end());
        }
        match &self.write {
            Some(directory) => {
                terminal::say("\nTry it, in another terminal:\n");
                kit.commands(directory).iter().for_each(|command| terminal::say(&format!("  {command}")));
            }
            None => {
                terminal::say(
                    "\nWith --write DIRECTORY it is written there, with the keys, a wallet's chains, and what to type.",
                );
            }
        }
        terminal::say("\nCtrl-C stops the chain and forgets it.");
    }
}

/// What sessions are kept in, and which.
fn escrows(chain: &Chain) -> impl Iterator<Item = (&'static str, Address)> {
    let escrows = match chain.kind() {
        Kind::Tempo => vec![("tempo/session v2", RESERVE), ("tempo/session v1", STREAM_ESCROW)],
        Kind::Evm { .. } | Kind::BaseSepolia => vec![("evm/session", EVM_ESCROW)],
    };
    escrows.into_iter()
}

/// Whether wallets and gateways take this number for a Tempo chain.
fn is_tempo(chain_id: u64) -> bool {
    chain::by_id(chain_id).is_some_and(|chain| chain.kind == chain::Kind::Tempo)
}

/// Comes to an end when the node does, which is not supposed to happen.
async fn gone(chain: &Chain) -> Failure {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if let Err(error) = chain.node().check_chain().await {
            return Failure::new(format!("the chain is gone: {error}"));
        }
    }
}

/// Where anvil comes from; says on standard error what it installs.
pub(crate) fn anvil_source() -> Result<Source, Failure> {
    let source = Source::from_environment(environment::variable);
    Ok(source.map_err(|error| Failure::new(error.to_string()))?.telling(terminal::note))
}
