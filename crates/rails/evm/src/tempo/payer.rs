//! The buyer's half: says what an offer would cost, and signs what was approved.

pub(crate) mod earnest;
mod sent;

use std::num::NonZeroU64;
use std::sync::Arc;

use alloy_primitives::B256;
use farthing_money::{Amount, Price};
use farthing_protocol::{Challenge, Credential, Timestamp};
use farthing_rail::{Answer, Approved, Became, NotPayable, Offer, Payer, Quote, Sent, SignError, Signed};
use tempo_primitives::TempoAddressExt as _;
use tempo_primitives::transaction::{TEMPO_EXPIRING_NONCE_KEY, TempoTransaction};

use earnest::{alive, check_recipients, valid_before};

use super::access_key::{AccessKey, SignedGrant};
use super::envelope::{Envelope, leave_fee, signing_message};
use super::gas::{self, GasPrices};
use super::memo::{attributed, attribution};
use super::paying_key::PayingKey;
use super::payload::Payload;
use super::proof::Statement;
use super::request::TempoRequest;
use super::{INTENT, METHOD, match_calls, payment_calls};
use crate::buyer::{Funds, Trace};
use crate::chain::{Token, Tokens};
use crate::evm::payer_id;
use crate::{AccountError, Leg};

/// Every TIP-20 dollar has six decimals, and fees are counted in them.
const DECIMALS: u8 = 6;

/// A clock of the program.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Pays charges on Tempo from one account.
#[derive(Clone)]
pub struct TempoPayer {
    key: PayingKey,
    tokens: Arc<Tokens>,
    clock: Clock,
    prices: GasPrices,
    funds: Option<Arc<dyn Funds>>,
}

/// What answering a challenge comes to.
struct Plan {
    request: TempoRequest,
    token: Token,
    legs: Vec<Leg>,
    fee: Amount,
    cost: Price,
}

impl TempoPayer {
    /// Pays with this key, in tokens that are known.
    pub fn new(key: PayingKey, tokens: Arc<Tokens>, clock: Clock) -> Self {
        Self { key, tokens, clock, prices: GasPrices::default(), funds: None }
    }

    /// Asks the chain what there is to spend.
    #[must_use]
    pub fn with_funds(self, funds: Arc<dyn Funds>) -> Self {
        Self { funds: Some(funds), ..self }
    }

    /// Asks the chain whether it knows a delegated key: a payment that brings no grant costs less.
    pub async fn prepared(self) -> Self {
        let key = self.key.prepared(self.funds.as_deref()).await;
        Self { key, ..self }
    }

    /// Sends at these prices.
    #[must_use]
    pub fn with_prices(self, prices: GasPrices) -> Self {
        Self { prices, ..self }
    }

    /// Reads a challenge and decides whether and at what cost it can be answered now.
    fn plan(&self, challenge: &Challenge, now: Timestamp) -> Result<Plan, NotPayable> {
        let request = TempoRequest::read(challenge.request()).map_err(|error| NotPayable(error.to_string()))?;
        alive(challenge, &request, now)?;
        let (chain, contract) = (request.chain, request.token);
        let token = self
            .tokens
            .token(chain, contract)
            .filter(|token| contract.is_tip20() && token.asset.decimals() == DECIMALS);
        let token = token.ok_or_else(|| {
            NotPayable(format!("{contract} on chain {chain} is no token this wallet knows; configure it to pay in it"))
        })?;
        check_recipients(&request)?;
        if sent::is_wanted(&request) {
            self.can_send(&request, challenge, now)?;
        }
        let legs = request.legs(attributed(challenge.realm().as_str(), challenge.id().as_str()));
        let legs = legs.map_err(|error| NotPayable(error.to_string()))?;
        let fee = if request.fee_payer || legs.is_empty() { Amount::ZERO } else { self.most_fee(&legs, chain) };
        let too_much = || NotPayable("the amount is larger than any price this software handles".into());
        let total = request.amount.checked_add(fee).ok_or_else(too_much)?;
        self.key.within_grant(&token, total, now)?;
        let cost = token.price(total).map_err(|_| too_much())?;
        Ok(Plan { request, token, legs, fee, cost })
    }

    fn most_fee(&self, legs: &[Leg], chain: u64) -> Amount {
        let key = self.key.delegated();
        let rules = key.and_then(|key| key.grant_to_bring(chain)).map(SignedGrant::rules);
        self.prices.most(gas::limit(legs.len(), key.is_some(), rules))
    }

    /// Decodes once more, from the bytes about to be signed, what the policy approved.
    fn approved(&self, quote: &Quote, now: Timestamp) -> Result<Plan, SignError> {
        let plan = self.plan(&quote.challenge, now).map_err(|error| SignError::Differs(error.0))?;
        let differs = |what: &str| Err(SignError::Differs(what.to_owned()));
        if plan.request.amount != quote.amount {
            return differs("the amount");
        }
        if sent::is_wanted(&plan.request) != quote.sent_first {
            return differs("whether it is sent before it is presented");
        }
        if plan.fee != quote.fee {
            return differs("the fee");
        }
        if plan.token.asset != quote.asset {
            return differs("the token");
        }
        if plan.cost != quote.cost {
            return differs("the cost");
        }
        if quote.payee.as_deref() != Some(plan.request.recipient.to_checksum(None).as_str()) {
            return differs("the recipient");
        }
        Ok(plan)
    }

    async fn answer(&self, quote: &Quote) -> Result<Signed, SignError> {
        let now = (self.clock)();
        let plan = self.approved(quote, now)?;
        let mut to_send = None;
        let payload = if plan.legs.is_empty() {
            self.proof(&quote.challenge, plan.request.chain).await?
        } else {
            let (raw, hash) = self.transaction(&quote.challenge, &plan, now).await?;
            if sent::is_wanted(&plan.request) {
                to_send = Some(raw);
                Payload::Hash(hash)
            } else {
                Payload::Transaction(raw)
            }
        };
        let source = payer_id(plan.request.chain, &self.key.account());
        let credential =
            Credential::new(quote.challenge.clone(), payload.to_object(), Some(source.as_str().to_owned()));
        let header = credential.to_header();
        match Credential::from_lines([header.as_bytes()]) {
            Ok(Some(read)) if read == credential => Ok(Signed { credential, to_send }),
            _ => Err(SignError::Differs("the credential does not read back as it was written".into())),
        }
    }

    async fn proof(&self, challenge: &Challenge, chain: u64) -> Result<Payload, SignError> {
        let (account, realm) = (self.key.account(), challenge.realm().as_str());
        let statement = Statement { account, chain, challenge: challenge.id().as_str(), realm };
        let signature = self.key.sign(&statement.message()).await.map_err(unsigned)?;
        let key = statement.check(&signature).map_err(|error| SignError::Differs(error.to_string()))?;
        if key != self.key.delegated().map(AccessKey::address) {
            return Err(SignError::Differs("the proof is another account's".into()));
        }
        Ok(Payload::Proof(signature.to_vec()))
    }

    /// A signed transaction and its hash, which is final only where no sponsor signs after us.
    async fn transaction(
        &self,
        challenge: &Challenge,
        plan: &Plan,
        now: Timestamp,
    ) -> Result<(Vec<u8>, B256), SignError> {
        let transaction = self.unsigned(challenge, plan, now).await?;
        let signature = self.key.sign(&signing_message(&transaction)).await.map_err(unsigned)?;
        let signed = Envelope::join(transaction.clone(), &signature);
        let bytes = signed.and_then(|envelope| envelope.to_bytes());
        let bytes = bytes.map_err(|error| SignError::Differs(error.to_string()))?;
        let hash = self.reads_back(&bytes, &transaction, plan)?;
        Ok((bytes, hash))
    }

    async fn unsigned(
        &self,
        challenge: &Challenge,
        plan: &Plan,
        now: Timestamp,
    ) -> Result<TempoTransaction, SignError> {
        let request = &plan.request;
        let memo = attribution(challenge.realm().as_str(), None, challenge.id().as_str());
        let grant = self.key.new_grant(request.chain, request.fee_payer, self.funds.as_deref()).await?;
        let rules = grant.map(SignedGrant::rules);
        let gas_limit = gas::limit(plan.legs.len(), self.key.delegated().is_some(), rules);
        let prices = if request.fee_payer { self.prices.sponsored(gas_limit) } else { self.prices };
        let mut transaction = TempoTransaction {
            chain_id: request.chain,
            fee_token: Some(request.token),
            max_priority_fee_per_gas: prices.priority_fee,
            max_fee_per_gas: prices.max_fee,
            gas_limit,
            calls: payment_calls(request.token, &plan.legs, memo),
            nonce_key: TEMPO_EXPIRING_NONCE_KEY,
            valid_before: NonZeroU64::new(valid_before(challenge, now)),
            key_authorization: grant.map(SignedGrant::authorization),
            ..TempoTransaction::default()
        };
        if request.fee_payer {
            leave_fee(&mut transaction);
        }
        Ok(transaction)
    }

    /// Decodes the bytes about to be handed out, and refuses what would not be the approved payment. Returns
    /// their hash.
    fn reads_back(&self, bytes: &[u8], intended: &TempoTransaction, plan: &Plan) -> Result<B256, SignError> {
        let differs = |error: String| SignError::Differs(error);
        let read = Envelope::parse(bytes).map_err(|error| differs(error.to_string()))?;
        if read.transaction() != intended || read.wants_sponsor() != plan.request.fee_payer {
            return Err(differs("the transaction does not read back as it was signed".into()));
        }
        let sender = read.sender();
        let key = self.key.delegated().map(AccessKey::address);
        if sender.account != self.key.account() || sender.access_key != key {
            return Err(differs(format!("the transaction is {}'s", sender.account)));
        }
        if !plan.request.fee_payer {
            let transaction = read.transaction();
            let most = GasPrices { max_fee: transaction.max_fee_per_gas, ..self.prices }.most(transaction.gas_limit);
            if most > plan.fee {
                return Err(differs(format!("the fee could be {most} instead of {}", plan.fee)));
            }
        }
        let calls = &read.transaction().calls;
        match_calls(calls, sender.account, plan.request.token, &plan.legs, true)
            .map_err(|error| differs(error.to_string()))?;
        Ok(read.hash())
    }
}

impl Payer for TempoPayer {
    fn pays(&self) -> (&str, &str) {
        (METHOD, INTENT)
    }

    fn quote(&self, offer: &Offer<'_>) -> Result<Quote, NotPayable> {
        let challenge = offer.challenge;
        let offered = (challenge.method().as_str(), challenge.intent().as_str());
        if offered != self.pays() {
            return Err(NotPayable(format!("{}/{} is not a charge on Tempo", offered.0, offered.1)));
        }
        let plan = self.plan(challenge, offer.now)?;
        if offer.amount.is_some_and(|amount| amount != plan.request.amount) {
            return Err(NotPayable("the amount reads differently in the shared fields".into()));
        }
        Ok(Quote {
            challenge: challenge.clone(),
            origin: offer.origin.clone(),
            amount: plan.request.amount,
            fee: plan.fee,
            asset: plan.token.asset,
            cost: plan.cost,
            payee: Some(plan.request.recipient.to_checksum(None)),
            sent_first: sent::is_wanted(&plan.request),
            tops_up_for: None,
        })
    }

    fn available<'a>(&'a self, quote: &'a Quote) -> Answer<'a, Option<Amount>> {
        Box::pin(async move {
            let funds = self.funds.as_ref()?;
            let request = TempoRequest::read(quote.challenge.request()).ok()?;
            let held = funds.of_token(request.chain, request.token, self.key.account()).await?;
            Some(Amount::new(held.saturating_to()))
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

    fn sign(&self, approved: Approved<Quote>) -> Answer<'_, Result<Signed, SignError>> {
        Box::pin(async move { self.answer(approved.get()).await })
    }

    fn send<'a>(&'a self, to_send: &'a [u8]) -> Answer<'a, Sent> {
        self.send_signed(to_send)
    }
}

/// What a signed transaction leaves on its chain.
fn trace(credential: &Credential) -> Option<(u64, Trace)> {
    let Ok(Payload::Transaction(raw)) = Payload::read(credential.payload()) else { return None };
    let envelope = Envelope::parse(&raw).ok()?;
    let transaction = envelope.transaction();
    let valid_before = transaction.valid_before?.get();
    let trace = match envelope.wants_sponsor() {
        true => Trace::of_call(transaction.calls.first()?, envelope.sender().account, valid_before)?,
        false => Trace::Transaction { hash: envelope.hash(), numbered: None, valid_before: Some(valid_before) },
    };
    Some((transaction.chain_id, trace))
}

fn unsigned(error: AccountError) -> SignError {
    match error {
        AccountError::Key(error) => error,
        other => SignError::Key(other.to_string()),
    }
}

#[cfg(test)]
mod tests;
