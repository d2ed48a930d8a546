//! The buyer's half: says what an offer would cost, and signs what was approved.

use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes, U256};
use farthing_dialects::x402::Requirements;
use farthing_money::Amount;
use farthing_protocol::{Challenge, ChargeRequest, Credential, JsonObject, Timestamp, base64url};
use farthing_rail::{Answer, Approved, Became, NotPayable, Offer, Payer, Quote, Reclaim, Sent, SignError, Signed};
use serde_json::Value;

use super::{EXACT, ExpectedPermit, METHOD, Permit, Proxy, SHORTEST_REST, Transfer, UPTO};
use crate::Account;
use crate::buyer::{Chains, Funds, Trace, not_allowed};
use crate::chain::{SigningDomain, Token, Tokens};
use crate::evm::bill::{self, Bill, authorize, taking_back, unsigned_because};
use crate::evm::calldata::PERMIT2;
use crate::evm::{Authorization, ExpectedAuthorization, Window, unix_seconds, wire_address};
use crate::settle::sender::Clock;

/// A signature lives no longer than this, however long an offer would let it.
const LONGEST_SIGNATURE: Duration = Duration::from_secs(120);

/// Pays offers of one of x402's schemes from one account. Whoever is paid pays the gas.
///
/// The nonce that is signed is the id of the challenge, which is 32 bytes: whoever made the challenge can
/// have it follow from what is bought.
#[derive(Clone)]
pub struct X402Payer {
    scheme: &'static str,
    account: Account,
    tokens: Tokens,
    clock: Clock,
    funds: Option<Arc<dyn Funds>>,
}

/// What is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Route {
    Authorization { separator: B256 },
    Permit { proxy: Proxy, facilitator: Option<Address> },
}

/// What answering a challenge comes to.
struct Plan {
    token: Token,
    recipient: Address,
    amount: U256,
    route: Route,
    nonce: B256,
    /// In seconds.
    ends: U256,
    bill: Bill,
}

impl X402Payer {
    /// Pays offers of the scheme `exact`.
    pub fn exact(account: Account, chains: &Chains, clock: Clock) -> Self {
        Self { scheme: EXACT, account, tokens: chains.tokens(), clock, funds: None }
    }

    /// Pays offers of the scheme `upto`, each of which may cost its whole amount.
    pub fn upto(account: Account, chains: &Chains, clock: Clock) -> Self {
        Self { scheme: UPTO, ..Self::exact(account, chains, clock) }
    }

    /// Asks the chains what there is to spend.
    #[must_use]
    pub fn with_funds(self, funds: Arc<dyn Funds>) -> Self {
        Self { funds: Some(funds), ..self }
    }

    /// Reads a challenge and decides whether, how and at what cost it can be answered now.
    fn plan(&self, challenge: &Challenge, now: Timestamp) -> Result<Plan, NotPayable> {
        let asked = self.asked(challenge)?;
        if asked.amount.is_zero() {
            return Err(NotPayable("the offer is for nothing, and would take a signature all the same".into()));
        }
        let chain = asked.network.evm_chain();
        let token = chain.zip(wire_address(&asked.asset)).and_then(|(chain, token)| self.tokens.token(chain, token));
        let token = token.ok_or_else(|| {
            let (asset, network) = (&asked.asset, &asked.network);
            NotPayable(format!("{asset} on {network} is no token this wallet knows; configure it to pay in it"))
        })?;
        let recipient = wire_address(&asked.pay_to).filter(|payee| !payee.is_zero());
        let recipient = recipient.ok_or_else(|| NotPayable("the offer pays nobody's account".into()))?;
        if recipient == token.contract {
            return Err(NotPayable("the offer pays the token's own contract, where the money would be lost".into()));
        }
        let route = self.route(&asked, &token)?;
        let (nonce, ends) = (nonce(challenge)?, ends(&asked, challenge.expires(), now)?);
        let bill = Bill::new(&token, asked.amount, Amount::ZERO, &recipient)?;
        Ok(Plan { recipient, amount: U256::from(asked.amount.units()), route, nonce, ends, bill, token })
    }

    fn asked(&self, challenge: &Challenge) -> Result<Requirements, NotPayable> {
        let request = challenge.request().decode().map_err(|error| NotPayable(error.to_string()))?;
        let request = ChargeRequest::from_object(&request).map_err(|error| NotPayable(error.to_string()))?;
        Requirements::from_request(self.scheme, &request).map_err(|error| NotPayable(error.to_string()))
    }

    /// What is to be signed for an offer; nothing about the token is taken from the offer.
    fn route(&self, asked: &Requirements, token: &Token) -> Result<Route, NotPayable> {
        check_domain(&asked.extra, token)?;
        let transfer = match asked.extra.get("assetTransferMethod") {
            None if self.scheme == UPTO => Some(Transfer::Permit2),
            None => Some(Transfer::Eip3009),
            Some(named) => named.as_str().and_then(Transfer::named),
        };
        let unknown = || NotPayable("the offer moves the token in a way that this wallet cannot sign for".into());
        match (self.scheme, transfer.ok_or_else(unknown)?) {
            (EXACT, Transfer::Eip3009) => {
                let separator = token.separator();
                let separator = separator.ok_or_else(|| {
                    let code = token.asset.code();
                    NotPayable(format!("this wallet does not know how {code} signs; add domain = {{ name, version }}"))
                })?;
                Ok(Route::Authorization { separator })
            }
            (_, Transfer::Eip3009) => Err(unknown()),
            (_, Transfer::Permit2) if self.funds.is_none() => {
                let chain = token.chain;
                Err(NotPayable(format!("whether Permit2 has an allowance on chain {chain} is not known; configure it")))
            }
            (EXACT, Transfer::Permit2) => Ok(Route::Permit { proxy: Proxy::Exact, facilitator: None }),
            (_, Transfer::Permit2) => {
                let named = asked.extra.get("facilitatorAddress").and_then(Value::as_str).and_then(wire_address);
                let named = named.filter(|facilitator| !facilitator.is_zero());
                let facilitator = named.ok_or_else(|| {
                    NotPayable("the offer does not name who would settle it (facilitatorAddress)".into())
                })?;
                Ok(Route::Permit { proxy: Proxy::Upto, facilitator: Some(facilitator) })
            }
        }
    }

    async fn credential(&self, quote: &Quote) -> Result<Credential, SignError> {
        let now = (self.clock)();
        let plan = self.plan(&quote.challenge, now).map_err(|error| SignError::Differs(error.0))?;
        plan.bill.agrees(quote)?;
        let payload = match plan.route {
            Route::Authorization { separator } => self.authorization(&plan, separator, now).await?,
            Route::Permit { proxy, facilitator } => self.permit(&plan, proxy, facilitator, now).await?,
        };
        bill::credential(&quote.challenge, payload, plan.token.chain, &self.account)
    }

    async fn authorization(&self, plan: &Plan, separator: B256, now: Timestamp) -> Result<JsonObject, SignError> {
        let unsigned = Authorization {
            from: self.account.address(),
            to: plan.recipient,
            value: plan.amount,
            valid_after: U256::ZERO,
            valid_before: plan.ends,
            nonce: plan.nonce,
            signature: Bytes::new(),
        };
        let expected = ExpectedAuthorization {
            separator,
            to: plan.recipient,
            value: plan.amount,
            nonce: Some(plan.nonce),
            window: window(now),
            contract_payers: false,
        };
        let mut members = authorize(&self.account, unsigned, &expected).await?.to_object();
        let signature = members.remove("signature").unwrap_or_default();
        let payload = [("signature", signature), ("authorization", Value::Object(members))];
        Ok(payload.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    async fn permit(
        &self,
        plan: &Plan,
        proxy: Proxy,
        facilitator: Option<Address>,
        now: Timestamp,
    ) -> Result<JsonObject, SignError> {
        let (chain, token) = (plan.token.chain, plan.token.contract);
        let unsigned = Permit {
            from: self.account.address(),
            token,
            permitted: plan.amount,
            spender: proxy.address(),
            nonce: plan.nonce.into(),
            deadline: plan.ends,
            to: plan.recipient,
            facilitator,
            valid_after: U256::ZERO,
            signature: Bytes::new(),
        };
        let signature = self.account.sign(&unsigned.message(chain, proxy)).await.map_err(unsigned_because)?;
        let signed = Permit { signature, ..unsigned };
        let (to, permitted, window) = (plan.recipient, plan.amount, window(now));
        let expected =
            ExpectedPermit { chain, proxy, token, to, permitted, facilitator, window, contract_payers: false };
        signed.check(&expected).map_err(|error| SignError::Differs(error.to_string()))?;
        Ok(signed.to_object())
    }

    /// What can be spent in the way that a quote would take.
    async fn spendable(&self, funds: &dyn Funds, quote: &Quote) -> Option<Amount> {
        let plan = self.plan(&quote.challenge, (self.clock)()).ok()?;
        let (chain, contract, account) = (plan.token.chain, plan.token.contract, self.account.address());
        let held = funds.of_token(chain, contract, account).await;
        let spendable = match plan.route {
            Route::Authorization { .. } => held?,
            // Nobody says that Permit2 has an allowance, and without one the offer would bounce.
            Route::Permit { .. } => {
                let allowed = funds.allowance(chain, contract, account, PERMIT2).await.unwrap_or_default();
                held.unwrap_or(U256::MAX).min(allowed)
            }
        };
        Some(Amount::new(spendable.saturating_to()))
    }

    /// What a credential leaves on its chain.
    fn trace(&self, credential: &Credential) -> Option<(u64, Trace)> {
        let asked = self.asked(credential.challenge()).ok()?;
        let (chain, token) = (asked.network.evm_chain()?, wire_address(&asked.asset)?);
        let payload = credential.payload();
        let trace = match payload.get("authorization").and_then(Value::as_object) {
            Some(members) => bill::trace(&Authorization::read_beside(members, payload).ok()?, token),
            None => {
                let permit = Permit::read(payload).ok()?;
                Trace::Permit2 { payer: permit.from, nonce: permit.nonce, deadline: permit.deadline.saturating_to() }
            }
        };
        Some((chain, trace))
    }
}

/// An offer that says otherwise how the token signs is an offer of another token.
fn check_domain(extra: &JsonObject, token: &Token) -> Result<(), NotPayable> {
    let Some(SigningDomain { name, version }) = &token.domain else { return Ok(()) };
    for (member, ours) in [("name", name), ("version", version)] {
        if extra.get(member).is_some_and(|theirs| theirs.as_str() != Some(ours.as_str())) {
            let code = token.asset.code();
            return Err(NotPayable(format!("the offer's {member} is not that of {code}, which is \"{ours}\"")));
        }
    }
    Ok(())
}

/// The nonce that is signed: the challenge's id.
fn nonce(challenge: &Challenge) -> Result<B256, NotPayable> {
    let bytes = base64url::decode(challenge.id().as_str()).ok();
    let nonce = bytes.and_then(|bytes| B256::try_from(bytes.as_slice()).ok());
    nonce.ok_or_else(|| NotPayable("the challenge's id is not 32 bytes, so no nonce can be made of it".into()))
}

/// When a signature ends, in seconds: with the offer, and after two minutes at the latest.
fn ends(asked: &Requirements, expires: Option<Timestamp>, now: Timestamp) -> Result<U256, NotPayable> {
    let longest = LONGEST_SIGNATURE.min(Duration::from_secs(asked.max_timeout_seconds));
    let ends = now.after(longest);
    let ends = expires.map_or(ends, |expires| ends.min(expires));
    if unix_seconds(ends) < unix_seconds(now.after(SHORTEST_REST)) {
        return Err(NotPayable("the offer leaves too little time to be settled".into()));
    }
    Ok(U256::from(unix_seconds(ends)))
}

fn window(now: Timestamp) -> Window {
    Window::lasting(now, LONGEST_SIGNATURE, SHORTEST_REST)
}

impl Payer for X402Payer {
    fn pays(&self) -> (&str, &str) {
        (METHOD, self.scheme)
    }

    fn quote(&self, offer: &Offer<'_>) -> Result<Quote, NotPayable> {
        let challenge = offer.challenge;
        let offered = (challenge.method().as_str(), challenge.intent().as_str());
        if offered != self.pays() {
            return Err(NotPayable(format!("{}/{} is not an offer of x402's {}", offered.0, offered.1, self.scheme)));
        }
        self.plan(challenge, offer.now)?.bill.quote(offer)
    }

    fn available<'a>(&'a self, quote: &'a Quote) -> Answer<'a, Option<Amount>> {
        Box::pin(async move { self.spendable(self.funds.as_deref()?, quote).await })
    }

    fn hindrance<'a>(&'a self, quote: &'a Quote, wallet: &'a str) -> Answer<'a, Option<String>> {
        Box::pin(async move {
            let plan = self.plan(&quote.challenge, (self.clock)()).ok()?;
            let Route::Permit { .. } = plan.route else { return None };
            not_allowed(self.funds.as_deref()?, &plan.token, self.account.address(), plan.amount, wallet).await
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

    fn sign(&self, approved: Approved<Quote>) -> Answer<'_, Result<Signed, SignError>> {
        Box::pin(async move { self.credential(approved.get()).await.map(Signed::from) })
    }
}

#[cfg(test)]
mod tests;
