use std::sync::Arc;

use farthing_money::Amount;
use farthing_protocol::{Challenge, Credential};
use farthing_rail::{
    Answer, Approved, Channel, ChannelPurpose, ChannelStanding, Deposit, NotPayable, Offer, OpenedChannel, RailError,
    SessionPayer, SessionQuote, SignError, Signer, VoucherQuote, end_of,
};

use super::payload::{Action, Payload, Signed};
use super::{INTENT, SessionRequest, channel_of, deposit_message, voucher_message};
use crate::payer::{cost_of, names, reads_back};
use crate::{METHOD, PayerKey};

/// The buyer's half: sessions on the balance that an issuer keeps for one key.
#[derive(Clone)]
pub struct BalanceSessionPayer {
    signer: Arc<dyn Signer>,
}

impl BalanceSessionPayer {
    /// Pays with this key.
    pub fn new(signer: Arc<dyn Signer>) -> Self {
        Self { signer }
    }

    fn key(&self) -> Result<PayerKey, SignError> {
        self.signer.did().parse().map_err(|error| SignError::Key(format!("{error}")))
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        let signature = self.signer.sign(message)?;
        if !self.key()?.made(&signature, message) {
            return Err(SignError::Key(format!("it does not belong to {}", self.signer.did())));
        }
        Ok(signature)
    }

    fn signed_total(&self, request: &SessionRequest, channel: &str, total: Amount) -> Result<Signed, SignError> {
        let message = voucher_message(request, self.signer.did(), channel, total).map_err(differs)?;
        Ok(Signed { total, signature: self.sign(&message)? })
    }

    fn signed_deposit(&self, deposit: &Deposit, channel: &str) -> Result<[u8; 64], SignError> {
        let message = deposit_message(&deposit.quote.challenge, self.signer.did(), channel, deposit.amount);
        self.sign(&message.map_err(differs)?)
    }

    fn credential(&self, challenge: &Challenge, action: Action, channel: &str) -> Result<Credential, SignError> {
        let did = self.signer.did().to_owned();
        let payload = Payload { action, payer: self.key()?, did: did.clone(), channel: channel.to_owned() };
        let credential = Credential::new(challenge.clone(), payload.to_object(), Some(did));
        reads_back(&credential)?;
        Ok(credential)
    }

    fn opened(&self, deposit: &Deposit) -> Result<OpenedChannel, SignError> {
        let request = agreed(deposit)?;
        let challenge = &deposit.quote.challenge;
        let id = channel_of(&request, self.signer.did(), challenge).map_err(differs)?;
        if deposit.first > deposit.amount {
            return Err(differs("the first voucher is above the deposit"));
        }
        let voucher = self.signed_total(&request, &id, deposit.first)?;
        let deposit_signature = self.signed_deposit(deposit, &id)?;
        let action = Action::Open { deposit: deposit.amount, deposit_signature, voucher };
        let credential = self.credential(challenge, action, &id)?;
        let channel = Channel {
            id,
            terms: terms_of(&request),
            deposit: deposit.amount,
            signed: deposit.first,
            asset: request.asset,
            kept: Vec::new(),
        };
        Ok(OpenedChannel { channel, credential, to_send: None })
    }

    fn topped_up(&self, channel: &Channel, deposit: &Deposit) -> Result<OpenedChannel, SignError> {
        let request = agreed(deposit)?;
        let raised = channel.deposit.checked_add(deposit.amount);
        let raised = raised.filter(|_| channel.terms == terms_of(&request));
        let raised = raised.ok_or_else(|| differs("the session is another one"))?;
        let deposit_signature = self.signed_deposit(deposit, &channel.id)?;
        let action = Action::TopUp { deposit: deposit.amount, deposit_signature };
        let credential = self.credential(&deposit.quote.challenge, action, &channel.id)?;
        Ok(OpenedChannel { channel: Channel { deposit: raised, ..channel.clone() }, credential, to_send: None })
    }

    fn next_total(&self, channel: &Channel, quote: &VoucherQuote) -> Result<Credential, SignError> {
        let request = SessionRequest::read(quote.challenge.request()).map_err(differs)?;
        if channel.terms != terms_of(&request) || !names(&request.issuer, &quote.origin, &quote.challenge) {
            return Err(differs("the challenge is for another session"));
        }
        // The last voucher says what was really spent, which is less where some of it was signed for ahead.
        if quote.cumulative > channel.deposit || (quote.cumulative < channel.signed && !quote.closes) {
            return Err(differs("the total is above the deposit or below what was signed for"));
        }
        let signed = self.signed_total(&request, &channel.id, quote.cumulative)?;
        let action = if quote.closes { Action::Close(signed) } else { Action::Voucher(signed) };
        self.credential(&quote.challenge, action, &channel.id)
    }
}

impl SessionPayer for BalanceSessionPayer {
    fn pays(&self) -> (&str, &str) {
        (METHOD, INTENT)
    }

    fn quote(&self, offer: &Offer<'_>) -> Result<SessionQuote, NotPayable> {
        let challenge = offer.challenge;
        let offered = (challenge.method().as_str(), challenge.intent().as_str());
        if offered != self.pays() {
            return Err(NotPayable(format!("{}/{} is not a session on a prepaid balance", offered.0, offered.1)));
        }
        end_of(challenge, offer.now)?;
        let request = SessionRequest::read(challenge.request()).map_err(|error| NotPayable(error.to_string()))?;
        if offer.amount.is_some_and(|amount| amount != request.unit_amount) {
            return Err(NotPayable("the amount reads differently in the shared fields".into()));
        }
        if !names(&request.issuer, offer.origin, challenge) {
            let (issuer, origin) = (&request.issuer, offer.origin);
            return Err(NotPayable(format!("the balance is kept by {issuer}, but the offer came from {origin}")));
        }
        Ok(SessionQuote {
            challenge: challenge.clone(),
            origin: offer.origin.clone(),
            unit_cost: cost_of(&request.asset, request.unit_amount)?,
            terms: terms_of(&request),
            unit_amount: request.unit_amount,
            unit: request.unit,
            asset: request.asset,
            payee: Some(request.issuer),
            suggested_deposit: request.suggested_deposit,
            least_delta: request.least_delta,
            hint: None,
        })
    }

    fn deposit(&self, quote: &SessionQuote, amount: Amount, first: Amount) -> Result<Deposit, NotPayable> {
        if first > amount {
            return Err(NotPayable("the deposit does not cover what the first request costs".into()));
        }
        let cost = cost_of(&quote.asset, amount)?;
        Ok(Deposit { quote: quote.clone(), amount, fee: Amount::ZERO, cost, first })
    }

    fn open(&self, approved: Approved<Deposit>) -> Answer<'_, Result<OpenedChannel, SignError>> {
        Box::pin(async move { self.opened(approved.get()) })
    }

    fn top_up<'a>(
        &'a self,
        channel: &'a Channel,
        approved: Approved<Deposit>,
    ) -> Answer<'a, Result<OpenedChannel, SignError>> {
        Box::pin(async move { self.topped_up(channel, approved.get()) })
    }

    fn voucher<'a>(
        &'a self,
        channel: &'a Channel,
        approved: Approved<VoucherQuote>,
    ) -> Answer<'a, Result<Credential, SignError>> {
        Box::pin(async move { self.next_total(channel, approved.get()) })
    }

    /// Only the issuer could say.
    fn standing<'a>(
        &'a self,
        _: &'a Channel,
        _: ChannelPurpose,
    ) -> Answer<'a, Result<Option<ChannelStanding>, RailError>> {
        Box::pin(async { Ok(None) })
    }
}

/// One issuer and one currency: any session there pays for any route there.
fn terms_of(request: &SessionRequest) -> String {
    format!("{METHOD}/{INTENT} {} {}", request.issuer, request.currency())
}

/// Decodes once more, from the bytes about to be signed, what the policy approved.
fn agreed(deposit: &Deposit) -> Result<SessionRequest, SignError> {
    let quote = &deposit.quote;
    let request = SessionRequest::read(quote.challenge.request()).map_err(differs)?;
    let same = request.unit_amount == quote.unit_amount
        && request.asset == quote.asset
        && quote.payee.as_deref() == Some(request.issuer.as_str())
        && quote.terms == terms_of(&request)
        && deposit.fee.is_zero()
        && cost_of(&request.asset, deposit.amount).is_ok_and(|cost| cost == deposit.cost)
        && names(&request.issuer, &quote.origin, &quote.challenge);
    if same { Ok(request) } else { Err(differs("the offer")) }
}

fn differs(what: impl std::fmt::Display) -> SignError {
    SignError::Differs(what.to_string())
}
