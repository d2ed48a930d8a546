//! A Permit2 transfer that one of x402's proxies submits: `permit2Authorization`.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use farthing_protocol::JsonObject;
use farthing_rail::{Fault, ProofKey};
use serde_json::{Value, json};

use super::proxy::{Proxy, permission};
use crate::Way;
use crate::eip712::{Domain, message, struct_hash};
use crate::evm::calldata::PERMIT2;
use crate::evm::{InvalidPayload, NotInTime, SignedBy, Window, payload as reading, signed_by_contract};

/// A signed transfer, as it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permit {
    /// Whose money.
    pub from: Address,
    /// The token.
    pub token: Address,
    /// Base units: all that is moved (`exact`), or the most (`upto`).
    pub permitted: U256,
    /// Who may submit it to Permit2.
    pub spender: Address,
    /// What makes it single-use; unordered.
    pub nonce: U256,
    /// Only until this time of the chain, in seconds.
    pub deadline: U256,
    /// Who is paid.
    pub to: Address,
    /// Who may have the proxy submit it (`upto`).
    pub facilitator: Option<Address>,
    /// Not before this time of the chain, in seconds.
    pub valid_after: U256,
    /// 65 bytes of an ordinary account, or what a contract account takes.
    pub signature: Bytes,
}

/// What a permit must say.
#[derive(Clone, Copy, Debug)]
pub struct ExpectedPermit {
    /// The chain (EIP-155).
    pub chain: u64,
    /// Through which contract it moves the money.
    pub proxy: Proxy,
    /// The token.
    pub token: Address,
    /// Who is to be paid.
    pub to: Address,
    /// Base units, exactly.
    pub permitted: U256,
    /// Who will have the proxy submit it, where that matters.
    pub facilitator: Option<Address>,
    /// When it may be valid.
    pub window: Window,
    /// Whether contract accounts may pay: what does not recover is then left to the chain.
    pub contract_payers: bool,
}

/// Why a permit does not pay, in words for whoever signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PermitError {
    /// Another contract would submit it.
    #[error("the permit's spender is {got}, and the scheme's proxy is {expected}; sign for the proxy")]
    Spender {
        /// The proxy.
        expected: Address,
        /// Whom the permit names.
        got: Address,
    },
    /// Another account would have to submit it.
    #[error("the witness's facilitator is not {0}, who would submit it; take facilitatorAddress from the offer")]
    Facilitator(Address),
    /// Another token is permitted.
    #[error("the permit is for the token {0}, which is not the one that the offer asks for")]
    Token(Address),
    /// Somebody else would be paid.
    #[error("the permit pays {got}, but the offer asks to pay {expected}")]
    Recipient {
        /// Whom the offer names.
        expected: Address,
        /// Whom the witness names.
        got: Address,
    },
    /// Less or more than asked.
    #[error("the permit is for {got} base units, but the offer asks for exactly {expected}")]
    Amount {
        /// What the offer asks for.
        expected: U256,
        /// What is permitted.
        got: U256,
    },
    /// Its life does not suit.
    #[error("the permit cannot be used: {0}")]
    Time(#[from] NotInTime),
    /// The signature is not the payer's.
    #[error("the permit's signature is refused: {0}")]
    Signature(#[from] SignedBy),
}

impl PermitError {
    /// What is wrong, for the protocol's own words.
    pub(super) const fn fault(self) -> Fault {
        match self {
            Self::Spender { .. } | Self::Facilitator(_) => Fault::Submitter,
            Self::Token(_) => Fault::Asset,
            Self::Recipient { .. } => Fault::Recipient,
            Self::Amount { .. } => Fault::Amount,
            Self::Time(time) => time.fault(),
            Self::Signature(_) => Fault::Signature,
        }
    }
}

impl Permit {
    /// Reads a payload.
    pub fn read(payload: &JsonObject) -> Result<Self, InvalidPayload> {
        let member = |object: &JsonObject, name, rule| {
            object.get(name).and_then(Value::as_object).cloned().ok_or(reading::member(name, rule))
        };
        let rule = "an object with from, permitted, spender, nonce, deadline and witness";
        let permit = member(payload, "permit2Authorization", rule)?;
        let permitted = member(&permit, "permitted", "an object with token and amount")?;
        let witness = member(&permit, "witness", "an object with to and validAfter")?;
        let facilitator = match witness.get("facilitator") {
            None => None,
            Some(_) => Some(reading::address(&witness, "facilitator")?),
        };
        Ok(Self {
            from: reading::address(&permit, "from")?,
            token: reading::address(&permitted, "token")?,
            permitted: reading::number(&permitted, "amount")?,
            spender: reading::address(&permit, "spender")?,
            nonce: reading::number(&permit, "nonce")?,
            deadline: reading::number(&permit, "deadline")?,
            to: reading::address(&witness, "to")?,
            facilitator,
            valid_after: reading::number(&witness, "validAfter")?,
            signature: reading::signature(payload)?,
        })
    }

    /// As a payload.
    pub fn to_object(&self) -> JsonObject {
        let mut witness = json!({ "to": self.to.to_checksum(None), "validAfter": self.valid_after.to_string() });
        if let (Some(facilitator), Some(members)) = (self.facilitator, witness.as_object_mut()) {
            members.insert("facilitator".into(), facilitator.to_checksum(None).into());
        }
        let permit = json!({
            "from": self.from.to_checksum(None),
            "permitted": { "token": self.token.to_checksum(None), "amount": self.permitted.to_string() },
            "spender": self.spender.to_checksum(None),
            "nonce": self.nonce.to_string(),
            "deadline": self.deadline.to_string(),
            "witness": witness,
        });
        let members = [("signature", self.signature.to_string().into()), ("permit2Authorization", permit)];
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The 66 bytes that are signed.
    pub fn message(&self, chain: u64, proxy: Proxy) -> [u8; 66] {
        let facilitator = self.facilitator.unwrap_or_default();
        let words = [
            permission(self.token, self.permitted),
            self.spender.into_word(),
            self.nonce.into(),
            self.deadline.into(),
            proxy.witness(self.to, facilitator, self.valid_after),
        ];
        let domain = Domain { name: "Permit2", version: None, chain, contract: Some(PERMIT2) };
        message(&domain.separator(), &struct_hash(&proxy.permit_type(), &words))
    }

    /// The hash that is signed.
    pub fn digest(&self, chain: u64, proxy: Proxy) -> B256 {
        keccak256(self.message(chain, proxy))
    }

    /// Checks everything that bytes can tell, the signature last. The answer is how it is to be settled.
    pub fn check(&self, expected: &ExpectedPermit) -> Result<Way, PermitError> {
        let proxy = expected.proxy;
        if self.spender != proxy.address() {
            return Err(PermitError::Spender { expected: proxy.address(), got: self.spender });
        }
        if self.token != expected.token {
            return Err(PermitError::Token(self.token));
        }
        if self.to != expected.to {
            return Err(PermitError::Recipient { expected: expected.to, got: self.to });
        }
        if self.permitted != expected.permitted {
            return Err(PermitError::Amount { expected: expected.permitted, got: self.permitted });
        }
        if let Some(ours) = expected.facilitator.filter(|ours| self.facilitator != Some(*ours)) {
            return Err(PermitError::Facilitator(ours));
        }
        expected.window.check_begin(self.valid_after)?;
        expected.window.check_end(self.deadline)?;
        let digest = self.digest(expected.chain, proxy);
        let by_contract = signed_by_contract(self.from, &digest, &self.signature, expected.contract_payers)?;
        Ok(Way::Proxied {
            proxy,
            owner: self.from,
            to: self.to,
            permitted: self.permitted,
            nonce: self.nonce,
            deadline: self.deadline,
            valid_after: self.valid_after,
            facilitator: self.facilitator.unwrap_or_default(),
            signature: self.signature.clone(),
            by_contract,
        })
    }

    /// What makes it single-use, ever, whatever protocol carries it.
    pub fn key(&self, chain: u64) -> ProofKey {
        ProofKey::new(format!("eip155:{chain}/permit2/{:#x}/{}", self.from, self.nonce))
    }
}

#[cfg(test)]
mod tests;
