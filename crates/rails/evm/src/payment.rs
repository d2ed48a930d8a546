use alloy_primitives::{Address, B256, Bytes, U256};
use serde::{Deserialize, Serialize};

use crate::x402::Proxy;

/// What a verified credential comes to. Kept in the books with its claim, so that a payment can be
/// finished or looked up after a crash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// The chain (EIP-155).
    pub chain: u64,
    /// The token's contract.
    pub token: Address,
    /// Whose money it is; every transfer must come from this account where it is known.
    pub payer: Option<Address>,
    /// Who is to get how much. Never empty, but for a proof of nothing.
    pub legs: Vec<Leg>,
    /// How the money moves.
    pub way: Way,
}

/// One transfer that a payment must contain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    /// Who is paid.
    pub recipient: Address,
    /// Base units of the token.
    pub amount: U256,
    /// What must be written beside it.
    pub memo: Memo,
}

/// The memo that a transfer must carry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Memo {
    /// Whatever, or none.
    Any,
    /// Exactly this one.
    Exactly(B256),
    /// The attribution memo of one challenge at one server, from any client.
    Attributed {
        /// The first ten bytes of the Keccak-256 of the realm.
        server: [u8; 10],
        /// The first seven bytes of the Keccak-256 of the challenge id.
        challenge: [u8; 7],
    },
}

/// How the money moves, and everything needed to make it move and to see that it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Way {
    /// Nothing moves: the payer proved control of an account for a price of zero.
    Proof {
        /// The key that signed for the account, when it is not the account's own: the chain must
        /// know it as an access key.
        access_key: Option<Address>,
    },
    /// The payer's signed transaction, to be sent as it is.
    Transaction {
        /// The bytes to send.
        raw: Bytes,
        /// Its hash, which no later step changes.
        hash: B256,
        /// Who sends it.
        sender: Address,
        /// Its place in the order of the sender's transactions.
        nonce: SentNonce,
        /// After this time of the chain (seconds) it can never be included.
        valid_before: Option<u64>,
    },
    /// The payer's signed transaction without a fee, to be co-signed by a sponsor and then sent.
    Sponsored {
        /// The bytes as presented.
        raw: Bytes,
        /// Who sends it.
        sender: Address,
        /// After this time of the chain (seconds) it can never be included.
        valid_before: u64,
    },
    /// The payer has sent it: the chain must show it.
    Shown {
        /// The transaction.
        hash: B256,
        /// A block before this time of the chain (seconds) cannot be an answer to the challenge.
        not_before: u64,
    },
    /// A signed EIP-3009 authorization.
    Authorization {
        /// The payer's account.
        from: Address,
        /// Who is paid.
        to: Address,
        /// How much.
        value: U256,
        /// Not before this time of the chain, in seconds.
        valid_after: U256,
        /// Only before this time of the chain, in seconds.
        valid_before: U256,
        /// What makes it single-use.
        nonce: B256,
        /// 65 bytes of an ordinary account, or what a contract account takes (ERC-1271, ERC-6492).
        signature: Bytes,
        /// Whether the signature could not be recovered to `from`, so that the account's contract
        /// must be asked.
        by_contract: bool,
    },
    /// A signed Permit2 witness transfer.
    Permit2 {
        /// The payer's account.
        owner: Address,
        /// Who may submit it.
        spender: Address,
        /// What makes it single-use, unordered.
        nonce: U256,
        /// Only until this time of the chain, in seconds.
        deadline: U256,
        /// What the signature covers beside the transfer: the witness's hash.
        witness: B256,
        /// The witness type string that was signed.
        witness_type: String,
        /// Whether the array form was signed.
        batch: bool,
        /// 65 bytes of an ordinary account, or what a contract account takes.
        signature: Bytes,
        /// As for an authorization.
        by_contract: bool,
    },
    /// A signed Permit2 transfer that one of x402's proxies submits.
    Proxied {
        /// Which.
        proxy: Proxy,
        /// The payer's account.
        owner: Address,
        /// Who is paid.
        to: Address,
        /// What is permitted: all that moves, or the most.
        permitted: U256,
        /// What makes it single-use, unordered.
        nonce: U256,
        /// Only until this time of the chain, in seconds.
        deadline: U256,
        /// Not before this time of the chain, in seconds.
        valid_after: U256,
        /// Who alone may have it submitted, in the scheme `upto`; zero otherwise.
        facilitator: Address,
        /// 65 bytes of an ordinary account, or what a contract account takes.
        signature: Bytes,
        /// As for an authorization.
        by_contract: bool,
    },
    /// A call of ours to a session's escrow, which moves the money: a deposit that its payer signed for, or what
    /// a voucher is worth.
    Called {
        /// The escrow.
        contract: Address,
        /// What is said to it.
        data: Bytes,
        /// After this time of the chain (seconds) it can no longer succeed.
        valid_before: Option<u64>,
    },
}

impl Payment {
    /// Whether less than its legs say may be taken of it.
    pub(crate) fn is_up_to(&self) -> bool {
        matches!(self.way, Way::Proxied { proxy: Proxy::Upto, .. })
    }

    /// Who alone may have it submitted, where the payer named somebody.
    pub(crate) fn submitter(&self) -> Option<Address> {
        match &self.way {
            Way::Proxied { proxy: Proxy::Upto, facilitator, .. } => Some(*facilitator),
            _ => None,
        }
    }

    /// The same, taking so much of what is permitted.
    #[must_use]
    pub(crate) fn taking(&self, amount: U256) -> Self {
        let legs = self.legs.iter().map(|leg| Leg { amount, ..leg.clone() }).collect();
        Self { legs, ..self.clone() }
    }
}

/// A transaction's place in the order of its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentNonce {
    /// The sequence it belongs to; zero on chains with one sequence, all ones for expiring nonces.
    pub key: U256,
    /// The number in it.
    pub number: u64,
}

impl Memo {
    /// Whether a transfer that carries `memo` (or none) is this one.
    pub fn fits(&self, memo: Option<&B256>) -> bool {
        match (self, memo) {
            (Self::Any, _) => true,
            (Self::Exactly(expected), Some(memo)) => expected == memo,
            (Self::Attributed { server, challenge }, Some(memo)) => {
                memo.starts_with(&[0xef, 0x1e, 0xd7, 0x12, 0x01])
                    && memo.get(5..15) == Some(server)
                    && memo.get(25..) == Some(challenge)
            }
            (_, None) => false,
        }
    }
}
