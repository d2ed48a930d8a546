//! Which transfers pay which legs.

use alloy_primitives::{Address, B256, U256};

use crate::{Leg, Memo};

/// Money that moves, or moved, from one account to another, in one token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Whose money.
    pub from: Address,
    /// Who gets it.
    pub to: Address,
    /// Base units of the token.
    pub amount: U256,
    /// What is written beside it.
    pub memo: Option<B256>,
}

/// Why some transfers are not what a payment asks for, in words for whoever pays.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsatisfied {
    /// Somebody is not paid.
    #[error("no transfer of {amount} base units to {recipient} is in it; pay each recipient what is asked")]
    Missing {
        /// Who should be paid.
        recipient: Address,
        /// How much.
        amount: U256,
    },
    /// Somebody is paid too little or too much.
    #[error("{recipient} is paid {paid} base units instead of {amount}; pay exactly what is asked")]
    Amount {
        /// Who should be paid.
        recipient: Address,
        /// How much.
        amount: U256,
        /// What is paid instead.
        paid: U256,
    },
    /// The right sum to the right account, for something else.
    #[error(
        "the transfer of {amount} base units to {recipient} carries no memo of this challenge; \
         use transferWithMemo with the memo of the challenge that is answered"
    )]
    Memo {
        /// Who is paid.
        recipient: Address,
        /// How much.
        amount: U256,
    },
    /// The right transfer out of another account.
    #[error("the transfer of {amount} base units to {recipient} does not come from {payer}, who answers the challenge")]
    Payer {
        /// Who is paid.
        recipient: Address,
        /// How much.
        amount: U256,
        /// Who should have paid.
        payer: Address,
    },
}

/// For each leg the transfer that pays it, no transfer twice, in the order of the legs.
///
/// Legs with a memo choose first, so that a leg that takes any memo does not take theirs: a
/// transfer that fits two legs with memos fits them equally.
pub(crate) fn assign(legs: &[Leg], payer: Option<Address>, transfers: &[Transfer]) -> Result<Vec<usize>, Unsatisfied> {
    let mut order: Vec<usize> = (0..legs.len()).collect();
    order.sort_by_key(|leg| legs.get(*leg).map(|leg| choosiness(&leg.memo)));
    let mut taken = vec![false; transfers.len()];
    let mut chosen = vec![0; legs.len()];
    for place in order {
        let (Some(leg), Some(choice)) = (legs.get(place), chosen.get_mut(place)) else { continue };
        let mut free = transfers.iter().zip(&mut taken).enumerate().filter(|(_, (_, taken))| !**taken);
        let found = free.find(|(_, (transfer, _))| pays(leg, payer, transfer));
        let (position, (_, taken)) = found.ok_or_else(|| reason(leg, payer, transfers))?;
        *taken = true;
        *choice = position;
    }
    Ok(chosen)
}

fn choosiness(memo: &Memo) -> u8 {
    match memo {
        Memo::Exactly(_) => 0,
        Memo::Attributed { .. } => 1,
        Memo::Any => 2,
    }
}

fn pays(leg: &Leg, payer: Option<Address>, transfer: &Transfer) -> bool {
    is_to(leg, transfer) && is_from(payer, transfer) && leg.memo.fits(transfer.memo.as_ref())
}

fn is_to(leg: &Leg, transfer: &Transfer) -> bool {
    transfer.to == leg.recipient && transfer.amount == leg.amount
}

fn is_from(payer: Option<Address>, transfer: &Transfer) -> bool {
    payer.is_none_or(|payer| payer == transfer.from)
}

/// What is wrong with the transfers that come closest.
fn reason(leg: &Leg, payer: Option<Address>, transfers: &[Transfer]) -> Unsatisfied {
    let (recipient, amount) = (leg.recipient, leg.amount);
    let mut near = transfers.iter().filter(|transfer| is_to(leg, transfer)).peekable();
    if near.peek().is_none() {
        let other = transfers.iter().find(|transfer| transfer.to == recipient && is_from(payer, transfer));
        return match other {
            Some(other) => Unsatisfied::Amount { recipient, amount, paid: other.amount },
            None => Unsatisfied::Missing { recipient, amount },
        };
    }
    match payer {
        Some(payer) if near.all(|transfer| transfer.from != payer) => Unsatisfied::Payer { recipient, amount, payer },
        _ if leg.memo == Memo::Any => Unsatisfied::Missing { recipient, amount },
        _ => Unsatisfied::Memo { recipient, amount },
    }
}
