//! The calls of a transaction, decoded: whom they pay, and that they do nothing else.

use alloy_primitives::{Address, B256, Bytes, TxKind, U256, address};
use tempo_primitives::transaction::Call;

use crate::legs::{Transfer, Unsatisfied, assign};
use crate::{Leg, Memo};

/// `transfer(address,uint256)`.
pub(super) const TRANSFER: [u8; 4] = [0xa9, 0x05, 0x9c, 0xbb];
/// `transferWithMemo(address,uint256,bytes32)`.
pub(super) const TRANSFER_WITH_MEMO: [u8; 4] = [0x95, 0x77, 0x7d, 0x59];
/// `approve(address,uint256)`.
const APPROVE: [u8; 4] = [0x09, 0x5e, 0xa7, 0xb3];
/// `swapExactAmountOut(address,address,uint128,uint128)` of the exchange.
const SWAP_EXACT_AMOUNT_OUT: [u8; 4] = [0xf0, 0x12, 0x2b, 0x75];

/// Tempo's own exchange between stablecoins.
const EXCHANGE: Address = address!("0xdec0000000000000000000000000000000000000");

/// Why calls are not the payment that is asked for, in words for whoever wrote the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// A leg that nothing pays.
    #[error("no matching payment call found: {0}")]
    Unpaid(#[from] Unsatisfied),
    /// More transfers than legs.
    #[error("the transaction contains unauthorized extra calls: {calls} transfers for {legs} that are asked for")]
    TooMany {
        /// How many transfers there are.
        calls: usize,
        /// How many there should be.
        legs: usize,
    },
    /// Money of another token.
    #[error("the transaction pays in the token {paid}; pay in {asked}")]
    OtherToken {
        /// The token it pays in.
        paid: Address,
        /// The token that is asked for.
        asked: Address,
    },
    /// Something that is no transfer.
    #[error(
        "the transaction contains unauthorized extra calls: call {place} is no transfer; \
         send only the transfers that are asked for"
    )]
    Foreign {
        /// Its place, from 1.
        place: usize,
    },
    /// A second spelling of a transfer.
    #[error("call {place} is not in the canonical ABI encoding; pad addresses with zeros and add nothing")]
    NotCanonical {
        /// Its place, from 1.
        place: usize,
    },
    /// Native value, which Tempo does not have.
    #[error("call {place} carries a value; TIP-20 transfers carry none")]
    Value {
        /// Its place, from 1.
        place: usize,
    },
    /// A swap that is not the one exact pair of calls.
    #[error(
        "the calls before the payment are not one approval of the exchange and one swap for at most what is paid; \
         leave them out or make them exact"
    )]
    Swap,
    /// A swap at the cost of a sponsor.
    #[error(
        "the transaction contains unauthorized extra calls: a sponsored transaction has no swap before the payment"
    )]
    SponsoredSwap,
}

/// Checks that a sender's calls pay all legs in this token, each exactly once, and do nothing else.
///
/// Before the transfers one exact pair of calls may buy the token on Tempo's exchange, unless
/// somebody else pays for the gas.
pub fn match_calls(
    calls: &[Call],
    sender: Address,
    token: Address,
    legs: &[Leg],
    sponsored: bool,
) -> Result<(), CallError> {
    let swap = swap_length(calls, token, legs, sponsored)?;
    let mut transfers = Vec::with_capacity(calls.len());
    for (place, call) in (1..).zip(calls).skip(swap) {
        transfers.push(transfer(place, call, sender, token)?);
    }
    if transfers.len() > legs.len() {
        return Err(CallError::TooMany { calls: transfers.len(), legs: legs.len() });
    }
    assign(legs, Some(sender), &transfers)?;
    Ok(())
}

/// The calls that pay these legs, with the memo `attribution` where any attributed memo will do.
pub fn payment_calls(token: Address, legs: &[Leg], attribution: B256) -> Vec<Call> {
    let call = |leg: &Leg| {
        let memo = match leg.memo {
            Memo::Any => None,
            Memo::Exactly(memo) => Some(memo),
            Memo::Attributed { .. } => Some(attribution),
        };
        let selector = if memo.is_some() { TRANSFER_WITH_MEMO } else { TRANSFER };
        let words = [Some(leg.recipient.into_word()), Some(leg.amount.into()), memo];
        let input = selector.into_iter().chain(words.into_iter().flatten().flatten()).collect();
        Call { to: TxKind::Call(token), value: U256::ZERO, input }
    };
    legs.iter().map(call).collect()
}

/// The memo that a call writes beside its transfer, if it is one with a memo.
pub(crate) fn memo_of(call: &Call) -> Option<B256> {
    let words = call.input.strip_prefix(&TRANSFER_WITH_MEMO)?;
    words.get(64..96).and_then(|memo| B256::try_from(memo).ok())
}

fn transfer(place: usize, call: &Call, sender: Address, token: Address) -> Result<Transfer, CallError> {
    if !call.value.is_zero() {
        return Err(CallError::Value { place });
    }
    let foreign = CallError::Foreign { place };
    let TxKind::Call(contract) = call.to else { return Err(foreign) };
    let (selector, words) = words(&call.input).ok_or(foreign.clone())?;
    let expected = match selector {
        TRANSFER => 2,
        TRANSFER_WITH_MEMO => 3,
        _ => return Err(foreign),
    };
    if contract != token {
        return Err(CallError::OtherToken { paid: contract, asked: token });
    }
    let not_canonical = CallError::NotCanonical { place };
    let (to, amount, memo) = match words.as_slice() {
        [to, amount] if expected == 2 => (to, amount, None),
        [to, amount, memo] if expected == 3 => (to, amount, Some(*memo)),
        _ => return Err(not_canonical),
    };
    let to = as_address(to).ok_or(not_canonical)?;
    Ok(Transfer { from: sender, to, amount: U256::from_be_bytes(amount.0), memo })
}

/// How many calls at the beginning buy the token: two or none.
pub(crate) fn swap_length(calls: &[Call], token: Address, legs: &[Leg], sponsored: bool) -> Result<usize, CallError> {
    let [approval, swap, ..] = calls else { return Ok(0) };
    let Some((APPROVE, approved)) = words(&approval.input) else { return Ok(0) };
    if sponsored {
        return Err(CallError::SponsoredSwap);
    }
    let Some((SWAP_EXACT_AMOUNT_OUT, swapped)) = words(&swap.input) else { return Err(CallError::Swap) };
    let ([spender, approved], [sold, bought, out, most_in]) = (approved.as_slice(), swapped.as_slice()) else {
        return Err(CallError::Swap);
    };
    let total = legs.iter().fold(U256::ZERO, |total, leg| total.saturating_add(leg.amount));
    let out = U256::from_be_bytes(out.0);
    let is_exact = approval.to == TxKind::Call(as_address(sold).ok_or(CallError::Swap)?)
        && swap.to == TxKind::Call(EXCHANGE)
        && as_address(spender) == Some(EXCHANGE)
        && as_address(sold) != Some(token)
        && as_address(bought) == Some(token)
        && approved == most_in
        && out <= total
        && approval.value.is_zero()
        && swap.value.is_zero();
    if is_exact { Ok(2) } else { Err(CallError::Swap) }
}

/// A selector and whole words after it.
fn words(input: &Bytes) -> Option<([u8; 4], Vec<B256>)> {
    let (selector, rest) = input.split_first_chunk::<4>()?;
    let (words, tail) = rest.as_chunks::<32>();
    tail.is_empty().then(|| (*selector, words.iter().map(|word| B256::from(*word)).collect()))
}

fn as_address(word: &B256) -> Option<Address> {
    let (padding, address) = word.split_at(12);
    padding.iter().all(|byte| *byte == 0).then(|| Address::from_slice(address))
}

#[cfg(test)]
mod tests;
