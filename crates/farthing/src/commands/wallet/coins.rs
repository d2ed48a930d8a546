//! `farthing wallet balance` and `farthing wallet history`: what an account has on chains.

use std::process::ExitCode;

use alloy_primitives::Address;
use clap::Args;
use farthing_rail_evm::buyer::{Chains, Extent, Holding, Moved, Purse};
use farthing_wallet::WalletName;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::commands::home::Home;
use crate::failure::{Failure, OrFail};
use crate::{chains, terminal};

/// Whose money, and where.
#[derive(Args)]
pub(crate) struct OnChains {
    /// The wallet.
    pub(super) name: WalletName,
    /// Only this chain.
    #[arg(long)]
    pub(super) chain: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) home: Home,
}

/// What moved.
#[derive(Args)]
pub(crate) struct History {
    #[command(flatten)]
    on: OnChains,
    /// Stop after about so many movements on a chain.
    #[arg(long, default_value_t = 20)]
    limit: usize,
    /// Look back so many blocks.
    #[arg(long, default_value_t = 20_000)]
    blocks: u64,
    /// Only before this block; needs --chain.
    #[arg(long, requires = "chain")]
    before: Option<u64>,
}

/// A wallet's account, and the chains it is looked for on.
pub(super) struct Account {
    pub(super) address: Address,
    /// Name and number of each chain.
    pub(super) on: Vec<(String, u64)>,
    pub(super) chains: Chains,
}

impl OnChains {
    /// The account, and which chains are meant.
    pub(super) fn account(&self) -> Result<Account, Failure> {
        let summary = self.home.wallets()?.show(&self.name).map_err(|error| Failure::new(error.to_string()))?;
        let none = || {
            let remedy = format!("farthing key create --wallet {} --type evm", self.name);
            Failure::new(format!("{} has no account on chains; run: {remedy}", self.name))
        };
        let address: Address = summary.address.ok_or_else(none)?.parse().or_fail("the wallet's address is none")?;
        let chains = chains::load(&self.home.directory()?)?;
        let meant = |name: &str| self.chain.as_deref().is_none_or(|wanted| wanted == name);
        let on: Vec<(String, u64)> =
            chains.iter().filter(|(name, _)| meant(name)).map(|(name, chain)| (name.to_owned(), chain.id)).collect();
        match (&self.chain, on.is_empty()) {
            (_, false) => Ok(Account { address, on, chains }),
            (Some(name), true) => {
                Err(Failure::new(format!("there is no chain {name}; run: farthing wallet chain add {name} --rpc URL")))
            }
            (None, true) => Err(Failure::new("there are no chains; run: farthing wallet chain add tempo --rpc URL")),
        }
    }

    /// What the account has. A chain that does not answer is said, and is a failure only if all are.
    pub(crate) async fn balance(self) -> Result<ExitCode, Failure> {
        let account = self.account()?;
        let purse = chains::purse(&account.chains)?;
        let waiting = terminal::spinner("asking the chains");
        let asked = account.on.iter().map(|(_, id)| purse.holdings(*id, account.address));
        let answers = join_all(asked).await;
        waiting.finish_and_clear();
        let mut shown = Shown::default();
        for ((name, _), answer) in account.on.iter().zip(answers) {
            match answer {
                Ok(holdings) => shown.held.extend(holdings.into_iter().map(|held| (name.clone(), held))),
                Err(error) => shown.silent.push((name.clone(), error.to_string())),
            }
        }
        shown.say(&account, self.json)
    }
}

/// What chains said, and which said nothing.
#[derive(Default)]
struct Shown {
    held: Vec<(String, Holding)>,
    silent: Vec<(String, String)>,
}

impl Shown {
    fn say(&self, account: &Account, as_json: bool) -> Result<ExitCode, Failure> {
        let address = account.address.to_checksum(None);
        if as_json {
            let held = self.held.iter().map(|(chain, held)| held_json(chain, held));
            let silent = self.silent.iter().map(|(chain, error)| json!({ "chain": chain, "error": error }));
            let balances: Vec<Value> = held.chain(silent).collect();
            terminal::say_json(&json!({ "address": address, "balances": balances }));
        } else {
            terminal::say(&address);
            let rows: Vec<_> = self.held.iter().map(|(chain, held)| held_row(chain, held)).collect();
            terminal::say_table(&["chain", "token", "contract", "amount"], 3, &rows);
        }
        for (chain, error) in &self.silent {
            terminal::complain(&format!("{chain}: {error}"));
        }
        Ok(if self.silent.len() == account.on.len() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

fn held_json(chain: &str, held: &Holding) -> Value {
    json!({
        "chain": chain,
        "token": held.asset.code(),
        "contract": held.contract.map(|contract| contract.to_checksum(None)),
        "amount": held.amount.to_decimal(held.asset.decimals()),
        "units": held.amount.to_string(),
    })
}

fn held_row(chain: &str, held: &Holding) -> Vec<String> {
    let contract = held.contract.map_or("-".to_owned(), |contract| contract.to_checksum(None));
    let amount = held.amount.to_decimal(held.asset.decimals());
    vec![chain.to_owned(), held.asset.code().to_owned(), contract, amount]
}

impl History {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        let account = self.on.account()?;
        let purse = chains::purse(&account.chains)?;
        let extent = Extent { before: self.before, blocks: self.blocks, most: self.limit };
        let waiting = terminal::spinner("reading the chains");
        let read = join_all(account.on.iter().map(|(name, id)| self.read(&purse, name, *id, &account, extent))).await;
        waiting.finish_and_clear();
        let read: Vec<Value> = read.into_iter().collect::<Result<_, _>>()?;
        if self.on.json {
            terminal::say_json(&json!({ "address": account.address.to_checksum(None), "chains": read }));
            return Ok(ExitCode::SUCCESS);
        }
        for chain in &read {
            self.say(chain);
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn read(
        &self,
        purse: &Purse,
        name: &str,
        id: u64,
        account: &Account,
        extent: Extent,
    ) -> Result<Value, Failure> {
        let page = purse.history(id, account.address, extent).await.or_fail(name)?;
        let moved: Vec<Value> = page.moved.iter().map(moved_json).collect();
        Ok(json!({ "chain": name, "moved": moved, "from_block": page.from_block }))
    }

    fn say(&self, chain: &Value) {
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let moved = chain["moved"].as_array().map_or(&[] as &[Value], Vec::as_slice);
        let rows: Vec<Vec<String>> = moved
            .iter()
            .map(|moved| {
                let sign = if moved["direction"] == "in" { "+" } else { "-" };
                let amount = format!("{sign}{} {}", text(&moved["amount"]), text(&moved["token"]));
                vec![text(&moved["at"]), text(&moved["counterparty"]), text(&moved["transaction"]), amount]
            })
            .collect();
        let name = text(&chain["chain"]);
        terminal::say(&format!("{name}, from block {}", chain["from_block"]));
        terminal::say_table(&["at", "with", "transaction", "amount"], 3, &rows);
        if chain["from_block"] != 0 {
            let wallet = &self.on.name;
            let older = format!("farthing wallet history {wallet} --chain {name} --before {}", chain["from_block"]);
            terminal::say(&format!("older: {older}"));
        }
    }
}

fn moved_json(moved: &Moved) -> Value {
    json!({
        "at": moved.at.map(|at| at.to_rfc3339()),
        "block": moved.block,
        "transaction": moved.transaction.to_string(),
        "direction": if moved.incoming { "in" } else { "out" },
        "counterparty": moved.other.to_checksum(None),
        "token": moved.token.asset.code(),
        "amount": moved.amount.to_decimal(moved.token.asset.decimals()),
        "memo": moved.memo.map(|memo| memo.to_string()),
    })
}
