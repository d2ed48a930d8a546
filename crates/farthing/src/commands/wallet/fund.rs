//! `farthing wallet fund`: where to send money, and money for the asking on a development chain.

mod sandbox_card;
mod stripe;

use std::process::ExitCode;

use alloy_primitives::U256;
use alloy_sol_types::{SolCall as _, sol};
use clap::Args;
use farthing_devnet::{ACCOUNTS, Node};
use farthing_money::{Price, Rounding};
use farthing_rail_evm::buyer::ChainSettings;
use farthing_rail_evm::chain::{Kind, Token};
use serde_json::{Value, json};

use super::coins::{Account, OnChains};
use crate::failure::{Failure, OrFail};
use crate::terminal;

sol! {
    function transfer(address to, uint256 value) returns (bool);
}

/// What a wallet without a coin gets of it on a development chain, to pay for gas: one.
const COIN: u64 = 1_000_000_000_000_000_000;

/// Where to send money.
#[derive(Args)]
pub(crate) struct Fund {
    #[command(flatten)]
    on: OnChains,
    /// On a chain that `farthing devnet` started: take this much from its public account.
    #[arg(long, value_name = "AMOUNT")]
    from_devnet: Option<Price>,
    /// Which token; otherwise the first that is known on the chain.
    #[arg(long)]
    token: Option<String>,
    #[command(flatten)]
    card: stripe::ByCard,
    #[command(flatten)]
    sandbox: sandbox_card::SandboxCard,
}

impl Fund {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        if self.card.is_meant() {
            return self.card.keep(&self.on.name, &self.on.home, self.on.json);
        }
        if self.sandbox.is_meant() {
            return self.sandbox.keep(&self.on.name, &self.on.home, self.on.json);
        }
        let account = self.on.account()?;
        match self.from_devnet {
            Some(amount) => self.take(&account, amount).await?,
            None => self.say(&account),
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The account is the same on every chain; what differs is which tokens are worth sending.
    fn say(&self, account: &Account) {
        let address = account.address.to_checksum(None);
        let rows: Vec<Value> = account.on.iter().flat_map(|(name, _)| self.accepted(account, name)).collect();
        if self.on.json {
            terminal::say_json(&json!({ "address": address, "accepts": rows }));
            return;
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let cells: Vec<Vec<String>> = rows
            .iter()
            .map(|row| ["chain", "token", "contract"].iter().map(|member| text(&row[*member])).collect())
            .collect();
        terminal::say(&format!("send to {address}, on one of these chains and in one of these tokens only:"));
        terminal::say_table(&["chain", "token", "contract"], 3, &cells);
        if account.on.iter().any(|(name, _)| account.chains.named(name).is_some_and(is_development)) {
            let wallet = &self.on.name;
            terminal::say(&format!("on a development chain: farthing wallet fund {wallet} --from-devnet \"100 USD\""));
        }
    }

    fn accepted(&self, account: &Account, name: &str) -> Vec<Value> {
        let tokens = account.chains.named(name).map(ChainSettings::all_tokens).unwrap_or_default();
        let wanted = |token: &&Token| self.token.as_deref().is_none_or(|code| code == token.asset.code());
        let rows = tokens.iter().filter(wanted).map(|token| {
            json!({
                "chain": name,
                "caip2": format!("eip155:{}", token.chain),
                "token": token.asset.code(),
                "contract": token.contract.to_checksum(None),
            })
        });
        rows.collect()
    }

    /// Takes tokens from the account whose key everybody has, and a coin for gas where there is none.
    async fn take(&self, account: &Account, price: Price) -> Result<(), Failure> {
        let (name, settings) = self.development_chain(account)?;
        let tokens = settings.all_tokens();
        let token = tokens.iter().find(|token| self.token.as_deref().is_none_or(|code| code == token.asset.code()));
        let token = token.ok_or_else(|| {
            Failure::new(format!("no such token is known on {name}; run: farthing wallet chain add {name} --token ..."))
        })?;
        if token.currency != price.currency() {
            let (code, currency) = (token.asset.code(), token.currency);
            return Err(Failure::wrong_use(format!("{code} is worth {currency}; give the amount in {currency}")));
        }
        let amount = price.in_asset(&token.asset, Rounding::Up).or_fail("the amount is too large")?.amount;
        let rpc = settings.rpc.first().map(String::as_str).unwrap_or_default();
        let node = Node::at(rpc, settings.id);
        must_be_anvil(&node).await?;
        let waiting = terminal::spinner("sending");
        let [.., faucet] = ACCOUNTS;
        let call = transferCall { to: account.address, value: U256::from(amount.units()) }.abi_encode();
        let sent = node.send(faucet.address, Some(token.contract), call).await;
        if sent.is_ok() && settings.on_file().is_none_or(|chain| chain.kind != Kind::Tempo) {
            give_a_coin(&node, account).await?;
        }
        waiting.finish_and_clear();
        let receipt = sent.or_fail("the development account did not pay")?;
        let (shown, transaction) = (token.asset.display(amount), receipt["transactionHash"].clone());
        let address = account.address.to_checksum(None);
        match self.on.json {
            true => terminal::say_json(&json!({
                "address": address, "chain": name, "received": shown, "transaction": transaction,
            })),
            false => terminal::say(&format!("{address} received {shown} on {name}")),
        }
        Ok(())
    }

    /// The one development chain that is meant.
    fn development_chain<'a>(&self, account: &'a Account) -> Result<(&'a str, &'a ChainSettings), Failure> {
        let named = account.on.iter().filter_map(|(name, _)| Some((name.as_str(), account.chains.named(name)?)));
        let found: Vec<_> = named.filter(|(_, settings)| is_development(settings)).collect();
        match found.as_slice() {
            [only] => Ok(*only),
            [] => Err(Failure::new(
                "none of these is a development chain on this machine; start one with: farthing devnet, and run: \
                 farthing wallet chain add devnet --rpc http://127.0.0.1:8545",
            )),
            _ => Err(Failure::new("there are several development chains; say which with --chain NAME")),
        }
    }
}

/// Whether a chain may be somebody's own: its nodes are on this machine. The number says nothing,
/// since a development chain may take any.
fn is_development(settings: &ChainSettings) -> bool {
    let local = |url: &String| {
        let host = url.parse::<url::Url>().ok().and_then(|url| url.host_str().map(str::to_owned));
        host.is_some_and(|host| matches!(host.as_str(), "127.0.0.1" | "localhost" | "[::1]"))
    };
    settings.rpc.iter().all(local)
}

/// Only a development node answers to this name; a real one is not asked for money.
async fn must_be_anvil(node: &Node) -> Result<(), Failure> {
    let said: String = node.request("web3_clientVersion", json!([])).await.or_fail("the node does not answer")?;
    if said.to_ascii_lowercase().contains("anvil") {
        return Ok(());
    }
    Err(Failure::new("the node is not one that farthing devnet started; nobody gives money away there"))
}

async fn give_a_coin(node: &Node, account: &Account) -> Result<(), Failure> {
    let doing = "the coin for gas";
    let held: U256 = node.request("eth_getBalance", json!([account.address, "latest"])).await.or_fail(doing)?;
    if held.is_zero() {
        let coin = U256::from(COIN);
        node.control::<Value>("anvil_setBalance", json!([account.address, coin])).await.or_fail(doing)?;
    }
    Ok(())
}
