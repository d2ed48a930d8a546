use serde_json::json;

use super::*;

const RECIPIENT: &str = "0x742d35Cc6634c0532925a3b844Bc9e7595f8fE00";
const OTHER: &str = "0x00000000000000000000000000000000000000cc";
const MEMO: &str = "0x1111111111111111111111111111111111111111111111111111111111111111";

fn read(details: &Value) -> Result<TempoRequest, NotATempoRequest> {
    let request = json!({
        "amount": "1000000", "currency": "0x20c0000000000000000000000000000000000000", "recipient": RECIPIENT,
        "methodDetails": details,
    });
    TempoRequest::from_shared(&ChargeRequest::from_object(request.as_object().unwrap())?)
}

#[test]
fn the_published_request_is_read_and_written() {
    let vectors: Value = serde_json::from_str(include_str!("../../../tests/vectors/charge-requests.json")).unwrap();
    let cases = vectors["cases"].as_array().unwrap();
    let case = cases.iter().find(|case| case["name"] == "tempo").unwrap();
    let encoded = EncodedObject::from_wire(case["b64url"].as_str().unwrap()).unwrap();
    let request = TempoRequest::read(&encoded).unwrap();
    assert_eq!((request.chain, request.fee_payer, request.modes), (4217, true, Modes::BOTH));
    assert_eq!(request.amount, Amount::new(1_000_000));
    let written = Value::Object(request.to_shared(None, None).to_object());
    let lower = |value: &Value| value.to_string().to_lowercase();
    assert_eq!(lower(&written), lower(&case["request"]));
}

#[test]
fn every_member_reads_back_as_it_was_written() {
    let full = json!({
        "chainId": 4217, "feePayer": true, "memo": MEMO, "supportedModes": ["pull"], "unknown": [1],
        "splits": [{"amount": "1", "recipient": OTHER}, {"amount": "2", "recipient": OTHER, "memo": MEMO}],
    });
    let request = read(&full).unwrap();
    assert_eq!(TempoRequest::from_shared(&request.to_shared(None, None)), Ok(request.clone()));
    let legs = request.legs(Memo::Any).unwrap();
    assert_eq!(legs.iter().map(|leg| leg.amount.to::<u64>()).collect::<Vec<_>>(), [999_997, 1, 2]);
    assert_eq!(legs[0].memo, Memo::Exactly(MEMO.parse().unwrap()));
    assert_eq!(legs[1].memo, Memo::Any);
    assert_eq!(legs[2].memo, Memo::Exactly(MEMO.parse().unwrap()));
}

#[test]
fn without_a_chain_it_is_the_drafts_test_network() {
    let request = read(&json!({})).unwrap();
    assert_eq!(request.chain, 42431);
    assert_eq!(request.to_shared(None, None).method_details["chainId"], 42431);
}

#[test]
fn splits_that_do_not_add_up_are_refused() {
    let split = |amount: &str| json!({"splits": [{"amount": amount, "recipient": OTHER}]});
    assert!(read(&split("999999")).is_ok());
    for amount in ["1000000", "1000001", "340282366920938463463374607431768211455"] {
        assert!(matches!(read(&split(amount)), Err(NotATempoRequest::SplitSum { .. })), "{amount}");
    }
    for amount in ["0", "-1", "01", "1.5", "", "1e3"] {
        let member = "methodDetails.splits.amount";
        assert!(matches!(read(&split(amount)), Err(NotATempoRequest::Member { member: named, .. }) if named == member));
    }
    let many = vec![json!({"amount": "1", "recipient": OTHER}); 11];
    assert_eq!(read(&json!({"splits": many})), Err(NotATempoRequest::SplitCount(11)));
    assert_eq!(read(&json!({"splits": []})), Err(NotATempoRequest::SplitCount(0)));
}

#[test]
fn a_member_in_another_form_is_refused_by_name() {
    for (name, value) in [
        ("chainId", json!("4217")),
        ("chainId", json!(-1)),
        ("feePayer", json!("true")),
        ("memo", json!("0x11")),
        ("memo", json!(MEMO.trim_start_matches("0x"))),
        ("splits", json!({})),
        ("supportedModes", json!([])),
        ("supportedModes", json!("pull")),
        ("supportedModes", json!(["carrier pigeon"])),
    ] {
        let named = format!("methodDetails.{name}");
        let refused = read(&json!({name: value}));
        assert!(matches!(&refused, Err(NotATempoRequest::Member { member, .. }) if *member == named), "{refused:?}");
    }
    let push = json!({"feePayer": true, "supportedModes": ["push"]});
    assert_eq!(read(&push), Err(NotATempoRequest::FeeOfPush));
}

#[test]
fn an_address_in_another_form_is_refused() {
    for recipient in ["", "0x", "0x742d35", "742d35Cc6634c0532925a3b844Bc9e7595f8fE00", "alice.eth"] {
        let request = json!({"amount": "1", "currency": OTHER, "recipient": recipient});
        let shared = ChargeRequest::from_object(request.as_object().unwrap()).unwrap();
        assert!(TempoRequest::from_shared(&shared).is_err(), "{recipient}");
    }
    let nobody = json!({"amount": "1", "currency": OTHER});
    assert!(TempoRequest::from_shared(&ChargeRequest::from_object(nobody.as_object().unwrap()).unwrap()).is_err());
}
