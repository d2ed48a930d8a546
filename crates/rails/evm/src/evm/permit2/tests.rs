use super::*;
use crate::Memo;
use crate::evm::testing::*;
use alloy_primitives::b256;
use alloy_sol_types::{SolStruct as _, eip712_domain, sol};

mod typed {
    use super::sol;

    sol! {
        struct TokenPermissions { address token; uint256 amount; }
        struct PaymentWitness { bytes32 challengeHash; string externalId; }
        struct PermitWitnessTransferFrom {
            TokenPermissions permitted; address spender; uint256 nonce; uint256 deadline; PaymentWitness witness;
        }
        struct PermitBatchWitnessTransferFrom {
            TokenPermissions[] permitted; address spender; uint256 nonce; uint256 deadline; PaymentWitness witness;
        }
    }
}

fn legs() -> Vec<Leg> {
    let leg = |recipient, amount: u64| Leg { recipient, amount: U256::from(amount), memo: Memo::Any };
    vec![leg(SELLER, 950), leg(STRANGER, 50)]
}

fn transfer(legs: &[Leg], spelling: Spelling) -> Permit2Transfer {
    let unsigned = Permit2Transfer {
        permitted: legs.iter().map(|leg| (usdc().contract, leg.amount)).collect(),
        nonce: U256::from(7),
        deadline: U256::from(NOW + 300),
        transfers: legs.iter().map(|leg| (leg.recipient, leg.amount)).collect(),
        challenge_hash: B256::repeat_byte(9),
        external_id: "order-7".into(),
        signature: Bytes::new(),
    };
    let signature = sign(&payer(), &unsigned.message(BASE, SPENDER, spelling));
    Permit2Transfer { signature, ..unsigned }
}

fn expected(legs: &[Leg]) -> ExpectedPermit2<'_> {
    ExpectedPermit2 {
        chain: BASE,
        owner: payer().address(),
        spender: SPENDER,
        token: usdc().contract,
        legs,
        challenge_hash: B256::repeat_byte(9),
        external_id: "order-7",
        window: Window::new(now(), None),
        contract_payers: false,
    }
}

#[test]
fn the_types_hash_as_published() {
    let hash = |spelling: Spelling| keccak256(spelling.witness_type());
    assert_eq!(hash(Spelling::Draft), b256!("e3b1f171490aceafafe7bbe5355fc9dffa6b7677563f496ae0fed59439b8a373"));
    assert_eq!(hash(Spelling::Canonical), b256!("fc4067aba5a6e55362943059e330014e3a9c9548304913f01bd877bf13f68d30"));
}

#[test]
fn the_canonical_digests_are_those_of_eip_712() {
    let domain = eip712_domain! { name: "Permit2", chain_id: BASE, verifying_contract: PERMIT2, };
    let witness = || typed::PaymentWitness { challengeHash: B256::repeat_byte(9), externalId: "order-7".into() };
    let permitted = |leg: &Leg| typed::TokenPermissions { token: usdc().contract, amount: leg.amount };
    let (nonce, deadline, spender) = (U256::from(7), U256::from(NOW + 300), SPENDER);

    let batch = typed::PermitBatchWitnessTransferFrom {
        permitted: legs().iter().map(permitted).collect(),
        spender,
        nonce,
        deadline,
        witness: witness(),
    };
    let message = transfer(&legs(), Spelling::Canonical).message(BASE, SPENDER, Spelling::Canonical);
    assert_eq!(keccak256(message), batch.eip712_signing_hash(&domain));

    let single = typed::PermitWitnessTransferFrom {
        permitted: permitted(&legs()[0]),
        spender,
        nonce,
        deadline,
        witness: witness(),
    };
    let message = transfer(&legs()[..1], Spelling::Canonical).message(BASE, SPENDER, Spelling::Canonical);
    assert_eq!(keccak256(message), single.eip712_signing_hash(&domain));
}

#[test]
fn both_spellings_pay_and_are_settled_as_signed() {
    for spelling in Spelling::ALL {
        let signed = transfer(&legs(), spelling);
        let way = signed.check(&expected(&legs())).unwrap();
        let Way::Permit2 { witness, witness_type, batch: true, by_contract: false, .. } = way else { panic!() };
        assert_eq!((witness, witness_type), (signed.witness(spelling), spelling.witness_type_string()));
    }
    let single = transfer(&legs()[..1], Spelling::Draft);
    assert!(matches!(single.check(&expected(&legs()[..1])), Ok(Way::Permit2 { batch: false, .. })));
}

#[test]
fn a_payload_reads_back() {
    for external_id in ["order-7", ""] {
        let transfer = Permit2Transfer { external_id: external_id.into(), ..transfer(&legs(), Spelling::Draft) };
        assert_eq!(Permit2Transfer::read(&transfer.to_object()), Ok(transfer));
    }
}

#[test]
fn what_differs_is_refused_by_its_own_reason() {
    let legs = legs();
    let signed = transfer(&legs, Spelling::Draft);
    let wrong = |change: &dyn Fn(&mut Permit2Transfer)| {
        let mut changed = signed.clone();
        change(&mut changed);
        changed.check(&expected(&legs)).unwrap_err()
    };
    let swapped = wrong(&|transfer| {
        transfer.transfers.swap(0, 1);
        transfer.permitted.swap(0, 1);
    });
    assert!(matches!(swapped, Permit2Error::Recipient { place: 0, got: STRANGER, .. }));
    assert!(matches!(wrong(&|transfer| transfer.transfers[1].1 += U256::ONE), Permit2Error::Amount { place: 1, .. }));
    assert!(matches!(wrong(&|transfer| transfer.permitted[0].1 += U256::ONE), Permit2Error::Amount { place: 0, .. }));
    assert_eq!(wrong(&|transfer| transfer.permitted[1].0 = STRANGER), Permit2Error::Token(STRANGER));
    assert!(matches!(wrong(&|transfer| transfer.transfers.truncate(1)), Permit2Error::Count { .. }));
    assert_eq!(wrong(&|transfer| transfer.challenge_hash = B256::ZERO), Permit2Error::Witness);
    assert_eq!(wrong(&|transfer| transfer.external_id.clear()), Permit2Error::ExternalId);
    assert_eq!(wrong(&|transfer| transfer.deadline = U256::MAX), Permit2Error::Time(NotInTime::TooLong));
    let another = Permit2Error::Signature(SignedBy::Another(payer().address()));
    assert_eq!(wrong(&|transfer| transfer.nonce += U256::ONE), another);
    let elsewhere = ExpectedPermit2 { spender: STRANGER, ..expected(&legs) };
    assert_eq!(signed.check(&elsewhere), Err(another));
    let elsewhere = ExpectedPermit2 { chain: 1, ..expected(&legs) };
    assert_eq!(signed.check(&elsewhere), Err(another));
}

#[test]
fn a_contract_accounts_permit_is_left_to_the_chain() {
    let legs = legs();
    let signed = Permit2Transfer { signature: Bytes::from_static(&[1; 130]), ..transfer(&legs, Spelling::Draft) };
    assert!(signed.check(&expected(&legs)).is_err());
    let lenient = ExpectedPermit2 { contract_payers: true, ..expected(&legs) };
    assert!(matches!(signed.check(&lenient), Ok(Way::Permit2 { by_contract: true, .. })));
}
