//! What contracts and other keys may move without another signature of the wallet: finding it, and taking it
//! back.

use std::sync::Arc;

use alloy_primitives::{Address, U256};
use farthing_money::{Amount, Price};
use farthing_rail::{RecoverableSigner, Sent};
use farthing_rail_evm::Account;
use farthing_rail_evm::buyer::{Allowance, Allowed, Chains, Delegation, Purse, SignedAllowance};
use farthing_rail_evm::chain::{Kind, Token};
use farthing_rail_evm::evm::calldata::PERMIT2;
use farthing_wallet::{Wallet, WalletName, Wallets};

use super::unwind::Taken;
use crate::commands::home::Home;
use crate::failure::{Failure, OrFail};
use crate::{chains, clock};

/// What was found of one wallet.
#[derive(Default)]
pub(crate) struct Found {
    /// What each permission is, in words, and the most that it lets somebody move now.
    pub(crate) permissions: Vec<(String, Price)>,
    /// The chains that did not say.
    pub(crate) silent: Vec<String>,
}

/// Finds what may be moved out of a wallet's account without another signature of it.
pub(crate) async fn find(home: &Home, wallets: &Wallets, name: &WalletName) -> Result<Found, Failure> {
    let mut found = Found::default();
    let known = chains::load(&home.directory()?)?;
    let address = wallets.show(name).map_err(said)?.address;
    if let Some(address) = address.and_then(|address| address.parse::<Address>().ok()) {
        let purse = chains::purse(&known)?;
        for (chain, id) in coined(&known) {
            match purse.allowances(id, address, PERMIT2).await {
                Err(error) => found.silent.push(format!("{chain}: {error}")),
                Ok(allowed) => {
                    for Allowed { token, amount } in allowed.into_iter().filter(|allowed| !allowed.amount.is_zero()) {
                        let held = held(&purse, &token, address).await;
                        let most = Amount::new(amount.min(held).saturating_to());
                        let price = token.price(most).unwrap_or(Price::from_millionths(u64::MAX, token.currency));
                        found
                            .permissions
                            .push((format!("Permit2's allowance of {} on {chain}", token.asset.code()), price));
                    }
                }
            }
        }
    }
    for (_, delegation) in granted(wallets, name)? {
        let until = delegation.expires();
        if until.is_some_and(|until| until <= clock::now()) {
            continue;
        }
        let what = format!("the key {} on eip155:{}", delegation.key(), delegation.chain());
        let tokens = known.tokens();
        for (contract, amount) in delegation.limits().unwrap_or_default() {
            if let Some(token) = tokens.token(delegation.chain(), contract) {
                let price = token.price(amount).unwrap_or(Price::from_millionths(u64::MAX, token.currency));
                found.permissions.push((what.clone(), price));
            }
        }
    }
    Ok(found)
}

/// Takes all of it back: allowances are set to nothing, and keys revoked.
pub(super) async fn take_back(
    home: &Home,
    wallets: &Wallets,
    wallet: &Wallet,
    signer: Arc<impl RecoverableSigner + 'static>,
    taken: &mut Taken,
) -> Result<(), Failure> {
    let account = Account::new(signer as Arc<dyn RecoverableSigner>);
    let known = chains::load(&home.directory()?)?;
    let purse = chains::purse(&known)?;
    for (chain, id) in coined(&known) {
        let allowed = match purse.allowances(id, account.address(), PERMIT2).await {
            Ok(allowed) => allowed,
            Err(error) => {
                taken.step("allowance", format!("what Permit2 may move on {chain}"), Some(error.to_string()));
                continue;
            }
        };
        for Allowed { token, .. } in allowed.into_iter().filter(|allowed| !allowed.amount.is_zero()) {
            let what = format!("Permit2's allowance of {} on {chain}", token.asset.code());
            let obstacle = set_to_nothing(&purse, wallet, &account, &token).await?;
            taken.step("allowance", what, obstacle);
        }
    }
    for (name, delegation) in granted(wallets, &taken.wallet)? {
        let (chain, key) = (delegation.chain(), delegation.key());
        let obstacle = revoke_key(&purse, &account, &delegation).await;
        if obstacle.is_none() {
            wallets.forget_grant(&taken.wallet, &name).map_err(said)?;
        }
        taken.step("key", format!("the key {key} on eip155:{chain}"), obstacle);
    }
    Ok(())
}

/// Has the chain forget a key; why it has not, if it has not.
pub(crate) async fn revoke_key(purse: &Purse, account: &Account, delegation: &Delegation) -> Option<String> {
    let permission = delegation.permission();
    obstacle(purse.take_permission_back(account, delegation.chain(), &permission, clock::now()).await)
}

/// Sets an allowance to nothing. What an earlier call signed and did not finish is finished first, as `farthing
/// wallet allow` does.
async fn set_to_nothing(
    purse: &Purse,
    wallet: &Wallet,
    account: &Account,
    token: &Token,
) -> Result<Option<String>, Failure> {
    let mut undertaking = match wallet.undertake(&format!("eip155-{}", token.chain)) {
        Ok(undertaking) => undertaking,
        Err(error) => return Ok(Some(error.to_string())),
    };
    if let Some(earlier) = undertaking.kept().map_err(said)?.and_then(|bytes| SignedAllowance::read(&bytes)) {
        if let Sent::Unknown(sentence) = purse.send_allowance(&earlier).await {
            return Ok(Some(sentence));
        }
        undertaking.finish().map_err(said)?;
    }
    let wanted = Allowance { chain: token.chain, token: token.contract, spender: PERMIT2, amount: U256::ZERO };
    let planned = match purse.change(account.address(), &wanted).await {
        Ok(planned) if planned.is_so(&wanted) => return Ok(None),
        Ok(planned) => planned,
        Err(error) => return Ok(Some(error.to_string())),
    };
    let signed = planned.sign(account).await.or_fail("the change was not signed")?;
    undertaking.keep(signed.bytes()).map_err(said)?;
    let sent = purse.send_allowance(&signed).await;
    if !matches!(sent, Sent::Unknown(_)) {
        undertaking.finish().map_err(said)?;
    }
    Ok(obstacle(sent))
}

/// What a wallet's account has let other keys spend.
fn granted(wallets: &Wallets, name: &WalletName) -> Result<Vec<(String, Delegation)>, Failure> {
    let grants = wallets.grants(name).map_err(said)?.into_iter();
    grants.map(|(name, text)| Ok((name, Delegation::from_json(&text).or_fail("a grant of the wallet")?))).collect()
}

/// The chains whose fees are paid in a coin; on Tempo nothing needs an allowance.
fn coined(known: &Chains) -> Vec<(String, u64)> {
    let is_coined =
        |on_file: Option<&farthing_rail_evm::chain::Chain>| on_file.is_none_or(|chain| chain.kind != Kind::Tempo);
    let coined = known.iter().filter(|(_, settings)| is_coined(settings.on_file()));
    coined.map(|(name, settings)| (name.to_owned(), settings.id)).collect()
}

/// What the account has of a token; without an answer, no end of it.
async fn held(purse: &Purse, token: &Token, account: Address) -> U256 {
    let holdings = purse.holdings(token.chain, account).await.unwrap_or_default();
    let held = holdings.iter().find(|holding| holding.contract == Some(token.contract));
    held.map_or(U256::MAX, |holding| U256::from(holding.amount.units()))
}

fn obstacle(sent: Sent) -> Option<String> {
    match sent {
        Sent::Moved => None,
        Sent::Never(sentence) | Sent::Unknown(sentence) => Some(sentence),
    }
}

fn said(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}
