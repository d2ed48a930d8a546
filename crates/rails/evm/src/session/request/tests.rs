use serde_json::json;

use super::*;

const TOKEN: &str = "0x74b7F16337b8972027F6196A17a631ac6dE26d22";
const PAYEE: &str = "0x742d35cc6634c0532925a3b844bc9e7595f8fe00";
const ESCROW: &str = "0x1234567890abcdef1234567890abcdef12345678";

fn read(method: &str, value: &Value) -> Result<SessionRequest, NotASessionRequest> {
    SessionRequest::from_object(method, value.as_object().unwrap())
}

fn request(details: Value) -> Value {
    json!({"amount": "100", "currency": TOKEN, "recipient": PAYEE, "methodDetails": details})
}

#[test]
fn the_example_of_the_evm_draft_is_read() {
    let mut example = request(json!({"escrowContract": ESCROW, "chainId": 196, "minVoucherDelta": "10000"}));
    example["unitType"] = json!("llm_token");
    example["suggestedDeposit"] = json!("5000000");
    let read = read("evm", &example).unwrap();
    assert_eq!((read.vault.kind, read.vault.chain), (VaultKind::Evm, 196));
    assert_eq!((read.amount, read.least_delta), (Amount::new(100), Amount::new(10_000)));
    assert_eq!((read.unit.as_deref(), read.suggested_deposit), (Some("llm_token"), Some(Amount::new(5_000_000))));
    assert_eq!(read.accepts, [DepositKind::Hash], "the draft's default");
}

#[test]
fn a_request_reads_back_as_it_was_written() {
    let reserve = request(json!({
        "chainId": 42431, "escrowContract": RESERVE.to_string(), "sessionProtocol": "v2", "operator": PAYEE,
        "feePayer": true, "channelId": B256::repeat_byte(7), "sessionSnapshot": {"spent": "1"},
    }));
    let stream = request(json!({"chainId": 1, "escrowContract": ESCROW, "sessionProtocol": "v1"}));
    let evm = request(json!({"chainId": 1, "escrowContract": ESCROW, "credentialTypes": ["permit2", "hash"]}));
    for (method, value) in [("tempo", reserve), ("tempo", stream), ("evm", evm)] {
        let request = read(method, &value).unwrap();
        assert_eq!(SessionRequest::from_object(method, &request.to_object(None)), Ok(request));
    }
}

#[test]
fn what_version_it_is_can_be_told_without_its_name() {
    let kind = |details: Value| read("tempo", &request(details)).map(|request| request.vault.kind);
    assert_eq!(kind(json!({"escrowContract": ESCROW})), Ok(VaultKind::Stream));
    assert_eq!(kind(json!({"escrowContract": RESERVE.to_string()})), Ok(VaultKind::Reserve));
    let elsewhere = kind(json!({"escrowContract": ESCROW, "sessionProtocol": "v2"}));
    assert!(matches!(elsewhere, Err(NotASessionRequest::Reserve(_))));
    assert!(kind(json!({"escrowContract": ESCROW, "sessionProtocol": "v3"})).is_err());
    assert!(kind(json!({"escrowContract": ESCROW, "sessionProtocol": 1})).is_err());
}

#[test]
fn a_member_in_another_form_is_refused_by_name() {
    for (name, value) in [
        ("chainId", json!("196")),
        ("chainId", json!(0)),
        ("escrowContract", json!("0x0000000000000000000000000000000000000000")),
        ("escrowContract", Value::Null),
        ("minVoucherDelta", json!(5)),
        ("minVoucherDelta", json!("05")),
        ("feePayer", json!("yes")),
        ("credentialTypes", json!(["transaction"])),
        ("channelId", json!("7")),
        ("sessionSnapshot", json!([])),
    ] {
        let mut details = json!({"chainId": 196, "escrowContract": ESCROW});
        details[name] = value.clone();
        match read("evm", &request(details)) {
            Err(NotASessionRequest::Member { member, .. }) => assert!(member.ends_with(name), "{member} for {name}"),
            other => panic!("{name} of {value}: {other:?}"),
        }
    }
    let foreign = json!({"chainId": 196, "escrowContract": ESCROW, "permit2Contract": ESCROW});
    assert!(matches!(read("evm", &request(foreign)), Err(NotASessionRequest::Permit2(_))));
    assert!(matches!(read("usdc", &request(json!({"chainId": 1}))), Err(NotASessionRequest::Member { .. })));
    assert!(read("evm", &request(json!({"escrowContract": ESCROW}))).is_err(), "only Tempo has a default chain");
}
