//! The buyer's half of `tempo/session`: the deposit is a transaction that the seller sends.

mod steps;
mod transaction;

use std::sync::Arc;

use alloy_primitives::{Address, B256};
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
use super::presented::{credential, descriptor, sign_total, total};
use super::reclaiming::{self, Next};
use crate::buyer::{Chains, Funds, Lapse, ToSend};
use crate::session::{
    ChannelTerms, DepositProof, INTENT, KeptSession, OpenPayload, SessionPayload, TopUpPayload, VaultKind,
};
use crate::tempo::{Clock, GasPrices, METHOD, PayingKey};
use steps::Step;

/// Opens sessions on Tempo from one account, in version 1's contract and in the chain's own reserve.
#[derive(Clone)]
pub struct TempoSessionPayer {
    key: PayingKey,
    known: Arc<Known>,
    clock: Clock,
    random: Randomness,
    prices: GasPrices,
    funds: Option<Arc<dyn Funds>>,
}

impl TempoSessionPayer {
    /// Pays with this key, in tokens that are known, into escrows that are a part of Tempo or that the owner
    /// of these chains trusts.
    pub fn new(key: PayingKey, chains: &Chains, clock: Clock, random: Randomness) -> Self {
        let known = Arc::new(Known::of(chains));
        Self { key, known, clock, random, prices: GasPrices::default(), funds: None }
    }

    /// Asks the chain what there is to spend and how channels stand, and takes deposits back through it.
    #[must_use]
    pub fn with_funds(self, funds: Arc<dyn Funds>) -> Self {
        Self { funds: Some(funds), ..self }
    }

    /// Asks the chain whether it knows a delegated key: a deposit that brings no grant costs less.
    pub async fn prepared(self) -> Self {
        let key = self.key.clone().prepared(self.funds.as_deref()).await;
        Self { key, ..self }
    }

    fn payer(&self) -> Address {
        self.key.account()
    }

    /// Decodes once more what the policy approved, and compares.
    fn approved(&self, deposit: &Deposit) -> Result<Asked, SignError> {
        let anew = self.deposit(&deposit.quote, deposit.amount, deposit.first);
        if anew.map_err(|error| SignError::Differs(error.0))? != *deposit {
            return Err(SignError::Differs("what the deposit costs".into()));
        }
        self.known.read(METHOD, &deposit.quote.challenge, (self.clock)()).map_err(|error| SignError::Differs(error.0))
    }

    async fn opened(&self, deposit: &Deposit) -> Result<OpenedChannel, SignError> {
        let Deposit { quote, amount, first, .. } = deposit;
        let asked = self.approved(deposit)?;
        if *first < asked.request.amount {
            return Err(SignError::Differs("the first total is less than what a unit costs".into()));
        }
        let salt = (self.random)().ok_or_else(|| SignError::Key("the system gave no random bytes".into()))?;
        let mut session = KeptSession { vault: asked.request.vault, terms: self.terms(&asked, salt.into()) };
        let step = Step::open(&session, *amount);
        let signed = self.transaction(&asked, &step, deposit).await?;
        if session.vault.kind == VaultKind::Reserve {
            session.terms.expiring_nonce_hash = signed.envelope.replay_hash();
        }
        steps::check_open(signed.envelope.transaction(), &session, *amount)?;
        let payload = SessionPayload::Open(Box::new(OpenPayload {
            channel: session.channel(),
            deposit: DepositProof::Transaction(signed.raw.into()),
            cumulative: *first,
            signature: sign_total(self.key.key(), &session, *first).await?,
            authorized_signer: Some(session.terms.authorized_signer).filter(|signer| !signer.is_zero()),
            salt: None,
            said: None,
            descriptor: descriptor(&session),
        }));
        let credential = credential(&quote.challenge, &payload, session.vault.chain, self.payer())?;
        let held = HeldChannel { session, lapse: Lapse::At(signed.valid_before) };
        Ok(OpenedChannel { channel: held.to_channel(&asked, *amount, *first), credential, to_send: None })
    }

    /// What a new channel is made of. Naming the signer takes room on the chain in version 1, where saying
    /// nothing means the payer too.
    fn terms(&self, asked: &Asked, salt: B256) -> ChannelTerms {
        let request = &asked.request;
        let is_implied = request.vault.kind == VaultKind::Stream && self.key.delegated().is_none();
        ChannelTerms {
            payer: self.payer(),
            payee: request.recipient,
            operator: request.operator,
            token: request.token,
            salt,
            authorized_signer: if is_implied { Address::ZERO } else { self.key.key().address() },
            expiring_nonce_hash: B256::ZERO,
        }
    }

    async fn topped_up(&self, channel: &Channel, deposit: &Deposit) -> Result<OpenedChannel, SignError> {
        let Deposit { quote, amount, .. } = deposit;
        let asked = self.approved(deposit)?;
        let HeldChannel { session, .. } = HeldChannel::for_offer(channel, &asked)?;
        let whole = channel.deposit.checked_add(*amount).filter(|whole| *whole <= session.vault.kind.most());
        let whole = whole.ok_or_else(|| SignError::Differs("more than the escrow can count".into()))?;
        let step = Step::top_up(&session, *amount);
        let signed = self.transaction(&asked, &step, deposit).await?;
        steps::check_top_up(signed.envelope.transaction(), &session, *amount)?;
        let payload = SessionPayload::TopUp(Box::new(TopUpPayload {
            channel: session.channel(),
            deposit: DepositProof::Transaction(signed.raw.into()),
            additional: *amount,
            salt: None,
            descriptor: descriptor(&session),
        }));
        let credential = credential(&quote.challenge, &payload, session.vault.chain, self.payer())?;
        Ok(OpenedChannel { channel: Channel { deposit: whole, ..channel.clone() }, credential, to_send: None })
    }

    async fn signed_total(&self, channel: &Channel, quote: &VoucherQuote) -> Result<Credential, SignError> {
        let asked = self.known.read_at_any_time(METHOD, &quote.challenge);
        let asked = asked.map_err(|error| SignError::Differs(error.0))?;
        let HeldChannel { session, .. } = HeldChannel::for_offer(channel, &asked)?;
        check_total(channel, quote)?;
        let payload = total(self.key.key(), &session, quote.cumulative, quote.closes).await?;
        credential(&quote.challenge, &payload, session.vault.chain, self.payer())
    }

    async fn take_back(&self, channel: &Channel, step: Reclaim) -> Result<Sent, RailError> {
        let held = HeldChannel::read(channel)?;
        let standing = reclaiming::standing(self.funds.as_deref(), &held).await?;
        match reclaiming::next(channel, &standing, step, (self.clock)()) {
            Next::Done => return Ok(Sent::Moved),
            Next::Not(why) => return Ok(Sent::Never(why)),
            Next::Send => {}
        }
        let signed = match self.own_transaction(&held.session, &Step::reclaim(&held.session, step)).await {
            Ok(signed) => signed,
            Err(error) => return Ok(Sent::Never(error.to_string())),
        };
        let Some(funds) = &self.funds else { return Ok(Sent::Never("this wallet has no node to send it to".into())) };
        let (raw, hash, lapse) = (signed.raw.into(), signed.envelope.hash(), Lapse::At(signed.valid_before));
        Ok(funds.send(ToSend { chain: held.session.vault.chain, raw, hash, lapse }).await)
    }
}

impl SessionPayer for TempoSessionPayer {
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
        let fee = self.fee(&asked, quote, now)?;
        let deposit = asked.deposit(quote, amount, first, fee)?;
        let total = amount.checked_add(fee).unwrap_or(amount);
        self.key.within_grant(&asked.token, total, now)?;
        Ok(deposit)
    }

    fn available<'a>(&'a self, quote: &'a SessionQuote) -> Answer<'a, Option<Amount>> {
        Box::pin(async move {
            let asked = self.known.read(METHOD, &quote.challenge, (self.clock)()).ok()?;
            let funds = self.funds.as_ref()?;
            let held = funds.of_token(asked.token.chain, asked.token.contract, self.payer()).await?;
            Some(Amount::new(held.saturating_to()))
        })
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
