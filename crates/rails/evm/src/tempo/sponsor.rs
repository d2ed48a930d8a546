//! Paying the fee of a stranger's transaction: how much of it, and the signature that does it.

use std::time::Duration;

use alloy_primitives::{Address, B256, Signature, address, keccak256};
use farthing_protocol::Timestamp;
use tempo_primitives::transaction::{SignedKeyAuthorization, TEMPO_EXPIRING_NONCE_KEY, TempoTransaction};

use super::envelope::{Envelope, EnvelopeError};
use crate::{Account, AccountError};

/// One billionth of a dollar's 10^18th parts, the unit in which people quote gas prices.
const GWEI: u128 = 1_000_000_000;

/// The Moderato test network, where priority fees are higher.
const MODERATO: u64 = 42431;

/// The token that every Tempo chain has.
const PATH_USD: Address = address!("0x20c0000000000000000000000000000000000000");

/// How far a payer's clock may be ahead.
const CLOCK_SKEW: Duration = Duration::from_secs(5);

/// The most rules a key authorization may have that a sponsor writes to the chain.
const MOST_KEY_RULES: usize = 16;

/// What a sponsor pays for at most. The figures are those of the official servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SponsorPolicy {
    /// The chain (EIP-155).
    pub chain: u64,
    /// The most gas.
    pub max_gas: u64,
    /// The highest price of gas, in 10^-18 dollars.
    pub max_fee_per_gas: u128,
    /// The highest tip, in 10^-18 dollars for each gas.
    pub max_priority_fee_per_gas: u128,
    /// The most for all of it, in 10^-18 dollars.
    pub max_total_fee: u128,
    /// How far ahead a transaction may expire.
    pub longest_validity: Duration,
    /// How long it must still be good for when it is signed and sent.
    pub shortest_validity: Duration,
    /// The tokens in which the sponsor may pay.
    pub fee_tokens: Vec<Address>,
}

/// Why a sponsor does not pay for a transaction, in words for whoever wrote the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SponsorRefusal {
    /// Another chain.
    #[error("the transaction is for chain {got}; sign for chain {expected}")]
    Chain {
        /// The sponsor's.
        expected: u64,
        /// The transaction's.
        got: u64,
    },
    /// The payer has chosen the fee token.
    #[error("a sponsored transaction must not include fee_token: the sponsor chooses it")]
    FeeToken,
    /// The sponsor would pay in a token it did not mean to.
    #[error("the fee token {0} is not one that this sponsor pays in")]
    ForeignFeeToken(Address),
    /// Too much gas.
    #[error("the gas limit exceeds sponsor policy: {got} is more than {most}")]
    Gas {
        /// The transaction's.
        got: u64,
        /// The most allowed.
        most: u64,
    },
    /// Too high a price.
    #[error("max_fee_per_gas exceeds sponsor policy: {got} is more than {most}")]
    FeePerGas {
        /// The transaction's.
        got: u128,
        /// The most allowed.
        most: u128,
    },
    /// Too high a tip.
    #[error("max_priority_fee_per_gas exceeds sponsor policy: {got} is more than {most}")]
    PriorityFee {
        /// The transaction's.
        got: u128,
        /// The most allowed.
        most: u128,
    },
    /// Too much in all.
    #[error("the total fee exceeds sponsor policy: gas times price is more than {most}")]
    TotalFee {
        /// The most allowed.
        most: u128,
    },
    /// A nonce that lasts.
    #[error("a sponsored transaction must use expiring nonce key and the nonce 0")]
    Nonce,
    /// No end.
    #[error("a sponsored transaction must have valid_before")]
    NoEnd,
    /// Good for too long.
    #[error("the validity window exceeds sponsor policy: it ends more than {0:?} from now")]
    TooLong(Duration),
    /// Good for too short.
    #[error("the transaction expires in less than {0:?}, too soon to be sent; sign a fresh one")]
    TooShort(Duration),
    /// Not good yet.
    #[error("the transaction is not valid yet; leave valid_after out or set it to a time that has passed")]
    NotYet,
    /// Storage that the sponsor would pay to warm up.
    #[error("an access list is not allowed in a sponsored transaction")]
    AccessList,
    /// Code that the sponsor would pay to install.
    #[error("an authorization list is not allowed in a sponsored transaction")]
    AuthorizationList,
    /// A key authorization beyond what a payment needs.
    #[error(
        "the key authorization is not one that a sponsor writes to the chain: it must be the sender's own, \
         for this chain, not for an administrator, with at most {MOST_KEY_RULES} rules"
    )]
    KeyAuthorization,
}

impl SponsorPolicy {
    /// The official servers' bounds for this chain, paying fees in pathUSD or `token`.
    pub fn for_chain(chain: u64, token: Address) -> Self {
        let mut fee_tokens = vec![PATH_USD];
        if token != PATH_USD {
            fee_tokens.push(token);
        }
        Self {
            chain,
            max_gas: 2_000_000,
            max_fee_per_gas: 100 * GWEI,
            max_priority_fee_per_gas: if chain == MODERATO { 50 * GWEI } else { 10 * GWEI },
            max_total_fee: 50_000_000 * GWEI,
            longest_validity: Duration::from_secs(15 * 60),
            shortest_validity: Duration::from_secs(15),
            fee_tokens,
        }
    }

    /// Whether the sponsor pays for this transaction now. What it pays for, the calls, is not
    /// looked at here.
    pub fn check(&self, envelope: &Envelope, now: Timestamp) -> Result<(), SponsorRefusal> {
        let transaction = envelope.transaction();
        let (expected, got) = (self.chain, transaction.chain_id);
        if expected != got {
            return Err(SponsorRefusal::Chain { expected, got });
        }
        if transaction.fee_token.is_some() {
            return Err(SponsorRefusal::FeeToken);
        }
        self.check_cost(transaction)?;
        self.check_validity(transaction, now)?;
        if !transaction.access_list.is_empty() {
            return Err(SponsorRefusal::AccessList);
        }
        if !transaction.tempo_authorization_list.is_empty() {
            return Err(SponsorRefusal::AuthorizationList);
        }
        match &transaction.key_authorization {
            Some(authorization) => self.check_key(authorization, envelope.sender().account),
            None => Ok(()),
        }
    }

    /// Whether the sponsor pays fees in this token.
    pub fn check_fee_token(&self, token: Address) -> Result<(), SponsorRefusal> {
        if self.fee_tokens.contains(&token) { Ok(()) } else { Err(SponsorRefusal::ForeignFeeToken(token)) }
    }

    fn check_cost(&self, transaction: &TempoTransaction) -> Result<(), SponsorRefusal> {
        let (gas, price) = (transaction.gas_limit, transaction.max_fee_per_gas);
        let tip = transaction.max_priority_fee_per_gas;
        if gas > self.max_gas {
            return Err(SponsorRefusal::Gas { got: gas, most: self.max_gas });
        }
        if price > self.max_fee_per_gas {
            return Err(SponsorRefusal::FeePerGas { got: price, most: self.max_fee_per_gas });
        }
        if tip > self.max_priority_fee_per_gas {
            return Err(SponsorRefusal::PriorityFee { got: tip, most: self.max_priority_fee_per_gas });
        }
        let total = price.checked_mul(u128::from(gas));
        if total.is_none_or(|total| total > self.max_total_fee) {
            return Err(SponsorRefusal::TotalFee { most: self.max_total_fee });
        }
        Ok(())
    }

    fn check_validity(&self, transaction: &TempoTransaction, now: Timestamp) -> Result<(), SponsorRefusal> {
        if transaction.nonce_key != TEMPO_EXPIRING_NONCE_KEY || transaction.nonce != 0 {
            return Err(SponsorRefusal::Nonce);
        }
        let ends = transaction.valid_before.ok_or(SponsorRefusal::NoEnd)?;
        let ends = seconds(ends.get());
        if ends > now.after(self.longest_validity) {
            return Err(SponsorRefusal::TooLong(self.longest_validity));
        }
        if ends < now.after(self.shortest_validity) {
            return Err(SponsorRefusal::TooShort(self.shortest_validity));
        }
        let begins = transaction.valid_after.map(|begins| seconds(begins.get()));
        if begins.is_some_and(|begins| begins > now.after(CLOCK_SKEW)) {
            return Err(SponsorRefusal::NotYet);
        }
        Ok(())
    }

    fn check_key(&self, authorization: &SignedKeyAuthorization, sender: Address) -> Result<(), SponsorRefusal> {
        let limits = authorization.limits.as_ref().map_or(0, Vec::len);
        let scopes = authorization.allowed_calls.iter().flatten();
        let rules: usize = scopes
            .map(|scope| 1 + scope.selector_rules.iter().map(|rule| 1 + rule.recipients.len()).sum::<usize>())
            .sum();
        let is_own = authorization.chain_id == self.chain
            && !authorization.is_admin()
            && authorization.account.is_none_or(|account| account == sender)
            && limits + rules <= MOST_KEY_RULES
            && authorization.recover_signer().is_ok_and(|signer| signer == sender);
        if is_own { Ok(()) } else { Err(SponsorRefusal::KeyAuthorization) }
    }
}

/// A time of the chain.
pub(super) fn seconds(seconds: u64) -> Timestamp {
    Timestamp::from_unix_millis(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000))
}

/// A transaction that a sponsor pays for, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosigned {
    /// The bytes to send.
    pub raw: Vec<u8>,
    /// The transaction's hash, which is final now.
    pub hash: B256,
}

/// Why a transaction was not co-signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CosignError {
    /// Not a payer's transaction.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// The sender pays the fee.
    #[error("the transaction's sender pays its fee; there is nothing to sponsor")]
    NotWanted,
    /// The payer has chosen the fee token, in bytes that the payer's signature does not cover.
    #[error("a sponsored transaction must not include fee_token: the sponsor chooses it")]
    FeeToken,
    /// The sponsor's key.
    #[error("the sponsor did not sign: {0}")]
    Account(#[from] AccountError),
    /// The key answered with something else than a signature.
    #[error("the sponsor's signature cannot be read")]
    Signature,
}

/// Adds a sponsor's signature to a payer's transaction, to pay its fee in `fee_token`.
///
/// Nothing is judged here: [`SponsorPolicy::check`] and [`super::match_calls`] must have said yes.
pub async fn cosign(raw: &[u8], sponsor: &Account, fee_token: Address) -> Result<Cosigned, CosignError> {
    let envelope = Envelope::parse(raw)?;
    if !envelope.wants_sponsor() {
        return Err(CosignError::NotWanted);
    }
    if envelope.transaction().fee_token.is_some() {
        return Err(CosignError::FeeToken);
    }
    let message = envelope.sponsor_message(fee_token)?;
    let signature = sponsor.sign(&message).await?;
    let signature = Signature::try_from(signature.as_ref()).map_err(|_| CosignError::Signature)?;
    let (mut transaction, sender) = envelope.into_parts();
    transaction.fee_token = Some(fee_token);
    transaction.fee_payer_signature = Some(signature);
    let mut raw = Vec::with_capacity(512);
    transaction.into_signed(sender).eip2718_encode(&mut raw);
    Ok(Cosigned { hash: keccak256(&raw), raw })
}

#[cfg(test)]
mod tests;
