//! EIP-3009: a signed permission to move a token once, to one recipient, within a span of time.
//!
//! Nothing here is of one method: `evm`, `usdc` and other protocols differ only in what the nonce
//! must be.

use alloy_primitives::{Address, B256, Bytes, U256, b256, keccak256};
use farthing_protocol::JsonObject;
use farthing_rail::{Fault, ProofKey};

use super::payload::{InvalidPayload, address, number, signature, word};
use super::signed::{Signed, SignedBy, signed_by};
use super::window::{NotInTime, Window};
use crate::Way;
use crate::eip712::{message, struct_hash};

/// Keccak-256 of `TransferWithAuthorization(address from,address to,uint256 value,uint256
/// validAfter,uint256 validBefore,bytes32 nonce)`.
const TRANSFER_WITH_AUTHORIZATION: B256 = b256!("7c7c6cdb67a18743f49ec6fa9b35f50d52ed05cbed4cc592e13b44501c1a2267");

/// A signed authorization, as it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// Whose money.
    pub from: Address,
    /// Who is paid.
    pub to: Address,
    /// Base units.
    pub value: U256,
    /// Not before this time of the chain, in seconds.
    pub valid_after: U256,
    /// Only before this time of the chain, in seconds.
    pub valid_before: U256,
    /// What makes it single-use.
    pub nonce: B256,
    /// 65 bytes of an ordinary account, or what a contract account takes.
    pub signature: Bytes,
}

/// What an authorization must say.
#[derive(Clone, Copy, Debug)]
pub struct ExpectedAuthorization {
    /// The separator of the token's EIP-712 domain, from our own file.
    pub separator: B256,
    /// Who is to be paid.
    pub to: Address,
    /// Base units, exactly.
    pub value: U256,
    /// The nonce that binds it to what is paid for, where the protocol has such a rule.
    pub nonce: Option<B256>,
    /// When it may be valid.
    pub window: Window,
    /// Whether contract accounts may pay: what does not recover is then left to the chain.
    pub contract_payers: bool,
}

/// Why an authorization does not pay, in words for whoever signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorizationError {
    /// Somebody else would be paid.
    #[error("the authorization pays {got}, but the challenge asks to pay {expected}")]
    Recipient {
        /// Whom the challenge names.
        expected: Address,
        /// Whom the authorization names.
        got: Address,
    },
    /// Less than asked.
    #[error("the authorization is for {got} base units, but the challenge asks for {expected}")]
    TooLittle {
        /// What the challenge asks for.
        expected: U256,
        /// What is authorized.
        got: U256,
    },
    /// More than asked: taking it would be taking what was not priced.
    #[error(
        "the authorization is for {got} base units, more than the {expected} asked for; authorize the exact amount"
    )]
    TooMuch {
        /// What the challenge asks for.
        expected: U256,
        /// What is authorized.
        got: U256,
    },
    /// Made for another challenge, or for none.
    #[error("the authorization's nonce is not the one of this challenge; sign the challenge as received")]
    Nonce,
    /// Its life does not suit.
    #[error("the authorization cannot be used: {0}")]
    Time(#[from] NotInTime),
    /// The signature is not the payer's.
    #[error("the authorization's signature is refused: {0}")]
    Signature(#[from] SignedBy),
}

impl AuthorizationError {
    /// What is wrong, for other protocols' words.
    pub(crate) const fn fault(self) -> Fault {
        match self {
            Self::Recipient { .. } => Fault::Recipient,
            Self::TooLittle { .. } | Self::TooMuch { .. } => Fault::Amount,
            Self::Nonce => Fault::OfferUnknown,
            Self::Time(time) => time.fault(),
            Self::Signature(_) => Fault::Signature,
        }
    }
}

impl Authorization {
    /// Reads the members of a payload.
    pub fn read(object: &JsonObject) -> Result<Self, InvalidPayload> {
        Self::read_beside(object, object)
    }

    /// Reads the members of an object, and the signature that stands in another.
    pub(crate) fn read_beside(object: &JsonObject, signed: &JsonObject) -> Result<Self, InvalidPayload> {
        Ok(Self {
            from: address(object, "from")?,
            to: address(object, "to")?,
            value: number(object, "value")?,
            valid_after: number(object, "validAfter")?,
            valid_before: number(object, "validBefore")?,
            nonce: word(object, "nonce")?,
            signature: signature(signed)?,
        })
    }

    /// As the members of a payload.
    pub fn to_object(&self) -> JsonObject {
        let members = [
            ("from", self.from.to_checksum(None)),
            ("to", self.to.to_checksum(None)),
            ("value", self.value.to_string()),
            ("validAfter", self.valid_after.to_string()),
            ("validBefore", self.valid_before.to_string()),
            ("nonce", self.nonce.to_string()),
            ("signature", self.signature.to_string()),
        ];
        members.into_iter().map(|(name, text)| (name.to_owned(), text.into())).collect()
    }

    /// The 66 bytes that are signed, for the domain of a token.
    pub fn message(&self, separator: &B256) -> [u8; 66] {
        let words = [
            self.from.into_word(),
            self.to.into_word(),
            self.value.into(),
            self.valid_after.into(),
            self.valid_before.into(),
            self.nonce,
        ];
        message(separator, &struct_hash(&TRANSFER_WITH_AUTHORIZATION, &words))
    }

    /// The hash that is signed, for the domain of a token.
    pub fn digest(&self, separator: &B256) -> B256 {
        keccak256(self.message(separator))
    }

    /// Checks everything that bytes can tell, the signature last. The answer is how it is to be
    /// settled.
    pub fn check(&self, expected: &ExpectedAuthorization) -> Result<Way, AuthorizationError> {
        if self.to != expected.to {
            return Err(AuthorizationError::Recipient { expected: expected.to, got: self.to });
        }
        let (asked, got) = (expected.value, self.value);
        if got < asked {
            return Err(AuthorizationError::TooLittle { expected: asked, got });
        }
        if got > asked {
            return Err(AuthorizationError::TooMuch { expected: asked, got });
        }
        if expected.nonce.is_some_and(|nonce| nonce != self.nonce) {
            return Err(AuthorizationError::Nonce);
        }
        expected.window.check_begin(self.valid_after)?;
        expected.window.check_end(self.valid_before)?;
        let signed =
            signed_by(self.from, &self.digest(&expected.separator), &self.signature, expected.contract_payers)?;
        Ok(self.to_way(signed))
    }

    fn to_way(&self, signed: Signed) -> Way {
        Way::Authorization {
            from: self.from,
            to: self.to,
            value: self.value,
            valid_after: self.valid_after,
            valid_before: self.valid_before,
            nonce: self.nonce,
            signature: self.signature.clone(),
            by_contract: signed == Signed::PerhapsByContract,
        }
    }

    /// What makes it single-use, ever, whatever protocol carries it.
    pub fn key(&self, chain: u64, token: &Address) -> ProofKey {
        ProofKey::new(format!("eip155:{chain}/authorization/{token:#x}/{:#x}/{:#x}", self.from, self.nonce))
    }
}

#[cfg(test)]
mod tests;
