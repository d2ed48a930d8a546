//! What a seller decides about charges on Tempo.

use std::time::Duration;

use alloy_primitives::{Address, B256};
use farthing_money::{Amount, Asset};
use farthing_rail::{ExpectedFee, Unpriceable};

use super::request::{Modes, Split};
use super::sponsor::SponsorPolicy;
use crate::chain::Token;

/// How long a challenge lives: the official clients sign transactions for 25 seconds, so that what
/// counts is the time to decide.
const VALIDITY: Duration = Duration::from_secs(5 * 60);

/// The most recipients beside the first one.
const MOST_SHARES: usize = 10;

/// A whole, in the parts that shares are counted in.
const MILLION: u32 = 1_000_000;

/// One token on one Tempo chain, and how it is charged.
#[derive(Clone, Debug)]
pub struct TempoSettings {
    /// What is charged.
    pub token: Token,
    /// Who gets it.
    pub recipient: Address,
    /// Who else gets a part of it.
    pub shares: Vec<Share>,
    /// What must be written beside the recipient's transfer.
    pub memo: MemoRule,
    /// Who may send the transaction.
    pub modes: Modes,
    /// Pays the fees, within these bounds; without it, payers do.
    pub sponsor: Option<SponsorPolicy>,
    /// How long a challenge lives.
    pub validity: Duration,
    /// The smallest amount; zero lets a route ask for a proof alone.
    pub floor: Amount,
    /// What a payment is expected to cost the seller.
    pub fee: ExpectedFee,
}

/// A part of each payment that somebody else gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Who.
    pub recipient: Address,
    /// Millionths of the amount, rounded down; above zero.
    pub per_million: u32,
    /// The memo that this transfer must carry.
    pub memo: Option<B256>,
}

/// What must be written beside the recipient's transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoRule {
    /// The attribution memo of the challenge, as all official clients write it.
    Attributed,
    /// This one, asked for in the challenge.
    Exactly(B256),
    /// Whatever, or none, as the draft has it.
    Any,
}

impl TempoSettings {
    /// Charges this token for this recipient: attributed, in both modes, fees paid by payers.
    pub fn new(token: Token, recipient: Address) -> Self {
        Self {
            token,
            recipient,
            shares: Vec::new(),
            memo: MemoRule::Attributed,
            modes: Modes::BOTH,
            sponsor: None,
            validity: VALIDITY,
            floor: Amount::ZERO,
            fee: ExpectedFee::NONE,
        }
    }

    /// Checks what no single member can tell.
    pub(super) fn check(&self) -> Result<(), Unpriceable> {
        let refused = |reason: &str| Err(Unpriceable(reason.to_owned()));
        if self.recipient.is_zero() || self.recipient == self.token.contract {
            return refused("the recipient is nobody's account; write the address that is to be paid");
        }
        if self.modes == Modes::NEITHER {
            return refused("payments are accepted neither as transaction nor as hash; accept at least one of the two");
        }
        if self.modes.push && self.memo != MemoRule::Attributed {
            return refused(
                "a hash can be claimed by anybody unless its memo names the challenge; accept only transactions, or \
                 require the attribution memo",
            );
        }
        if self.sponsor.is_some() && !self.modes.pull {
            return refused("fees can be paid only for transactions that this server sends; accept transactions");
        }
        let policy = self.sponsor.as_ref();
        if policy.is_some_and(|policy| policy.chain != self.token.chain) {
            return refused("the sponsor's bounds are for another chain than the token's");
        }
        let total = self.shares.iter().try_fold(0u32, |total, share| total.checked_add(share.per_million));
        if self.shares.len() > MOST_SHARES || total.is_none_or(|total| total >= MILLION) {
            return refused("there are at most 10 shares, and together they must leave something for the recipient");
        }
        Ok(())
    }

    /// The shares of an amount.
    pub(super) fn splits(&self, amount: Amount) -> Result<Vec<Split>, Unpriceable> {
        if amount.is_zero() {
            return Ok(Vec::new());
        }
        let split = |share: &Share| {
            let part = amount.checked_mul(u128::from(share.per_million)).map(Amount::units).unwrap_or_default();
            let part = Amount::new(part / u128::from(MILLION));
            let too_small = || Unpriceable(format!("{} leaves nothing for a share", self.asset().display(amount)));
            if part.is_zero() {
                return Err(too_small());
            }
            Ok(Split { amount: part, recipient: share.recipient, memo: share.memo })
        };
        self.shares.iter().map(split).collect()
    }

    pub(super) fn asset(&self) -> &Asset {
        &self.token.asset
    }
}
