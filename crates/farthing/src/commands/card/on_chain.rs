//! Cards whose limit a chain keeps: the card's key is one that the wallet's account on Tempo lets spend so much.

use alloy_primitives::Address;
use clap::Args;
use farthing_keys::Secp256k1Key;
use farthing_rail::RecoverableSigner;
use farthing_rail_evm::Account;
use farthing_rail_evm::buyer::Delegation;
use farthing_rail_evm::tempo::{Grant, Limit};
use farthing_wallet::{Ambient, Card, CardTerms, OwnKey, Token, WalletName};
use std::sync::Arc;

use super::said;
use crate::commands::freeze::permissions::revoke_key;
use crate::commands::home::Home;
use crate::commands::key::delegated::{amount, grant_name, no_account, place};
use crate::failure::{Failure, OrFail};
use crate::{chains, clock};

/// The one method that an access key pays by.
const METHOD: &str = "tempo";

/// Where the limit is kept besides here.
#[derive(Args)]
pub(super) struct OnChain {
    /// Give the card a key of its own, and have Tempo keep to the amount, the end and the payees: they hold even if
    /// this machine is lost.
    #[arg(long)]
    on_chain: bool,
    /// The Tempo chain, where you have several.
    #[arg(long, requires = "on_chain")]
    chain: Option<String>,
    /// The token; otherwise the first that is known on the chain.
    #[arg(long, requires = "on_chain")]
    token: Option<String>,
}

impl OnChain {
    /// Whether the card is one of a chain.
    pub(super) const fn is_meant(&self) -> bool {
        self.on_chain
    }

    /// Makes the card: its key, what the wallet's account lets it spend, and its file, in this order.
    pub(super) async fn create(
        &self,
        home: &Home,
        wallet: &WalletName,
        terms: CardTerms,
    ) -> Result<(Token, Card), Failure> {
        let wallets = home.wallets()?;
        if wallets.delegation(wallet).map_err(said)?.is_some() {
            return Err(Failure::new(format!(
                "{wallet} pays out of another account, which is not its to hand on; make the card of the wallet that \
                 owns it"
            )));
        }
        let (known, source) = (chains::load(&home.directory()?)?, home.passphrase()?);
        let (chain, token) = place(&known, self.chain.as_deref(), self.token.as_deref())?;
        let recipients = terms.payees.iter().map(|payee| address(payee)).collect::<Result<_, _>>()?;
        let terms = CardTerms { methods: vec![METHOD.to_owned()], ..terms };
        let key = Secp256k1Key::generate(&Ambient::new(clock::now)).map_err(said)?;
        let grant = Grant {
            chain: chain.id,
            key: address(&key.address().map_err(said)?)?,
            expires: terms
                .expires
                .ok_or_else(|| Failure::wrong_use("a card of a chain needs an end; name --expires"))?,
            limits: vec![Limit { token: token.contract, amount: amount(terms.amount, &token)?, period: None }],
            recipients,
        };
        let root = wallets.open(wallet, source.clone()).map_err(said)?;
        let root = root.account().ok_or_else(|| no_account(wallet))?;
        let granted = grant.sign(&Account::new(root)).await.or_fail("the card's key was granted nothing")?;
        let delegation = Delegation::new(granted).map_err(said)?;
        // Before there is a card: what is not remembered cannot be taken back.
        let name = grant_name(delegation.chain(), delegation.key());
        wallets.keep_grant(wallet, &name, &delegation.to_json()).map_err(said)?;
        let own = OwnKey { key: &key, delegation: &delegation.to_json() };
        wallets.create_card_on_chain(wallet, &terms, &source, &own).map_err(said)
    }
}

/// Has the chain forget a card's key; why it has not, if it has not.
pub(super) async fn take_back(home: &Home, card: &Card, text: &str) -> Result<Option<String>, Failure> {
    let wallets = home.wallets()?;
    let delegation = Delegation::from_json(text).or_fail("what the chain lets the card spend")?;
    let wallet = wallets.open_to_unwind(&card.wallet, home.passphrase()?).map_err(said)?;
    wallet.unlock().await.map_err(said)?;
    let account = wallet.account().ok_or_else(|| no_account(&card.wallet))?;
    let purse = chains::purse(&chains::load(&home.directory()?)?)?;
    let account = Account::new(account as Arc<dyn RecoverableSigner>);
    let obstacle = revoke_key(&purse, &account, &delegation).await;
    if obstacle.is_none() {
        let name = grant_name(delegation.chain(), delegation.key());
        wallets.forget_grant(&card.wallet, &name).map_err(said)?;
    }
    Ok(obstacle)
}

fn address(text: &str) -> Result<Address, Failure> {
    text.parse().map_err(|_| {
        Failure::wrong_use(format!("\"{text}\" is no account on a chain; with --on-chain a payee is 0x and 40 digits"))
    })
}
