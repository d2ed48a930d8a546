//! The demo's buyer: a real wallet with a real limit.

use alloy_primitives::Address;
use farthing_money::Price;
use farthing_rail::Origin;
use farthing_rail_evm::buyer::Chains;
use farthing_rails::OnChains;
use farthing_wallet::policy::OriginLimit;
use farthing_wallet::{
    Ambient, Outcome, PassphraseSource, PayingClient, PayingMiddleware, Policy, Wallet, WalletName, Wallets,
};
use http::Method;
use secrecy::SecretString;
use url::Url;

use super::card;
use super::rail::Rail;
use super::stage::Stage;
use crate::clock;
use crate::failure::{Failure, OrFail};

const PER_PAYMENT: &str = "0.01 USD";
/// More than the limit, so that the limit stops it and not an empty balance; in words and in millionths.
const BALANCE: &str = "2 USD";
pub(super) const BALANCE_MILLIONTHS: u64 = 2_000_000;

/// A wallet with a policy and money.
pub(super) struct Agent {
    wallets: Wallets,
    client: PayingClient,
    payer: String,
    account: Option<Address>,
}

impl Agent {
    /// Makes the agent's wallet, sets its limits and gives it money.
    pub(super) async fn hire(stage: &Stage) -> Result<Self, Failure> {
        Self::named("agent", stage, stage.rail() == Rail::Card).await
    }

    /// One more, with a limit of its own and, where money comes by card, with play money.
    pub(super) async fn hire_another(stage: &Stage) -> Result<Self, Failure> {
        Self::named("replayer", stage, false).await
    }

    /// `tops_up` says that it starts with nothing and fills its balance itself.
    async fn named(name: &str, stage: &Stage, tops_up: bool) -> Result<Self, Failure> {
        let said = |error: &dyn std::fmt::Display| Failure::new(error.to_string());
        let ambient = Ambient::new(clock::now);
        let passphrase: [u8; 16] = ambient.random().map_err(|error| said(&error))?;
        let passphrase = passphrase.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let passphrase = PassphraseSource::Given(SecretString::from(passphrase));
        let wallets = Wallets::at(&stage.home(name), ambient).map_err(|error| said(&error))?;
        let name: WalletName = name.parse().map_err(|error| said(&error))?;
        let summary = wallets.create(&name, &passphrase).map_err(|error| said(&error))?;
        wallets.set_policy(&name, &policy(stage, tops_up)?, &passphrase).map_err(|error| said(&error))?;
        let account = summary.address.and_then(|address| address.parse::<Address>().ok());
        let payer = match (stage.chain(), account) {
            (Some(chain), Some(account)) => {
                chain.fund(account, BALANCE_MILLIONTHS).await?;
                chain.payer(account)
            }
            (Some(_), None) => return Err(Failure::new("the agent's wallet has no account on chains")),
            (None, _) if tops_up => summary.did,
            (None, _) => {
                match stage.bank() {
                    Some(bank) => bank.top_up(stage.shop(), stage.admin(), &summary.did, BALANCE).await?,
                    None => stage.grant(&summary.did, BALANCE).await?,
                }
                summary.did
            }
        };
        let wallet = wallets.open(&name, passphrase).map_err(|error| said(&error))?;
        let payers = farthing_rails::payers(wallet.signer(), on_chains(stage, &wallet)?.as_ref()).await;
        let payers = payers.map_err(|error| said(&error))?;
        let client = PayingClient::new(wallet, payers).map_err(|error| said(&error))?;
        Ok(Self { wallets, client, payer, account })
    }

    /// The payer's name, as the seller's books have it.
    pub(super) fn payer(&self) -> &str {
        &self.payer
    }

    /// Its account on chains.
    pub(super) fn account(&self) -> Option<Address> {
        self.account
    }

    /// Fetches a URL and pays for it.
    pub(super) async fn buy(&self, url: Url) -> Result<Outcome, Failure> {
        self.client.pay(reqwest::Request::new(Method::GET, url), None).await.or_fail("a purchase failed")
    }

    /// Reads a paid answer to its end. Whether it was one.
    pub(super) async fn consume(outcome: Outcome) -> bool {
        let Outcome::Paid { response, .. } = outcome else { return false };
        response.bytes().await.is_ok_and(|body| !body.is_empty())
    }

    /// The same wallet as middleware.
    pub(super) fn middleware(&self) -> PayingMiddleware {
        PayingMiddleware::new(self.client.clone())
    }

    /// What the wallet itself counted.
    pub(super) async fn spent(&self) -> Result<Option<Price>, Failure> {
        let spending =
            self.wallets.spending(self.client.wallet().name()).await.or_fail("the budgets cannot be read")?;
        Ok(spending.map(|spending| spending.total.spent))
    }
}

/// The demo's chain, for a wallet that pays on it.
fn on_chains(stage: &Stage, wallet: &Wallet) -> Result<Option<OnChains>, Failure> {
    let (Some(chain), Some(account)) = (stage.chain(), wallet.account()) else { return Ok(None) };
    let chains = Chains::parse(&chain.chains()).or_fail("the agents' chains")?;
    Ok(Some(OnChains { account, chains, delegation: None }))
}

fn policy(stage: &Stage, tops_up: bool) -> Result<Policy, Failure> {
    let price = |text: &str| text.parse::<Price>().or_fail("not a price");
    let origin: Origin = stage.shop().origin().ascii_serialization().parse().or_fail("not an origin")?;
    let total = price(stage.rail().limit())?;
    Ok(Policy {
        total: Some(total),
        per_payment: Some(price(PER_PAYMENT)?),
        prepaid: if tops_up { Some(price(card::TOP_UP)?) } else { None },
        origins: Some(vec![OriginLimit::new(origin)]),
        ..Policy::new(total.currency())
    })
}
