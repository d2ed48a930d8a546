use std::collections::BTreeMap;
use std::time::Duration;

use alloy_primitives::{Address, Bytes, U256};
use alloy_sol_types::{SolCall as _, sol};
use farthing_money::{Amount, Asset, Home};
use farthing_protocol::Timestamp;
use farthing_rail::{Answer, Became, ChannelStanding, RailError, Sent};
use reqwest::Client;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::{ChainSettings, Chains, Funds, Permission, SoughtChannel, ToSend, Trace};
use crate::Account;
use crate::chain::{Kind, Token};
use crate::rpc::{At, Endpoints, EndpointsError, Question, RefusedBy, RpcError};
use crate::tempo::{KEYCHAIN, KeyState};

sol! {
    function balanceOf(address account) returns (uint256);
}

/// How long a node may take for an answer.
const DEADLINE: Duration = Duration::from_secs(10);
/// No token needs more gas to say what an account has.
const GAS: u64 = 1_000_000;
/// Blocks after which a chain that is not on file is taken not to go back.
const UNKNOWN_FINALITY: u64 = 12;
/// The decimals of every EVM chain's own coin.
const COIN_DECIMALS: u8 = 18;

/// The chains of one owner, asked through their nodes. Cheap to ask twice: that a node is on the chain
/// it should be on is found out once.
#[derive(Debug)]
pub struct Purse {
    reached: BTreeMap<u64, Reached>,
}

#[derive(Debug)]
pub(super) struct Reached {
    name: String,
    settings: ChainSettings,
    endpoints: Endpoints,
    confirmed: OnceCell<()>,
}

/// What an account has of one thing on a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Of what; the chain's own coin is called `coin`.
    pub asset: Asset,
    /// The token's contract; `None` for the chain's own coin.
    pub contract: Option<Address>,
    /// How much, in base units.
    pub amount: Amount,
}

/// Why a chain cannot say what an account has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PurseError {
    /// The owner has not said how it is reached.
    #[error("chain {0} is not among your chains; run: farthing wallet chain add NAME --rpc URL")]
    Unknown(u64),
    /// A node is on another chain.
    #[error("the node at {node} is on chain {found}, not on {wanted}; mend its rpc with: farthing wallet chain add")]
    OtherChain {
        /// Host and port of the first node.
        node: String,
        /// The chain it should be on.
        wanted: u64,
        /// The chain it is on.
        found: u64,
    },
    /// No node answers.
    #[error(transparent)]
    Rpc(#[from] RpcError),
}

impl Purse {
    /// Asks these chains through one HTTP client.
    pub fn new(chains: &Chains, client: &Client) -> Result<Self, EndpointsError> {
        let mut reached = BTreeMap::new();
        for (name, settings) in chains.iter() {
            let endpoints = Endpoints::new(client.clone(), &settings.rpc, 1, DEADLINE)?;
            let (id, name, settings) = (settings.id, name.to_owned(), settings.clone());
            reached.insert(id, Reached { name, settings, endpoints, confirmed: OnceCell::new() });
        }
        Ok(Self { reached })
    }

    /// The nodes of a chain, when one of the owner's.
    pub fn endpoints(&self, chain: u64) -> Option<&Endpoints> {
        self.reached.get(&chain).map(|reached| &reached.endpoints)
    }

    /// What an account has on a chain: of each token that is known there, and of the chain's own coin.
    pub async fn holdings(&self, chain: u64, account: Address) -> Result<Vec<Holding>, PurseError> {
        let reached = self.confirmed(chain).await?;
        let tokens = reached.settings.all_tokens();
        let coin = reached.coin();
        let mut questions: Vec<_> = tokens.iter().map(|token| balance_of(token.contract, account)).collect();
        questions.extend(coin.iter().map(|_| Question::balance(account, At::Latest)));
        let mut answers = reached.endpoints.ask(&questions).await.into_iter();
        let mut holdings = Vec::new();
        for Token { asset, contract, .. } in tokens {
            let amount = match answers.next() {
                // A contract that is not there reverts, or answers with something else than a number.
                Some(Err(error)) if error.refused_by() != Some(RefusedBy::Reverted) => return Err(error.into()),
                answer => answer.and_then(Result::ok).as_ref().and_then(word),
            };
            holdings.extend(amount.map(|amount| Holding { asset, contract: Some(contract), amount }));
        }
        if let (Some(asset), Some(answer)) = (coin, answers.next()) {
            let amount = reached.endpoints.readable(crate::rpc::answers::sum(&answer?, "eth_getBalance"))?;
            holdings.push(Holding { asset, contract: None, amount: Amount::new(amount) });
        }
        Ok(holdings)
    }

    pub(super) async fn confirmed(&self, chain: u64) -> Result<&Reached, PurseError> {
        let reached = self.reached.get(&chain).ok_or(PurseError::Unknown(chain))?;
        reached.confirmed.get_or_try_init(|| reached.confirm(chain)).await?;
        Ok(reached)
    }
}

impl Reached {
    pub(super) fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    pub(super) fn tokens(&self) -> Vec<Token> {
        self.settings.all_tokens()
    }

    /// Its number (EIP-155).
    pub(super) fn id(&self) -> u64 {
        self.settings.id
    }

    /// After how many blocks one is not taken back any more.
    pub(super) fn finality(&self) -> u64 {
        let blocks =
            |chain: &crate::chain::Chain| chain.finality.as_millis().div_ceil(chain.block_time.as_millis().max(1));
        self.settings.on_file().map_or(UNKNOWN_FINALITY, |chain| u64::try_from(blocks(chain)).unwrap_or(u64::MAX))
    }

    /// Every node that answers must be on this chain, and one must answer.
    async fn confirm(&self, wanted: u64) -> Result<(), PurseError> {
        let mut answered = false;
        let mut silent = None;
        for id in self.endpoints.chain_ids().await {
            match id {
                Ok(found) if found == wanted => answered = true,
                Ok(found) => {
                    return Err(PurseError::OtherChain { node: self.endpoints.name().to_owned(), wanted, found });
                }
                Err(error) => silent = Some(error),
            }
        }
        match silent {
            Some(error) if !answered => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// The chain's own coin, on chains that have one.
    pub(super) fn coin(&self) -> Option<Asset> {
        let on_file = self.settings.on_file();
        if on_file.is_some_and(|chain| chain.kind == Kind::Tempo) {
            return None;
        }
        let home = Home::Chain { chain: format!("eip155:{}", self.settings.id), token: "native".into() };
        Asset::new("coin", COIN_DECIMALS, home).ok()
    }
}

impl Funds for Purse {
    fn of_token<'a>(&'a self, chain: u64, contract: Address, account: Address) -> Answer<'a, Option<U256>> {
        Box::pin(async move {
            let reached = self.confirmed(chain).await.ok()?;
            let answer = reached.endpoints.ask(&[balance_of(contract, account)]).await.pop()?.ok()?;
            word(&answer).map(|amount| U256::from(amount.units()))
        })
    }

    fn of_coin<'a>(&'a self, chain: u64, account: Address) -> Answer<'a, Option<U256>> {
        Box::pin(async move {
            let reached = self.confirmed(chain).await.ok()?;
            reached.coin()?;
            let answer = reached.endpoints.ask(&[Question::balance(account, At::Latest)]).await.pop()?.ok()?;
            crate::rpc::answers::sum(&answer, "eth_getBalance").ok().map(U256::from)
        })
    }

    fn has_access_key<'a>(&'a self, chain: u64, account: Address, key: Address) -> Answer<'a, Option<bool>> {
        Box::pin(async move {
            let reached = self.confirmed(chain).await.ok()?;
            let call = KeyState::question(account, key);
            let question = Question::call(None, KEYCHAIN, &call, GAS, At::Latest);
            let answer = reached.endpoints.ask(&[question]).await.pop()?.ok()?;
            let answer: Bytes = answer.as_str()?.parse().ok()?;
            Some(KeyState::read(&answer, key).ok()? != KeyState::Unknown)
        })
    }

    fn allowance<'a>(
        &'a self,
        chain: u64,
        contract: Address,
        account: Address,
        spender: Address,
    ) -> Answer<'a, Option<U256>> {
        Box::pin(async move {
            let reached = self.confirmed(chain).await.ok()?;
            let call = crate::evm::calldata::allowance(account, spender);
            let question = Question::call(None, contract, &call, GAS, At::Latest);
            word(&reached.endpoints.ask(&[question]).await.pop()?.ok()?).map(|amount| U256::from(amount.units()))
        })
    }

    fn as_arguments(&self, chain: u64, contract: Address) -> Option<String> {
        let Reached { name, settings, .. } = self.reached.get(&chain)?;
        let tokens = settings.all_tokens();
        let code = tokens.iter().find(|token| token.contract == contract)?.asset.code();
        let is_one = tokens.iter().filter(|token| token.asset.code() == code).count() == 1;
        let token = if is_one { code.to_owned() } else { contract.to_checksum(None) };
        Some(format!("--chain {name} --token {token}"))
    }

    fn became<'a>(&'a self, chain: u64, trace: &'a Trace) -> Answer<'a, Became> {
        Box::pin(self.follow(chain, trace))
    }

    fn next_nonce<'a>(&'a self, chain: u64, account: Address) -> Answer<'a, Option<u64>> {
        Box::pin(async move {
            let reached = self.confirmed(chain).await.ok()?;
            let question = Question::transaction_count(account, At::Pending);
            let answer = reached.endpoints.ask(&[question]).await.pop()?.ok()?;
            crate::rpc::answers::number(&answer, "eth_getTransactionCount").ok()
        })
    }

    fn reaches(&self, chain: u64) -> bool {
        self.reached.contains_key(&chain)
    }

    fn send(&self, sending: ToSend) -> Answer<'_, Sent> {
        Box::pin(async move { self.send_out(&sending).await })
    }

    fn take_back<'a>(
        &'a self,
        account: &'a Account,
        chain: u64,
        permission: &'a Permission,
        now: Timestamp,
    ) -> Answer<'a, Sent> {
        Box::pin(self.take_permission_back(account, chain, permission, now))
    }

    fn channel<'a>(&'a self, sought: &'a SoughtChannel) -> Answer<'a, Result<ChannelStanding, RailError>> {
        Box::pin(self.channel_now(sought))
    }
}

fn balance_of(contract: Address, account: Address) -> Question {
    let call = Bytes::from(balanceOfCall { account }.abi_encode());
    Question::call(None, contract, &call, GAS, At::Latest)
}

/// A call's answer of one word; more than any amount is the largest.
pub(super) fn word(answer: &Value) -> Option<Amount> {
    let bytes: [u8; 32] = answer.as_str()?.parse::<Bytes>().ok()?.as_ref().try_into().ok()?;
    Some(Amount::new(U256::from_be_bytes(bytes).saturating_to()))
}
