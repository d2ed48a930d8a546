use super::*;
use alloy_primitives::address;
use serde_json::json;

const RECIPIENT: &str = "0x742d35Cc6634C0532925a3b844Bc9e7595f8fE00";

/// The example of the draft, section "Payment Splits".
fn example() -> Value {
    json!({
        "amount": "1050000",
        "currency": "0xe15fc38f6d8c56af07bbcbe3baf5708a2bf42392",
        "recipient": RECIPIENT,
        "description": "Marketplace purchase",
        "methodDetails": {
            "chainId": 1329,
            "credentialTypes": ["permit2"],
            "splits": [{
                "recipient": "0x8Ba1f109551bD432803012645Ac136ddd64DBA72", "amount": "50000", "memo": "platform fee",
            }],
        },
    })
}

fn read(request: &Value) -> Result<EvmRequest, NotAnEvmRequest> {
    EvmRequest::from_shared(&ChargeRequest::from_object(request.as_object().unwrap())?)
}

/// The example with one member replaced; `null` removes it.
fn with(pointer: &str, member: &str, value: Value) -> Result<EvmRequest, NotAnEvmRequest> {
    let mut request = example();
    let object = request.pointer_mut(pointer).unwrap().as_object_mut().unwrap();
    if value.is_null() {
        object.remove(member)
    } else {
        object.insert(member.to_owned(), value)
    };
    read(&request)
}

fn refused_member(refused: Result<EvmRequest, NotAnEvmRequest>) -> &'static str {
    match refused {
        Err(NotAnEvmRequest::Member { member, .. }) => member,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_drafts_example_is_read_whole() {
    let request = read(&example()).unwrap();
    assert_eq!((request.chain, request.amount), (1329, Amount::new(1_050_000)));
    assert_eq!(request.accepts, [CredentialKind::Permit2]);
    let legs = request.legs().unwrap();
    let paid: Vec<(Address, u64)> = legs.iter().map(|leg| (leg.recipient, leg.amount.to())).collect();
    let first = address!("742d35cc6634c0532925a3b844bc9e7595f8fe00");
    let second = address!("8ba1f109551bd432803012645ac136ddd64dba72");
    assert_eq!(paid, [(first, 1_000_000), (second, 50_000)]);
    assert_eq!(EvmRequest::from_shared(&request.to_shared(None)), Ok(request));
}

#[test]
fn what_is_left_out_has_the_drafts_meaning() {
    let plain = |types: Value| {
        let mut request = example();
        let details = request["methodDetails"].as_object_mut().unwrap();
        details.remove("splits");
        if types.is_null() {
            details.remove("credentialTypes")
        } else {
            details.insert("credentialTypes".into(), types)
        };
        read(&request).map(|request| request.accepts)
    };
    use CredentialKind::{Authorization, Hash, Permit2, Transaction};
    assert_eq!(plain(Value::Null), Ok(vec![Transaction, Hash]));
    assert_eq!(plain(json!(["of tomorrow", "hash", "authorization"])), Ok(vec![Hash, Authorization]));
    assert_eq!(refused_member(with("/methodDetails", "credentialTypes", json!(["of tomorrow"]))), "credentialTypes");
    assert_eq!(refused_member(with("/methodDetails", "credentialTypes", json!([]))), "credentialTypes");
    assert_eq!(with("/methodDetails", "credentialTypes", Value::Null).unwrap().accepts, [Permit2]);
    let unpayable = with("/methodDetails", "credentialTypes", json!(["authorization", "hash"]));
    assert_eq!(unpayable, Err(NotAnEvmRequest::SplitsWithoutPermit2));
    assert!(with("/methodDetails", "permit2Address", json!(PERMIT2.to_checksum(None))).is_ok());
    let foreign = with("/methodDetails", "permit2Address", json!(RECIPIENT));
    assert!(matches!(foreign, Err(NotAnEvmRequest::Permit2(_))));
}

#[test]
fn splits_leave_something_for_the_recipient() {
    for amount in ["1050000", "1050001", "340282366920938463463374607431768211455"] {
        let refused = with("/methodDetails/splits/0", "amount", json!(amount));
        assert!(matches!(refused, Err(NotAnEvmRequest::Splits { .. })), "{amount}");
    }
    assert_eq!(refused_member(with("/methodDetails/splits/0", "amount", json!("0"))), "splits");
    assert_eq!(refused_member(with("/methodDetails/splits/0", "recipient", json!("0x1"))), "splits");
    assert_eq!(refused_member(with("/methodDetails/splits/0", "memo", json!("m".repeat(257)))), "splits");
    assert_eq!(refused_member(with("/methodDetails", "splits", json!([]))), "splits");
    let eleven: Vec<Value> = std::iter::repeat_n(example()["methodDetails"]["splits"][0].clone(), 11).collect();
    assert_eq!(refused_member(with("/methodDetails", "splits", json!(eleven))), "splits");
}

#[test]
fn a_field_out_of_its_form_is_refused_by_name() {
    for (pointer, member, value) in [
        ("/methodDetails", "chainId", Value::Null),
        ("/methodDetails", "chainId", json!(0)),
        ("/methodDetails", "chainId", json!("1329")),
        ("/methodDetails", "decimals", json!(256)),
        ("/methodDetails", "spender", json!(7)),
        ("/methodDetails", "credentialTypes", json!("permit2")),
        ("", "currency", json!("USDC")),
        ("", "recipient", Value::Null),
        ("", "recipient", json!("0x0000000000000000000000000000000000000000")),
    ] {
        assert_eq!(refused_member(with(pointer, member, value.clone())), member, "{value}");
    }
    assert_eq!(with("", "amount", json!("0")), Err(NotAnEvmRequest::Zero));
    assert!(matches!(with("", "amount", json!("1.5")), Err(NotAnEvmRequest::Unreadable(_))));
}
