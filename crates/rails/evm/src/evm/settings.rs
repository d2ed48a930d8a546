//! What a seller decides about charges on an EVM chain.

use std::time::Duration;

use alloy_primitives::Address;
use farthing_money::Amount;
use farthing_rail::{ExpectedFee, Order, Unpriceable};

use super::CredentialKind;
use super::request::Split;
use crate::chain::{Token, by_id};

/// How long a challenge lives: long enough for a person to approve, short enough to forget.
const VALIDITY: Duration = Duration::from_secs(5 * 60);

/// The most recipients beside the first one.
const MOST_SHARES: usize = 10;

/// A whole, in the parts that shares are counted in.
const MILLION: u32 = 1_000_000;

/// One token on one EVM chain, and how it is charged.
#[derive(Clone, Debug)]
pub struct EvmSettings {
    /// What is charged.
    pub token: Token,
    /// Who gets it.
    pub recipient: Address,
    /// Who else gets a part of it; payable by Permit2 only.
    pub shares: Vec<Share>,
    /// The credentials that are taken, the favourite first.
    pub accept: Vec<CredentialKind>,
    /// Who submits Permit2 transfers: the account of the settling signer.
    pub spender: Option<Address>,
    /// Whether accounts that are contracts may pay. What bytes cannot decide about their signatures
    /// costs a question to the chain.
    pub contract_payers: bool,
    /// How long a challenge lives.
    pub validity: Duration,
    /// The smallest amount.
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
    /// A label for people.
    pub memo: Option<String>,
}

impl EvmSettings {
    /// Charges this token for this recipient: by authorization where the token has them, which is
    /// what all official clients send, else by signed transaction or hash.
    pub fn new(token: Token, recipient: Address) -> Self {
        let accept = match token.domain {
            Some(_) => vec![CredentialKind::Authorization],
            None => vec![CredentialKind::Transaction, CredentialKind::Hash],
        };
        Self {
            token,
            recipient,
            shares: Vec::new(),
            accept,
            spender: None,
            contract_payers: false,
            validity: VALIDITY,
            floor: Amount::new(1),
            fee: ExpectedFee::NONE,
        }
    }

    /// Checks what no single member can tell.
    pub(super) fn check(&self) -> Result<(), Unpriceable> {
        let refused = |reason: &str| Err(Unpriceable(reason.to_owned()));
        if self.recipient.is_zero() || self.recipient == self.token.contract {
            return refused("the recipient is nobody's account; write the address that is to be paid");
        }
        let repeated =
            |place: usize, kind: &CredentialKind| self.accept.iter().skip(place + 1).any(|other| other == kind);
        if self.accept.is_empty() || self.accept.iter().enumerate().any(|(place, kind)| repeated(place, kind)) {
            return refused("accept must name at least one of authorization, permit2, transaction and hash, each once");
        }
        let takes = |kind| self.accept.contains(&kind);
        if takes(CredentialKind::Authorization) && self.token.domain.is_none() {
            return refused(
                "the token takes no authorizations (EIP-3009), or the name and version of its domain are not on file; \
                 accept other credentials, or add domain = { name, version } to the asset",
            );
        }
        if takes(CredentialKind::Permit2) && self.spender.is_none() {
            return refused("permit2 is accepted, but there is no signer that could submit it; configure a signer");
        }
        if !self.shares.is_empty() && self.accept != [CredentialKind::Permit2] {
            return refused("shares can be paid by permit2 only; write accept = [\"permit2\"]");
        }
        let total = self.shares.iter().try_fold(0u32, |total, share| total.checked_add(share.per_million));
        if self.shares.len() > MOST_SHARES || total.is_none_or(|total| total >= MILLION) {
            return refused("there are at most 10 shares, and together they must leave something for the recipient");
        }
        Ok(())
    }

    /// When a payment can no longer be taken back, by the chain's own rules.
    pub(super) fn finality(&self) -> Duration {
        by_id(self.token.chain).map_or(Duration::from_secs(1), |chain| chain.finality)
    }

    /// The shares of an amount.
    pub(super) fn splits(&self, amount: Amount) -> Result<Vec<Split>, Unpriceable> {
        let split = |share: &Share| {
            let part = amount.checked_mul(u128::from(share.per_million)).map(Amount::units).unwrap_or_default();
            let part = Amount::new(part / u128::from(MILLION));
            if part.is_zero() {
                let amount = self.token.asset.display(amount);
                return Err(Unpriceable(format!("{amount} leaves nothing for a share")));
            }
            Ok(Split { amount: part, recipient: share.recipient, memo: share.memo.clone() })
        };
        self.shares.iter().map(split).collect()
    }
}

/// The price of an order in a token's base units.
pub(crate) fn amount_of(order: &Order, token: &Token, floor: Amount) -> Result<Amount, Unpriceable> {
    let asset = &token.asset;
    if order.price.currency() != token.currency {
        let (code, currency) = (asset.code(), token.currency);
        return Err(Unpriceable(format!("{} cannot be paid in {code}; price it in {currency}", order.price)));
    }
    let amount = order.price.in_asset(asset, farthing_money::Rounding::Exact);
    let amount = amount.map_err(|error| Unpriceable(format!("{}: {error}", order.price)))?.amount;
    if amount < floor || amount.is_zero() {
        let floor = asset.display(floor.max(Amount::new(1)));
        return Err(Unpriceable(format!("{} is less than {floor}, the least that is taken", order.price)));
    }
    Ok(amount)
}
