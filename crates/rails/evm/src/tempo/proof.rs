//! The proof that answers a price of zero: control of an account, nothing paid.
//!
//! What is signed differs: the official clients sign domain version 3 with account, challenge and
//! realm, the draft has version 1 with the challenge alone. We sign the former and take both.

use alloy_primitives::{Address, B256, keccak256};

use super::sender::{Sender, SenderError, read_signature};
use crate::eip712::{Domain, message, struct_hash};

const DOMAIN: &str = "MPP";

/// Whose proof it is, and of what.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'a> {
    /// The account that the payer says is theirs.
    pub account: Address,
    /// The chain (EIP-155).
    pub chain: u64,
    /// The id of the challenge.
    pub challenge: &'a str,
    /// The server's realm.
    pub realm: &'a str,
}

/// Why a proof proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// See [`SenderError`].
    #[error(transparent)]
    Signature(#[from] SenderError),
    /// The key acts for another account.
    #[error("the proof was signed for {signed}, but its source is {claimed}")]
    Account {
        /// Whose key signed.
        signed: Address,
        /// Who the source says.
        claimed: Address,
    },
}

impl Statement<'_> {
    /// The 66 bytes whose Keccak-256 a client signs, in the official clients' form.
    pub fn message(&self) -> [u8; 66] {
        let typed = keccak256("Proof(address account,string challengeId,string realm)");
        let words = [self.account.into_word(), keccak256(self.challenge), keccak256(self.realm)];
        message(&self.domain("3").separator(), &struct_hash(&typed, &words))
    }

    fn drafts_message(&self) -> [u8; 66] {
        let typed = keccak256("Proof(string challengeId)");
        message(&self.domain("1").separator(), &struct_hash(&typed, &[keccak256(self.challenge)]))
    }

    fn domain<'a>(&self, version: &'a str) -> Domain<'a> {
        Domain { name: DOMAIN, version: Some(version), chain: self.chain, contract: None }
    }

    /// Checks a signature. When the account's own key did not make it, the answer names the key
    /// that did: whether the account has authorized it, only the chain knows.
    pub fn check(&self, signature: &[u8]) -> Result<Option<Address>, ProofError> {
        let signature = read_signature(signature)?;
        let signer = |message: [u8; 66]| -> Result<Sender, SenderError> {
            Sender::recover(&signature, &B256::from(keccak256(message)))
        };
        let ours = signer(self.message());
        let is_own =
            |sender: &Result<Sender, SenderError>| *sender == Ok(Sender { account: self.account, access_key: None });
        if is_own(&ours) || is_own(&signer(self.drafts_message())) {
            return Ok(None);
        }
        match ours? {
            Sender { account, access_key: None } => Ok(Some(account)),
            Sender { account, access_key } if account == self.account => Ok(access_key),
            Sender { account, .. } => Err(ProofError::Account { signed: account, claimed: self.account }),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::hex;
    use serde_json::Value;
    use tempo_primitives::transaction::{KeychainSignature, PrimitiveSignature, TempoSignature};

    use super::*;
    use crate::tempo::testing::{OTHER, account, at_once};

    const STATEMENT: (&str, &str) = ("kM9xPqWvT2nJrHsY4aDfEb", "api.example.com");

    fn statement(account: Address) -> Statement<'static> {
        Statement { account, chain: 42431, challenge: STATEMENT.0, realm: STATEMENT.1 }
    }

    #[test]
    fn the_published_proof_holds() {
        let vectors: Value = serde_json::from_str(include_str!("../../tests/vectors/tempo.json")).unwrap();
        let proof = &vectors["proof_v3"];
        let text = |value: &Value| hex::decode(value.as_str().unwrap()).unwrap();
        let statement = statement(Address::from_slice(&text(&proof["message"]["account"])));
        assert_eq!(keccak256(statement.message()).to_vec(), text(&proof["digest"]));
        assert_eq!(statement.check(&text(&proof["signature"])), Ok(None));
        assert_eq!(at_once(account(1).sign(&statement.message())).unwrap().to_vec(), text(&proof["signature"]));
    }

    #[test]
    fn the_drafts_form_holds_too() {
        let payer = account(1);
        let statement = statement(payer.address());
        let signature = at_once(payer.sign(&statement.drafts_message())).unwrap();
        assert_eq!(statement.check(&signature), Ok(None));
    }

    #[test]
    fn another_key_is_named_and_another_account_refused() {
        let (root, key) = (account(1), account(2));
        let statement = statement(root.address());
        let bare = at_once(key.sign(&statement.message())).unwrap();
        assert_eq!(statement.check(&bare), Ok(Some(key.address())));

        let digest = keccak256(statement.message());
        let wrapped = |account: Address| {
            let message = [&[0x04], digest.as_slice(), account.as_slice()].concat();
            let inner = PrimitiveSignature::from_bytes(&at_once(key.sign(&message)).unwrap()).unwrap();
            TempoSignature::Keychain(KeychainSignature::new(account, inner)).to_bytes()
        };
        assert_eq!(statement.check(&wrapped(root.address())), Ok(Some(key.address())));
        let elsewhere = ProofError::Account { signed: OTHER, claimed: root.address() };
        assert_eq!(statement.check(&wrapped(OTHER)), Err(elsewhere));
    }

    #[test]
    fn a_proof_of_something_else_is_not_the_accounts() {
        let payer = account(1);
        let signed = statement(payer.address());
        let signature = at_once(payer.sign(&signed.message())).unwrap();
        for other in [
            Statement { chain: 4217, ..signed },
            Statement { challenge: "another", ..signed },
            Statement { realm: "shop.example", ..signed },
            Statement { account: OTHER, ..signed },
        ] {
            let key = other.check(&signature).unwrap();
            assert!(key.is_some_and(|key| key != payer.address()));
        }
        let short = signed.check(&signature[..64]);
        assert_eq!(short, Err(ProofError::Signature(crate::NotRecoverable::Length.into())));
    }
}
