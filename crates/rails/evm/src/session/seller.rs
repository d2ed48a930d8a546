//! The seller's half: asks for a price by the unit, and reads what is presented, as far as bytes can tell.

mod opening;
mod relayed;
mod transaction;

use std::fmt::Display;
use std::time::Duration;

use alloy_primitives::{Address, B256};
use farthing_money::{Amount, Price, Rounding};
use farthing_protocol::{IntentName, JsonObject, MethodName, ProblemType, Timestamp};
use farthing_rail::{
    Capture, ExpectedFee, Finality, Method, Order, Presented, Proof, Protocol, Refusal, SessionAction, SessionMethod,
    SessionOrder, SessionView, Terms, Unpriceable, Voucher,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::settings::SessionSettings;
use super::{
    ChannelTerms, INTENT, KeptSession, SessionPayload, SessionRequest, VaultKind, VoucherPayload, voucher_signature,
};
use crate::Payment;
use crate::evm::{source_address, unix_seconds};

/// A deposit is looked at once it is in a block, which is about so long.
const FINALITY: Duration = Duration::from_secs(2);

/// `tempo/session` or `evm/session` in one vault, for one token.
#[derive(Clone, Debug)]
pub struct ChainSession {
    terms: Terms,
    settings: SessionSettings,
    /// The separator of the vault's domain, which every voucher is checked against.
    separator: B256,
}

/// What the rail keeps of a deposit until it is in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptDeposit {
    /// The channel.
    pub(crate) channel: B256,
    /// Whether it opens the channel.
    pub(crate) opens: bool,
    /// How the money gets into the escrow, which is its recipient.
    pub(crate) payment: Payment,
}

/// A payload, what it answers, and who is said to have sent it.
struct Reading<'a> {
    presented: &'a Presented<'a>,
    request: SessionRequest,
    source: Option<Address>,
}

impl ChainSession {
    /// With these settings, if they fit together.
    pub fn new(settings: SessionSettings) -> Result<Self, Unpriceable> {
        settings.check()?;
        let method = settings.vault.kind.method();
        let terms = Terms {
            method: MethodName::new(method).map_err(|error| Unpriceable(error.to_string()))?,
            intent: IntentName::new(INTENT).map_err(|error| Unpriceable(error.to_string()))?,
            asset: settings.token.asset.clone(),
            floor: Amount::new(1),
            // Opening, collecting and closing are transactions of ours.
            fee: ExpectedFee::GAS,
            finality: Finality::After(FINALITY),
            refundable: false,
            validity: settings.validity,
            protocol: Protocol::Payment,
            capture: Capture::Whole,
        };
        Ok(Self { terms, separator: settings.vault.separator(), settings })
    }

    /// What was decided.
    pub fn settings(&self) -> &SessionSettings {
        &self.settings
    }

    /// The request must be one of ours: a challenge of another deployment could carry our name.
    fn reading<'a>(&self, presented: &'a Presented<'a>) -> Result<Reading<'a>, Refusal> {
        let vault = self.settings.vault;
        let request = SessionRequest::from_shared(vault.kind.method(), presented.request).map_err(failed)?;
        let asked = (request.vault, request.token, request.recipient, request.operator);
        if asked != (vault, self.settings.token.contract, self.settings.recipient, self.settings.operator) {
            return Err(failed("the request is for another escrow, token or recipient than this server's; ask again"));
        }
        let source = match presented.credential.source() {
            None => None,
            Some(source) => Some(source_address(source, vault.chain).ok_or_else(|| {
                failed(format!("the source is not an account of chain {0}; send did:pkh:eip155:{0}:0x...", vault.chain))
            })?),
        };
        Ok(Reading { presented, request, source })
    }

    /// A total and whoever signed it. That it is the session's signer is for the books to say.
    fn voucher(&self, channel: B256, cumulative: Amount, signature: &[u8]) -> Result<Voucher, Refusal> {
        let vault = &self.settings.vault;
        if cumulative > vault.kind.most() {
            return Err(malformed("the cumulativeAmount is more than the escrow can count"));
        }
        let (signer, kept) = voucher_signature(vault, &self.separator, &channel, cumulative, signature)
            .map_err(|error| Refusal::new(ProblemType::SessionInvalidSignature, error.to_string()))?;
        Ok(Voucher {
            session: vault.session(&channel),
            channel: format!("{channel:#x}"),
            cumulative,
            signer: signer_name(&signer),
            kept: kept.to_vec(),
        })
    }

    fn later_voucher(&self, reading: &Reading<'_>, payload: &VoucherPayload) -> Result<Voucher, Refusal> {
        let voucher = self.voucher(payload.channel, payload.cumulative, &payload.signature)?;
        if let Some(terms) = self.descriptor(payload.channel, payload.descriptor)? {
            if voucher.signer != signer_name(&terms.signer()) {
                return Err(another_signer(&terms.signer()));
            }
            if reading.source.is_some_and(|source| source != terms.payer && source != terms.signer()) {
                return Err(failed("the credential's source is neither the channel's payer nor its signer"));
            }
        }
        Ok(voucher)
    }

    /// The terms of a channel of ours, recomputed from what was sent; nothing where the kind of vault sends none.
    fn descriptor(&self, channel: B256, sent: Option<ChannelTerms>) -> Result<Option<ChannelTerms>, Refusal> {
        let vault = &self.settings.vault;
        if vault.kind != VaultKind::Reserve {
            return Ok(None);
        }
        let terms = sent.ok_or_else(|| malformed("the payload has no descriptor; version 2 needs it every time"))?;
        if terms.id_in(vault) != channel {
            return Err(failed("the descriptor is not that of this channelId"));
        }
        self.check_terms(&terms)?;
        Ok(Some(terms))
    }

    /// A channel of somebody else's could not be collected from.
    fn check_terms(&self, terms: &ChannelTerms) -> Result<(), Refusal> {
        let SessionSettings { recipient, operator, token, .. } = &self.settings;
        if (terms.payee, terms.token) != (*recipient, token.contract) {
            return Err(failed("the channel is for another recipient or token than the challenge asks for"));
        }
        if terms.operator != *operator {
            return Err(failed("the channel names another operator than the challenge; open one as it asks"));
        }
        if terms.payer.is_zero() || terms.payer == terms.payee {
            return Err(failed("the channel's payer must be somebody else than its recipient"));
        }
        Ok(())
    }

    /// Some clients of the reserve sign twice when they close; the second signature must be theirs.
    fn check_close(&self, voucher: &VoucherPayload, authorization: &[u8]) -> Result<(), Refusal> {
        let Some(terms) = voucher.descriptor else { return Ok(()) };
        let vault = &self.settings.vault;
        let message = vault.close_message(&self.separator, &voucher.channel, voucher.cumulative);
        let signer = super::voucher::signer_of_message(vault, &message, authorization)
            .map_err(|error| Refusal::new(ProblemType::SessionInvalidSignature, error.to_string()))?;
        if signer == terms.payer || signer == terms.signer() { Ok(()) } else { Err(another_signer(&terms.signer())) }
    }

    fn exactly(&self, price: Price, rounding: Rounding) -> Result<Amount, Unpriceable> {
        let (asset, currency) = (&self.settings.token.asset, self.settings.token.currency);
        if price.currency() != currency {
            let code = asset.code();
            return Err(Unpriceable(format!("{price} cannot be paid in {code}; price it in {currency}")));
        }
        let converted = price.in_asset(asset, rounding);
        Ok(converted.map_err(|error| Unpriceable(format!("{price}: {error}")))?.amount)
    }
}

impl Method for ChainSession {
    fn terms(&self) -> &Terms {
        &self.terms
    }

    fn request(&self, _: &Order) -> Result<JsonObject, Unpriceable> {
        Err(Unpriceable("a session is priced by the unit".to_owned()))
    }

    fn verify(&self, _: &Presented<'_>) -> Result<Proof, Refusal> {
        Err(Refusal::new(ProblemType::InvalidPayload, "a session is paid with vouchers; answer its challenge with one"))
    }

    fn receipt_members(&self) -> JsonObject {
        match self.settings.vault.kind {
            VaultKind::Evm => JsonObject::from_iter([("chainId".to_owned(), self.settings.vault.chain.into())]),
            VaultKind::Stream | VaultKind::Reserve => JsonObject::new(),
        }
    }
}

impl SessionMethod for ChainSession {
    /// Only the reserve takes a part of what was signed for.
    fn collects_parts(&self) -> bool {
        self.settings.vault.kind == VaultKind::Reserve
    }

    fn session_request(&self, order: &SessionOrder) -> Result<JsonObject, Unpriceable> {
        let amount = self.exactly(order.price, Rounding::Exact)?;
        if amount.is_zero() {
            return Err(Unpriceable(format!("{} is nothing to pay; mark the route free = true instead", order.price)));
        }
        let suggested = self.exactly(order.suggested_deposit, Rounding::Up)?;
        if suggested < amount {
            let (deposit, price) = (order.suggested_deposit, order.price);
            return Err(Unpriceable(format!("a deposit of {deposit} does not cover one unit at {price}; raise it")));
        }
        let least_delta = order.least_delta.map(|delta| self.exactly(delta, Rounding::Up)).transpose()?;
        let request = SessionRequest {
            vault: self.settings.vault,
            amount,
            unit: Some(order.unit.clone()),
            suggested_deposit: Some(suggested),
            token: self.settings.token.contract,
            recipient: self.settings.recipient,
            operator: self.settings.operator,
            least_delta: least_delta.unwrap_or_default(),
            fee_payer: self.settings.pays_fees(),
            accepts: self.settings.accepts.clone(),
            channel: None,
            snapshot: None,
        };
        Ok(request.to_object(order.description.clone()))
    }

    fn read(&self, presented: &Presented<'_>) -> Result<SessionAction, Refusal> {
        let payload = SessionPayload::read(presented.credential.payload()).map_err(malformed)?;
        let reading = self.reading(presented)?;
        match &payload {
            SessionPayload::Open(open) => Ok(SessionAction::Open(Box::new(self.open(&reading, open)?))),
            SessionPayload::TopUp(top_up) => Ok(SessionAction::TopUp(Box::new(self.top_up(&reading, top_up)?))),
            SessionPayload::Voucher(voucher) => {
                Ok(SessionAction::Voucher(Box::new(self.later_voucher(&reading, voucher)?)))
            }
            SessionPayload::Close { voucher, authorization } => {
                let last = self.later_voucher(&reading, voucher)?;
                if let Some(authorization) = authorization {
                    self.check_close(voucher, authorization)?;
                }
                Ok(SessionAction::Close(Box::new(last)))
            }
        }
    }

    fn snapshot(&self, session: &SessionView<'_>) -> JsonObject {
        let SessionView { channel, deposit, accepted, spent, settled, required, units, .. } = *session;
        let vault = &self.settings.vault;
        let mut snapshot = JsonObject::new();
        let amounts = [
            ("acceptedCumulative", accepted),
            ("deposit", deposit),
            ("requiredCumulative", required),
            ("settled", settled),
            ("spent", spent),
        ];
        snapshot.extend(amounts.map(|(name, amount)| (name.to_owned(), amount.to_string().into())));
        snapshot.insert("chainId".into(), vault.chain.into());
        snapshot.insert("channelId".into(), channel.into());
        snapshot.insert("escrow".into(), vault.contract.to_checksum(None).into());
        snapshot.insert("units".into(), units.into());
        if let Some(at) = session.close_requested_at {
            snapshot.insert("closeRequestedAt".into(), unix_seconds(at).to_string().into());
        }
        let kept = KeptSession::read(session.kept).ok().filter(|_| vault.kind == VaultKind::Reserve);
        if let Some(kept) = kept {
            snapshot.insert("descriptor".into(), Value::Object(kept.terms.to_object()));
        }
        let named = [("channelId", channel.into()), ("sessionSnapshot", Value::Object(snapshot))];
        named.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

impl Reading<'_> {
    /// Gateways issue challenges with an end; one without would end as ours do.
    fn expires(&self, validity: Duration) -> Timestamp {
        self.presented.credential.challenge().expires().unwrap_or_else(|| self.presented.now.after(validity))
    }
}

/// As [`Voucher::signer`] names an account.
pub(super) fn signer_name(signer: &Address) -> String {
    format!("{signer:#x}")
}

fn another_signer(signer: &Address) -> Refusal {
    let detail =
        format!("the signature is not {signer}'s over this channel and total; check the key, the chain and the escrow");
    Refusal::new(ProblemType::SessionSignerMismatch, detail)
}

fn failed(detail: impl Display) -> Refusal {
    Refusal::new(ProblemType::VerificationFailed, detail.to_string())
}

fn malformed(detail: impl Display) -> Refusal {
    Refusal::new(ProblemType::InvalidPayload, detail.to_string())
}

#[cfg(test)]
mod tests;
