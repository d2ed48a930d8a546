//! What a transaction did, as its receipt tells it.

use alloy_primitives::{Address, B256, Bytes, U256, b256};

use crate::Payment;
use crate::legs::{Transfer, Unsatisfied, assign};

/// `Transfer(address,address,uint256)` of ERC-20 and TIP-20.
pub const TRANSFER: B256 = b256!("0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");

/// `TransferWithMemo(address,address,uint256,bytes32)` of TIP-20.
pub const TRANSFER_WITH_MEMO: B256 = b256!("0x57bc7354aa85aed339e000bccffabbc529466af35f0772c8f8ee1145927de7f0");

/// One event of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The contract that says so.
    pub address: Address,
    /// What kind of event, and its indexed values.
    pub topics: Vec<B256>,
    /// The other values.
    pub data: Bytes,
}

/// Checks that a transaction did what a payment asks for: each leg paid by a transfer of its own, in
/// the payment's token, from the payer where one is known.
///
/// `logs` are all of one transaction, in their order. The answer holds for each leg the position of
/// its transfer among them, from 0: what makes the movement single-use. Where a memo transfer left
/// two events, it is the position of the first.
pub fn satisfy(payment: &Payment, logs: &[Log]) -> Result<Vec<usize>, Unsatisfied> {
    let (positions, transfers): (Vec<usize>, Vec<Transfer>) = transfers(payment.token, logs).into_iter().unzip();
    let chosen = assign(&payment.legs, payment.payer, &transfers)?;
    Ok(chosen.into_iter().filter_map(|place| positions.get(place).copied()).collect())
}

/// The transfers of a token in the events of one transaction, with their positions.
///
/// TIP-20 tells of a transfer with a memo twice: as `Transfer` and right after it as
/// `TransferWithMemo`. Such a pair is one transfer; counted as two, it would pay two legs.
pub fn transfers(token: Address, logs: &[Log]) -> Vec<(usize, Transfer)> {
    let mut found: Vec<(usize, Transfer)> = Vec::new();
    let mut last_is_plain = false;
    for (position, log) in logs.iter().enumerate().filter(|(_, log)| log.address == token) {
        let Some(transfer) = read(log) else { continue };
        let is_plain = transfer.memo.is_none();
        match found.last_mut() {
            Some((_, last)) if last_is_plain && !is_plain && same_movement(last, &transfer) => {
                last.memo = transfer.memo;
            }
            _ => found.push((position, transfer)),
        }
        last_is_plain = is_plain;
    }
    found
}

fn same_movement(plain: &Transfer, with_memo: &Transfer) -> bool {
    (plain.from, plain.to, plain.amount) == (with_memo.from, with_memo.to, with_memo.amount)
}

fn read(log: &Log) -> Option<Transfer> {
    let (from, to, memo) = match log.topics.as_slice() {
        [TRANSFER, from, to] => (from, to, None),
        [TRANSFER_WITH_MEMO, from, to, memo] => (from, to, Some(*memo)),
        _ => return None,
    };
    let amount: [u8; 32] = log.data.as_ref().try_into().ok()?;
    Some(Transfer { from: address(from)?, to: address(to)?, amount: U256::from_be_bytes(amount), memo })
}

/// The address in a 32-byte word, which must be padded with zeros.
fn address(word: &B256) -> Option<Address> {
    let (padding, address) = word.split_at(12);
    padding.iter().all(|byte| *byte == 0).then(|| Address::from_slice(address))
}

#[cfg(test)]
mod tests;
