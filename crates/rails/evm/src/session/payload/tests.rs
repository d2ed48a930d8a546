use alloy_primitives::U256;
use serde_json::json;

use super::*;

fn descriptor() -> ChannelTerms {
    ChannelTerms {
        payer: Address::repeat_byte(1),
        payee: Address::repeat_byte(2),
        operator: Address::ZERO,
        token: Address::repeat_byte(4),
        salt: B256::repeat_byte(5),
        authorized_signer: Address::ZERO,
        expiring_nonce_hash: B256::repeat_byte(7),
    }
}

fn voucher() -> VoucherPayload {
    VoucherPayload {
        channel: B256::repeat_byte(9),
        cumulative: Amount::new(1_000),
        signature: Bytes::from_static(&[8; 65]),
        descriptor: Some(descriptor()),
    }
}

fn authorization() -> DepositProof {
    DepositProof::Authorization(ReceiveAuthorization {
        from: Address::repeat_byte(1),
        to: Address::repeat_byte(3),
        value: U256::from(500),
        valid_after: U256::ZERO,
        valid_before: U256::from(99),
        nonce: B256::repeat_byte(6),
        signature: Bytes::from_static(&[5; 65]),
    })
}

fn permit() -> DepositProof {
    DepositProof::Permit2(PermittedDeposit {
        from: Address::repeat_byte(1),
        token: Address::repeat_byte(4),
        amount: U256::from(500),
        nonce: U256::from(1),
        deadline: U256::from(99),
        witness: json!({"channelId": B256::repeat_byte(9)}).as_object().unwrap().clone(),
        signature: Bytes::from_static(&[5; 65]),
    })
}

fn every_payload() -> Vec<SessionPayload> {
    let mut all = vec![
        SessionPayload::Voucher(voucher()),
        SessionPayload::Close { voucher: voucher(), authorization: None },
        SessionPayload::Close { voucher: voucher(), authorization: Some(Bytes::from_static(&[1; 65])) },
    ];
    let raw = DepositProof::Transaction(Bytes::from_static(&[0x76, 1]));
    for deposit in [raw, DepositProof::Hash(B256::repeat_byte(7)), authorization(), permit()] {
        all.push(SessionPayload::Open(Box::new(OpenPayload {
            channel: B256::repeat_byte(9),
            deposit: deposit.clone(),
            cumulative: Amount::new(10),
            signature: Bytes::from_static(&[8; 65]),
            authorized_signer: Some(Address::repeat_byte(1)),
            salt: Some(B256::repeat_byte(5)),
            said: Some(Amount::new(77)),
            descriptor: Some(descriptor()),
        })));
        all.push(SessionPayload::TopUp(Box::new(TopUpPayload {
            channel: B256::repeat_byte(9),
            deposit,
            additional: Amount::new(10),
            salt: None,
            descriptor: None,
        })));
    }
    all
}

#[test]
fn a_payload_reads_back_as_it_was_written() {
    for payload in every_payload() {
        assert_eq!(SessionPayload::read(&payload.to_object()), Ok(payload));
    }
}

#[test]
fn what_must_be_there_is_missed_by_name() {
    let needed = ["channelId", "cumulativeAmount", "signature", "additionalDeposit", "transaction", "hash"];
    for payload in every_payload() {
        let whole = payload.to_object();
        for name in needed.into_iter().filter(|name| whole.contains_key(*name)) {
            let mut object = whole.clone();
            object.remove(name);
            let refusal = SessionPayload::read(&object).unwrap_err().to_string();
            assert!(refusal.contains(name), "{refusal} for {name}");
        }
    }
}

#[test]
fn an_amount_has_one_spelling() {
    for text in [json!("01"), json!("-1"), json!("1.0"), json!(1), json!(""), json!("1e3")] {
        let mut object = SessionPayload::Voucher(voucher()).to_object();
        object.insert("cumulativeAmount".into(), text.clone());
        assert!(SessionPayload::read(&object).is_err(), "{text}");
    }
}

#[test]
fn no_action_or_type_is_no_payload() {
    let object = |value: Value| value.as_object().unwrap().clone();
    assert_eq!(SessionPayload::read(&object(json!({}))), Err(NotASessionPayload::Action));
    assert_eq!(SessionPayload::read(&object(json!({"action": "refund"}))), Err(NotASessionPayload::Action));
    assert_eq!(SessionPayload::read(&object(json!({"action": "open", "type": "x"}))), Err(NotASessionPayload::Type));
}

#[test]
fn a_voucher_that_carries_its_opening_is_an_opening() {
    let mut deposit = JsonObject::new();
    authorization().write(&mut deposit);
    deposit.insert("action".into(), "open".into());
    deposit.insert("salt".into(), B256::repeat_byte(5).to_string().into());
    let mut object = SessionPayload::Voucher(VoucherPayload { descriptor: None, ..voucher() }).to_object();
    object.insert("deposit".into(), Value::Object(deposit.clone()));
    let SessionPayload::Open(open) = SessionPayload::read(&object).unwrap() else { panic!("not an opening") };
    assert_eq!(
        (open.channel, open.cumulative, open.signature),
        (voucher().channel, voucher().cumulative, voucher().signature)
    );
    assert_eq!(open.deposit, authorization());

    deposit.insert("action".into(), "topUp".into());
    object.insert("deposit".into(), Value::Object(deposit));
    assert_eq!(SessionPayload::read(&object), Err(NotASessionPayload::TopUpInVoucher));
}
