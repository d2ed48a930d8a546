//! The buyer's half of `evm/session`: a deposit that the seller submits, or one that this payer sends.

mod relayed;
mod routes;
mod sent;

use std::sync::Arc;

use alloy_primitives::{Address, B256, U256};
use farthing_money::Amount;
use farthing_protocol::Credential;
use farthing_rail::{
    Answer, Approved, Channel, ChannelPurpose, ChannelStanding, Deposit, NotPayable, Offer, OpenedChannel, RailError,
    Reclaim, Sent, SessionPayer, SessionQuote, SignError, VoucherQuote,
};

use super::Randomness;
use super::asked::Asked;
use super::held::{HeldChannel, check_total};
use super::known::Known;
use super::presented::{credential, sign_total, total};
use super::reclaiming::{self, Next};
use crate::Account;
use crate::buyer::{Chains, Funds, Lapse};
use crate::evm::METHOD;
use crate::evm::calldata::PERMIT2;
use crate::session::{ChannelTerms, DepositProof, INTENT, KeptSession, OpenPayload, SessionPayload, TopUpPayload};
use crate::tempo::Clock;
use routes::Route;

/// Opens sessions on EVM chains from one account, in escrows that its owner trusts.
///
/// Of what a server accepts it takes what costs least: an authorization, or a Permit2 transfer where the owner
/// says that Permit2 has an allowance, for which the server pays the gas; else a transaction of its own, where
/// the owner has said what the chain's coin is worth; else a Permit2 transfer, if the chain says so.
#[derive(Clone)]
pub struct EvmSessionPayer {
    account: Account,
    known: Arc<Known>,
    permit2: Vec<(u64, Address)>,
    clock: Clock,
    random: Randomness,
    funds: Option<Arc<dyn Funds>>,
}

/// A deposit that is signed.
struct Funded {
    proof: DepositProof,
    lapse: Lapse,
    /// What must be sent before it is presented.
    to_send: Option<Vec<u8>>,
}

impl EvmSessionPayer {
    /// Pays from this account, in tokens on file and those of the owner's chains.
    pub fn new(account: Account, chains: &Chains, clock: Clock, random: Randomness) -> Self {
        let known = Arc::new(Known::of(chains));
        Self { account, known, permit2: Vec::new(), clock, random, funds: None }
    }

    /// Asks the chain what there is to spend and how channels stand, and sends what this payer sends itself.
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

    fn payer(&self) -> Address {
        self.account.address()
    }

    fn salt(&self) -> Result<B256, SignError> {
        let salt = (self.random)().ok_or_else(|| SignError::Key("the system gave no random bytes".into()))?;
        Ok(salt.into())
    }

    /// Decodes once more what the policy approved, and compares.
    fn approved(&self, deposit: &Deposit) -> Result<(Asked, Route), SignError> {
        let differs = |error: NotPayable| SignError::Differs(error.0);
        if self.deposit(&deposit.quote, deposit.amount, deposit.first).map_err(differs)? != *deposit {
            return Err(SignError::Differs("what the deposit costs".into()));
        }
        let asked = self.known.read(METHOD, &deposit.quote.challenge, (self.clock)()).map_err(differs)?;
        let (route, _) = self.route(&asked, &deposit.quote, (self.clock)()).map_err(differs)?;
        Ok((asked, route))
    }

    async fn opened(&self, deposit: &Deposit) -> Result<OpenedChannel, SignError> {
        let Deposit { quote, amount, first, .. } = deposit;
        let (asked, route) = self.approved(deposit)?;
        if *first < asked.request.amount {
            return Err(SignError::Differs("the first total is less than what a unit costs".into()));
        }
        let request = &asked.request;
        let salt = self.salt()?;
        let terms = ChannelTerms {
            payer: self.payer(),
            payee: request.recipient,
            operator: Address::ZERO,
            token: request.token,
            salt,
            // Naming the payer would take room on the chain; saying nothing means the payer too.
            authorized_signer: Address::ZERO,
            expiring_nonce_hash: B256::ZERO,
        };
        let session = KeptSession { vault: request.vault, terms };
        let funded = match route {
            Route::Authorization { separator } => self.authorize_opening(&session, deposit, separator).await?,
            Route::Permit2 { .. } => self.permit_opening(&session, deposit).await?,
            Route::Sent => self.send_opening(&session, *amount).await?,
        };
        let payload = SessionPayload::Open(Box::new(OpenPayload {
            channel: session.channel(),
            deposit: funded.proof,
            cumulative: *first,
            signature: sign_total(&self.account, &session, *first).await?,
            authorized_signer: None,
            salt: Some(salt),
            said: matches!(route, Route::Sent).then_some(*amount),
            descriptor: None,
        }));
        let credential = credential(&quote.challenge, &payload, session.vault.chain, self.payer())?;
        let held = HeldChannel { session, lapse: funded.lapse };
        Ok(OpenedChannel { channel: held.to_channel(&asked, *amount, *first), credential, to_send: funded.to_send })
    }

    async fn topped_up(&self, channel: &Channel, deposit: &Deposit) -> Result<OpenedChannel, SignError> {
        let Deposit { quote, amount, .. } = deposit;
        let (asked, route) = self.approved(deposit)?;
        let HeldChannel { session, .. } = HeldChannel::for_offer(channel, &asked)?;
        let whole = channel.deposit.checked_add(*amount);
        let whole = whole.ok_or_else(|| SignError::Differs("more than the escrow can count".into()))?;
        let salt = self.salt()?;
        let funded = match route {
            Route::Authorization { separator } => self.authorize_top_up(&session, deposit, salt, separator).await?,
            Route::Permit2 { .. } => self.permit_top_up(&session, deposit, salt).await?,
            Route::Sent => self.send_top_up(&session, *amount).await?,
        };
        let payload = SessionPayload::TopUp(Box::new(TopUpPayload {
            channel: session.channel(),
            salt: matches!(funded.proof, DepositProof::Authorization(_)).then_some(salt),
            deposit: funded.proof,
            additional: *amount,
            descriptor: None,
        }));
        let credential = credential(&quote.challenge, &payload, session.vault.chain, self.payer())?;
        let channel = Channel { deposit: whole, ..channel.clone() };
        Ok(OpenedChannel { channel, credential, to_send: funded.to_send })
    }

    async fn signed_total(&self, channel: &Channel, quote: &VoucherQuote) -> Result<Credential, SignError> {
        let asked = self.known.read_at_any_time(METHOD, &quote.challenge);
        let asked = asked.map_err(|error| SignError::Differs(error.0))?;
        let HeldChannel { session, .. } = HeldChannel::for_offer(channel, &asked)?;
        check_total(channel, quote)?;
        let payload = total(&self.account, &session, quote.cumulative, quote.closes).await?;
        credential(&quote.challenge, &payload, session.vault.chain, self.payer())
    }

    async fn take_back(&self, channel: &Channel, step: Reclaim) -> Result<Sent, RailError> {
        let held = HeldChannel::read(channel)?;
        let standing = reclaiming::standing(self.funds.as_deref(), &held).await?;
        match reclaiming::next(channel, &standing, step, (self.clock)()) {
            Next::Done => Ok(Sent::Moved),
            Next::Not(why) => Ok(Sent::Never(why)),
            Next::Send => Ok(self.send_reclaim(&held.session, step).await),
        }
    }

    async fn spendable(&self, funds: &dyn Funds, quote: &SessionQuote) -> Option<Amount> {
        let now = (self.clock)();
        let asked = self.known.read(METHOD, &quote.challenge, now).ok()?;
        let (chain, contract) = (asked.token.chain, asked.token.contract);
        let held = funds.of_token(chain, contract, self.payer()).await;
        let (route, fee) = self.route(&asked, quote, now).ok()?;
        let spendable = match route {
            Route::Authorization { .. } | Route::Permit2 { known: true } => held?,
            // Nobody says that Permit2 has an allowance, and without one the offer would bounce.
            Route::Permit2 { known: false } => {
                let allowed = funds.allowance(chain, contract, self.payer(), PERMIT2).await.unwrap_or_default();
                held.unwrap_or(U256::MAX).min(allowed)
            }
            Route::Sent => match funds.of_coin(chain, self.payer()).await {
                Some(coin) if coin < routes::opening_gas(chain).most() => U256::ZERO,
                // The fee is paid in the chain's coin and does not lessen what there is of the token.
                _ => held?.saturating_add(U256::from(fee.units())),
            },
        };
        Some(Amount::new(spendable.saturating_to()))
    }
}

impl SessionPayer for EvmSessionPayer {
    fn pays(&self) -> (&str, &str) {
        (METHOD, INTENT)
    }

    fn quote(&self, offer: &Offer<'_>) -> Result<SessionQuote, NotPayable> {
        self.known.read(METHOD, offer.challenge, offer.now)?.offered(offer, self.payer())
    }

    fn deposit(&self, quote: &SessionQuote, amount: Amount, first: Amount) -> Result<Deposit, NotPayable> {
        let now = (self.clock)();
        let asked = self.known.read(METHOD, &quote.challenge, now)?;
        if !asked.is_quoted_by(quote, self.payer()) {
            return Err(NotPayable("the offer does not read as it was quoted".into()));
        }
        let (_, fee) = self.route(&asked, quote, now)?;
        asked.deposit(quote, amount, first, fee)
    }

    fn available<'a>(&'a self, quote: &'a SessionQuote) -> Answer<'a, Option<Amount>> {
        Box::pin(async move { self.spendable(self.funds.as_deref()?, quote).await })
    }

    fn open(&self, approved: Approved<Deposit>) -> Answer<'_, Result<OpenedChannel, SignError>> {
        Box::pin(async move { self.opened(approved.get()).await })
    }

    fn top_up<'a>(
        &'a self,
        channel: &'a Channel,
        approved: Approved<Deposit>,
    ) -> Answer<'a, Result<OpenedChannel, SignError>> {
        Box::pin(async move { self.topped_up(channel, approved.get()).await })
    }

    fn voucher<'a>(
        &'a self,
        channel: &'a Channel,
        approved: Approved<VoucherQuote>,
    ) -> Answer<'a, Result<Credential, SignError>> {
        Box::pin(async move { self.signed_total(channel, approved.get()).await })
    }

    fn send<'a>(&'a self, to_send: &'a [u8]) -> Answer<'a, Sent> {
        Box::pin(self.send_all(to_send))
    }

    fn standing<'a>(
        &'a self,
        channel: &'a Channel,
        _: ChannelPurpose,
    ) -> Answer<'a, Result<Option<ChannelStanding>, RailError>> {
        Box::pin(async move {
            let held = HeldChannel::read(channel)?;
            reclaiming::standing(self.funds.as_deref(), &held).await.map(Some)
        })
    }

    fn reclaim<'a>(&'a self, channel: &'a Channel, step: Reclaim, approved: Approved<Reclaim>) -> Answer<'a, Sent> {
        Box::pin(async move {
            if *approved.get() != step {
                return Sent::Never("another step was approved".into());
            }
            self.take_back(channel, step).await.unwrap_or_else(|error| Sent::Never(error.0))
        })
    }
}

#[cfg(test)]
mod tests;
