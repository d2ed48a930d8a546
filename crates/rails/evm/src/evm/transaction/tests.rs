use super::*;
use crate::evm::calldata;
use crate::evm::testing::*;

fn unsigned() -> TxEip1559 {
    TxEip1559 {
        chain_id: BASE,
        nonce: 3,
        gas_limit: 100_000,
        max_fee_per_gas: 1_000_000_000,
        max_priority_fee_per_gas: 1_000_000,
        to: TxKind::Call(usdc().contract),
        input: calldata::transfer(SELLER, U256::from(1000)),
        ..TxEip1559::default()
    }
}

fn signed(transaction: TxEip1559) -> Bytes {
    let signature = sign(&payer(), &transaction.encoded_for_signing());
    let signature = Signature::try_from(signature.as_ref()).unwrap();
    let mut raw = Vec::new();
    Signed::new_unhashed(transaction, signature).eip2718_encode(&mut raw);
    raw.into()
}

fn expected() -> ExpectedTransaction {
    ExpectedTransaction { chain: BASE, token: usdc().contract, to: SELLER, value: U256::from(1000), source: None }
}

#[test]
fn a_plain_transfer_pays() {
    let raw = signed(unsigned());
    let paying = check(&raw, &expected()).unwrap();
    assert_eq!(paying.sender, payer().address());
    assert_eq!(paying.key.as_str(), format!("eip155:8453/tx/{:#x}", keccak256(&raw)));
    let Way::Transaction { nonce, hash, valid_before: None, .. } = paying.way else { panic!() };
    assert_eq!((nonce.number, hash), (3, keccak256(&raw)));
    assert!(check(&raw, &ExpectedTransaction { source: Some(payer().address()), ..expected() }).is_ok());
}

#[test]
fn what_differs_is_refused_by_its_own_reason() {
    let wrong = |change: fn(&mut TxEip1559)| {
        let mut transaction = unsigned();
        change(&mut transaction);
        check(&signed(transaction), &expected()).unwrap_err()
    };
    assert_eq!(wrong(|tx| tx.chain_id = 1), TransactionError::Chain { expected: BASE, got: 1 });
    assert_eq!(wrong(|tx| tx.to = TxKind::Call(STRANGER)), TransactionError::Token(usdc().contract));
    assert_eq!(wrong(|tx| tx.to = TxKind::Create), TransactionError::Token(usdc().contract));
    assert_eq!(wrong(|tx| tx.value = U256::ONE), TransactionError::Value(U256::ONE));
    assert_eq!(wrong(|tx| tx.input = calldata::balance_of(SELLER)), TransactionError::Call);
    let elsewhere = wrong(|tx| tx.input = calldata::transfer(STRANGER, U256::from(1000)));
    assert!(matches!(elsewhere, TransactionError::Recipient { got: STRANGER, .. }));
    for amount in [999, 1001] {
        let transaction = TxEip1559 { input: calldata::transfer(SELLER, U256::from(amount)), ..unsigned() };
        let refused = check(&signed(transaction), &expected());
        assert!(matches!(refused, Err(TransactionError::Amount { .. })), "{amount}");
    }
    let named = ExpectedTransaction { source: Some(STRANGER), ..expected() };
    assert!(matches!(check(&signed(unsigned()), &named), Err(TransactionError::Source { named: STRANGER, .. })));
}

#[test]
fn only_one_spelling_of_an_eip_1559_transaction_is_read() {
    let raw = signed(unsigned());
    let with = |change: fn(&mut Vec<u8>)| {
        let mut bytes = raw.to_vec();
        change(&mut bytes);
        check(&bytes.into(), &expected())
    };
    assert_eq!(with(|bytes| bytes.push(0)), Err(TransactionError::Form));
    assert_eq!(with(|bytes| bytes[0] = 1), Err(TransactionError::Form));
    assert_eq!(with(Vec::clear), Err(TransactionError::Form));
    assert_eq!(with(|bytes| bytes.truncate(40)), Err(TransactionError::Form));
}

#[test]
fn the_high_s_twin_is_refused() {
    let transaction = unsigned();
    let signature = Signature::try_from(sign(&payer(), &transaction.encoded_for_signing()).as_ref()).unwrap();
    let order = U256::from_be_slice(&secp256k1::constants::CURVE_ORDER);
    let twin = Signature::new(signature.r(), order - signature.s(), !signature.v());
    let mut raw = Vec::new();
    Signed::new_unhashed(transaction, twin).eip2718_encode(&mut raw);
    let refused = check(&raw.into(), &expected());
    assert_eq!(refused, Err(TransactionError::Signature(NotRecoverable::HighS)));
}
