use alloy_primitives::keccak256;

use super::*;
use crate::tempo::testing::{MEMO, OTHER, SELLER, TOKEN, call, leg};

const SENDER: Address = address!("0x00000000000000000000000000000000000000aa");
const ALPHA: Address = address!("0x20c0000000000000000000000000000000000001");

fn legs() -> Vec<Leg> {
    vec![leg(SELLER, 7, Memo::Exactly(MEMO)), leg(OTHER, 3, Memo::Any)]
}

fn matched(calls: &[Call]) -> Result<(), CallError> {
    match_calls(calls, SENDER, TOKEN, &legs(), false)
}

fn paying() -> Vec<Call> {
    payment_calls(TOKEN, &legs(), B256::ZERO)
}

/// An approval and a swap of at most 20 of another token for 10.
fn swap() -> [Call; 2] {
    let word = |number: u64| format!("{number:064x}");
    let padded = |address: Address| format!("{:0>64}", format!("{address:x}").trim_start_matches("0x"));
    let approval = format!("095ea7b3{}{}", padded(EXCHANGE), word(20));
    let swap = format!("f0122b75{}{}{}{}", padded(ALPHA), padded(TOKEN), word(10), word(20));
    [call(ALPHA, &approval), call(EXCHANGE, &swap)]
}

#[test]
fn selectors_are_the_hashes_of_the_signatures() {
    for (selector, signature) in [
        (TRANSFER, "transfer(address,uint256)"),
        (TRANSFER_WITH_MEMO, "transferWithMemo(address,uint256,bytes32)"),
        (APPROVE, "approve(address,uint256)"),
        (SWAP_EXACT_AMOUNT_OUT, "swapExactAmountOut(address,address,uint128,uint128)"),
    ] {
        assert_eq!(keccak256(signature).split_at(4).0, selector, "{signature}");
    }
}

#[test]
fn the_calls_we_write_pay_in_any_order() {
    let mut calls = paying();
    assert_eq!(matched(&calls), Ok(()));
    calls.reverse();
    assert_eq!(matched(&calls), Ok(()));
}

#[test]
fn a_leg_without_its_transfer_is_named() {
    let missing = matched(paying().split_last().unwrap().1).unwrap_err().to_string();
    assert!(missing.starts_with("no matching payment call found"), "{missing}");
    let plain = payment_calls(TOKEN, &[leg(SELLER, 7, Memo::Any), leg(OTHER, 3, Memo::Any)], B256::ZERO);
    assert!(matches!(matched(&plain), Err(CallError::Unpaid(Unsatisfied::Memo { .. }))));
    let over = payment_calls(TOKEN, &[leg(SELLER, 8, Memo::Exactly(MEMO)), leg(OTHER, 3, Memo::Any)], B256::ZERO);
    assert!(matches!(matched(&over), Err(CallError::Unpaid(Unsatisfied::Amount { .. }))));
}

#[test]
fn whatever_else_a_transaction_does_is_refused() {
    let with = |extra: Call| matched(&[paying(), vec![extra]].concat()).unwrap_err();
    assert_eq!(with(paying().remove(1)), CallError::TooMany { calls: 3, legs: 2 });
    assert_eq!(with(call(OTHER, "deadbeef")), CallError::Foreign { place: 3 });
    assert_eq!(with(call(TOKEN, "")), CallError::Foreign { place: 3 });
    assert_eq!(with(Call { to: TxKind::Create, ..paying().remove(0) }), CallError::Foreign { place: 3 });
    assert_eq!(with(Call { value: U256::from(1), ..paying().remove(0) }), CallError::Value { place: 3 });
    let elsewhere = payment_calls(ALPHA, &legs(), B256::ZERO).remove(0);
    assert_eq!(with(elsewhere), CallError::OtherToken { paid: ALPHA, asked: TOKEN });
}

#[test]
fn a_second_spelling_of_a_transfer_is_refused() {
    let mut dirty = paying();
    let mut input = dirty[1].input.to_vec();
    input[4] = 1;
    dirty[1].input = input.into();
    assert_eq!(matched(&dirty), Err(CallError::NotCanonical { place: 2 }));
    let mut longer = paying();
    longer[1].input = [longer[1].input.as_ref(), &[0; 32]].concat().into();
    assert_eq!(matched(&longer), Err(CallError::NotCanonical { place: 2 }));
}

#[test]
fn the_token_may_be_bought_in_one_exact_pair_of_calls() {
    let calls = |swap: [Call; 2]| [swap.to_vec(), paying()].concat();
    assert_eq!(matched(&calls(swap())), Ok(()));
    let sponsored = match_calls(&calls(swap()), SENDER, TOKEN, &legs(), true);
    assert_eq!(sponsored, Err(CallError::SponsoredSwap));

    let [approval, exchange] = swap();
    let other_spender = call(ALPHA, &format!("095ea7b3{:0>64}{:064x}", "cc", 20));
    let more = |out: u64, most: u64| {
        let mut input = exchange.input.to_vec();
        input[4 + 64..4 + 96].copy_from_slice(&U256::from(out).to_be_bytes::<32>());
        input[4 + 96..].copy_from_slice(&U256::from(most).to_be_bytes::<32>());
        Call { input: input.into(), ..exchange.clone() }
    };
    for pair in [
        [other_spender, exchange.clone()],
        [approval.clone(), more(11, 20)],
        [approval.clone(), more(10, 19)],
        [approval.clone(), Call { to: TxKind::Call(OTHER), ..exchange.clone() }],
        [Call { to: TxKind::Call(OTHER), ..approval.clone() }, exchange.clone()],
        [approval.clone(), approval],
    ] {
        assert_eq!(matched(&calls(pair)), Err(CallError::Swap));
    }
}
