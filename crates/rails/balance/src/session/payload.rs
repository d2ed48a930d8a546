use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use farthing_money::Amount;
use farthing_protocol::JsonObject;

use crate::PayerKey;

/// What a session credential of this method says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Payload {
    pub(super) action: Action,
    pub(super) payer: PayerKey,
    /// The payer's name as it came: there is one way to write it.
    pub(super) did: String,
    pub(super) channel: String,
}

/// What it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Open { deposit: Amount, deposit_signature: [u8; 64], voucher: Signed },
    TopUp { deposit: Amount, deposit_signature: [u8; 64] },
    Voucher(Signed),
    Close(Signed),
}

/// A total and the signature over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Signed {
    pub(super) total: Amount,
    pub(super) signature: [u8; 64],
}

/// Why a payload is not of this method, in words for whoever wrote the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidPayload {
    #[error("the payload has no text member \"{0}\"; the actions are open, topUp, voucher and close")]
    Missing(&'static str),
    #[error("the payload's action is none of open, topUp, voucher and close")]
    Action,
    #[error("the payload's \"payer\" is not the did:key of an Ed25519 key")]
    Payer,
    #[error("the payload's \"channelId\" is not 0x and 64 hexadecimal digits in lower case")]
    Channel,
    #[error("the payload's \"{0}\" is not a whole number of millionths as text")]
    Amount(&'static str),
    #[error("the payload's \"{0}\" is not the base64url, without padding, of 64 bytes")]
    Signature(&'static str),
}

impl Payload {
    /// Reads a payload; members it does not know are ignored (core, section 9.2.1).
    pub(super) fn read(object: &JsonObject) -> Result<Self, InvalidPayload> {
        let text = |name| object.get(name).and_then(|value| value.as_str()).ok_or(InvalidPayload::Missing(name));
        let amount = |name| text(name)?.parse().map_err(|_| InvalidPayload::Amount(name));
        let signature = |name| {
            let bytes = URL_SAFE_NO_PAD.decode(text(name)?).map_err(|_| InvalidPayload::Signature(name))?;
            bytes.try_into().map_err(|_| InvalidPayload::Signature(name))
        };
        let voucher = || Ok(Signed { total: amount("cumulativeAmount")?, signature: signature("signature")? });
        let action = match text("action")? {
            "open" => Action::Open {
                deposit: amount("deposit")?,
                deposit_signature: signature("depositSignature")?,
                voucher: voucher()?,
            },
            "topUp" => Action::TopUp {
                deposit: amount("additionalDeposit")?,
                deposit_signature: signature("depositSignature")?,
            },
            "voucher" => Action::Voucher(voucher()?),
            "close" => Action::Close(voucher()?),
            _ => return Err(InvalidPayload::Action),
        };
        let did = text("payer")?;
        let payer = did.parse().map_err(|_| InvalidPayload::Payer)?;
        let channel = text("channelId")?;
        if !is_channel(channel) {
            return Err(InvalidPayload::Channel);
        }
        Ok(Self { action, payer, did: did.to_owned(), channel: channel.to_owned() })
    }

    pub(super) fn to_object(&self) -> JsonObject {
        let mut object = JsonObject::new();
        let mut put = |name: &str, text: String| object.insert(name.to_owned(), text.into());
        put("payer", self.did.clone());
        put("channelId", self.channel.clone());
        let (action, voucher) = match &self.action {
            Action::Open { deposit, deposit_signature, voucher } => {
                put("deposit", deposit.to_string());
                put("depositSignature", URL_SAFE_NO_PAD.encode(deposit_signature));
                ("open", Some(voucher))
            }
            Action::TopUp { deposit, deposit_signature } => {
                put("additionalDeposit", deposit.to_string());
                put("depositSignature", URL_SAFE_NO_PAD.encode(deposit_signature));
                ("topUp", None)
            }
            Action::Voucher(voucher) => ("voucher", Some(voucher)),
            Action::Close(voucher) => ("close", Some(voucher)),
        };
        put("action", action.to_owned());
        if let Some(Signed { total, signature }) = voucher {
            put("cumulativeAmount", total.to_string());
            put("signature", URL_SAFE_NO_PAD.encode(signature));
        }
        object
    }
}

fn is_channel(text: &str) -> bool {
    let digits = text.strip_prefix("0x").unwrap_or_default();
    digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}
