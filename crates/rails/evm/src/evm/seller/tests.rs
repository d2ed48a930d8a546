use super::*;
use crate::chain::Token;
use crate::evm::testing::*;
use crate::evm::{Share, Spelling};
use alloy_primitives::Bytes;
use farthing_protocol::Credential;

fn paid_by(authorization: &Authorization, challenge: &Challenge) -> Credential {
    credential(challenge, Payload::Authorization(authorization.clone()).to_object())
}

#[test]
fn the_request_says_everything_and_says_it_canonically() {
    let request = charge(settings()).request(&order()).unwrap();
    let expected = serde_json::json!({
        "amount": "1000",
        "currency": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
        "recipient": SELLER.to_checksum(None),
        "externalId": "order-7",
        "methodDetails": { "chainId": 8453, "credentialTypes": ["authorization"], "decimals": 6 },
    });
    assert_eq!(serde_json::Value::Object(request), expected);
}

#[test]
fn a_receipt_names_the_chain() {
    assert_eq!(serde_json::Value::Object(charge(settings()).receipt_members()), serde_json::json!({ "chainId": 8453 }));
}

#[test]
fn an_authorization_pays_and_keeps_what_the_settler_needs() {
    let charge = charge(settings());
    let challenge = challenge(&charge);
    let authorization = signed_for(&usdc(), unsigned(&challenge));
    let proof = verify(&charge, &paid_by(&authorization, &challenge)).unwrap();
    assert_eq!(proof.key, authorization.key(BASE, &usdc().contract));
    assert_eq!(proof.payer, Some(payer_id(BASE, &payer().address())));
    assert_eq!((proof.amount.units(), &proof.asset), (1000, &usdc().asset));
    let payment = payment(&proof);
    assert_eq!((payment.chain, payment.token, payment.payer), (BASE, usdc().contract, Some(payer().address())));
    assert!(super::super::calldata::submission(&payment).is_some());
}

#[test]
fn a_nonce_hashed_as_a_json_list_is_bound_to_the_challenge_as_well() {
    let charge = charge(settings());
    let challenge = challenge(&charge);
    let listed = |realm: &str| keccak256(format!("[\"{}\",\"{realm}\"]", challenge.id().as_str()));
    let nonce = |nonce| paid_by(&signed_for(&usdc(), Authorization { nonce, ..unsigned(&challenge) }), &challenge);
    assert!(verify(&charge, &nonce(listed(challenge.realm().as_str()))).is_ok());
    assert!(refusal(&charge, &nonce(listed("another.example"))).contains("nonce"));
}

/// Each of these would cost us gas or the payer money if it were believed.
#[test]
fn hostile_authorizations_are_refused_each_by_its_own_reason() {
    let charge = charge(settings());
    let challenge = challenge(&charge);
    let good = || unsigned(&challenge);
    let refused = |authorization: Authorization| refusal(&charge, &paid_by(&authorization, &challenge));
    let signed = |authorization| signed_for(&usdc(), authorization);
    let elsewhere = crate::chain::by_code(1, "USDC").unwrap();

    let mut reasons = vec![
        // Signed for USDC of another chain, and for another token that calls itself USDC.
        refused(signed_for(&elsewhere, good())),
        refused(signed(Authorization { to: STRANGER, ..good() })),
        refused(signed(Authorization { value: U256::from(1001), ..good() })),
        refused(signed(Authorization { value: U256::from(999), ..good() })),
        refused(signed(Authorization { nonce: B256::repeat_byte(1), ..good() })),
        refused(signed(Authorization { valid_before: U256::from(NOW + 10 * 365 * 86_400), ..good() })),
        refused(signed(Authorization { valid_before: U256::from(NOW), ..good() })),
        refused(signed(Authorization { valid_before: U256::from(NOW + 3), ..good() })),
        refused(signed(Authorization { valid_after: U256::from(NOW + 60), ..good() })),
        refused(signed(Authorization { from: STRANGER, ..good() })),
    ];
    let right = signed(good()).signature;
    let mut high = right.to_vec();
    let order = U256::from_be_slice(&secp256k1::constants::CURVE_ORDER);
    let s = order - U256::from_be_slice(&high[32..64]);
    high[32..64].copy_from_slice(&s.to_be_bytes::<32>());
    high[64] ^= 27 ^ 28;
    let with = |signature: Bytes| refused(Authorization { signature, ..good() });
    reasons.push(with(high.into()));
    reasons.push(with(right.slice(..64)));
    reasons.push(with([&right[..64], &[29]].concat().into()));

    let distinct: std::collections::BTreeSet<&String> = reasons.iter().collect();
    assert_eq!(distinct.len(), reasons.len(), "{reasons:#?}");
}

#[test]
fn another_token_of_the_same_name_is_another_token() {
    let namesake = Token { contract: STRANGER, ..usdc() };
    let theirs = charge(EvmSettings::new(Token { asset: usdc().asset, ..namesake.clone() }, SELLER));
    let challenge = challenge(&theirs);
    let authorization = signed_for(&namesake, unsigned(&challenge));
    let reason = refusal(&charge(settings()), &paid_by(&authorization, &challenge));
    assert!(reason.contains("another token"), "{reason}");

    let mainnet = EvmSettings::new(crate::chain::by_code(1, "USDC").unwrap(), SELLER);
    let challenge = super::super::testing::challenge(&charge(mainnet));
    let reason = refusal(&charge(settings()), &paid_by(&signed_for(&usdc(), unsigned(&challenge)), &challenge));
    assert!(reason.contains("chain 1"), "{reason}");

    let foreign = EvmSettings::new(usdc(), STRANGER);
    let challenge = super::super::testing::challenge(&charge(foreign));
    let reason = refusal(&charge(settings()), &paid_by(&signed_for(&usdc(), unsigned(&challenge)), &challenge));
    assert!(reason.contains("somebody else"), "{reason}");
}

#[test]
fn the_source_must_be_who_signed() {
    let charge = charge(settings());
    let challenge = challenge(&charge);
    let payload = Payload::Authorization(signed_for(&usdc(), unsigned(&challenge))).to_object();
    let from = |source: Option<String>| Credential::new(challenge.clone(), payload.clone(), source);
    assert!(verify(&charge, &from(None)).is_ok());
    let named = |account: &Address, chain| Some(payer_id(chain, account).as_str().to_owned());
    assert!(refusal(&charge, &from(named(&STRANGER, BASE))).contains("source"));
    assert!(refusal(&charge, &from(named(&payer().address(), 1))).contains("chain 8453"));
    assert!(refusal(&charge, &from(Some("did:key:z6Mk".into()))).contains("did:pkh"));
}

#[test]
fn a_kind_that_is_not_accepted_is_refused() {
    let charge = charge(settings());
    let challenge = challenge(&charge);
    let reason = refusal(&charge, &credential(&challenge, Payload::Hash(B256::ZERO).to_object()));
    assert!(reason.contains("hash is not accepted"), "{reason}");
    let unknown = JsonObject::from_iter([("type".to_owned(), "of tomorrow".into())]);
    let refused = verify(&charge, &credential(&challenge, unknown)).unwrap_err();
    assert_eq!(refused.problem, ProblemType::InvalidPayload);
}

#[test]
fn a_permit_pays_recipient_and_shares_in_their_order() {
    let share = Share { recipient: STRANGER, per_million: 50_000, memo: Some("platform fee".into()) };
    let accept = vec![CredentialKind::Permit2];
    let charge = charge(EvmSettings { accept, spender: Some(SPENDER), shares: vec![share], ..settings() });
    let challenge = challenge(&charge);
    let amounts = [U256::from(950), U256::from(50)];
    let unsigned = Permit2Transfer {
        permitted: amounts.map(|amount| (usdc().contract, amount)).into(),
        nonce: U256::from(7),
        deadline: U256::from(NOW + 300),
        transfers: vec![(SELLER, amounts[0]), (STRANGER, amounts[1])],
        challenge_hash: challenge_hash(&challenge),
        external_id: "order-7".into(),
        signature: Bytes::new(),
    };
    let signature = sign(&payer(), &unsigned.message(BASE, SPENDER, Spelling::Draft));
    let transfer = Payload::Permit2(Permit2Transfer { signature, ..unsigned });
    let proof = verify(&charge, &credential(&challenge, transfer.to_object())).unwrap();
    assert_eq!(proof.key.as_str(), format!("eip155:8453/permit2/{:#x}/7", payer().address()));
    assert_eq!(payment(&proof).legs.len(), 2);

    let anonymous = Credential::new(challenge.clone(), transfer.to_object(), None);
    assert!(refusal(&charge, &anonymous).contains("name its payer"));
    let authorization = signed_for(&usdc(), super::super::testing::unsigned(&challenge));
    assert!(refusal(&charge, &paid_by(&authorization, &challenge)).contains("splits"));
}

#[test]
fn a_hash_is_believed_only_of_its_sender_and_after_the_challenge() {
    let accept = vec![CredentialKind::Transaction, CredentialKind::Hash];
    let charge = charge(EvmSettings { accept, ..settings() });
    let challenge = challenge(&charge);
    let payload = Payload::Hash(B256::repeat_byte(0xab)).to_object();
    let proof = verify(&charge, &credential(&challenge, payload.clone())).unwrap();
    assert_eq!(proof.key.as_str(), format!("eip155:8453/tx/0x{}", "ab".repeat(32)));
    let payment = payment(&proof);
    assert_eq!(payment.payer, Some(payer().address()));
    // The challenge lives for five minutes and was issued at NOW.
    assert_eq!(payment.way, Way::Shown { hash: B256::repeat_byte(0xab), not_before: NOW });
    let anonymous = Credential::new(challenge, payload, None);
    assert!(refusal(&charge, &anonymous).contains("name its payer"));
}

#[test]
fn settings_that_do_not_fit_together_are_refused() {
    let refused = |settings: EvmSettings| EvmCharge::new(settings).unwrap_err().to_string();
    let permit2 = || EvmSettings { accept: vec![CredentialKind::Permit2], spender: Some(SPENDER), ..settings() };
    let share = |per_million| Share { recipient: STRANGER, per_million, memo: None };
    assert!(refused(EvmSettings { accept: Vec::new(), ..settings() }).contains("at least one"));
    assert!(refused(EvmSettings { recipient: Address::ZERO, ..settings() }).contains("nobody"));
    assert!(refused(EvmSettings { token: Token { domain: None, ..usdc() }, ..settings() }).contains("EIP-3009"));
    assert!(refused(EvmSettings { spender: None, ..permit2() }).contains("signer"));
    assert!(refused(EvmSettings { shares: vec![share(1)], ..settings() }).contains("permit2"));
    assert!(refused(EvmSettings { shares: vec![share(600_000); 2], ..permit2() }).contains("leave something"));
    let tiny = charge(EvmSettings { shares: vec![share(1)], ..permit2() });
    assert!(tiny.request(&order()).unwrap_err().to_string().contains("nothing for a share"));
    let euros = Order { price: "1 EUR".parse().unwrap(), ..order() };
    assert!(charge(settings()).request(&euros).unwrap_err().to_string().contains("price it in USD"));
}
