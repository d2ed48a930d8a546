use super::*;
use alloy_primitives::{Bytes, address, hex};

const TO: Address = address!("3535353535353535353535353535353535353535");

/// The example of EIP-155.
const LEGACY: [u8; 45] =
    hex!("ec098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a764000080018080");

fn eip1559() -> TxEip1559 {
    TxEip1559 { chain_id: 1, gas_limit: 10, max_fee_per_gas: 3, to: TxKind::Call(TO), ..TxEip1559::default() }
}

#[test]
fn the_example_of_the_legacy_form_is_read() {
    let unsigned = Unsigned::read(&LEGACY).unwrap();
    let facts = unsigned.facts().unwrap();
    assert_eq!((facts.chain, facts.contract, facts.unknown), (Some(Chain(1)), Some(TO), None));
    let amounts: Vec<_> = facts.moves.iter().map(|moved| (moved.payee, moved.amount)).collect();
    let (fee, value) = (U256::from(20_000_000_000_u64 * 21_000), U256::from(10).pow(U256::from(18)));
    assert_eq!(amounts, [(None, fee), (Some(TO), value)]);
}

#[test]
fn a_transaction_for_every_chain_is_for_none() {
    let transaction = TxLegacy { to: TxKind::Call(TO), ..TxLegacy::default() };
    let unsigned = Unsigned::read(&transaction.encoded_for_signing()).unwrap();
    assert!(unsigned.facts().unwrap_err().to_string().contains("names no chain"));
}

#[test]
fn every_kind_is_read_in_one_spelling_only() {
    let list = Default::default();
    let kinds = [
        eip1559().encoded_for_signing(),
        TxEip2930 { chain_id: 1, to: TxKind::Call(TO), access_list: list, ..TxEip2930::default() }
            .encoded_for_signing(),
        TxEip7702 { chain_id: 1, to: TO, ..TxEip7702::default() }.encoded_for_signing(),
        LEGACY.to_vec(),
    ];
    for bytes in kinds {
        assert_eq!(Unsigned::read(&bytes).unwrap().signing(), bytes);
        for longer in [[bytes.as_slice(), &[0]].concat(), [&[0x02], bytes.as_slice()].concat()] {
            assert!(Unsigned::read(&longer).is_err());
        }
        for length in 0..bytes.len() {
            assert!(Unsigned::read(&bytes[..length]).is_err(), "{length} bytes of it");
        }
    }
    // A signed legacy transaction has the same nine fields.
    let mut signed = LEGACY;
    signed[42..].copy_from_slice(&[37, 1, 1]);
    assert!(Unsigned::read(&signed).is_err());
}

#[test]
fn accounts_that_are_handed_over_are_not_overlooked() {
    let authorization = alloy_eips::eip7702::Authorization { chain_id: U256::from(1), address: TO, nonce: 0 };
    let authorization = authorization.into_signed(Signature::new(U256::from(1), U256::from(1), false));
    let transaction =
        TxEip7702 { chain_id: 1, to: TO, authorization_list: vec![authorization], ..TxEip7702::default() };
    let facts = Unsigned::read(&transaction.encoded_for_signing()).unwrap().facts().unwrap();
    assert!(facts.unknown.is_some());
}

#[test]
fn an_unknown_call_keeps_what_is_known_of_it() {
    let transaction = TxEip1559 { value: U256::from(7), input: Bytes::from_static(&[1, 2, 3, 4]), ..eip1559() };
    let facts = Unsigned::read(&transaction.encoded_for_signing()).unwrap().facts().unwrap();
    assert!(facts.unknown.is_some());
    assert_eq!(facts.totals().into_values().collect::<Vec<_>>(), [U256::from(37)]);
}
