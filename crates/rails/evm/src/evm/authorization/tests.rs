use super::*;
use crate::NotRecoverable;
use crate::evm::testing::*;
use alloy_sol_types::{SolStruct as _, eip712_domain, sol};
use proptest::prelude::*;

sol! {
    /// The type as EIP-3009 has it, encoded by a library: an independent opinion.
    struct TransferWithAuthorization {
        address from;
        address to;
        uint256 value;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }
}

fn authorization() -> Authorization {
    let token = usdc();
    let unsigned = Authorization {
        from: payer().address(),
        to: SELLER,
        value: U256::from(1000),
        valid_after: U256::ZERO,
        valid_before: U256::from(NOW + 300),
        nonce: B256::repeat_byte(7),
        signature: Bytes::new(),
    };
    signed_for(&token, unsigned)
}

fn expected() -> ExpectedAuthorization {
    ExpectedAuthorization {
        separator: usdc().separator().unwrap(),
        to: SELLER,
        value: U256::from(1000),
        nonce: Some(B256::repeat_byte(7)),
        window: Window::new(now(), None),
        contract_payers: false,
    }
}

#[test]
fn the_digest_is_that_of_eip_712() {
    let authorization = authorization();
    let domain = eip712_domain! {
        name: "USD Coin", version: "2", chain_id: 8453, verifying_contract: usdc().contract,
    };
    let typed = TransferWithAuthorization {
        from: authorization.from,
        to: authorization.to,
        value: authorization.value,
        validAfter: authorization.valid_after,
        validBefore: authorization.valid_before,
        nonce: authorization.nonce,
    };
    assert_eq!(authorization.digest(&domain.separator()), typed.eip712_signing_hash(&domain));
}

#[test]
fn a_payload_reads_back() {
    let authorization = authorization();
    assert_eq!(Authorization::read(&authorization.to_object()), Ok(authorization));
}

#[test]
fn an_exact_authorization_of_this_token_pays() {
    let way = authorization().check(&expected()).unwrap();
    assert!(matches!(way, Way::Authorization { by_contract: false, .. }));
    let any_nonce = ExpectedAuthorization { nonce: None, ..expected() };
    assert!(authorization().check(&any_nonce).is_ok());
}

#[test]
fn what_differs_is_refused_by_its_own_reason() {
    let wrong = |change: fn(&mut ExpectedAuthorization)| {
        let mut expected = expected();
        change(&mut expected);
        authorization().check(&expected).unwrap_err()
    };
    assert!(matches!(wrong(|e| e.to = STRANGER), AuthorizationError::Recipient { expected: STRANGER, got: SELLER }));
    assert!(matches!(wrong(|e| e.value = U256::from(999)), AuthorizationError::TooMuch { .. }));
    assert!(matches!(wrong(|e| e.value = U256::from(1001)), AuthorizationError::TooLittle { .. }));
    assert_eq!(wrong(|e| e.nonce = Some(B256::ZERO)), AuthorizationError::Nonce);
    let late =
        |e: &mut ExpectedAuthorization| e.window = Window::new(now().after(std::time::Duration::from_secs(300)), None);
    assert_eq!(wrong(late), AuthorizationError::Time(NotInTime::Over));
    let foreign =
        |e: &mut ExpectedAuthorization| e.separator = crate::chain::by_code(1, "USDC").unwrap().separator().unwrap();
    assert!(matches!(wrong(foreign), AuthorizationError::Signature(SignedBy::Another(_))));
}

#[test]
fn a_contracts_signature_is_left_to_the_chain_only_where_contracts_may_pay() {
    let long = Authorization { signature: Bytes::from_static(&[1; 130]), ..authorization() };
    let lenient = ExpectedAuthorization { contract_payers: true, ..expected() };
    let nobody = |error| Err(AuthorizationError::Signature(SignedBy::Nobody(error)));
    assert_eq!(long.check(&expected()), nobody(NotRecoverable::Length));
    assert!(matches!(long.check(&lenient), Ok(Way::Authorization { by_contract: true, .. })));

    let owners = Authorization { signature: sign(&account(0x22), b"by an owner of the contract"), ..authorization() };
    assert!(matches!(owners.check(&expected()), Err(AuthorizationError::Signature(SignedBy::Another(_)))));
    assert!(matches!(owners.check(&lenient), Ok(Way::Authorization { by_contract: true, .. })));

    let short = Authorization { signature: authorization().signature.slice(..64), ..authorization() };
    assert_eq!(short.check(&lenient), nobody(NotRecoverable::Length));
}

#[test]
fn the_key_names_chain_token_account_and_nonce() {
    let (authorization, token) = (authorization(), usdc().contract);
    let expected = format!(
        "eip155:8453/authorization/0x833589fcd6edb6e08f4c7c32d4f71b54bda02913/{:#x}/0x{}",
        authorization.from,
        "07".repeat(32)
    );
    assert_eq!(authorization.key(8453, &token).as_str(), expected);
}

proptest! {
    #[test]
    fn reading_never_panics_and_a_changed_bit_never_pays(place in 0usize..65, bit in 0u8..8, text in "\\PC*") {
        let mut object = authorization().to_object();
        object.insert("value".into(), text.into());
        let _ = Authorization::read(&object);

        let mut signature = authorization().signature.to_vec();
        signature[place] ^= 1 << bit;
        let changed = Authorization { signature: signature.into(), ..authorization() };
        // v may also be written as 0 or 1; no single bit makes 27 of 28 and both right.
        prop_assert!(changed.check(&expected()).is_err());
    }
}
