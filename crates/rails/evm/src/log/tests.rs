use alloy_primitives::{address, keccak256};

use super::*;
use crate::{Leg, Memo, Way};

const TOKEN: Address = address!("0x20c0000000000000000000000000000000000000");
const PAYER: Address = address!("0x00000000000000000000000000000000000000aa");
const SELLER: Address = address!("0x00000000000000000000000000000000000000bb");
const OTHER: Address = address!("0x00000000000000000000000000000000000000cc");
const MEMO: B256 = B256::repeat_byte(0x11);

fn plain(from: Address, to: Address, amount: u64) -> Log {
    let topics = vec![TRANSFER, from.into_word(), to.into_word()];
    Log { address: TOKEN, topics, data: B256::from(U256::from(amount)).to_vec().into() }
}

fn with_memo(from: Address, to: Address, amount: u64, memo: B256) -> Log {
    let topics = vec![TRANSFER_WITH_MEMO, from.into_word(), to.into_word(), memo];
    Log { topics, ..plain(from, to, amount) }
}

fn leg(recipient: Address, amount: u64, memo: Memo) -> Leg {
    Leg { recipient, amount: U256::from(amount), memo }
}

fn payment(legs: Vec<Leg>) -> Payment {
    let way = Way::Shown { hash: B256::ZERO, not_before: 0 };
    Payment { chain: 42431, token: TOKEN, payer: Some(PAYER), legs, way }
}

#[test]
fn the_topics_are_the_hashes_of_the_signatures() {
    assert_eq!(TRANSFER, keccak256("Transfer(address,address,uint256)"));
    assert_eq!(TRANSFER_WITH_MEMO, keccak256("TransferWithMemo(address,address,uint256,bytes32)"));
}

#[test]
fn each_leg_takes_a_transfer_of_its_own() {
    let payment = payment(vec![leg(SELLER, 7, Memo::Any), leg(OTHER, 3, Memo::Any), leg(SELLER, 7, Memo::Any)]);
    let logs = [plain(PAYER, OTHER, 3), plain(PAYER, SELLER, 7), plain(PAYER, SELLER, 7)];
    assert_eq!(satisfy(&payment, &logs), Ok(vec![1, 0, 2]));
    assert!(matches!(satisfy(&payment, logs.split_last().unwrap().1), Err(Unsatisfied::Missing { .. })));
}

#[test]
fn a_transfer_told_twice_counts_once() {
    let pair = [plain(PAYER, SELLER, 7), with_memo(PAYER, SELLER, 7, MEMO)];
    let one = payment(vec![leg(SELLER, 7, Memo::Exactly(MEMO))]);
    assert_eq!(satisfy(&one, &pair), Ok(vec![0]));
    let two = payment(vec![leg(SELLER, 7, Memo::Exactly(MEMO)), leg(SELLER, 7, Memo::Any)]);
    assert!(satisfy(&two, &pair).is_err());
    let thrice = [pair.as_slice(), &pair, &[plain(PAYER, SELLER, 7)]].concat();
    assert_eq!(transfers(TOKEN, &thrice).into_iter().map(|(position, _)| position).collect::<Vec<_>>(), [0, 2, 4]);
    assert_eq!(satisfy(&two, &thrice), Ok(vec![0, 2]));
}

#[test]
fn events_of_other_contracts_between_the_two_do_not_make_two() {
    let mut foreign = plain(PAYER, SELLER, 7);
    foreign.address = OTHER;
    let logs = [plain(PAYER, SELLER, 7), foreign, with_memo(PAYER, SELLER, 7, MEMO)];
    assert_eq!(transfers(TOKEN, &logs).len(), 1);
}

#[test]
fn a_leg_that_takes_any_memo_leaves_the_memo_to_the_leg_that_needs_it() {
    let payment = payment(vec![leg(SELLER, 7, Memo::Any), leg(SELLER, 7, Memo::Exactly(MEMO))]);
    let logs = [with_memo(PAYER, SELLER, 7, MEMO), plain(PAYER, SELLER, 7)];
    assert_eq!(satisfy(&payment, &logs), Ok(vec![1, 0]));
}

#[test]
fn what_does_not_pay_is_refused_with_its_own_reason() {
    let (recipient, amount) = (SELLER, U256::from(7));
    let any = payment(vec![leg(SELLER, 7, Memo::Any)]);
    assert_eq!(satisfy(&any, &[plain(PAYER, OTHER, 7)]), Err(Unsatisfied::Missing { recipient, amount }));
    for other in [6, 8] {
        let paid = U256::from(other);
        let refusal = satisfy(&any, &[plain(PAYER, SELLER, other)]);
        assert_eq!(refusal, Err(Unsatisfied::Amount { recipient, amount, paid }));
    }
    let stranger = satisfy(&any, &[plain(OTHER, SELLER, 7)]);
    assert_eq!(stranger, Err(Unsatisfied::Payer { recipient, amount, payer: PAYER }));
    let bound = payment(vec![leg(SELLER, 7, Memo::Exactly(MEMO))]);
    for log in [plain(PAYER, SELLER, 7), with_memo(PAYER, SELLER, 7, B256::ZERO)] {
        assert_eq!(satisfy(&bound, &[log]), Err(Unsatisfied::Memo { recipient, amount }));
    }
}

#[test]
fn events_in_another_form_are_no_transfers() {
    let mut another_token = plain(PAYER, SELLER, 7);
    another_token.address = OTHER;
    let mut dirty = plain(PAYER, SELLER, 7);
    dirty.topics = vec![TRANSFER, PAYER.into_word(), B256::repeat_byte(0xbb)];
    let mut short = plain(PAYER, SELLER, 7);
    short.data = Bytes::from_static(&[7]);
    let mut fewer = plain(PAYER, SELLER, 7);
    fewer.topics.pop();
    assert_eq!(transfers(TOKEN, &[another_token, dirty, short, fewer]), []);
}
