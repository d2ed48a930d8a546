//! The buyer's half: says what an offer would cost, and signs what was approved.

mod sent;

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy_consensus::TxEip1559;
use alloy_primitives::{Address, Bytes, TxKind, U256, keccak256};
use farthing_money::{Amount, Price};
use farthing_protocol::{Challenge, Credential, Timestamp};
use farthing_rail::{
    Answer, Approved, Became, NotPayable, Offer, Payer, Quote, Reclaim, Sent, SignError, Signed as Answered,
};

use super::bill::{self, Bill, alive, authorize, ends, taking_back, unsigned_because};
use super::calldata::{self, PERMIT2};
use super::permit2::ExpectedPermit2;
use super::request::EvmRequest;
use super::seller::challenge_hash;
use super::transaction::{self, ExpectedTransaction};
use super::{
    Authorization, CredentialKind, ExpectedAuthorization, GasBounds, INTENT, METHOD, Payload, Permit2Transfer,
};
use super::{Spelling, Window};
use crate::Account;
use crate::buyer::{Chains, Funds, Trace, not_allowed};
use crate::chain::{Token, Tokens};
use crate::settle::sender::Clock;

/// Pays charges on EVM chains from one account.
///
/// Of what a server accepts it takes what costs least: an authorization, for which the server pays
/// the gas; a Permit2 transfer, where the owner says that Permit2 has an allowance or the chain does;
/// a transaction, where the owner has said what the chain's coin is worth. To a server that takes nothing
/// else it sends that transaction itself, and shows its hash.
#[derive(Clone)]
pub struct EvmPayer {
    account: Account,
    tokens: Tokens,
    coins: BTreeMap<u64, Price>,
    permit2: Vec<(u64, Address)>,
    clock: Clock,
    funds: Option<Arc<dyn Funds>>,
}

/// How a challenge would be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Route {
    Authorization { separator: alloy_primitives::B256 },
    Permit2 { spender: Address, known: bool },
    Transaction(GasBounds),
    Sent(GasBounds),
}

/// What answering a challenge comes to.
struct Plan {
    request: EvmRequest,
    token: Token,
    route: Route,
    bill: Bill,
    expires: Timestamp,
}

impl EvmPayer {
    /// Pays from this account, in tokens on file and those of the owner's chains.
    pub fn new(account: Account, chains: &Chains, clock: Clock) -> Self {
        let coins = chains.iter().filter_map(|(_, chain)| Some((chain.id, chain.native_price?))).collect();
        Self { account, tokens: chains.tokens(), coins, permit2: Vec::new(), clock, funds: None }
    }

    /// Asks the chains what there is to spend.
    #[must_use]
    pub fn with_funds(self, funds: Arc<dyn Funds>) -> Self {
        Self { funds: Some(funds), ..self }
    }

    /// Believes that Permit2 has an allowance for this token of a chain, without asking.
    #[must_use]
    pub fn with_permit2(mut self, chain: u64, token: Address) -> Self {
        self.permit2.push((chain, token));
        self
    }

    /// Reads a challenge and decides whether, how and at what cost it can be answered now.
    fn plan(&self, challenge: &Challenge, now: Timestamp) -> Result<Plan, NotPayable> {
        let expires = alive(challenge, now)?;
        let request = EvmRequest::read(challenge.request()).map_err(|error| NotPayable(error.to_string()))?;
        let (chain, contract) = (request.chain, request.token);
        let token = self.tokens.token(chain, contract).ok_or_else(|| {
            NotPayable(format!("{contract} on chain {chain} is no token this wallet knows; configure it to pay in it"))
        })?;
        if let Some(theirs) = request.decimals.filter(|theirs| *theirs != token.asset.decimals()) {
            let (code, ours) = (token.asset.code(), token.asset.decimals());
            return Err(NotPayable(format!("the server takes {code} for a token of {theirs} decimals; it has {ours}")));
        }
        let to_token = request.recipient == contract || request.splits.iter().any(|split| split.recipient == contract);
        if to_token {
            return Err(NotPayable("the offer pays the token's own contract, where the money would be lost".into()));
        }
        let (route, fee) = self.route(&request, &token)?;
        let mut bill = Bill::new(&token, request.amount, fee, &request.recipient)?;
        if matches!(route, Route::Sent(_)) {
            bill = bill.sent_first();
        }
        Ok(Plan { request, token, route, bill, expires })
    }

    /// The cheapest way that both sides know, and what it costs on top.
    fn route(&self, request: &EvmRequest, token: &Token) -> Result<(Route, Amount), NotPayable> {
        let takes = |kind| request.accepts.contains(&kind);
        if let Some(separator) = token.separator().filter(|_| takes(CredentialKind::Authorization)) {
            return Ok((Route::Authorization { separator }, Amount::ZERO));
        }
        let known = self.permit2.contains(&(request.chain, request.token));
        let permit2 = request.spender.filter(|_| takes(CredentialKind::Permit2) && (known || self.funds.is_some()));
        let permit2 = permit2.map(|spender| (Route::Permit2 { spender, known }, Amount::ZERO));
        if sent::is_wanted(request) {
            return self.sending(request, token);
        }
        let coin =
            self.coins.get(&request.chain).filter(|_| takes(CredentialKind::Transaction) && self.funds.is_some());
        let bounds = GasBounds::on(request.chain);
        let transaction = coin.and_then(|coin| bounds.in_token(*coin, token));
        let transaction = transaction.map(|fee| (Route::Transaction(bounds), fee));
        let (first, second) = if known { (permit2, transaction) } else { (transaction, permit2) };
        first.or(second).ok_or_else(|| NotPayable(self.why_not(request)))
    }

    fn why_not(&self, request: &EvmRequest) -> String {
        let chain = request.chain;
        match request.accepts.as_slice() {
            kinds if kinds.contains(&CredentialKind::Permit2) && request.spender.is_none() => {
                "the server does not say who will submit a Permit2 transfer, so it cannot be signed".into()
            }
            kinds if kinds.contains(&CredentialKind::Transaction) => format!(
                "the server wants a transaction that pays for gas; state native_price for chain {chain} to allow that"
            ),
            kinds if kinds.contains(&CredentialKind::Permit2) => {
                format!("whether Permit2 has an allowance on chain {chain} is not known; configure the chain")
            }
            _ => "the server accepts nothing that this wallet can sign for the token".into(),
        }
    }

    async fn answer(&self, quote: &Quote) -> Result<Answered, SignError> {
        let now = (self.clock)();
        let challenge = &quote.challenge;
        let plan = self.plan(challenge, now).map_err(|error| SignError::Differs(error.0))?;
        plan.bill.agrees(quote)?;
        let mut to_send = None;
        let payload = match plan.route {
            Route::Authorization { separator } => self.authorization(challenge, &plan, separator, now).await?,
            Route::Permit2 { spender, .. } => self.permit2(challenge, &plan, spender, now).await?,
            Route::Transaction(bounds) => Payload::Transaction(self.transaction(&plan, bounds).await?),
            Route::Sent(bounds) => {
                let raw = self.transaction(&plan, bounds).await?;
                let hash = keccak256(&raw);
                to_send = Some(raw.to_vec());
                Payload::Hash(hash)
            }
        };
        let credential = bill::credential(challenge, payload.to_object(), plan.request.chain, &self.account)?;
        Ok(Answered { credential, to_send })
    }

    async fn authorization(
        &self,
        challenge: &Challenge,
        plan: &Plan,
        separator: alloy_primitives::B256,
        now: Timestamp,
    ) -> Result<Payload, SignError> {
        let (to, value) = (plan.request.recipient, U256::from(plan.request.amount.units()));
        let nonce = challenge_hash(challenge);
        let unsigned = Authorization {
            from: self.account.address(),
            to,
            value,
            valid_after: U256::ZERO,
            valid_before: ends(plan.expires, now),
            nonce,
            signature: Bytes::new(),
        };
        let window = Window::new(now, Some(plan.expires));
        let expected =
            ExpectedAuthorization { separator, to, value, nonce: Some(nonce), window, contract_payers: false };
        authorize(&self.account, unsigned, &expected).await.map(Payload::Authorization)
    }

    async fn permit2(
        &self,
        challenge: &Challenge,
        plan: &Plan,
        spender: Address,
        now: Timestamp,
    ) -> Result<Payload, SignError> {
        let request = &plan.request;
        let legs = request.legs().map_err(|error| SignError::Differs(error.to_string()))?;
        let challenge_hash = challenge_hash(challenge);
        let external_id = request.external_id.clone().unwrap_or_default();
        let unsigned = Permit2Transfer {
            permitted: legs.iter().map(|leg| (request.token, leg.amount)).collect(),
            // Permit2's nonces have no order. One that follows from the challenge is never chosen twice.
            nonce: challenge_hash.into(),
            deadline: ends(plan.expires, now),
            transfers: legs.iter().map(|leg| (leg.recipient, leg.amount)).collect(),
            challenge_hash,
            external_id: external_id.clone(),
            signature: Bytes::new(),
        };
        let message = unsigned.message(request.chain, spender, Spelling::Draft);
        let signature = self.account.sign(&message).await.map_err(unsigned_because)?;
        let signed = Permit2Transfer { signature, ..unsigned };
        let expected = ExpectedPermit2 {
            chain: request.chain,
            owner: self.account.address(),
            spender,
            token: request.token,
            legs: &legs,
            challenge_hash,
            external_id: &external_id,
            window: Window::new(now, Some(plan.expires)),
            contract_payers: false,
        };
        signed.check(&expected).map_err(|error| SignError::Differs(error.to_string()))?;
        Ok(Payload::Permit2(signed))
    }

    async fn transaction(&self, plan: &Plan, bounds: GasBounds) -> Result<Bytes, SignError> {
        let request = &plan.request;
        let (chain, account) = (request.chain, self.account.address());
        let nonce = match &self.funds {
            Some(funds) => funds.next_nonce(chain, account).await,
            None => None,
        };
        let unknown = || SignError::Key(format!("chain {chain} does not say which transaction of {account} is next"));
        let (to, value) = (request.recipient, U256::from(request.amount.units()));
        let unsigned = TxEip1559 {
            chain_id: chain,
            nonce: nonce.ok_or_else(unknown)?,
            gas_limit: bounds.limit,
            max_fee_per_gas: bounds.max_fee,
            max_priority_fee_per_gas: bounds.priority_fee,
            to: TxKind::Call(request.token),
            input: calldata::transfer(to, value),
            ..TxEip1559::default()
        };
        let raw = transaction::sign_with(&self.account, unsigned).await?;
        let expected = ExpectedTransaction { chain, token: request.token, to, value, source: Some(account) };
        transaction::check(&raw, &expected).map_err(|error| SignError::Differs(error.to_string()))?;
        Ok(raw)
    }

    /// What a credential leaves on its chain.
    fn trace(&self, credential: &Credential) -> Option<(u64, Trace)> {
        let request = EvmRequest::read(credential.challenge().request()).ok()?;
        let trace = match Payload::read(credential.payload()).ok()? {
            Payload::Authorization(authorization) => bill::trace(&authorization, request.token),
            Payload::Permit2(permit) => {
                let (payer, deadline) = (self.account.address(), permit.deadline.saturating_to());
                Trace::Permit2 { payer, nonce: permit.nonce, deadline }
            }
            Payload::Transaction(raw) => transaction::trace(&raw)?,
            Payload::Hash(_) => return None,
        };
        Some((request.chain, trace))
    }

    /// What can be spent by the route that a quote would take.
    async fn spendable(&self, funds: &dyn Funds, quote: &Quote) -> Option<Amount> {
        let plan = self.plan(&quote.challenge, (self.clock)()).ok()?;
        let (chain, contract, account) = (plan.token.chain, plan.token.contract, self.account.address());
        let held = funds.of_token(chain, contract, account).await;
        match plan.route {
            Route::Authorization { .. } | Route::Permit2 { known: true, .. } => held.map(amount),
            // Nobody says that Permit2 has an allowance, and without one the offer would bounce.
            Route::Permit2 { known: false, .. } => {
                let allowed = funds.allowance(chain, contract, account, PERMIT2).await.unwrap_or_default();
                Some(amount(held.unwrap_or(U256::MAX).min(allowed)))
            }
            Route::Transaction(bounds) | Route::Sent(bounds) => {
                let coin = funds.of_coin(chain, account).await;
                if coin.is_some_and(|coin| coin < bounds.most()) {
                    return Some(Amount::ZERO);
                }
                // The fee is paid in the chain's coin and does not lessen what there is of the token.
                held.map(|held| amount(held).checked_add(quote.fee).unwrap_or(Amount::new(u128::MAX)))
            }
        }
    }
}

impl Payer for EvmPayer {
    fn pays(&self) -> (&str, &str) {
        (METHOD, INTENT)
    }

    fn quote(&self, offer: &Offer<'_>) -> Result<Quote, NotPayable> {
        let challenge = offer.challenge;
        let offered = (challenge.method().as_str(), challenge.intent().as_str());
        if offered != self.pays() {
            return Err(NotPayable(format!("{}/{} is not a charge on an EVM chain", offered.0, offered.1)));
        }
        self.plan(challenge, offer.now)?.bill.quote(offer)
    }

    fn available<'a>(&'a self, quote: &'a Quote) -> Answer<'a, Option<Amount>> {
        Box::pin(async move { self.spendable(self.funds.as_deref()?, quote).await })
    }

    fn hindrance<'a>(&'a self, quote: &'a Quote, wallet: &'a str) -> Answer<'a, Option<String>> {
        Box::pin(async move {
            let plan = self.plan(&quote.challenge, (self.clock)()).ok()?;
            let Route::Permit2 { known: false, .. } = plan.route else { return None };
            let needed = U256::from(quote.amount.units());
            not_allowed(self.funds.as_deref()?, &plan.token, self.account.address(), needed, wallet).await
        })
    }

    fn is_bearer(&self) -> bool {
        true
    }

    fn became<'a>(&'a self, credential: &'a Credential) -> Answer<'a, Became> {
        Box::pin(async move {
            let Some((funds, (chain, trace))) = self.funds.as_ref().zip(self.trace(credential)) else {
                return Became::Unknown;
            };
            funds.became(chain, &trace).await
        })
    }

    fn cancel<'a>(&'a self, credential: &'a Credential, _: Approved<Reclaim>) -> Answer<'a, Sent> {
        Box::pin(async move {
            let traced = self.trace(credential);
            taking_back(self.funds.as_deref(), &self.account, traced, (self.clock)()).await
        })
    }

    fn sign(&self, approved: Approved<Quote>) -> Answer<'_, Result<Answered, SignError>> {
        Box::pin(async move { self.answer(approved.get()).await })
    }

    fn send<'a>(&'a self, to_send: &'a [u8]) -> Answer<'a, Sent> {
        self.send_signed(to_send)
    }
}

fn amount(units: U256) -> Amount {
    Amount::new(u128::try_from(units).unwrap_or(u128::MAX))
}

#[cfg(test)]
mod tests;
