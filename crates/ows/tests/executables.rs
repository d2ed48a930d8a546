//! Programs that judge for a policy.

mod desk;

use std::time::Duration;

use desk::{Desk, PAYEE, PERMIT2, authorization, coin, denial, request, typed};
use farthing_ows::{Executables, Presented};
use serde_json::{Value, json};

#[test]
fn a_program_allows_and_denies_with_its_reason() {
    let desk = Desk::new();
    let key = desk.key_under(&json!({ "executable": desk.program("echo '{\"allow\": true, \"more\": 1}'") }));
    assert!(desk.sign(&key, coin(PAYEE, 1)).is_ok());
    let key =
        desk.key_under(&json!({ "executable": desk.program("echo '{\"allow\": false, \"reason\": \"not today\"}'") }));
    let denial = desk.refused(&key, coin(PAYEE, 1));
    assert_eq!((denial.rule.as_str(), denial.reason.as_str()), ("executable", "not today"));
}

#[test]
fn every_failure_of_a_program_denies() {
    let desk = Desk::new();
    let loose = desk.program("echo '{\"allow\": true}'");
    std::fs::set_permissions(&loose, std::os::unix::fs::PermissionsExt::from_mode(0o722)).unwrap();
    let plain = desk.directory.path().join("plain");
    std::fs::write(&plain, "no program").unwrap();
    let programs = [
        json!(desk.program("echo '{\"allow\": true}'; exit 1")),
        json!(desk.program("kill -9 $$")),
        json!(desk.program("echo yes")),
        json!(desk.program("echo '{\"allow\": \"true\"}'")),
        json!(desk.program("echo '{\"allow\": false, \"allow\": true}'")),
        json!(desk.program("true")),
        json!(desk.program("yes | head -c 100000")),
        json!("/nowhere/at/all"),
        json!("relative"),
        json!(loose),
        json!(plain),
    ];
    for program in programs {
        let key = desk.key_under(&json!({ "executable": program }));
        assert_eq!(desk.refused(&key, coin(PAYEE, 1)).rule, "executable", "{program}");
    }
}

#[test]
fn a_program_that_takes_too_long_is_ended_with_all_it_started() {
    let desk = Desk::new();
    let limit = Executables { limit: Duration::from_millis(200) };
    for script in ["sleep 600", "echo '{\"allow\": true}'; exec >&-; sleep 600", "sleep 600 & echo '{\"allow\": true}'"]
    {
        let key = desk.key_under(&json!({ "executable": desk.program(script) }));
        let signed = desk.signer().with_executables(limit).sign(&request("eip155:8453", coin(PAYEE, 1)), &key);
        assert!(denial(signed).reason.contains("too long"), "{script}");
    }
    assert_eq!(Executables::default().limit, Duration::from_secs(5));
}

#[test]
fn rules_come_first_and_both_must_allow() {
    let desk = Desk::new();
    let asked = desk.directory.path().join("asked");
    let program = desk.program(&format!("touch {}; echo '{{\"allow\": true}}'", asked.display()));
    let rules = json!([{ "type": "allowed_chains", "chain_ids": ["eip155:1"] }]);
    let key = desk.key_under(&json!({ "rules": rules, "executable": program }));
    assert_eq!(desk.refused(&key, coin(PAYEE, 1)).rule, "allowed_chains");
    assert!(!asked.exists(), "it is not asked for what is refused anyway");
}

#[test]
fn a_program_is_told_what_both_versions_of_the_standard_tell() {
    let desk = Desk::new();
    let told = desk.directory.path().join("told");
    let key = desk.key_under(&json!({
        "executable": desk.program(&format!("cat > {}; echo '{{\"allow\": true}}'", told.display())),
    }));
    let context = || -> Value { serde_json::from_slice(&std::fs::read(&told).unwrap()).unwrap() };
    let Presented::Transaction(bytes) = coin(PAYEE, 9) else { panic!() };
    assert!(desk.sign(&key, coin(PAYEE, 9)).is_ok());
    let transaction = &context()["transaction"];
    assert_eq!(transaction["to"], PAYEE.to_string());
    assert_eq!((&transaction["value"], &transaction["data"]), (&json!("9"), &json!("0x")));
    assert_eq!(transaction["raw_hex"], alloy_primitives::hex::encode(bytes));
    assert_eq!(
        transaction["effects"],
        json!([
            { "address": "0x9858EfFD232B4033E47d90003D41EC34EcaEda94", "diff": [["eip155:8453/slip44:60", "-9"]] },
            { "address": PAYEE.to_string(), "diff": [["eip155:8453/slip44:60", "9"]] },
        ])
    );
    assert_eq!(context()["request_type"], "sign_transaction");
    assert_eq!(context()["chain_id"], "eip155:8453");

    assert!(desk.sign(&key, Presented::Message(b"hi".to_vec())).is_ok());
    assert_eq!(
        (&context()["request_type"], &context()["transaction"]["raw_hex"]),
        (&json!("sign_message"), &json!("6869"))
    );

    assert!(desk.sign(&key, typed(&authorization(8453, PERMIT2, PAYEE, 3))).is_ok());
    let context = context();
    assert!(context.get("transaction").is_none());
    assert_eq!(context["typed_data"]["verifying_contract"], PERMIT2);
    assert_eq!(context["typed_data"]["domain_chain_id"], 8453);
    assert_eq!(context["typed_data"]["primary_type"], "TransferWithAuthorization");
    assert!(context["typed_data"]["raw_json"].as_str().unwrap().contains("validBefore"));
}
