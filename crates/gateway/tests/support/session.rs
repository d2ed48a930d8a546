//! A test double: a session method whose vouchers are not signed but say who signed them, over a scripted escrow.
//!
//! `channel/session` keeps its deposits in [`Vault`], which counts what it is asked and answers as it is told;
//! `lasting/session` does, too, and `purse/session` has them in the seller's books. A payload is
//! `{ action, channelId, signer, cumulativeAmount, deposit }`; `"signature": "bad"` is a bad signature.

use std::sync::Arc;
use std::time::Duration;

use farthing_money::{Amount, Asset, Home, Rounding};
use farthing_protocol::{ChargeRequest, IntentName, JsonObject, MethodName, ProblemType};
use farthing_rail::{
    Acceptor, Addition, Answer, Capture, ChannelStanding, Claim, Collection, Cursor, DepositClaim, Deposited, Deposits,
    Escrow, ExpectedFee, Finality, Method, NotReady, Opening, Order, PayerId, Presented, Proof, ProofKey, Protocol,
    RailError, RailStatement, Refund, Refusal, Rejected, SessionAction, SessionId, SessionMethod, SessionOrder,
    SessionView, Settled, Settlement, Settler, Terms, Unknown, Unpriceable, Voucher,
};
use serde_json::{Value, json};

use super::prepaid;
pub use super::vault::{Vault, Vaulting};

pub const CHANNEL: &str = "channel";
pub const PURSE: &str = "purse";
/// A channel whose collections could still be taken back for an hour.
pub const LASTING: &str = "lasting";

const HOUR: Duration = Duration::from_secs(3_600);

/// The double, in one of its two kinds.
pub struct Double {
    terms: Terms,
    vault: Arc<Vault>,
}

/// Both methods.
pub fn methods(name: &str, vault: &Arc<Vault>) -> Vec<Acceptor> {
    let double = Arc::new(Double::new(name, vault));
    let deposits = match name {
        CHANNEL | LASTING => Deposits::InEscrow(Arc::clone(&double) as Arc<dyn Escrow>),
        _ => Deposits::InBooks,
    };
    vec![Acceptor::Session(double, deposits)]
}

pub fn channel_asset() -> Asset {
    Asset::new("USD", 6, Home::Account("vault".to_owned())).unwrap()
}

/// The session of a channel's name.
pub fn session_of(method: &str, channel: &str) -> SessionId {
    SessionId::of(&format!("double/{method}/{channel}"))
}

impl Double {
    fn new(name: &str, vault: &Arc<Vault>) -> Self {
        let asset = if name == PURSE { prepaid::asset() } else { channel_asset() };
        let finality = if name == LASTING { Finality::After(HOUR) } else { Finality::Immediate };
        let terms = Terms {
            method: MethodName::new(name).unwrap(),
            intent: IntentName::new("session").unwrap(),
            asset,
            floor: Amount::new(1),
            fee: ExpectedFee::NONE,
            finality,
            refundable: false,
            validity: Duration::from_secs(300),
            protocol: Protocol::Payment,
            capture: Capture::Whole,
        };
        Self { terms, vault: Arc::clone(vault) }
    }
}

fn invalid(detail: &str) -> Refusal {
    Refusal::new(ProblemType::InvalidPayload, detail)
}

fn text<'a>(payload: &'a JsonObject, name: &str) -> Result<&'a str, Refusal> {
    payload.get(name).and_then(Value::as_str).ok_or_else(|| invalid("a member is missing"))
}

fn amount(payload: &JsonObject, name: &str) -> Result<Amount, Refusal> {
    text(payload, name)?.parse().map_err(|_| invalid("no amount"))
}

impl Method for Double {
    fn terms(&self) -> &Terms {
        &self.terms
    }

    fn request(&self, _: &Order) -> Result<JsonObject, Unpriceable> {
        Err(Unpriceable("only sessions".to_owned()))
    }

    fn verify(&self, _: &Presented<'_>) -> Result<Proof, Refusal> {
        panic!("a session's credential is read, never verified")
    }

    fn readiness(&self) -> Result<(), NotReady> {
        if self.vault.is_away() { Err(NotReady("away".to_owned())) } else { Ok(()) }
    }

    fn receipt_members(&self) -> JsonObject {
        JsonObject::from_iter([("vault".to_owned(), json!("double"))])
    }
}

impl SessionMethod for Double {
    fn session_request(&self, order: &SessionOrder) -> Result<JsonObject, Unpriceable> {
        let amount = |price: farthing_money::Price| {
            let converted = price.in_asset(&self.terms.asset, Rounding::Exact);
            converted.map(|it| it.amount).map_err(|error| Unpriceable(error.to_string()))
        };
        let request = ChargeRequest {
            amount: amount(order.price)?,
            currency: "usd.6".to_owned(),
            recipient: None,
            description: None,
            external_id: None,
            method_details: JsonObject::from_iter([("vault".to_owned(), json!("double"))]),
        };
        let mut object = request.to_object();
        object.insert("unitType".to_owned(), json!(order.unit));
        object.insert("suggestedDeposit".to_owned(), json!(amount(order.suggested_deposit)?.to_string()));
        Ok(object)
    }

    fn read(&self, presented: &Presented<'_>) -> Result<SessionAction, Refusal> {
        let payload = presented.credential.payload();
        if payload.get("signature").is_some_and(|it| it == "bad") {
            return Err(Refusal::new(ProblemType::SessionInvalidSignature, "The signature is bad."));
        }
        let channel = text(payload, "channelId")?.to_owned();
        let session = session_of(self.terms.method.as_str(), &channel);
        let key = |kind: &str| ProofKey::new(format!("double/{kind}/{}", text(payload, "key").unwrap_or(&channel)));
        let voucher = || {
            Ok::<_, Refusal>(Box::new(Voucher {
                session,
                channel: channel.clone(),
                cumulative: amount(payload, "cumulativeAmount")?,
                signer: text(payload, "signer")?.to_owned(),
                kept: b"signed".to_vec(),
            }))
        };
        Ok(match text(payload, "action")? {
            "open" => SessionAction::Open(Box::new(Opening {
                payer: PayerId::new(text(payload, "payer").unwrap_or(text(payload, "signer")?)),
                signer: text(payload, "signer")?.to_owned(),
                asset: self.terms.asset.clone(),
                deposit: amount(payload, "deposit")?,
                key: key("open"),
                deposit_kept: Vec::new(),
                session_kept: channel.clone().into_bytes(),
                voucher: *voucher()?,
            })),
            "topUp" => SessionAction::TopUp(Box::new(Addition {
                session,
                channel: channel.clone(),
                deposit: amount(payload, "deposit")?,
                key: key("topUp"),
                deposit_kept: Vec::new(),
                payer: Some(PayerId::new(text(payload, "signer")?)),
            })),
            "voucher" => SessionAction::Voucher(voucher()?),
            "close" => SessionAction::Close(voucher()?),
            _ => return Err(invalid("no such action")),
        })
    }

    fn snapshot(&self, session: &SessionView<'_>) -> JsonObject {
        let members = [
            ("channelId", session.channel.to_owned()),
            ("deposit", session.deposit.to_string()),
            ("acceptedCumulative", session.accepted.to_string()),
            ("requiredCumulative", session.required.to_string()),
            ("spent", session.spent.to_string()),
        ];
        members.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect()
    }
}

fn unknown() -> Unknown {
    Unknown { reason: "no answer".to_owned(), ask_again: Duration::from_secs(1) }
}

fn refusal() -> Rejected {
    let refusal = Refusal::new(ProblemType::VerificationFailed, "The deposit cannot be made.");
    Rejected { reason: "scripted".to_owned(), refusal }
}

impl Settler for Double {
    fn settle<'a>(&'a self, claim: &'a Claim) -> Answer<'a, Settlement> {
        Box::pin(async move {
            let collecting = Collecting::read(&claim.proof.kept);
            let doing = self.vault.next("settle");
            let key = claim.proof.key.as_str();
            if !matches!(doing, Vaulting::Refuse | Vaulting::UndoneUnsaid) {
                self.vault.collect(&collecting.channel, key, collecting.total, collecting.closes);
            }
            match doing {
                Vaulting::Honest => Settlement::Settled(settled(key, claim)),
                Vaulting::Refuse => Settlement::Rejected(refusal()),
                Vaulting::DoneUnsaid | Vaulting::UndoneUnsaid => Settlement::Unknown(unknown()),
                Vaulting::Hang => std::future::pending().await,
            }
        })
    }

    fn lookup<'a>(&'a self, claim: &'a Claim) -> Answer<'a, Settlement> {
        Box::pin(async move {
            let key = claim.proof.key.as_str();
            match self.vault.has_collected(key) {
                true => Settlement::Settled(settled(key, claim)),
                false => Settlement::Rejected(refusal()),
            }
        })
    }

    fn refund<'a>(&'a self, _: &'a Refund) -> Answer<'a, Settlement> {
        Box::pin(std::future::ready(Settlement::Rejected(refusal())))
    }

    fn statement<'a>(&'a self, after: &'a Cursor) -> Answer<'a, Result<RailStatement, RailError>> {
        let _ = after;
        Box::pin(std::future::ready(Err(RailError("the double writes no statements".to_owned()))))
    }
}

fn settled(key: &str, claim: &Claim) -> Settled {
    Settled {
        reference: format!("collected/{key}"),
        at: claim.claimed_at,
        fee: Amount::ZERO,
        passed_on: Amount::ZERO,
        consumed: Vec::new(),
        captured: None,
    }
}

impl Escrow for Double {
    fn deposit<'a>(&'a self, claim: &'a DepositClaim) -> Answer<'a, Deposited> {
        Box::pin(async move {
            match self.vault.next("deposit") {
                Vaulting::Honest => Deposited::Held(self.vault.put_in(claim)),
                Vaulting::Refuse => Deposited::Rejected(refusal()),
                Vaulting::UndoneUnsaid => Deposited::Unknown(unknown()),
                Vaulting::DoneUnsaid => {
                    self.vault.put_in(claim);
                    Deposited::Unknown(unknown())
                }
                Vaulting::Hang => {
                    self.vault.put_in(claim);
                    std::future::pending().await
                }
            }
        })
    }

    fn lookup_deposit<'a>(&'a self, claim: &'a DepositClaim) -> Answer<'a, Deposited> {
        Box::pin(async move {
            match self.vault.look_up(claim) {
                _ if self.vault.is_silent() => Deposited::Unknown(Unknown {
                    reason: "it is not included yet".to_owned(),
                    ask_again: Duration::from_secs(2),
                }),
                Some(standing) => Deposited::Held(standing),
                None => Deposited::Rejected(refusal()),
            }
        })
    }

    fn standing<'a>(&'a self, session_kept: &'a [u8]) -> Answer<'a, Result<ChannelStanding, RailError>> {
        Box::pin(async move {
            let channel = String::from_utf8(session_kept.to_vec()).unwrap();
            let found = self.vault.standing_of(&channel);
            found.ok_or_else(|| RailError("there is no such channel".to_owned()))
        })
    }

    fn collection(&self, collection: &Collection<'_>) -> Result<Proof, RailError> {
        let channel = String::from_utf8(collection.session_kept.to_vec()).unwrap();
        let (total, closes) = (collection.capture, collection.closes);
        let moved = total.checked_sub(collection.settled).unwrap();
        Ok(Proof {
            key: ProofKey::new(format!("double/collect/{channel}/{total}/{closes}")),
            payer: Some(collection.payer.clone()),
            amount: moved,
            asset: self.terms.asset.clone(),
            kept: json!({ "channel": channel, "total": total.to_string(), "closes": closes }).to_string().into_bytes(),
        })
    }
}

struct Collecting {
    channel: String,
    total: Amount,
    closes: bool,
}

impl Collecting {
    fn read(kept: &[u8]) -> Self {
        let kept: Value = serde_json::from_slice(kept).unwrap();
        Self {
            channel: kept["channel"].as_str().unwrap().to_owned(),
            total: kept["total"].as_str().unwrap().parse().unwrap(),
            closes: kept["closes"].as_bool().unwrap(),
        }
    }
}
