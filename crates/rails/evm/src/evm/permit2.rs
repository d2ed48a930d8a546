//! Permit2: a signed permission for one spender to move tokens once, to the recipients that it
//! names itself when it submits, bound to a challenge by a witness (draft-evm-charge, "Permit2
//! Payload").

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use farthing_protocol::JsonObject;
use farthing_rail::ProofKey;
use serde_json::Value;

use super::calldata::PERMIT2;
use super::payload::{InvalidPayload, address, member, number, signature, text, word};
use super::signed::{Signed, SignedBy, signed_by};
use super::window::{NotInTime, Window};
use crate::eip712::{Domain, message, struct_hash};
use crate::{Leg, Way};

/// More than any request has: the recipient and ten splits.
const MOST_TRANSFERS: usize = 11;

/// How the type of the witness is written. EIP-712 leaves no choice, but the draft's literal text has
/// a space after the comma, which makes another hash. Permit2 takes either, so both are verified;
/// what the draft says is what we sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// As the draft has it, with the space.
    Draft,
    /// As EIP-712 has it, and wallets that encode the type themselves.
    Canonical,
}

/// A signed transfer, as it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permit2Transfer {
    /// What is permitted, one entry for each transfer: token and base units.
    pub permitted: Vec<(Address, U256)>,
    /// What makes it single-use; unordered.
    pub nonce: U256,
    /// Only until this time of the chain, in seconds.
    pub deadline: U256,
    /// Who gets how much, in base units.
    pub transfers: Vec<(Address, U256)>,
    /// The hash of the challenge.
    pub challenge_hash: B256,
    /// The seller's reference, empty where there is none.
    pub external_id: String,
    /// 65 bytes of an ordinary account, or what a contract account takes.
    pub signature: Bytes,
}

/// What a transfer must say.
#[derive(Clone, Copy, Debug)]
pub struct ExpectedPermit2<'a> {
    /// The chain (EIP-155).
    pub chain: u64,
    /// Whose money: the credential's source.
    pub owner: Address,
    /// Who will submit it.
    pub spender: Address,
    /// The token.
    pub token: Address,
    /// Who is to get how much, in this order.
    pub legs: &'a [Leg],
    /// The hash of the challenge.
    pub challenge_hash: B256,
    /// The seller's reference, empty where there is none.
    pub external_id: &'a str,
    /// When it may end.
    pub window: Window,
    /// Whether contract accounts may pay.
    pub contract_payers: bool,
}

/// Why a transfer does not pay, in words for whoever signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Permit2Error {
    /// Not as many transfers as asked.
    #[error("the permit has {permitted} permissions and {transfers} transfers, but the challenge asks for {expected}")]
    Count {
        /// Transfers that the challenge asks for.
        expected: usize,
        /// Permissions.
        permitted: usize,
        /// Transfers.
        transfers: usize,
    },
    /// Another token is permitted.
    #[error("the permit is for the token {0}, which is not the one the challenge asks for")]
    Token(Address),
    /// Somebody else would be paid.
    #[error(
        "transfer {place} pays {got}, but the challenge asks to pay {expected} there; keep the order of the splits"
    )]
    Recipient {
        /// Which transfer, from 0.
        place: usize,
        /// Whom the challenge names.
        expected: Address,
        /// Whom the transfer names.
        got: Address,
    },
    /// Another amount, permitted or to be transferred.
    #[error("transfer {place} is for {got} base units, but the challenge asks for exactly {expected} there")]
    Amount {
        /// Which transfer, from 0.
        place: usize,
        /// What the challenge asks for.
        expected: U256,
        /// What the permit or the transfer says.
        got: U256,
    },
    /// Made for another challenge, or for none.
    #[error("the witness is not the one of this challenge; sign the challenge as received")]
    Witness,
    /// Another reference of the seller's.
    #[error("the witness's externalId is not the challenge's")]
    ExternalId,
    /// Its life does not suit.
    #[error("the permit cannot be used: {0}")]
    Time(#[from] NotInTime),
    /// The signature is not the payer's.
    #[error("the permit's signature is refused: {0}")]
    Signature(#[from] SignedBy),
}

impl Spelling {
    const ALL: [Self; 2] = [Self::Draft, Self::Canonical];

    const fn witness_type(self) -> &'static str {
        match self {
            Self::Draft => "PaymentWitness(bytes32 challengeHash, string externalId)",
            Self::Canonical => "PaymentWitness(bytes32 challengeHash,string externalId)",
        }
    }

    /// The text that Permit2 is handed: what follows its own fields in the type that is signed.
    pub fn witness_type_string(self) -> String {
        format!("PaymentWitness witness){}TokenPermissions(address token,uint256 amount)", self.witness_type())
    }
}

impl Permit2Transfer {
    /// Reads the members of a payload.
    pub fn read(object: &JsonObject) -> Result<Self, InvalidPayload> {
        let rule = "an object with permitted, nonce and deadline";
        let permit = object.get("permit").and_then(Value::as_object).ok_or(member("permit", rule))?;
        let rule = "an object with challengeHash and, where the challenge has one, externalId";
        let witness = object.get("witness").and_then(Value::as_object).ok_or(member("witness", rule))?;
        let external_id = match witness.get("externalId") {
            None => "",
            Some(_) => text(witness, "externalId", "a text")?,
        };
        Ok(Self {
            permitted: pairs(permit, "permitted", ("token", "amount"))?,
            nonce: number(permit, "nonce")?,
            deadline: number(permit, "deadline")?,
            transfers: pairs(object, "transferDetails", ("to", "requestedAmount"))?,
            challenge_hash: word(witness, "challengeHash")?,
            external_id: external_id.to_owned(),
            signature: signature(object)?,
        })
    }

    /// As the members of a payload.
    pub fn to_object(&self) -> JsonObject {
        let pairs = |pairs: &[(Address, U256)], names: (&str, &str)| {
            let pair = |(address, amount): &(Address, U256)| serde_json::json!({ names.0: address.to_checksum(None), names.1: amount.to_string() });
            Value::from_iter(pairs.iter().map(pair))
        };
        let mut witness = JsonObject::new();
        witness.insert("challengeHash".into(), self.challenge_hash.to_string().into());
        if !self.external_id.is_empty() {
            witness.insert("externalId".into(), self.external_id.as_str().into());
        }
        let permit = serde_json::json!({
            "permitted": pairs(&self.permitted, ("token", "amount")),
            "nonce": self.nonce.to_string(),
            "deadline": self.deadline.to_string(),
        });
        let members = [
            ("permit", permit),
            ("transferDetails", pairs(&self.transfers, ("to", "requestedAmount"))),
            ("witness", Value::Object(witness)),
            ("signature", self.signature.to_string().into()),
        ];
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The hash of the witness.
    pub fn witness(&self, spelling: Spelling) -> B256 {
        let words = [self.challenge_hash, keccak256(&self.external_id)];
        struct_hash(&keccak256(spelling.witness_type()), &words)
    }

    /// The 66 bytes that are signed: the batch form when there are several transfers.
    pub fn message(&self, chain: u64, spender: Address, spelling: Spelling) -> [u8; 66] {
        let permissions: Vec<B256> = self.permitted.iter().map(|(token, amount)| permission(token, amount)).collect();
        let (kind, several, permitted) = match permissions.as_slice() {
            [one] => ("PermitWitnessTransferFrom", "", *one),
            many => ("PermitBatchWitnessTransferFrom", "[]", keccak256(many.concat())),
        };
        let fields =
            format!("{kind}(TokenPermissions{several} permitted,address spender,uint256 nonce,uint256 deadline,");
        let type_hash = keccak256(fields + &spelling.witness_type_string());
        let words = [permitted, spender.into_word(), self.nonce.into(), self.deadline.into(), self.witness(spelling)];
        let domain = Domain { name: "Permit2", version: None, chain, contract: Some(PERMIT2) };
        message(&domain.separator(), &struct_hash(&type_hash, &words))
    }

    /// Checks everything that bytes can tell, the signature last. The answer is how it is to be
    /// settled.
    pub fn check(&self, expected: &ExpectedPermit2<'_>) -> Result<Way, Permit2Error> {
        self.check_transfers(expected)?;
        if self.challenge_hash != expected.challenge_hash {
            return Err(Permit2Error::Witness);
        }
        if self.external_id != expected.external_id {
            return Err(Permit2Error::ExternalId);
        }
        expected.window.check_end(self.deadline)?;
        let (spelling, signed) = self.signed(expected)?;
        Ok(Way::Permit2 {
            owner: expected.owner,
            spender: expected.spender,
            nonce: self.nonce,
            deadline: self.deadline,
            witness: self.witness(spelling),
            witness_type: spelling.witness_type_string(),
            batch: self.permitted.len() > 1,
            signature: self.signature.clone(),
            by_contract: signed == Signed::PerhapsByContract,
        })
    }

    /// What is permitted is what is transferred is what is asked, entry by entry.
    fn check_transfers(&self, expected: &ExpectedPermit2<'_>) -> Result<(), Permit2Error> {
        let (permitted, transfers) = (self.permitted.len(), self.transfers.len());
        if permitted != expected.legs.len() || transfers != expected.legs.len() {
            return Err(Permit2Error::Count { expected: expected.legs.len(), permitted, transfers });
        }
        let entries = expected.legs.iter().zip(&self.permitted).zip(&self.transfers).enumerate();
        for (place, ((leg, (token, permitted)), (to, transferred))) in entries {
            if *token != expected.token {
                return Err(Permit2Error::Token(*token));
            }
            if *to != leg.recipient {
                return Err(Permit2Error::Recipient { place, expected: leg.recipient, got: *to });
            }
            if let Some(got) = [*permitted, *transferred].into_iter().find(|got| *got != leg.amount) {
                return Err(Permit2Error::Amount { place, expected: leg.amount, got });
            }
        }
        Ok(())
    }

    /// Which spelling was signed. A contract account is taken to have signed the draft's.
    fn signed(&self, expected: &ExpectedPermit2<'_>) -> Result<(Spelling, Signed), SignedBy> {
        let by = |spelling, contract_payers| {
            let digest = keccak256(self.message(expected.chain, expected.spender, spelling));
            signed_by(expected.owner, &digest, &self.signature, contract_payers)
        };
        for spelling in Spelling::ALL {
            if by(spelling, false).is_ok() {
                return Ok((spelling, Signed::ByKey));
            }
        }
        by(Spelling::Draft, expected.contract_payers).map(|signed| (Spelling::Draft, signed))
    }

    /// What makes it single-use, ever.
    pub fn key(&self, chain: u64, owner: &Address) -> ProofKey {
        ProofKey::new(format!("eip155:{chain}/permit2/{owner:#x}/{}", self.nonce))
    }
}

fn permission(token: &Address, amount: &U256) -> B256 {
    struct_hash(&keccak256("TokenPermissions(address token,uint256 amount)"), &[token.into_word(), (*amount).into()])
}

fn pairs(
    object: &JsonObject,
    name: &'static str,
    (first, second): (&'static str, &'static str),
) -> Result<Vec<(Address, U256)>, InvalidPayload> {
    let rule = "a list of 1 to 11 objects";
    let list = object.get(name).and_then(Value::as_array);
    let list = list.filter(|list| (1..=MOST_TRANSFERS).contains(&list.len())).ok_or(member(name, rule))?;
    let pair = |entry: &Value| {
        let entry = entry.as_object().ok_or(member(name, rule))?;
        Ok((address(entry, first)?, number(entry, second)?))
    };
    list.iter().map(pair).collect()
}

#[cfg(test)]
mod tests;
