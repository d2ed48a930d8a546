//! `farthing key grant` and `farthing key accept`: keys that may spend a little of another account's
//! money, for a while.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use alloy_primitives::Address;
use clap::Args;
use farthing_money::{Amount, Price, Rounding};
use farthing_rail_evm::Account;
use farthing_rail_evm::buyer::{ChainSettings, Chains, Delegation};
use farthing_rail_evm::chain::{Kind, Token};
use farthing_rail_evm::tempo::{Grant as Terms, Limit};
use farthing_wallet::WalletName;
use serde_json::{Value, json};

use crate::commands::home::WhichWallet;
use crate::failure::{Failure, OrFail};
use crate::{chains, clock, terminal};

/// What a wallet lets another key spend.
#[derive(Args)]
pub(crate) struct Grant {
    /// Whose key: a wallet of this home, or the address of a wallet elsewhere.
    #[arg(long, value_name = "WALLET|ADDRESS")]
    to: Grantee,
    /// The most it may spend, fees included.
    #[arg(long)]
    limit: Price,
    /// After how long it ends.
    #[arg(long, value_name = "DURATION")]
    expires: Lasting,
    /// After how long it may spend as much again; otherwise never.
    #[arg(long, value_name = "DURATION")]
    every: Option<Lasting>,
    /// Whom it may pay; may be repeated. Anybody if absent.
    #[arg(long = "recipient", value_name = "ADDRESS")]
    recipients: Vec<Address>,
    /// The Tempo chain, where you have several.
    #[arg(long)]
    chain: Option<String>,
    /// The token; otherwise the first that is known on the chain.
    #[arg(long)]
    token: Option<String>,
    #[command(flatten)]
    which: WhichWallet,
}

/// What another account lets a wallet spend.
#[derive(Args)]
pub(crate) struct Accept {
    /// The file that `farthing key grant` wrote.
    #[arg(required_unless_present = "none")]
    file: Option<PathBuf>,
    /// Pay out of the wallet's own account again.
    #[arg(long, conflicts_with = "file")]
    none: bool,
    #[command(flatten)]
    which: WhichWallet,
}

#[derive(Clone)]
enum Grantee {
    Wallet(WalletName),
    Address(Address),
}

impl FromStr for Grantee {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.starts_with("0x") {
            true => {
                text.parse().map(Self::Address).map_err(|_| "an address is 0x and 40 hexadecimal digits".to_owned())
            }
            false => text.parse().map(Self::Wallet).map_err(|error: farthing_wallet::WalletsError| error.to_string()),
        }
    }
}

/// `90s`, `30m`, `12h` or `7d`.
#[derive(Clone, Copy)]
pub(in crate::commands) struct Lasting(pub(in crate::commands) Duration);

impl FromStr for Lasting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || format!("\"{text}\" is not a duration; write a number and s, m, h or d, such as 7d");
        let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(refused)?;
        let seconds: u64 = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 60 * 60,
            "d" => 24 * 60 * 60,
            _ => return Err(refused()),
        };
        let number: u64 = number.parse().map_err(|_| refused())?;
        let seconds = number.checked_mul(seconds).filter(|seconds| (1..=3_650 * 24 * 60 * 60).contains(seconds));
        seconds.map(|seconds| Self(Duration::from_secs(seconds))).ok_or_else(refused)
    }
}

impl Grant {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let wallets = self.which.home.wallets()?;
        let known = chains::load(&self.which.home.directory()?)?;
        let (chain, token) = place(&known, self.chain.as_deref(), self.token.as_deref())?;
        let key = match &self.to {
            Grantee::Address(address) => *address,
            Grantee::Wallet(name) => address_of(name, wallets.show(name).map_err(said)?.address)?,
        };
        let root = wallets.open(&self.which.wallet, self.which.home.passphrase()?).map_err(said)?;
        let root = root.account().ok_or_else(|| no_account(&self.which.wallet))?;
        let limit = Limit {
            token: token.contract,
            amount: amount(self.limit, &token)?,
            period: self.every.map(|Lasting(period)| period),
        };
        let Lasting(lasting) = self.expires;
        let terms = Terms {
            chain: chain.id,
            key,
            expires: clock::now().after(lasting),
            limits: vec![limit],
            recipients: self.recipients.clone(),
        };
        let grant = terms.sign(&Account::new(root)).await.or_fail("the grant was not signed")?;
        let delegation = Delegation::new(grant).map_err(said)?;
        // Before it is handed out: what is not remembered cannot be taken back.
        let name = grant_name(delegation.chain(), delegation.key());
        wallets.keep_grant(&self.which.wallet, &name, &delegation.to_json()).map_err(said)?;
        match &self.to {
            Grantee::Address(_) => terminal::say(delegation.to_json().trim_end()),
            Grantee::Wallet(name) => {
                wallets.set_delegation(name, &delegation.to_json()).map_err(said)?;
                say(&delegation, name, &known, self.which.json);
            }
        }
        Ok(())
    }
}

/// The chain and the token that are meant.
pub(in crate::commands) fn place<'a>(
    known: &'a Chains,
    chain: Option<&str>,
    token: Option<&str>,
) -> Result<(&'a ChainSettings, Token), Failure> {
    let is_meant = |name: &str| chain.is_none_or(|wanted| wanted == name);
    let is_tempo = |chain: &ChainSettings| chain.on_file().is_some_and(|chain| chain.kind == Kind::Tempo);
    let meant: Vec<_> = known.iter().filter(|(name, chain)| is_meant(name) && is_tempo(chain)).collect();
    let chain = match meant.as_slice() {
        [(_, only)] => *only,
        [] => {
            let remedy = "farthing wallet chain add tempo --rpc URL";
            return Err(Failure::new(format!("only accounts on Tempo can grant, and none is known; run: {remedy}")));
        }
        _ => return Err(Failure::new("there are several Tempo chains; say which with --chain NAME")),
    };
    let mut tokens = chain.all_tokens().into_iter();
    let token = tokens.find(|known| token.is_none_or(|code| code == known.asset.code()));
    let token =
        token.ok_or_else(|| Failure::new("no such token is known on the chain; run: farthing wallet chain list"))?;
    Ok((chain, token))
}

/// A limit in base units of a token.
pub(in crate::commands) fn amount(limit: Price, token: &Token) -> Result<Amount, Failure> {
    if token.currency != limit.currency() {
        let (code, currency) = (token.asset.code(), token.currency);
        return Err(Failure::wrong_use(format!("{code} is worth {currency}; give the limit in {currency}")));
    }
    Ok(limit.in_asset(&token.asset, Rounding::Down).or_fail("the limit is too large")?.amount)
}

impl Accept {
    pub(super) fn run(self) -> Result<(), Failure> {
        let WhichWallet { wallet, json, home } = self.which;
        let wallets = home.wallets()?;
        let Some(file) = self.file else {
            wallets.remove_delegation(&wallet).map_err(said)?;
            terminal::say(&format!("{wallet} pays out of its own account"));
            return Ok(());
        };
        let shown = file.display().to_string();
        let text = std::fs::read_to_string(&file).map_err(|error| Failure::wrong_use(format!("{shown}: {error}")))?;
        let delegation = Delegation::from_json(&text).or_fail(&shown)?;
        let own = address_of(&wallet, wallets.show(&wallet).map_err(said)?.address)?;
        if delegation.key() != own {
            let key = delegation.key();
            return Err(Failure::new(format!(
                "the grant is for {key}, and the key of {wallet} is {own}; ask for one to {own}"
            )));
        }
        if delegation.expires().is_some_and(|expires| expires <= clock::now()) {
            return Err(Failure::new("the grant has expired; ask for a new one"));
        }
        wallets.set_delegation(&wallet, &delegation.to_json()).map_err(said)?;
        say(&delegation, &wallet, &chains::load(&home.directory()?)?, json);
        Ok(())
    }
}

/// What a grant is remembered by.
pub(in crate::commands) fn grant_name(chain: u64, key: Address) -> String {
    format!("eip155-{chain}-{key:#x}")
}

/// What a delegation allows, as scripts read it.
pub(crate) fn described(delegation: &Delegation, known: &Chains) -> Value {
    let tokens = known.tokens();
    let limit = |(contract, amount): (Address, Amount)| match tokens.token(delegation.chain(), contract) {
        Some(token) => token.asset.display(amount),
        None => format!("{amount} base units of {contract}"),
    };
    json!({
        "account": delegation.account().to_checksum(None),
        "key": delegation.key().to_checksum(None),
        "chain": format!("eip155:{}", delegation.chain()),
        "limits": delegation.limits().map(|limits| limits.into_iter().map(limit).collect::<Vec<_>>()),
        "expires": delegation.expires().map(|expires| expires.to_rfc3339()),
    })
}

fn say(delegation: &Delegation, wallet: &WalletName, known: &Chains, as_json: bool) {
    let mut shown = described(delegation, known);
    if as_json {
        shown["wallet"] = wallet.as_str().into();
        terminal::say_json(&shown);
        return;
    }
    terminal::say(&format!("{wallet} pays {}", sentence(&shown)));
}

/// `on eip155:4217 out of 0x..., up to 5 pathUSD, until 2026-..`.
pub(crate) fn sentence(shown: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("for ever").to_owned();
    let limits = shown["limits"].as_array().map(|limits| limits.iter().map(text).collect::<Vec<_>>().join(" and "));
    let limits = limits.map_or("without a limit".to_owned(), |limits| format!("up to {limits}"));
    format!(
        "on {} out of {}, {limits}, until {}",
        text(&shown["chain"]),
        text(&shown["account"]),
        text(&shown["expires"])
    )
}

fn address_of(name: &WalletName, address: Option<String>) -> Result<Address, Failure> {
    address.ok_or_else(|| no_account(name))?.parse().or_fail("the wallet's address is none")
}

pub(in crate::commands) fn no_account(name: &WalletName) -> Failure {
    Failure::new(format!("{name} has no account on chains; run: farthing key create --wallet {name} --type evm"))
}

fn said(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_written() {
        let seconds = |text: &str| text.parse::<Lasting>().map(|Lasting(duration)| duration.as_secs());
        assert_eq!((seconds("90s"), seconds("7d")), (Ok(90), Ok(604_800)));
        for text in ["", "d", "7", "0d", "-1d", "99999d", "7 d", "7é"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
