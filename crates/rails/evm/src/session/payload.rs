//! The payloads of a session's credentials (draft-tempo-session and draft-evm-session, credential schema).

mod deposit;

use alloy_primitives::{Address, B256, Bytes};
use farthing_money::Amount;
use farthing_protocol::JsonObject;
use serde_json::Value;

use super::{ChannelTerms, NotADescriptor};
use crate::evm::payload::{InvalidPayload, address, bytes, member, text, word};

pub use deposit::{DepositProof, PermittedDeposit, ReceiveAuthorization};

/// The longest signature taken, in bytes: WebAuthn's carry what the browser said.
const LONGEST_SIGNATURE: usize = 2 * 1024;

/// A payload, read whole. Members that are not known are ignored (core, section 9.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionPayload {
    /// A new channel and its first voucher.
    Open(Box<OpenPayload>),
    /// More money for a channel.
    TopUp(Box<TopUpPayload>),
    /// A higher total.
    Voucher(VoucherPayload),
    /// The last total.
    Close {
        /// It.
        voucher: VoucherPayload,
        /// What some clients of the reserve sign beside it. Never required.
        authorization: Option<Bytes>,
    },
}

/// A new channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenPayload {
    /// Its id.
    pub channel: B256,
    /// How the deposit is made.
    pub deposit: DepositProof,
    /// The first voucher's total.
    pub cumulative: Amount,
    /// The first voucher's signature.
    pub signature: Bytes,
    /// Whose signature vouchers need, if not the payer's.
    pub authorized_signer: Option<Address>,
    /// What the payer has chosen, where no transaction says it.
    pub salt: Option<B256>,
    /// How much is in a transaction that is only shown, in base units. The draft has no member for it; this one is
    /// ours, and what the chain says counts.
    pub said: Option<Amount>,
    /// What the channel is made of; only for the reserve.
    pub descriptor: Option<ChannelTerms>,
}

/// More money for a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopUpPayload {
    /// The channel.
    pub channel: B256,
    /// How it is paid in.
    pub deposit: DepositProof,
    /// How much.
    pub additional: Amount,
    /// What the nonce of an authorization is made from.
    pub salt: Option<B256>,
    /// What the channel is made of; only for the reserve.
    pub descriptor: Option<ChannelTerms>,
}

/// A total that a payer signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoucherPayload {
    /// The channel.
    pub channel: B256,
    /// The total.
    pub cumulative: Amount,
    /// The signature.
    pub signature: Bytes,
    /// What the channel is made of; only for the reserve.
    pub descriptor: Option<ChannelTerms>,
}

/// Why a payload is not one of a session, in words for whoever wrote the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotASessionPayload {
    /// No action, or one that is not known.
    #[error("the payload's \"action\" must be \"open\", \"topUp\", \"voucher\" or \"close\"")]
    Action,
    /// No type, or one that is not known.
    #[error("the payload's \"type\" must be \"transaction\", \"authorization\", \"permit2\" or \"hash\"")]
    Type,
    /// A member that is missing or not in its form.
    #[error(transparent)]
    Member(#[from] InvalidPayload),
    /// A descriptor that is not one.
    #[error(transparent)]
    Descriptor(#[from] NotADescriptor),
    /// A voucher that comes with more money for its channel.
    #[error("a top-up inside of a voucher is not taken here; send it by itself, then the voucher")]
    TopUpInVoucher,
}

impl SessionPayload {
    /// Reads a payload.
    pub fn read(object: &JsonObject) -> Result<Self, NotASessionPayload> {
        match object.get("action").and_then(Value::as_str).unwrap_or_default() {
            "open" => Ok(Self::Open(Box::new(open(object)?))),
            "topUp" => Ok(Self::TopUp(Box::new(TopUpPayload {
                channel: word(object, "channelId")?,
                deposit: DepositProof::read(object)?,
                additional: amount(object, "additionalDeposit")?,
                salt: salt(object)?,
                descriptor: descriptor(object)?,
            }))),
            "voucher" => match object.get("deposit") {
                None => Ok(Self::Voucher(voucher(object)?)),
                Some(deposit) => opening_voucher(object, deposit),
            },
            "close" => {
                let authorization = object.get("closeSignature").map(|_| signature(object, "closeSignature"));
                Ok(Self::Close { voucher: voucher(object)?, authorization: authorization.transpose()? })
            }
            _ => Err(NotASessionPayload::Action),
        }
    }

    /// The channel that it is about.
    pub fn channel(&self) -> B256 {
        match self {
            Self::Open(open) => open.channel,
            Self::TopUp(top_up) => top_up.channel,
            Self::Voucher(voucher) | Self::Close { voucher, .. } => voucher.channel,
        }
    }

    /// As it goes into a credential.
    pub fn to_object(&self) -> JsonObject {
        let mut object = JsonObject::new();
        let action = match self {
            Self::Open(open) => {
                open.write(&mut object);
                "open"
            }
            Self::TopUp(top_up) => {
                top_up.write(&mut object);
                "topUp"
            }
            Self::Voucher(voucher) => {
                voucher.write(&mut object);
                "voucher"
            }
            Self::Close { voucher, authorization } => {
                voucher.write(&mut object);
                if let Some(signature) = authorization {
                    object.insert("closeSignature".into(), signature.to_string().into());
                }
                "close"
            }
        };
        object.insert("action".into(), action.into());
        object
    }
}

impl OpenPayload {
    fn write(&self, object: &mut JsonObject) {
        object.insert("channelId".into(), self.channel.to_string().into());
        object.insert("cumulativeAmount".into(), self.cumulative.to_string().into());
        self.deposit.write(object);
        object.insert(self.deposit.voucher_member().into(), self.signature.to_string().into());
        if let Some(signer) = self.authorized_signer {
            object.insert("authorizedSigner".into(), signer.to_checksum(None).into());
        }
        if let Some(said) = self.said {
            object.insert("depositAmount".into(), said.to_string().into());
        }
        write_salt(object, self.salt);
        write_descriptor(object, self.descriptor);
    }
}

impl TopUpPayload {
    fn write(&self, object: &mut JsonObject) {
        object.insert("channelId".into(), self.channel.to_string().into());
        object.insert("additionalDeposit".into(), self.additional.to_string().into());
        self.deposit.write(object);
        write_salt(object, self.salt);
        write_descriptor(object, self.descriptor);
    }
}

impl VoucherPayload {
    fn write(&self, object: &mut JsonObject) {
        object.insert("channelId".into(), self.channel.to_string().into());
        object.insert("cumulativeAmount".into(), self.cumulative.to_string().into());
        object.insert("signature".into(), self.signature.to_string().into());
        write_descriptor(object, self.descriptor);
    }
}

fn open(object: &JsonObject) -> Result<OpenPayload, NotASessionPayload> {
    let deposit = DepositProof::read(object)?;
    let signer = object.get("authorizedSigner").map(|_| address(object, "authorizedSigner")).transpose()?;
    Ok(OpenPayload {
        channel: word(object, "channelId")?,
        cumulative: amount(object, "cumulativeAmount")?,
        signature: signature(object, deposit.voucher_member())?,
        authorized_signer: signer,
        salt: salt(object)?,
        said: object.get("depositAmount").map(|_| amount(object, "depositAmount")).transpose()?,
        descriptor: descriptor(object)?,
        deposit,
    })
}

/// A voucher that carries its channel's opening is an opening.
fn opening_voucher(object: &JsonObject, deposit: &Value) -> Result<SessionPayload, NotASessionPayload> {
    let rule = "an object with the action \"open\"";
    let mut joined = deposit.as_object().ok_or(member("deposit", rule))?.clone();
    if joined.get("action").and_then(Value::as_str) == Some("topUp") {
        return Err(NotASessionPayload::TopUpInVoucher);
    }
    for name in ["channelId", "cumulativeAmount"] {
        if let Some(value) = object.get(name) {
            joined.insert(name.into(), value.clone());
        }
    }
    if let Some(signature) = object.get("signature") {
        joined.insert("voucherSignature".into(), signature.clone());
    }
    Ok(SessionPayload::Open(Box::new(open(&joined)?)))
}

fn voucher(object: &JsonObject) -> Result<VoucherPayload, NotASessionPayload> {
    Ok(VoucherPayload {
        channel: word(object, "channelId")?,
        cumulative: amount(object, "cumulativeAmount")?,
        signature: signature(object, "signature")?,
        descriptor: descriptor(object)?,
    })
}

fn descriptor(object: &JsonObject) -> Result<Option<ChannelTerms>, NotASessionPayload> {
    let Some(value) = object.get("descriptor") else { return Ok(None) };
    let descriptor = value.as_object().ok_or(member("descriptor", "an object"))?;
    Ok(Some(ChannelTerms::read(descriptor)?))
}

fn salt(object: &JsonObject) -> Result<Option<B256>, NotASessionPayload> {
    Ok(object.get("salt").map(|_| word(object, "salt")).transpose()?)
}

fn amount(object: &JsonObject, name: &'static str) -> Result<Amount, NotASessionPayload> {
    let rule = "a whole number of base units as text, such as \"1000\"";
    Ok(text(object, name, rule)?.parse().map_err(|_| member(name, rule))?)
}

fn signature(object: &JsonObject, name: &'static str) -> Result<Bytes, NotASessionPayload> {
    Ok(bytes(object, name, LONGEST_SIGNATURE, "0x and the hexadecimal digits of a signature")?)
}

fn write_salt(object: &mut JsonObject, salt: Option<B256>) {
    if let Some(salt) = salt {
        object.insert("salt".into(), salt.to_string().into());
    }
}

fn write_descriptor(object: &mut JsonObject, descriptor: Option<ChannelTerms>) {
    if let Some(descriptor) = descriptor {
        object.insert("descriptor".into(), Value::Object(descriptor.to_object()));
    }
}

#[cfg(test)]
mod tests;
