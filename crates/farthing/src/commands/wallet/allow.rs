//! `farthing wallet allow`: what Permit2 may move out of a wallet's account.

mod words;

use std::process::ExitCode;
use std::sync::Arc;

use alloy_primitives::{Address, U256};
use clap::Args;
use farthing_money::Rounding;
use farthing_rail::Sent;
use farthing_rail_evm::Account as Signing;
use farthing_rail_evm::buyer::{Allowance, Allowed, Purse, SignedAllowance};
use farthing_rail_evm::chain::{Kind, Token};
use farthing_wallet::{Undertaking, Wallet};
use serde_json::{Value, json};

use self::words::{Spender, Wanted, coins, decimal, shown};
use super::coins::{Account, OnChains};
use crate::failure::{Failure, OrFail};
use crate::{chains, terminal};

/// The exit code of an outcome that is not known.
const UNKNOWN: u8 = 5;

/// What may be moved.
#[derive(Args)]
pub(crate) struct Allow {
    #[command(flatten)]
    on: OnChains,
    /// Which token, where several are known.
    #[arg(long, value_name = "CODE|ADDRESS")]
    token: Option<String>,
    /// Allow exactly this much from now on, whatever was allowed before; 0 takes it back. Without it, what
    /// is allowed is shown.
    #[arg(long)]
    amount: Option<Wanted>,
    /// Allow it without a limit.
    #[arg(long, conflicts_with = "amount")]
    unlimited: bool,
    /// Who may move it.
    #[arg(long, value_enum, default_value = "permit2")]
    spender: Spender,
    /// Say what would be sent; send nothing.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask on the terminal.
    #[arg(long, short)]
    yes: bool,
}

/// What is to become so, and where.
struct Change {
    purse: Arc<Purse>,
    chain: String,
    token: Token,
    account: Address,
    wanted: Allowance,
}

impl Allow {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        let account = self.on.account()?;
        match self.amount.is_none() && !self.unlimited {
            true => self.show(&account).await,
            false => self.change(&account).await,
        }
    }

    /// What is allowed on each chain; people see only what is not nothing. A chain that does not answer is
    /// said, and is a failure only if all are.
    async fn show(&self, account: &Account) -> Result<ExitCode, Failure> {
        let purse = chains::purse(&account.chains)?;
        let (mut found, mut silent) = (Vec::new(), Vec::new());
        let reached: Vec<_> = account.on.iter().filter(|(name, _)| has_coin(account, name)).collect();
        let waiting = terminal::spinner("asking the chains");
        for (name, id) in &reached {
            match purse.allowances(*id, account.address, self.spender.contract()).await {
                Ok(allowed) => {
                    let meant = allowed.into_iter().filter(|allowed| self.means(&allowed.token));
                    found.extend(meant.map(|allowed| (name, allowed)));
                }
                Err(error) => silent.push(format!("{name}: {error}")),
            }
        }
        waiting.finish_and_clear();
        silent.iter().for_each(|sentence| terminal::complain(sentence));
        if !silent.is_empty() && silent.len() == reached.len() {
            return Ok(ExitCode::FAILURE);
        }
        let address = account.address.to_checksum(None);
        if self.on.json {
            let listed: Vec<Value> = found.iter().map(|(chain, allowed)| self.allowed_json(chain, allowed)).collect();
            terminal::say_json(&json!({ "address": address, "allowances": listed }));
            return Ok(ExitCode::SUCCESS);
        }
        let rows: Vec<Vec<String>> = found
            .iter()
            .filter(|(_, allowed)| !allowed.amount.is_zero())
            .map(|(chain, Allowed { token, amount })| {
                let contract = token.contract.to_checksum(None);
                vec![(*chain).clone(), token.asset.code().to_owned(), contract, shown(token, *amount)]
            })
            .collect();
        match rows.is_empty() {
            true => terminal::say(&format!("{} may move nothing of {address}", self.spender.name())),
            false => terminal::say_table(&["chain", "token", "contract", self.spender.name()], 3, &rows),
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn change(&self, account: &Account) -> Result<ExitCode, Failure> {
        let wallets = self.on.home.wallets()?;
        if let Some(stopped) = wallets.stopped(&self.on.name) {
            return Err(said(stopped));
        }
        let (chain, token) = self.place(account)?;
        let amount = self.units(&token)?;
        let wanted = Allowance { chain: token.chain, token: token.contract, spender: self.spender.contract(), amount };
        let purse = chains::purse(&account.chains)?;
        let change = Change { purse, chain, token, account: account.address, wanted };
        if self.dry_run {
            return self.rehearse(&change).await;
        }
        let wallet = wallets.open(&self.on.name, self.on.home.passphrase()?).map_err(said)?;
        let mut undertaking = wallet.undertake(&format!("eip155-{}", change.wanted.chain)).map_err(said)?;
        if let Some(exit) = self.resume(&change, &mut undertaking).await? {
            return Ok(exit);
        }
        self.send(&change, &wallet, &mut undertaking).await
    }

    async fn rehearse(&self, change: &Change) -> Result<ExitCode, Failure> {
        let planned = change.purse.change(change.account, &change.wanted).await.map_err(said)?;
        let before = shown(&change.token, planned.before);
        match self.on.json {
            true => self.say_json(change, planned.before, change.wanted.amount, None),
            false => terminal::say(&format!(
                "it would {}, {before} before, for at most {} of the chain's coin for gas",
                self.sentence(change),
                coins(planned.most_gas)
            )),
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Finishes what an earlier call began. What it answers is this call's outcome, where both want the same
    /// or nothing more can be done.
    async fn resume(&self, change: &Change, undertaking: &mut Undertaking) -> Result<Option<ExitCode>, Failure> {
        let kept = undertaking.kept().map_err(said)?.and_then(|bytes| SignedAllowance::read(&bytes));
        let Some(signed) = kept.filter(|signed| signed.account == change.account) else { return Ok(None) };
        terminal::note("note: an earlier change of an allowance is not known to have ended; it is finished first");
        match send(change, &signed).await {
            Sent::Unknown(sentence) => return Ok(Some(unknown(&sentence))),
            Sent::Never(sentence) => terminal::note(&format!("note: {sentence}")),
            Sent::Moved if signed.allowance == change.wanted => {
                undertaking.finish().map_err(said)?;
                return self.conclude(change, None, &signed).await.map(Some);
            }
            Sent::Moved => {}
        }
        undertaking.finish().map_err(said)?;
        Ok(None)
    }

    /// Signs the change, keeps it, sends it and waits.
    async fn send(&self, change: &Change, wallet: &Wallet, undertaking: &mut Undertaking) -> Result<ExitCode, Failure> {
        let planned = change.purse.change(change.account, &change.wanted).await.map_err(said)?;
        if planned.is_so(&change.wanted) {
            match self.on.json {
                true => self.say_json(change, planned.before, planned.before, None),
                false => terminal::say("it is so already; nothing was sent"),
            }
            return Ok(ExitCode::SUCCESS);
        }
        let gas = coins(planned.most_gas);
        let question =
            format!("This will {}, for at most {gas} of the chain's coin for gas. Go on?", self.sentence(change));
        if !self.yes && !terminal::confirms(&question).or_fail("the terminal cannot be asked")? {
            return Err(Failure::new("nothing was sent"));
        }
        let account = wallet.account().ok_or_else(|| Failure::new("the wallet has no account on chains"))?;
        let signed = planned.sign(&Signing::new(account)).await.map_err(said)?;
        undertaking.keep(signed.bytes()).map_err(said)?;
        match send(change, &signed).await {
            Sent::Unknown(sentence) => Ok(unknown(&sentence)),
            Sent::Never(sentence) => {
                undertaking.finish().map_err(said)?;
                Err(Failure::new(format!("{sentence}; nothing is allowed that was not before")))
            }
            Sent::Moved => {
                undertaking.finish().map_err(said)?;
                self.conclude(change, Some(planned.before), &signed).await
            }
        }
    }

    /// Says what the chain says now.
    async fn conclude(
        &self,
        change: &Change,
        before: Option<U256>,
        signed: &SignedAllowance,
    ) -> Result<ExitCode, Failure> {
        let Allowance { chain, token, spender, amount } = change.wanted;
        let allowed = change.purse.allowances(chain, change.account, spender).await.unwrap_or_default();
        let allowed = allowed.iter().find(|allowed| allowed.token.contract == token);
        let now = allowed.map_or(amount, |allowed| allowed.amount);
        if self.on.json {
            self.say_json(change, before.unwrap_or(now), now, Some(signed));
            return Ok(ExitCode::SUCCESS);
        }
        let (may, address) = (shown(&change.token, now), change.account.to_checksum(None));
        let (spender, chain, hash) = (self.spender.name(), &change.chain, signed.hash);
        terminal::say(&format!("{spender} may move {may} of {address} on {chain}, by transaction {hash}"));
        Ok(ExitCode::SUCCESS)
    }

    /// The chain and the token that are meant.
    fn place(&self, account: &Account) -> Result<(String, Token), Failure> {
        let reached = account.on.iter().filter(|(name, _)| has_coin(account, name));
        let tokens = reached.filter_map(|(name, _)| Some((name, account.chains.named(name)?.all_tokens())));
        let mut found: Vec<(String, Token)> = tokens
            .flat_map(|(name, tokens)| tokens.into_iter().map(|token| (name.clone(), token)))
            .filter(|(_, token)| self.means(token))
            .collect();
        if self.token.is_none()
            && let Some(Wanted::Price(price)) = self.amount
        {
            found.retain(|(_, token)| token.currency == price.currency());
        }
        let first = found.first().cloned();
        let (name, token) = first.ok_or_else(|| Failure::wrong_use(self.no_token()))?;
        if found.iter().any(|(other, _)| *other != name) {
            return Err(Failure::wrong_use("it is known on several chains; say which with --chain NAME"));
        }
        if found.len() > 1 {
            let codes: Vec<_> = found.iter().map(|(_, token)| token.asset.code()).collect();
            let codes = codes.join(", ");
            return Err(Failure::wrong_use(format!("say which token with --token, by code or contract: {codes}")));
        }
        Ok((name, token))
    }

    fn no_token(&self) -> String {
        let token = self.token.as_deref().map(|token| format!(" {token}")).unwrap_or_default();
        let (place, chain) = match &self.on.chain {
            Some(chain) => (format!("on {chain}"), chain.as_str()),
            None => ("on your EVM chains".to_owned(), "NAME"),
        };
        format!("no such token{token} is known {place}; run: farthing wallet chain add {chain} --rpc URL --token ...")
    }

    fn means(&self, token: &Token) -> bool {
        self.token.as_deref().is_none_or(|wanted| {
            wanted.parse() == Ok(token.contract) || wanted.replace('.', "") == token.asset.code().replace('.', "")
        })
    }

    /// How much, exactly, in base units.
    fn units(&self, token: &Token) -> Result<U256, Failure> {
        let price = match self.amount {
            None => return Ok(U256::MAX),
            Some(Wanted::Nothing) => return Ok(U256::ZERO),
            Some(Wanted::Price(price)) => price,
        };
        let (code, currency) = (token.asset.code(), token.currency);
        if price.currency() != currency {
            return Err(Failure::wrong_use(format!("{code} is worth {currency}; give the amount in {currency}")));
        }
        let converted = price.in_asset(&token.asset, Rounding::Down).or_fail("the amount is too large")?;
        if converted.remainder != 0 {
            return Err(Failure::wrong_use(format!(
                "{price} is finer than the smallest unit of {code}; give a round one"
            )));
        }
        Ok(U256::from(converted.amount.units()))
    }

    /// What a change does, after "will" or "would".
    fn sentence(&self, change: &Change) -> String {
        let (spender, chain, code) = (self.spender.name(), &change.chain, change.token.asset.code());
        let address = change.account.to_checksum(None);
        match change.wanted.amount.is_zero() {
            true => format!("let {spender} move no {code} of {address} on {chain} any more"),
            false => {
                let amount = shown(&change.token, change.wanted.amount);
                format!("let {spender} move {amount} of {address} on {chain}")
            }
        }
    }

    fn say_json(&self, change: &Change, before: U256, now: U256, signed: Option<&SignedAllowance>) {
        let allowed = Allowed { token: change.token.clone(), amount: now };
        let mut said = self.allowed_json(&change.chain, &allowed);
        if let Some(members) = said.as_object_mut() {
            members.insert("address".into(), change.account.to_checksum(None).into());
            members.insert("before".into(), decimal(&change.token, before));
            members.insert("transaction".into(), signed.map(|signed| signed.hash.to_string()).into());
            members.insert("dry_run".into(), self.dry_run.into());
        }
        terminal::say_json(&said);
    }

    fn allowed_json(&self, chain: &str, Allowed { token, amount }: &Allowed) -> Value {
        json!({
            "chain": chain,
            "token": token.asset.code(),
            "contract": token.contract.to_checksum(None),
            "spender": self.spender.contract().to_checksum(None),
            "allowed": decimal(token, *amount),
        })
    }
}

/// Whether it is a chain whose fees are paid in a coin; on Tempo nothing needs an allowance.
fn has_coin(account: &Account, chain: &str) -> bool {
    let on_file = account.chains.named(chain).and_then(|settings| settings.on_file());
    on_file.is_none_or(|chain| chain.kind != Kind::Tempo)
}

async fn send(change: &Change, signed: &SignedAllowance) -> Sent {
    let waiting = terminal::spinner("waiting until the chain includes it");
    let sent = change.purse.send_allowance(signed).await;
    waiting.finish_and_clear();
    sent
}

fn unknown(sentence: &str) -> ExitCode {
    terminal::complain(&format!(
        "outcome unknown: {sentence}; the same command again sends the same transaction and signs nothing new"
    ));
    ExitCode::from(UNKNOWN)
}

fn said(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}
