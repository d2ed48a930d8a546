//! The seller's half: asks for a transfer, and decides whether what is presented is it.

use std::time::Duration;

use alloy_primitives::Address;
use farthing_money::Rounding;
use farthing_protocol::{IntentName, JsonObject, MethodName, ProblemType, Timestamp};
use farthing_rail::{
    Capture, Finality, Method, Order, PayerId, Presented, Proof, ProofKey, Protocol, Refusal, Terms, Unpriceable,
};
use tempo_primitives::transaction::TempoTransaction;

use super::envelope::Envelope;
use super::memo::attributed;
use super::payload::Payload;
use super::proof::Statement;
use super::request::{Modes, TempoRequest};
use super::settings::{MemoRule, TempoSettings};
use super::sponsor::seconds;
use super::{INTENT, METHOD, match_calls};
use crate::evm::{payer_id, source_address};
use crate::{Memo, Payment, SentNonce, Way};

/// A block is final when it is there, about half a second after a transaction is sent.
const FINALITY: Duration = Duration::from_secs(1);

/// How far a payer's clock and ours may differ, and what rounding to whole seconds adds: official
/// clients let a transaction live for one second more than its challenge.
const CLOCK_SKEW: Duration = Duration::from_secs(2);

/// The chain wants a transaction with an expiring nonce to be good for more than three seconds.
const SHORTEST_VALIDITY: Duration = Duration::from_secs(4);

/// The `tempo` method with the intent `charge`, for one token.
#[derive(Clone, Debug)]
pub struct TempoCharge {
    terms: Terms,
    settings: TempoSettings,
}

/// A credential of this method, on its way to being believed.
struct Case<'a> {
    presented: &'a Presented<'a>,
    request: TempoRequest,
    /// Who the credential says pays.
    source: Option<Address>,
}

impl TempoCharge {
    /// With these settings, if they fit together.
    pub fn new(settings: TempoSettings) -> Result<Self, Unpriceable> {
        settings.check()?;
        let terms = Terms {
            method: MethodName::new(METHOD).map_err(|error| Unpriceable(error.to_string()))?,
            intent: IntentName::new(INTENT).map_err(|error| Unpriceable(error.to_string()))?,
            asset: settings.asset().clone(),
            floor: settings.floor,
            fee: settings.fee,
            finality: Finality::After(FINALITY),
            refundable: true,
            validity: settings.validity,
            protocol: Protocol::Payment,
            capture: Capture::Whole,
        };
        Ok(Self { terms, settings })
    }

    /// What was decided.
    pub fn settings(&self) -> &TempoSettings {
        &self.settings
    }

    /// Whether the request is one of ours: a challenge of another deployment could carry our name.
    fn check_request(&self, request: &TempoRequest) -> Result<(), Refusal> {
        let ours = (self.settings.token.chain, self.settings.token.contract, self.settings.recipient);
        if (request.chain, request.token, request.recipient) != ours {
            return Err(failed("the request is for another chain, token or recipient than this server's; ask again"));
        }
        Ok(())
    }

    fn case<'a>(&self, presented: &'a Presented<'a>) -> Result<Case<'a>, Refusal> {
        let request = TempoRequest::from_shared(presented.request).map_err(failed)?;
        self.check_request(&request)?;
        let source = match presented.credential.source() {
            None => None,
            Some(source) => Some(source_address(source, request.chain).ok_or_else(|| {
                failed(format!(
                    "the source is not an account of chain {0}; send did:pkh:eip155:{0}:0x...",
                    request.chain
                ))
            })?),
        };
        Ok(Case { presented, request, source })
    }

    /// The payment that these legs make, moved in this way.
    fn payment(&self, case: &Case<'_>, payer: Option<Address>, way: Way) -> Result<Payment, Refusal> {
        let challenge = case.presented.credential.challenge();
        let unsaid = match self.settings.memo {
            MemoRule::Any => Memo::Any,
            MemoRule::Attributed | MemoRule::Exactly(_) => {
                attributed(challenge.realm().as_str(), challenge.id().as_str())
            }
        };
        let legs = case.request.legs(unsaid).map_err(failed)?;
        Ok(Payment { chain: case.request.chain, token: case.request.token, payer, legs, way })
    }

    fn transaction(&self, case: &Case<'_>, raw: &[u8]) -> Result<(String, Payment), Refusal> {
        if !self.settings.modes.pull {
            return Err(failed("signed transactions are not accepted here; send the transaction and show its hash"));
        }
        let envelope = Envelope::parse(raw).map_err(failed)?;
        let (transaction, sender) = (envelope.transaction(), envelope.sender().account);
        if transaction.chain_id != case.request.chain {
            let (got, asked) = (transaction.chain_id, case.request.chain);
            return Err(failed(format!("the transaction is for chain {got}; sign for chain {asked}")));
        }
        if case.source.is_some_and(|source| source != sender) {
            return Err(failed(format!("the credential's source is not {sender}, who signed; send the same or none")));
        }
        let valid_before = end_of(transaction, self.expires(case), case.presented.now).map_err(failed)?;
        let sponsored = envelope.wants_sponsor();
        if sponsored {
            let policy = self.settings.sponsor.as_ref().filter(|_| case.request.fee_payer);
            let policy = policy.ok_or_else(|| failed("this server pays no fees; set a fee token and pay them"))?;
            policy.check(&envelope, case.presented.now).map_err(failed)?;
        }
        let nonce = SentNonce { key: transaction.nonce_key, number: transaction.nonce };
        let raw = envelope.to_bytes().map_err(failed)?.into();
        let (key, way) = if sponsored {
            let key = format!("expiring/{:#x}", envelope.replay_hash());
            (key, Way::Sponsored { raw, sender, valid_before })
        } else {
            let hash = envelope.hash();
            let valid_before = Some(valid_before);
            (format!("tx/{hash:#x}"), Way::Transaction { raw, hash, sender, nonce, valid_before })
        };
        let payment = self.payment(case, Some(sender), way)?;
        match_calls(&transaction.calls, sender, payment.token, &payment.legs, sponsored).map_err(failed)?;
        Ok((key, payment))
    }

    /// Gateways issue challenges with an end; one without would end as ours do.
    fn expires(&self, case: &Case<'_>) -> Timestamp {
        let expires = case.presented.credential.challenge().expires();
        expires.unwrap_or_else(|| case.presented.now.after(self.settings.validity))
    }

    fn hash(&self, case: &Case<'_>, hash: alloy_primitives::B256) -> Result<(String, Payment), Refusal> {
        if case.request.fee_payer || !self.settings.modes.push {
            return Err(failed("a transaction's hash is not accepted here; send the signed transaction"));
        }
        let age = self.settings.validity + CLOCK_SKEW;
        let issued =
            self.expires(case).unix_millis().saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
        let not_before = u64::try_from(issued.div_euclid(1000)).unwrap_or_default();
        let payment = self.payment(case, case.source, Way::Shown { hash, not_before })?;
        Ok((format!("tx/{hash:#x}"), payment))
    }

    fn proof(&self, case: &Case<'_>, signature: &[u8]) -> Result<(String, Payment), Refusal> {
        if !case.request.amount.is_zero() {
            return Err(failed("a proof answers a price of zero only; send a signed transaction"));
        }
        let challenge = case.presented.credential.challenge();
        let account = case.source.ok_or_else(|| failed("a proof needs the account as the credential's source"))?;
        let (chain, realm) = (case.request.chain, challenge.realm().as_str());
        let statement = Statement { account, chain, challenge: challenge.id().as_str(), realm };
        let access_key = statement.check(signature).map_err(failed)?;
        let payment = self.payment(case, Some(account), Way::Proof { access_key })?;
        Ok((format!("proof/{}", challenge.id().as_str()), payment))
    }
}

impl Method for TempoCharge {
    fn terms(&self) -> &Terms {
        &self.terms
    }

    fn request(&self, order: &Order) -> Result<JsonObject, Unpriceable> {
        let (asset, currency) = (self.settings.asset(), self.settings.token.currency);
        if order.price.currency() != currency {
            let code = asset.code();
            return Err(Unpriceable(format!("{} cannot be paid in {code}; price it in {currency}", order.price)));
        }
        let amount = order.price.in_asset(asset, Rounding::Exact);
        let amount = amount.map_err(|error| Unpriceable(format!("{}: {error}", order.price)))?.amount;
        if amount < self.terms.floor {
            let floor = asset.display(self.terms.floor);
            return Err(Unpriceable(format!("{} is less than {floor}, the least that is taken", order.price)));
        }
        let request = TempoRequest {
            amount,
            token: self.settings.token.contract,
            recipient: self.settings.recipient,
            chain: self.settings.token.chain,
            fee_payer: self.settings.sponsor.is_some(),
            memo: match self.settings.memo {
                MemoRule::Exactly(memo) => Some(memo),
                MemoRule::Attributed | MemoRule::Any => None,
            },
            splits: self.settings.splits(amount)?,
            modes: if self.settings.sponsor.is_some() { Modes::PULL } else { self.settings.modes },
        };
        Ok(request.to_shared(order.description.clone(), order.external_id.clone()).to_object())
    }

    fn verify(&self, presented: &Presented<'_>) -> Result<Proof, Refusal> {
        let payload = Payload::read(presented.credential.payload())
            .map_err(|error| Refusal::new(ProblemType::InvalidPayload, error.to_string()))?;
        let case = self.case(presented)?;
        if case.request.amount.is_zero() && !matches!(payload, Payload::Proof(_)) {
            return Err(failed("a price of zero is answered with a proof; nothing needs to be sent"));
        }
        let (key, payment) = match &payload {
            Payload::Transaction(raw) => self.transaction(&case, raw)?,
            Payload::Hash(hash) => self.hash(&case, *hash)?,
            Payload::Proof(signature) => self.proof(&case, signature)?,
        };
        let kept = serde_json::to_vec(&payment).map_err(failed)?;
        let payer: Option<PayerId> = payment.payer.map(|payer| payer_id(payment.chain, &payer));
        Ok(Proof {
            key: ProofKey::new(format!("eip155:{}/{key}", payment.chain)),
            payer,
            amount: case.request.amount,
            asset: self.terms.asset.clone(),
            kept,
        })
    }
}

/// The last second of a payer's transaction. It must not outlive the challenge: what is sent later than that
/// would be paid for nothing.
pub(crate) fn end_of(transaction: &TempoTransaction, expires: Timestamp, now: Timestamp) -> Result<u64, String> {
    let latest = expires.to_rfc3339();
    let never = || format!("the transaction never expires; set valid_before to at most {latest}");
    let ends = transaction.valid_before.ok_or_else(never)?;
    if seconds(ends.get()) > expires.after(CLOCK_SKEW) {
        return Err(format!("the transaction outlives the challenge; set valid_before to at most {latest}"));
    }
    if seconds(ends.get()) < now.after(SHORTEST_VALIDITY) {
        return Err("the transaction expires too soon to be sent; sign a fresh one".to_owned());
    }
    if transaction.valid_after.is_some_and(|begins| seconds(begins.get()) > now.after(CLOCK_SKEW)) {
        return Err("the transaction is not valid yet; leave valid_after out".to_owned());
    }
    Ok(ends.get())
}

fn failed(reason: impl std::fmt::Display) -> Refusal {
    Refusal::new(ProblemType::VerificationFailed, reason.to_string())
}

#[cfg(test)]
mod tests;
