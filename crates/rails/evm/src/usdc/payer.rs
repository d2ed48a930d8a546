//! The buyer's half: says what an offer would cost, and signs what was approved.

use std::sync::Arc;

use alloy_primitives::{B256, Bytes, U256};
use farthing_money::Amount;
use farthing_protocol::{Challenge, Credential, Timestamp};
use farthing_rail::{Answer, Approved, Became, NotPayable, Offer, Payer, Quote, Reclaim, Sent, SignError, Signed};

use super::request::{DECIMALS, UsdcRequest};
use super::{INTENT, METHOD, nonce};
use crate::Account;
use crate::buyer::{Chains, Funds, Trace};
use crate::chain::Tokens;
use crate::evm::bill::{self, Bill, alive, authorize, ends, taking_back};
use crate::evm::{Authorization, ExpectedAuthorization, Payload, Window};
use crate::settle::sender::Clock;

/// Pays USDC from one account, on any chain on which it is on file or the owner's. The server pays the
/// gas.
#[derive(Clone)]
pub struct UsdcPayer {
    account: Account,
    tokens: Tokens,
    clock: Clock,
    funds: Option<Arc<dyn Funds>>,
}

/// What answering a challenge comes to.
struct Plan {
    request: UsdcRequest,
    separator: B256,
    bill: Bill,
    expires: Timestamp,
}

impl UsdcPayer {
    /// Pays from this account.
    pub fn new(account: Account, chains: &Chains, clock: Clock) -> Self {
        Self { account, tokens: chains.tokens(), clock, funds: None }
    }

    /// Asks the chains what there is to spend.
    #[must_use]
    pub fn with_funds(self, funds: Arc<dyn Funds>) -> Self {
        Self { funds: Some(funds), ..self }
    }

    /// Reads a challenge and decides whether and at what cost it can be answered now.
    fn plan(&self, challenge: &Challenge, now: Timestamp) -> Result<Plan, NotPayable> {
        let expires = alive(challenge, now)?;
        let request = UsdcRequest::read(challenge.request()).map_err(|error| NotPayable(error.to_string()))?;
        let (chain, contract) = (request.chain, request.token);
        let token = self.tokens.token(chain, contract);
        let token = token.filter(|token| token.asset.code() == "USDC" && token.asset.decimals() == DECIMALS);
        let known = token.and_then(|token| token.separator().map(|separator| (token, separator)));
        let (token, separator) = known.ok_or_else(|| {
            NotPayable(format!("{contract} on chain {chain} is not known to be USDC; it is not paid"))
        })?;
        if request.recipient == contract {
            return Err(NotPayable("the offer pays the token's own contract, where the money would be lost".into()));
        }
        let bill = Bill::new(&token, request.amount, Amount::ZERO, &request.recipient)?;
        Ok(Plan { request, separator, bill, expires })
    }

    async fn credential(&self, quote: &Quote) -> Result<Credential, SignError> {
        let now = (self.clock)();
        let challenge = &quote.challenge;
        let plan = self.plan(challenge, now).map_err(|error| SignError::Differs(error.0))?;
        plan.bill.agrees(quote)?;
        let nonce = nonce(challenge).map_err(|error| SignError::Differs(error.to_string()))?;
        let (to, value) = (plan.request.recipient, U256::from(plan.request.amount.units()));
        let unsigned = Authorization {
            from: self.account.address(),
            to,
            value,
            valid_after: U256::ZERO,
            valid_before: ends(plan.expires, now),
            nonce,
            signature: Bytes::new(),
        };
        let expected = ExpectedAuthorization {
            separator: plan.separator,
            to,
            value,
            nonce: Some(nonce),
            window: Window::new(now, Some(plan.expires)),
            contract_payers: false,
        };
        let signed = authorize(&self.account, unsigned, &expected).await?;
        bill::credential(challenge, Payload::Authorization(signed).to_object(), plan.request.chain, &self.account)
    }
}

impl Payer for UsdcPayer {
    fn pays(&self) -> (&str, &str) {
        (METHOD, INTENT)
    }

    fn quote(&self, offer: &Offer<'_>) -> Result<Quote, NotPayable> {
        let challenge = offer.challenge;
        let offered = (challenge.method().as_str(), challenge.intent().as_str());
        if offered != self.pays() {
            return Err(NotPayable(format!("{}/{} is not a charge in USDC", offered.0, offered.1)));
        }
        self.plan(challenge, offer.now)?.bill.quote(offer)
    }

    fn available<'a>(&'a self, quote: &'a Quote) -> Answer<'a, Option<Amount>> {
        Box::pin(async move {
            let request = UsdcRequest::read(quote.challenge.request()).ok()?;
            let held = self.funds.as_ref()?.of_token(request.chain, request.token, self.account.address()).await?;
            Some(Amount::new(u128::try_from(held).unwrap_or(u128::MAX)))
        })
    }

    fn is_bearer(&self) -> bool {
        true
    }

    fn became<'a>(&'a self, credential: &'a Credential) -> Answer<'a, Became> {
        Box::pin(async move {
            let Some((funds, (chain, trace))) = self.funds.as_ref().zip(trace(credential)) else {
                return Became::Unknown;
            };
            funds.became(chain, &trace).await
        })
    }

    fn cancel<'a>(&'a self, credential: &'a Credential, _: Approved<Reclaim>) -> Answer<'a, Sent> {
        Box::pin(async move {
            let traced = trace(credential);
            taking_back(self.funds.as_deref(), &self.account, traced, (self.clock)()).await
        })
    }

    fn sign(&self, approved: Approved<Quote>) -> Answer<'_, Result<Signed, SignError>> {
        Box::pin(async move { self.credential(approved.get()).await.map(Signed::from) })
    }
}

/// What a credential leaves on its chain.
fn trace(credential: &Credential) -> Option<(u64, Trace)> {
    let request = UsdcRequest::read(credential.challenge().request()).ok()?;
    let authorization = Authorization::read(credential.payload()).ok()?;
    Some((request.chain, bill::trace(&authorization, request.token)))
}

#[cfg(test)]
mod tests;
