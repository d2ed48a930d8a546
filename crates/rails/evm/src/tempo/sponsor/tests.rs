use std::num::NonZeroU64;

use alloy_primitives::{Bytes, U256};
use tempo_primitives::AASigned;
use tempo_primitives::transaction::{KeyAuthorization, PrimitiveSignature, SignatureType};

use super::*;
use crate::tempo::testing::{CHAIN, NOW, OTHER, TOKEN, account, at_once, now, signed, sponsored, transaction};

fn checked(change: impl FnOnce(&mut TempoTransaction)) -> Result<(), SponsorRefusal> {
    let mut transaction = sponsored(transaction());
    change(&mut transaction);
    SponsorPolicy::for_chain(CHAIN, TOKEN).check(&signed(transaction), now())
}

#[test]
fn an_ordinary_payment_is_sponsored() {
    assert_eq!(checked(|_| {}), Ok(()));
}

#[test]
fn each_bound_is_refused_with_its_own_reason() {
    let valid_before = |seconds| NonZeroU64::new(NOW + seconds);
    let wrong_chain = checked(|transaction| transaction.chain_id = 1);
    assert_eq!(wrong_chain, Err(SponsorRefusal::Chain { expected: CHAIN, got: 1 }));
    assert_eq!(checked(|transaction| transaction.fee_token = Some(OTHER)), Err(SponsorRefusal::FeeToken));
    let gas = checked(|transaction| transaction.gas_limit = 2_000_001);
    assert_eq!(gas, Err(SponsorRefusal::Gas { got: 2_000_001, most: 2_000_000 }));
    let price = checked(|transaction| transaction.max_fee_per_gas = 100 * GWEI + 1);
    assert_eq!(price, Err(SponsorRefusal::FeePerGas { got: 100 * GWEI + 1, most: 100 * GWEI }));
    let tip = checked(|transaction| transaction.max_priority_fee_per_gas = 50 * GWEI + 1);
    assert_eq!(tip, Err(SponsorRefusal::PriorityFee { got: 50 * GWEI + 1, most: 50 * GWEI }));
    let total = checked(|transaction| transaction.max_fee_per_gas = 51 * GWEI);
    assert_eq!(total, Err(SponsorRefusal::TotalFee { most: 50_000_000 * GWEI }));
    assert_eq!(checked(|transaction| transaction.nonce_key = U256::ZERO), Err(SponsorRefusal::Nonce));
    assert_eq!(checked(|transaction| transaction.nonce = 1), Err(SponsorRefusal::Nonce));
    assert_eq!(checked(|transaction| transaction.valid_before = None), Err(SponsorRefusal::NoEnd));
    for years in [901, 10 * 365 * 86_400, u64::MAX - NOW] {
        let long = checked(|transaction| transaction.valid_before = valid_before(years));
        assert_eq!(long, Err(SponsorRefusal::TooLong(Duration::from_secs(900))));
    }
    let short = checked(|transaction| transaction.valid_before = valid_before(14));
    assert_eq!(short, Err(SponsorRefusal::TooShort(Duration::from_secs(15))));
    let not_yet = checked(|transaction| transaction.valid_after = valid_before(6));
    assert_eq!(not_yet, Err(SponsorRefusal::NotYet));
    let list = checked(|transaction| transaction.access_list.0.push(Default::default()));
    assert_eq!(list, Err(SponsorRefusal::AccessList));
    let code = checked(|transaction| transaction.tempo_authorization_list.push(delegation()));
    assert_eq!(code, Err(SponsorRefusal::AuthorizationList));
}

fn delegation() -> tempo_primitives::transaction::TempoSignedAuthorization {
    let inner = tempo_primitives::transaction::Authorization { chain_id: U256::ZERO, address: OTHER, nonce: 0 };
    tempo_primitives::transaction::TempoSignedAuthorization::new_unchecked(inner, Default::default())
}

#[test]
fn a_key_authorization_is_the_senders_own_and_small() {
    let authorized = |authorization: KeyAuthorization, signer: u8| {
        let mut message = Vec::new();
        alloy_rlp::Encodable::encode(&authorization, &mut message);
        let signature = at_once(account(signer).sign(&message)).unwrap();
        let signature = PrimitiveSignature::from_bytes(&signature).unwrap();
        checked(|transaction| transaction.key_authorization = Some(authorization.into_signed(signature)))
    };
    let own = || KeyAuthorization::unrestricted(CHAIN, SignatureType::Secp256k1, OTHER);
    assert_eq!(authorized(own(), 0x11), Ok(()));
    let refused = Err(SponsorRefusal::KeyAuthorization);
    assert_eq!(authorized(own(), 0x22), refused);
    assert_eq!(authorized(own().into_admin(account(0x11).address()), 0x11), refused);
    assert_eq!(authorized(own().with_account(OTHER), 0x11), refused);
    assert_eq!(authorized(KeyAuthorization { chain_id: 1, ..own() }, 0x11), refused);
    let limit = tempo_primitives::transaction::TokenLimit { token: TOKEN, limit: U256::ONE, period: 0 };
    assert_eq!(authorized(own().with_limits(vec![limit; 17]), 0x11), refused);
}

#[test]
fn only_listed_tokens_pay_fees() {
    let policy = SponsorPolicy::for_chain(CHAIN, OTHER);
    assert_eq!(policy.fee_tokens, [PATH_USD, OTHER]);
    assert_eq!(SponsorPolicy::for_chain(CHAIN, PATH_USD).fee_tokens, [PATH_USD]);
    assert_eq!(policy.check_fee_token(OTHER), Ok(()));
    let foreign = Address::repeat_byte(9);
    assert_eq!(policy.check_fee_token(foreign), Err(SponsorRefusal::ForeignFeeToken(foreign)));
}

#[test]
fn the_sponsor_signs_for_this_sender_and_token() {
    let envelope = signed(sponsored(transaction()));
    let raw = envelope.to_bytes().unwrap();
    let sponsor = account(0x22);
    let cosigned = at_once(cosign(&raw, &sponsor, TOKEN)).unwrap();
    assert_eq!(cosigned.raw[0], 0x76);
    assert_eq!(cosigned.hash, keccak256(&cosigned.raw));
    let read = AASigned::rlp_decode(&mut &cosigned.raw[1..]).unwrap();
    assert_eq!(*read.hash(), cosigned.hash);
    assert_eq!(read.tx().fee_token, Some(TOKEN));
    let sender = envelope.sender().account;
    assert_eq!(read.tx().recover_fee_payer(sender).unwrap(), sponsor.address());
    assert_eq!(read.recover_signer_with_expiring_nonce_hash().unwrap(), (sender, Some(envelope.replay_hash())));
}

#[test]
fn nothing_is_signed_that_is_not_left_to_a_sponsor() {
    let sign = |raw: Vec<u8>| at_once(cosign(&Bytes::from(raw), &account(0x22), TOKEN)).unwrap_err();
    assert_eq!(sign(signed(transaction()).to_bytes().unwrap()), CosignError::NotWanted);
    let mut chosen = sponsored(transaction());
    chosen.fee_token = Some(OTHER);
    assert_eq!(sign(signed(chosen).to_bytes().unwrap()), CosignError::FeeToken);
    assert!(matches!(sign(vec![0x02]), CosignError::Envelope(_)));
}
