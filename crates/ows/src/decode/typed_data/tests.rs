use super::*;
use alloy_primitives::{b256, keccak256};
use serde_json::json;

const SPENDER: &str = "0x000000000000000000000000000000000000bEEF";
const TOKEN: &str = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913";

fn fields(members: &[(&str, &str)]) -> Value {
    members.iter().map(|(kind, name)| json!({ "name": name, "type": kind })).collect()
}

/// The example of EIP-712.
fn mail() -> Value {
    json!({
        "types": {
            "EIP712Domain": fields(&[
                ("string", "name"), ("string", "version"), ("uint256", "chainId"), ("address", "verifyingContract"),
            ]),
            "Person": fields(&[("string", "name"), ("address", "wallet")]),
            "Mail": fields(&[("Person", "from"), ("Person", "to"), ("string", "contents")]),
        },
        "primaryType": "Mail",
        "domain": {
            "name": "Ether Mail", "version": "1", "chainId": 1,
            "verifyingContract": "0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC",
        },
        "message": {
            "from": { "name": "Cow", "wallet": "0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826" },
            "to": { "name": "Bob", "wallet": "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB" },
            "contents": "Hello, Bob!",
        },
    })
}

fn permit2(primary: &str, types: Value, message: Value) -> Value {
    let mut types = types;
    types["EIP712Domain"] = fields(&[("string", "name"), ("uint256", "chainId"), ("address", "verifyingContract")]);
    json!({
        "types": types,
        "primaryType": primary,
        "domain": { "name": "Permit2", "chainId": 8453, "verifyingContract": PERMIT2 },
        "message": message,
    })
}

fn facts(data: &Value) -> Facts {
    Typed::read(&data.to_string()).unwrap().facts()
}

#[test]
fn the_example_of_the_standard_has_its_hash() {
    let typed = Typed::read(&mail().to_string()).unwrap();
    let expected = b256!("be609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2");
    assert_eq!(keccak256(typed.message), expected);
    let facts = typed.facts();
    assert!(facts.unknown.is_some() && facts.moves.is_empty());
    assert_eq!((facts.chain, facts.contract.is_some()), (Some(Chain(1)), true));
}

#[test]
fn what_is_shown_and_not_signed_is_refused() {
    let changes: [fn(&mut Value); 8] = [
        |data| data["domain"]["salt"] = format!("0x{}", "00".repeat(32)).into(),
        |data| data["domain"]["network"] = 8453.into(),
        |data| drop(data["types"]["EIP712Domain"].as_array_mut().unwrap().pop()),
        |data| data["types"]["EIP712Domain"].as_array_mut().unwrap().swap(0, 1),
        |data| data["message"]["amount"] = 1.into(),
        |data| data["message"]["to"]["alias"] = "Alice".into(),
        |data| data["primaryType"] = "EIP712Domain".into(),
        |data| data["message"]["contents"] = 5.into(),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut data = mail();
        change(&mut data);
        assert!(Typed::read(&data.to_string()).is_err(), "{index}");
    }
    let twice = mail().to_string().replacen("\"chainId\":1", "\"chainId\":1,\"chainId\":8453", 1);
    assert!(Typed::read(&twice).is_err(), "a member that stands twice");
    assert!(Typed::read(&Value::String(mail().to_string()).to_string()).is_err(), "text in text");
}

#[test]
fn a_permit_of_a_token_is_what_it_lets_be_taken() {
    let types = json!({
        "EIP712Domain": fields(&[("uint256", "chainId"), ("address", "verifyingContract")]),
        "Permit": fields(&[
            ("address", "owner"), ("address", "spender"), ("uint256", "value"), ("uint256", "nonce"),
            ("uint256", "deadline"),
        ]),
    });
    let message = json!({ "owner": TOKEN, "spender": SPENDER, "value": "77", "nonce": 0, "deadline": "0x10" });
    let domain = json!({ "chainId": "8453", "verifyingContract": TOKEN });
    let data = json!({ "types": types, "primaryType": "Permit", "domain": domain, "message": message });
    let facts = facts(&data);
    let asset = Asset { chain: Chain(8453), token: TOKEN.parse().ok() };
    assert_eq!(facts.moves, [Move { asset, payee: SPENDER.parse().ok(), amount: U256::from(77) }]);
}

#[test]
fn permit2_is_read_whatever_its_form_and_only_there() {
    let permissions = fields(&[("address", "token"), ("uint256", "amount")]);
    let details = fields(&[("address", "token"), ("uint160", "amount"), ("uint48", "expiration"), ("uint48", "nonce")]);
    let transfer = |kind: &str| {
        fields(&[(kind, "permitted"), ("address", "spender"), ("uint256", "nonce"), ("uint256", "deadline")])
    };
    let allowance = |kind: &str| fields(&[(kind, "details"), ("address", "spender"), ("uint256", "sigDeadline")]);
    let part = json!({ "token": TOKEN, "amount": "7" });
    let detail = json!({ "token": TOKEN, "amount": "7", "expiration": 1, "nonce": 0 });
    let taken = |permitted: Value| json!({ "permitted": permitted, "spender": SPENDER, "nonce": 0, "deadline": 1 });
    let allowed = |details: Value| json!({ "details": details, "spender": SPENDER, "sigDeadline": 1 });
    let mut witnessed = transfer("TokenPermissions");
    witnessed.as_array_mut().unwrap().push(json!({ "name": "witness", "type": "Witness" }));
    let mut with_witness = taken(part.clone());
    with_witness["witness"] = json!({ "to": SPENDER });
    let forms = [
        permit2(
            "PermitTransferFrom",
            json!({ "PermitTransferFrom": transfer("TokenPermissions"), "TokenPermissions": permissions }),
            taken(part.clone()),
        ),
        permit2(
            "PermitBatchTransferFrom",
            json!({ "PermitBatchTransferFrom": transfer("TokenPermissions[]"), "TokenPermissions": permissions }),
            taken(json!([part])),
        ),
        permit2(
            "PermitWitnessTransferFrom",
            json!({
                "PermitWitnessTransferFrom": witnessed,
                "TokenPermissions": permissions,
                "Witness": fields(&[("address", "to")]),
            }),
            with_witness,
        ),
        permit2(
            "PermitSingle",
            json!({ "PermitSingle": allowance("PermitDetails"), "PermitDetails": details }),
            allowed(detail.clone()),
        ),
        permit2(
            "PermitBatch",
            json!({ "PermitBatch": allowance("PermitDetails[]"), "PermitDetails": details }),
            allowed(json!([detail])),
        ),
    ];
    let asset = Asset { chain: Chain(8453), token: TOKEN.parse().ok() };
    for data in forms {
        let facts = facts(&data);
        assert_eq!(facts.moves, [Move { asset, payee: SPENDER.parse().ok(), amount: U256::from(7) }], "{data}");
        assert_eq!(facts.unknown, None);
        let mut elsewhere = data.clone();
        elsewhere["domain"]["verifyingContract"] = TOKEN.into();
        assert!(self::facts(&elsewhere).unknown.is_some(), "another contract may mean something else");
    }
}
