//! Rules O1 to O7: what a signer does that takes policies seriously.

mod desk;

use alloy_consensus::{SignableTransaction as _, TxEip1559};
use alloy_primitives::{Address, Bytes, TxKind, U256};
use desk::{
    Desk, PAYEE, PERMIT2, THIEF, USDC, authorization, coin, denial, fixture_token, plain, request, tokens, typed,
    unsigned,
};
use farthing_ows::{Credential, Labels, OwsError, OwsSigner, Presented};
use serde_json::{Value, json};

const USDC_ON_BASE: &str = "eip155:8453/erc20:0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913";
const COIN_OF_BASE: &str = "eip155:8453/slip44:60";

/// Every rule that limits what is signed, each wide enough for [`tokens`] of 5 to the payee.
fn limiting() -> Vec<Value> {
    let amounts = json!({ USDC_ON_BASE: "10", COIN_OF_BASE: "10" });
    vec![
        json!({ "type": "allowed_chains", "chain_ids": ["eip155:8453"] }),
        json!({ "type": "allowed_typed_data_contracts", "contracts": [USDC] }),
        json!({ "type": "recipient_allowlist", "addresses": [USDC] }),
        json!({ "type": "farthing:contracts", "contracts": [USDC] }),
        json!({ "type": "farthing:payees", "payees": [PAYEE] }),
        json!({ "type": "farthing:max_amount", "amounts": amounts }),
        json!({ "type": "farthing:window", "amounts": amounts, "seconds": 3600 }),
        json!({ "type": "farthing:window", "amounts": amounts, "calendar": "day" }),
    ]
}

#[test]
fn o1_a_digest_is_never_signed_under_a_rule_that_limits() {
    let desk = Desk::new();
    for rule in limiting() {
        let key = desk.key(&json!([rule]));
        assert!(desk.sign(&key, tokens(PAYEE, 5)).is_ok(), "{rule}");
        for digest in [Presented::Digest([7; 32]), Presented::Message(vec![7; 32])] {
            assert_eq!(desk.refused(&key, digest).rule, rule["type"].as_str().unwrap());
        }
    }
    // Neither is it under any other rule, nor for the owner: it says nothing about what it signs.
    let key = desk.key(&json!([{ "type": "expires_at", "timestamp": "2027-01-01T00:00:00Z" }]));
    for credential in [key, Credential::Owner(Desk::owner())] {
        assert_eq!(desk.sign(&credential, Presented::Digest([7; 32])).unwrap_err().code(), "INVALID_INPUT");
    }
}

#[test]
fn o2_facts_are_those_of_the_bytes_and_a_label_that_differs_is_refused() {
    let desk = Desk::new();
    let key = desk.key(&json!([
        { "type": "allowed_chains", "chain_ids": ["eip155:8453"] },
        { "type": "farthing:payees", "payees": [PAYEE] },
    ]));
    let elsewhere = unsigned(&TxEip1559 { chain_id: 1, ..plain() });
    for credential in [&key, &Credential::Owner(Desk::owner())] {
        let refusal = desk.sign_on("eip155:8453", credential, elsewhere.clone()).unwrap_err();
        assert!(matches!(&refusal, OwsError::InvalidInput(why) if why.contains("eip155:1")), "{refusal}");
    }
    assert_eq!(denial(desk.sign_on("eip155:1", &key, elsewhere)).rule, "allowed_chains");

    let labelled = |labels: Labels| {
        let asked = farthing_ows::Request { labels, ..request("eip155:8453", tokens(PAYEE, 5)) };
        desk.signer().sign(&asked, &key)
    };
    let right = Labels { recipient: Some(PAYEE), contract: Some(USDC), amount: Some(U256::from(5)) };
    assert!(labelled(right).is_ok());
    let wrong = [
        Labels { recipient: Some(THIEF), ..right },
        Labels { contract: Some(PAYEE), ..right },
        Labels { amount: Some(U256::from(4)), ..right },
    ];
    for labels in wrong {
        assert!(matches!(labelled(labels), Err(OwsError::InvalidInput(_))), "{labels:?}");
    }
    // A label does not help bytes that say something else.
    let to_a_thief = farthing_ows::Request { labels: right, ..request("eip155:8453", tokens(THIEF, 5)) };
    assert!(desk.signer().sign(&to_a_thief, &key).is_err());
    assert_eq!(desk.refused(&key, tokens(THIEF, 5)).rule, "farthing:payees");
    assert_eq!(desk.refused(&key, coin(THIEF, 5)).rule, "farthing:payees");
}

#[test]
fn o3_bytes_that_are_no_transaction_in_its_one_spelling_are_refused() {
    let desk = Desk::new();
    let anything = desk.key(&json!([{ "type": "expires_at", "timestamp": "2027-01-01T00:00:00Z" }]));
    let Presented::Transaction(good) = tokens(PAYEE, 5) else { panic!() };
    let signed = desk.sign(&anything, Presented::Transaction(good.clone())).unwrap().transaction.unwrap();
    let mut fields = good.clone();
    fields[1] ^= 1;
    let malformed = [
        vec![],
        vec![0x02],
        b"hello".to_vec(),
        good[..good.len() - 1].to_vec(),
        [good, vec![0]].concat(),
        signed,
        fields,
    ];
    for bytes in malformed {
        for credential in [&anything, &Credential::Owner(Desk::owner())] {
            let refusal = desk.sign(credential, Presented::Transaction(bytes.clone())).unwrap_err();
            assert_eq!(refusal.code(), "INVALID_INPUT", "{bytes:02x?}");
        }
    }
    let blobs = [vec![0x03], vec![0; 40]].concat();
    assert_eq!(desk.sign(&anything, Presented::Transaction(blobs)).unwrap_err().code(), "CHAIN_NOT_SUPPORTED");
}

#[test]
fn o4_what_was_spent_is_counted_durably_and_told() {
    let desk = Desk::new();
    let limit = json!({ USDC_ON_BASE: "10", COIN_OF_BASE: "10" });
    let key = desk.key(&json!([{ "type": "farthing:window", "amounts": limit, "seconds": 3600 }]));
    assert!(desk.sign(&key, tokens(PAYEE, 6)).is_ok());
    assert_eq!(desk.refused(&key, tokens(PAYEE, 5)).rule, "farthing:window");
    assert!(desk.sign(&key, tokens(PAYEE, 4)).is_ok());
    assert!(desk.sign(&key, coin(PAYEE, 10)).is_ok(), "each asset has its own sum");
    assert_eq!(desk.refused(&key, coin(PAYEE, 1)).rule, "farthing:window");
    desk.pass_seconds(3601);
    assert!(desk.sign(&key, tokens(PAYEE, 10)).is_ok(), "the span has passed");
    desk.pass_seconds(-7200);
    assert_eq!(desk.refused(&key, tokens(PAYEE, 1)).rule, "farthing:window", "a clock that is set back frees nothing");
    desk.pass_seconds(7200);

    // An executable is told the truth.
    let told = desk.directory.path().join("told");
    let program = desk.program(&format!("cat > {}; echo '{{\"allow\": true}}'", told.display()));
    let key = desk.key_under(&json!({ "executable": program, "config": { "most": 3 } }));
    for expected in ["0", "7", "14"] {
        assert!(desk.sign(&key, coin(PAYEE, 7)).is_ok());
        let context: Value = serde_json::from_slice(&std::fs::read(&told).unwrap()).unwrap();
        assert_eq!(context["spending"]["daily_total"], expected);
        assert_eq!(context["spending"]["date"], "2026-11-21");
        assert_eq!(context["policy_config"]["most"], 3);
    }
    desk.pass_seconds(24 * 3600);
    assert!(desk.sign(&key, coin(PAYEE, 7)).is_ok());
    let context: Value = serde_json::from_slice(&std::fs::read(&told).unwrap()).unwrap();
    assert_eq!(context["spending"]["daily_total"], "0", "another day");
}

#[test]
fn o4_signers_beside_each_other_do_not_pass_one_another() {
    let desk = Desk::new();
    let key = desk.key(&json!([{ "type": "farthing:window", "amounts": { COIN_OF_BASE: "10" }, "seconds": 60 }]));
    let signed = std::thread::scope(|scope| {
        let signing = |_| scope.spawn(|| desk.sign(&key, coin(PAYEE, 3)).is_ok());
        let signing: Vec<_> = (0..8).map(signing).collect();
        signing.into_iter().filter(|_| true).map(|one| one.join().unwrap()).filter(|signed| *signed).count()
    });
    assert_eq!(signed, 3);
}

#[test]
fn o5_a_key_without_a_policy_signs_nothing() {
    let desk = Desk::new();
    let key = desk.key_of(&[]);
    for presented in [Presented::Message(b"hello".to_vec()), tokens(PAYEE, 0)] {
        assert!(desk.refused(&key, presented).reason.contains("no policy"));
    }
    let empty = desk.key(&json!([]));
    assert!(desk.refused(&empty, coin(PAYEE, 1)).reason.contains("neither a rule nor an executable"));
    let missing = desk.key_of(&["nowhere".into()]);
    assert_eq!(desk.sign(&missing, coin(PAYEE, 1)).unwrap_err().code(), "POLICY_DENIED");
    let guessed = Credential::Owner(b"wrong".to_vec().into());
    assert_eq!(desk.sign(&guessed, coin(PAYEE, 1)).unwrap_err().code(), "INVALID_PASSPHRASE");
}

#[test]
fn o6_what_is_not_understood_denies() {
    let desk = Desk::new();
    for rules in [
        json!([{ "type": "allowed_moons" }]),
        json!([{ "no": "type" }]),
        json!(["allowed_chains"]),
        json!([{ "type": "allowed_chains" }]),
        json!([{ "type": "expires_at", "timestamp": "tomorrow" }]),
        json!([{ "type": "farthing:payees", "payees": [PAYEE], "unless": "sunday" }]),
        json!([{ "type": "farthing:max_amount", "amounts": { "USDC": "1" } }]),
        json!([{ "type": "farthing:max_amount", "amounts": { COIN_OF_BASE: "1.5" } }]),
        json!([{ "type": "farthing:window", "amounts": { COIN_OF_BASE: "9" } }]),
        json!([{ "type": "farthing:window", "amounts": { COIN_OF_BASE: "9" }, "seconds": 2678401 }]),
    ] {
        let key = desk.key(&rules);
        assert_eq!(desk.sign(&key, coin(PAYEE, 1)).unwrap_err().code(), "POLICY_DENIED", "{rules}");
    }
    let wide = json!([{ "type": "allowed_chains", "chain_ids": ["eip155:8453"] }]);
    for (member, value) in [("version", json!(99)), ("version", json!("1")), ("action", json!("warn"))] {
        let key = desk.key_under(&json!({ "rules": wide, member: value }));
        assert_eq!(desk.refused(&key, coin(PAYEE, 1)).rule, "policy", "{member}");
    }
    // What is understood beside it does not make up for it, in whatever order.
    let key = desk.key(&json!([wide[0], { "type": "allowed_moons" }]));
    assert_eq!(desk.refused(&key, coin(PAYEE, 1)).rule, "allowed_moons");
}

#[test]
fn o7_every_decision_is_written_down_with_its_key_and_rule() {
    let desk = Desk::new();
    let key = desk.key(&json!([{ "type": "farthing:payees", "payees": [PAYEE] }]));
    let mut decisions = 0;
    let mut last = |result: Result<_, OwsError>| {
        decisions += 1;
        let log = desk.log();
        assert_eq!(log.len(), decisions);
        let line = log.last().unwrap().clone();
        assert_eq!(line["policy_result"] == "allow", result.is_ok());
        line
    };
    let line = last(desk.sign(&key, coin(PAYEE, 1)));
    assert_eq!(line["spent"], json!([[COIN_OF_BASE, "1"]]));
    assert_eq!(
        (line["operation"].as_str(), line["chain_id"].as_str()),
        (Some("sign_transaction"), Some("eip155:8453"))
    );
    let line = last(desk.sign(&key, coin(THIEF, 1)));
    assert_eq!((&line["rule"], &line["policy_id"]), (&json!("farthing:payees"), &json!("policy-1")));
    let id = &desk.vault.keys().unwrap().into_iter().find(|key| key.policy_ids == ["policy-1"]).unwrap().id;
    assert_eq!(&line["api_key_id"], id);
    assert_eq!(last(desk.sign(&key, Presented::Transaction(vec![1])))["rule"], "INVALID_INPUT");
    assert_eq!(last(desk.sign(&key, Presented::Digest([1; 32])))["rule"], "farthing:payees");
    assert_eq!(last(desk.sign_on("solana:x", &key, coin(PAYEE, 1)))["rule"], "CHAIN_NOT_SUPPORTED");
    assert_eq!(last(desk.sign(&desk.key_of(&[]), coin(PAYEE, 1)))["rule"], "key");
    let unknown = Credential::Token(farthing_keys::Token::fresh(&desk.ambient()).unwrap());
    assert_eq!(last(desk.sign(&unknown, coin(PAYEE, 1)))["rule"], "API_KEY_NOT_FOUND");
    let guessed = Credential::Owner(b"wrong".to_vec().into());
    assert_eq!(last(desk.sign(&guessed, coin(PAYEE, 1)))["rule"], "INVALID_PASSPHRASE");
    let line = last(desk.sign(&Credential::Owner(Desk::owner()), coin(THIEF, 1)));
    assert_eq!((&line["api_key_id"], &line["wallet_id"]), (&Value::Null, &json!(desk::WALLET)));
    let text = std::fs::read_to_string(desk.vault.root().join("logs/audit.jsonl")).unwrap();
    assert!(!text.contains("ows_key_") && !text.contains("correct horse") && !text.contains("wrong"));
}

#[test]
fn o7_without_a_log_nothing_is_signed() {
    let desk = Desk::new();
    assert!(desk.sign(&fixture_token(), Presented::Message(b"hello".to_vec())).is_ok());
    std::fs::write(desk.vault.root().join("logs/audit.jsonl"), "not a line\n").unwrap();
    assert!(matches!(desk.sign(&fixture_token(), Presented::Message(b"hello".to_vec())), Err(OwsError::Ledger(_))));
}

/// The two weak spots of signers that judge by labels: a digest of a forbidden permit handed over as a hash,
/// and a transaction of a forbidden chain handed over under the name of an allowed one.
#[test]
fn w_26_digests_and_labels_get_round_nothing() {
    let desk = Desk::new();
    let permit2_only = fixture_token();
    let forbidden = authorization(8453, "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", THIEF, 1_000_000);
    assert_eq!(desk.refused(&permit2_only, typed(&forbidden)).rule, "allowed_typed_data_contracts");
    let digest = alloy_primitives::keccak256(b"the same, hashed by the caller").0;
    for smuggled in [Presented::Digest(digest), Presented::Message(digest.to_vec())] {
        let denial = desk.refused(&permit2_only, smuggled);
        assert_eq!(denial.policy_id.as_deref(), Some("permit2-only"));
    }
    // The signed bytes of typed data, handed over as a transaction.
    let as_transaction = Presented::Transaction([vec![0x19, 0x01], vec![0; 64]].concat());
    assert!(desk.sign(&permit2_only, as_transaction).is_err());

    let on_ethereum = TxEip1559 { chain_id: 1, ..plain() };
    assert!(desk.sign_on("eip155:8453", &permit2_only, unsigned(&on_ethereum)).is_err());
    let elsewhere = authorization(1, PERMIT2, THIEF, 1);
    assert!(desk.sign_on("eip155:8453", &permit2_only, typed(&elsewhere)).is_err());
    let mut anywhere = authorization(8453, PERMIT2, THIEF, 1);
    anywhere["types"]["EIP712Domain"].as_array_mut().unwrap().remove(2);
    anywhere["domain"].as_object_mut().unwrap().remove("chainId");
    assert_eq!(desk.refused(&permit2_only, typed(&anywhere)).rule, "allowed_chains");
}

#[test]
fn a_frozen_home_signs_nothing_here_either() {
    let desk = Desk::new();
    let frozen = desk.directory.path().join("frozen");
    let stop = farthing_keys::Stop::while_there(frozen.clone(), farthing_keys::Stopped::Everything);
    let ledger = farthing_ows::Journal::of(&desk.vault);
    let signer = OwsSigner::new(desk.vault.clone(), ledger, desk.ambient(), vec![stop]);
    let hello = request("eip155:8453", Presented::Message(b"hello".to_vec()));
    assert!(signer.sign(&hello, &fixture_token()).is_ok());
    std::fs::write(frozen, "").unwrap();
    for credential in [fixture_token(), Credential::Owner(Desk::owner())] {
        assert!(signer.sign(&hello, &credential).unwrap_err().to_string().contains("thaw --all"));
    }
}

#[test]
fn what_calls_move_is_limited_and_what_is_not_decoded_is_not_signed() {
    let desk = Desk::new();
    let amounts = json!({ USDC_ON_BASE: "10", COIN_OF_BASE: "100" });
    let key = desk.key(&json!([{ "type": "farthing:max_amount", "amounts": amounts }]));
    assert!(desk.sign(&key, tokens(PAYEE, 10)).is_ok());
    assert_eq!(desk.refused(&key, tokens(PAYEE, 11)).rule, "farthing:max_amount");
    assert!(desk.sign(&key, typed(&authorization(8453, &USDC.to_string(), PAYEE, 10))).is_ok());
    assert!(desk.refused(&key, typed(&authorization(8453, &USDC.to_string(), PAYEE, 11))).reason.contains("11"));
    let other = authorization(8453, &PAYEE.to_string(), PAYEE, 1);
    assert!(desk.refused(&key, typed(&other)).reason.contains("allows nothing of"));
    let called = |input: Vec<u8>| unsigned(&TxEip1559 { input: Bytes::from(input), to: TxKind::Call(USDC), ..plain() });
    assert!(desk.refused(&key, called(vec![1, 2, 3, 4])).reason.contains("not decoded"));
    let creation = unsigned(&TxEip1559 { to: TxKind::Create, ..plain() });
    assert!(desk.refused(&key, creation).reason.contains("contract"));
    assert!(desk.refused(&key, Presented::Message(b"hello".to_vec())).reason.contains("message"));
    // The chain's fee is money that leaves, too.
    let dear = unsigned(&TxEip1559 { max_fee_per_gas: 1, ..plain() });
    assert_eq!(desk.refused(&key, dear).rule, "farthing:max_amount");
}

#[test]
fn a_signature_is_the_account_s() {
    let desk = Desk::new();
    let wallet = "0x9858EfFD232B4033E47d90003D41EC34EcaEda94".parse::<Address>().unwrap();
    let signed = desk.sign(&fixture_token(), Presented::Message(b"hello".to_vec())).unwrap();
    let prefixed = b"\x19Ethereum Signed Message:\n5hello";
    assert_eq!(farthing_keys::account_of(prefixed, &signed.signature), Some(wallet.to_checksum(None)));
    assert!(matches!(signed.recovery_id(), 27 | 28));
    let transaction = TxEip1559 { chain_id: 8453, ..plain() };
    let signed = desk.sign(&Credential::Owner(Desk::owner()), unsigned(&transaction)).unwrap();
    let mut signature = signed.signature;
    signature[64] += 27;
    let account = farthing_keys::account_of(&transaction.encoded_for_signing(), &signature);
    assert_eq!(account, Some(wallet.to_checksum(None)));
    assert_eq!(signed.transaction.unwrap()[0], 2);
}
