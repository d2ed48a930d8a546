use std::fmt::Display;

use farthing_money::{Amount, Asset, Price, Rounding};
use farthing_protocol::{IntentName, JsonObject, ProblemType};
use farthing_rail::{
    Addition, Method, Opening, Order, PayerId, Presented, Proof, ProofKey, Refusal, SessionAction, SessionId,
    SessionMethod, SessionOrder, Terms, Unpriceable, Voucher,
};

use super::payload::{Action, Payload, Signed};
use super::{INTENT, SessionRequest, channel_of, deposit_message, voucher_message};
use crate::{Balance, METHOD, PayerKey};

/// The seller's half: asks for millionths of one currency by the unit, and checks who signed.
#[derive(Clone, Debug)]
pub struct BalanceSession {
    terms: Terms,
    issuer: String,
}

impl BalanceSession {
    /// Sessions on the balances of this method.
    pub fn on(balance: &Balance) -> Result<Self, Unpriceable> {
        let intent = IntentName::new(INTENT).map_err(|error| Unpriceable(error.to_string()))?;
        let terms = Terms { intent, ..balance.terms().clone() };
        Ok(Self { terms, issuer: balance.issuer().to_owned() })
    }

    fn exactly(&self, price: Price) -> Result<Amount, Unpriceable> {
        let asset = &self.terms.asset;
        if price.currency().as_str() != asset.code() {
            let code = asset.code();
            return Err(Unpriceable(format!("{price} cannot be paid from balances in {code}; price it in {code}")));
        }
        let converted = price.in_asset(asset, Rounding::Exact).map_err(|error| unpriceable(price, &error))?;
        Ok(converted.amount)
    }

    fn request_of(&self, presented: &Presented<'_>) -> Result<SessionRequest, Refusal> {
        let request = SessionRequest::from_shared(presented.request).map_err(failed)?;
        if request.asset != self.terms.asset || request.issuer != self.issuer {
            return Err(failed("the request is for a balance that is not kept here; ask for a new challenge"));
        }
        Ok(request)
    }
}

impl Method for BalanceSession {
    fn terms(&self) -> &Terms {
        &self.terms
    }

    fn knows_payer(&self, name: &str) -> bool {
        name.parse::<PayerKey>().is_ok()
    }

    fn request(&self, _: &Order) -> Result<JsonObject, Unpriceable> {
        Err(Unpriceable("a session is priced by the unit".to_owned()))
    }

    fn verify(&self, _: &Presented<'_>) -> Result<Proof, Refusal> {
        Err(Refusal::new(ProblemType::InvalidPayload, "a session is paid with vouchers; answer its challenge with one"))
    }
}

impl SessionMethod for BalanceSession {
    fn session_request(&self, order: &SessionOrder) -> Result<JsonObject, Unpriceable> {
        let unit_amount = self.exactly(order.price)?;
        if unit_amount < self.terms.floor {
            return Err(Unpriceable(format!("{} is nothing to pay; mark the route free = true instead", order.price)));
        }
        let suggested = self.exactly(order.suggested_deposit)?;
        if suggested < unit_amount {
            let (deposit, price) = (order.suggested_deposit, order.price);
            return Err(Unpriceable(format!("a deposit of {deposit} does not cover one unit at {price}; raise it")));
        }
        let least_delta = order.least_delta.map(|delta| self.exactly(delta)).transpose()?.unwrap_or(Amount::ZERO);
        let request = SessionRequest {
            unit_amount,
            asset: self.terms.asset.clone(),
            issuer: self.issuer.clone(),
            unit: Some(order.unit.clone()),
            suggested_deposit: Some(suggested),
            least_delta,
        };
        Ok(request.to_object(order.description.clone()))
    }

    fn read(&self, presented: &Presented<'_>) -> Result<SessionAction, Refusal> {
        let credential = presented.credential;
        let payload = Payload::read(credential.payload())
            .map_err(|error| Refusal::new(ProblemType::InvalidPayload, error.to_string()))?;
        let request = self.request_of(presented)?;
        if credential.source().is_some_and(|source| source != payload.did) {
            return Err(failed(
                "the credential's source is not the payer in its payload; send the same did or no source",
            ));
        }
        let reading = Reading { presented, request: &request, payload: &payload, asset: &self.terms.asset };
        match &payload.action {
            Action::Open { deposit, deposit_signature, voucher } => reading.open(*deposit, deposit_signature, voucher),
            Action::TopUp { deposit, deposit_signature } => reading.top_up(*deposit, deposit_signature),
            Action::Voucher(voucher) => Ok(SessionAction::Voucher(Box::new(reading.voucher(voucher)?))),
            Action::Close(voucher) => Ok(SessionAction::Close(Box::new(reading.voucher(voucher)?))),
        }
    }
}

/// A payload and what it answers.
struct Reading<'a> {
    presented: &'a Presented<'a>,
    request: &'a SessionRequest,
    payload: &'a Payload,
    asset: &'a Asset,
}

impl Reading<'_> {
    fn open(&self, deposit: Amount, signature: &[u8; 64], voucher: &Signed) -> Result<SessionAction, Refusal> {
        let challenge = self.presented.credential.challenge();
        let channel = channel_of(self.request, &self.payload.did, challenge).map_err(failed)?;
        if channel != self.payload.channel {
            return Err(failed("the channelId is not the one that this payer and this challenge make"));
        }
        self.deposit(deposit, signature)?;
        let voucher = self.voucher(voucher)?;
        if voucher.cumulative > deposit {
            let detail = "the first voucher is for more than the deposit; sign for at most that";
            return Err(Refusal::new(ProblemType::SessionAmountExceedsDeposit, detail));
        }
        Ok(SessionAction::Open(Box::new(Opening {
            payer: PayerId::new(voucher.signer.as_str()),
            signer: voucher.signer.clone(),
            asset: self.asset.clone(),
            deposit,
            key: ProofKey::new(format!("{METHOD}/deposit/{}", challenge.id().as_str())),
            deposit_kept: Vec::new(),
            session_kept: Vec::new(),
            voucher,
        })))
    }

    fn top_up(&self, deposit: Amount, signature: &[u8; 64]) -> Result<SessionAction, Refusal> {
        self.deposit(deposit, signature)?;
        let challenge = self.presented.credential.challenge();
        Ok(SessionAction::TopUp(Box::new(Addition {
            session: self.session(),
            channel: self.payload.channel.clone(),
            deposit,
            key: ProofKey::new(format!("{METHOD}/deposit/{}", challenge.id().as_str())),
            deposit_kept: Vec::new(),
            payer: Some(PayerId::new(self.payload.did.as_str())),
        })))
    }

    fn deposit(&self, deposit: Amount, signature: &[u8; 64]) -> Result<(), Refusal> {
        let Payload { payer, did, channel, .. } = self.payload;
        let challenge = self.presented.credential.challenge();
        let message = deposit_message(challenge, did, channel, deposit).map_err(failed)?;
        if deposit.is_zero() {
            return Err(failed("a deposit of nothing changes nothing; deposit at least one unit"));
        }
        if !payer.made(signature, &message) {
            return Err(failed("the depositSignature is not the payer's over this deposit and this challenge"));
        }
        Ok(())
    }

    fn voucher(&self, signed: &Signed) -> Result<Voucher, Refusal> {
        let Payload { payer, did, channel, .. } = self.payload;
        let message = voucher_message(self.request, did, channel, signed.total).map_err(failed)?;
        if !payer.made(&signed.signature, &message) {
            let detail = "the signature is not the payer's over this channel and total";
            return Err(Refusal::new(ProblemType::SessionInvalidSignature, detail));
        }
        Ok(Voucher {
            session: self.session(),
            channel: channel.clone(),
            cumulative: signed.total,
            signer: did.clone(),
            kept: signed.signature.to_vec(),
        })
    }

    /// The payer is part of its name, so that nobody else's voucher can even name it.
    fn session(&self) -> SessionId {
        SessionId::of(&format!("{METHOD}/{INTENT}/{}/{}", self.payload.did, self.payload.channel))
    }
}

fn failed(detail: impl Display) -> Refusal {
    Refusal::new(ProblemType::VerificationFailed, detail.to_string())
}

fn unpriceable(price: Price, reason: &dyn Display) -> Unpriceable {
    Unpriceable(format!("{price}: {reason}"))
}
