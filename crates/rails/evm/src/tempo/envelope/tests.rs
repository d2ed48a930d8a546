use alloy_primitives::{U256, uint};
use alloy_rlp::Encodable as _;
use tempo_primitives::transaction::{KeychainSignature, PrimitiveSignature};

use super::*;
use crate::NotRecoverable;
use crate::tempo::testing::{OTHER, account, at_once, signed, sponsored, transaction};

const ORDER: U256 = uint!(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256);

/// The transaction as type 0x76 with this in the fee payer's place.
fn with_fee_payer(envelope: &Envelope, field: &[u8]) -> Vec<u8> {
    let bytes = envelope.to_bytes().unwrap();
    Fields::of(&bytes[1..]).unwrap().with_fee_payer(TEMPO_TX_TYPE_ID, field)
}

/// The transaction with another signature field.
fn with_signature(envelope: &Envelope, signature: &[u8]) -> Vec<u8> {
    let mut bytes = envelope.to_bytes().unwrap();
    let mut list = bytes.split_off(1);
    let mut old = Vec::new();
    envelope.signature().encode(&mut old);
    let kept = list.len() - old.len();
    let mut rest = list.as_slice();
    let header = alloy_rlp::Header::decode(&mut rest).unwrap();
    let mut payload = list.split_off(list.len() - header.payload_length);
    payload.truncate(kept + payload.len() - (list.len() + payload.len()));
    signature.encode(&mut payload);
    alloy_rlp::Header { list: true, payload_length: payload.len() }.encode(&mut bytes);
    bytes.extend(payload);
    bytes
}

fn refusal(bytes: &[u8]) -> EnvelopeError {
    Envelope::parse(bytes).unwrap_err()
}

#[test]
fn a_transaction_reads_back_with_its_sender() {
    let envelope = signed(transaction());
    let bytes = envelope.to_bytes().unwrap();
    assert_eq!(bytes[0], 0x76);
    let read = Envelope::parse(&bytes).unwrap();
    assert_eq!(read.transaction(), envelope.transaction());
    assert_eq!(read.sender(), Sender { account: account(0x11).address(), access_key: None });
    assert_eq!(read.hash(), alloy_primitives::keccak256(&bytes));
    assert!(!read.wants_sponsor());
}

#[test]
fn all_forms_of_a_sponsored_transaction_are_one() {
    let envelope = signed(sponsored(transaction()));
    let bytes = envelope.to_bytes().unwrap();
    assert_eq!(bytes[0], 0x78);
    let sender = account(0x11).address();
    for form in [bytes.clone(), with_fee_payer(&envelope, &[0x00]), with_fee_payer(&envelope, MARK)] {
        let read = Envelope::parse(&form).unwrap();
        assert!(read.wants_sponsor());
        assert_eq!(read.to_bytes().unwrap(), bytes);
        assert_eq!(read.sender().account, sender);
        assert_eq!(read.replay_hash(), envelope.signed.expiring_nonce_hash(sender));
    }
}

#[test]
fn the_sponsor_signs_what_the_chain_checks() {
    let token = OTHER;
    let envelope = signed(sponsored(transaction()));
    let mut expected = envelope.transaction().clone();
    expected.fee_token = Some(token);
    let message = envelope.sponsor_message(token).unwrap();
    assert_eq!(alloy_primitives::keccak256(message), expected.fee_payer_signature_hash(envelope.sender().account));
}

#[test]
fn another_name_in_the_senders_place_is_refused() {
    let envelope = signed(sponsored(transaction()));
    let bytes = envelope.to_bytes().unwrap();
    let forged = Fields::of(&bytes[1..]).unwrap().with_fee_payer(0x78, &fields::encoded(OTHER));
    let signed = account(0x11).address();
    assert_eq!(refusal(&forged), EnvelopeError::Sender { named: OTHER, signed });
}

#[test]
fn a_fee_payer_that_can_be_exchanged_is_refused() {
    let envelope = signed(sponsored(transaction()));
    let signature = [&[0xf8, 67, 1][..], &[0xa0], &[9; 32], &[0xa0], &[9; 32]].concat();
    assert_eq!(refusal(&with_fee_payer(&envelope, &signature)), EnvelopeError::AlreadySponsored);
}

#[test]
fn the_twins_of_a_signature_are_refused() {
    let envelope = signed(transaction());
    let signature = envelope.signature().to_bytes();
    assert!(Envelope::parse(&with_signature(&envelope, &signature)).is_ok());

    let compact = with_signature(&envelope, &signature[..64]);
    assert_eq!(refusal(&compact), EnvelopeError::Signature(NotRecoverable::Length.into()));

    let s = U256::from_be_slice(&signature[32..64]);
    let mut high = signature.to_vec();
    high[32..64].copy_from_slice(&(ORDER - s).to_be_bytes::<32>());
    high[64] ^= 7;
    assert_eq!(refusal(&with_signature(&envelope, &high)), EnvelopeError::Signature(NotRecoverable::HighS.into()));
}

#[test]
fn another_spelling_of_the_recovery_id_is_the_same_transaction() {
    let envelope = signed(transaction());
    let mut signature = envelope.signature().to_bytes().to_vec();
    signature[64] -= 27;
    let read = Envelope::parse(&with_signature(&envelope, &signature)).unwrap();
    assert_eq!((read.hash(), read.to_bytes()), (envelope.hash(), envelope.to_bytes()));
}

#[test]
fn a_key_signs_for_the_account_it_names() {
    let (root, key) = (account(0x11), account(0x33));
    let transaction = transaction();
    let digest = alloy_primitives::keccak256(signing_message(&transaction));
    let sign = |message: &[u8]| {
        let signature = at_once(key.sign(message)).unwrap();
        PrimitiveSignature::from_bytes(&signature).unwrap()
    };
    let message = [&[0x04], digest.as_slice(), root.address().as_slice()].concat();
    let current = KeychainSignature::new(root.address(), sign(&message));
    let legacy = KeychainSignature::new_v1(root.address(), sign(&signing_message(&transaction)));
    for wrapped in [current, legacy] {
        let signature = TempoSignature::Keychain(wrapped).to_bytes();
        let envelope = Envelope::join(transaction.clone(), &signature).unwrap();
        let read = Envelope::parse(&envelope.to_bytes().unwrap()).unwrap();
        assert_eq!(read.sender(), Sender { account: root.address(), access_key: Some(key.address()) });
        let twin = with_signature(&envelope, &signature[..signature.len() - 1]);
        assert_eq!(refusal(&twin), EnvelopeError::Signature(NotRecoverable::Length.into()));
    }
}

#[test]
fn bytes_that_are_no_transaction_are_refused() {
    let bytes = signed(transaction()).to_bytes().unwrap();
    assert_eq!(refusal(&[]), EnvelopeError::Type);
    assert_eq!(refusal(&[&[0x02], &bytes[1..]].concat()), EnvelopeError::Type);
    let longer = [bytes.as_slice(), &[0x80]].concat();
    for broken in [&longer, &bytes[..bytes.len() - 1], &bytes[..1], &[0x76, 0xc0][..], &[0x78, 0xc1, 0x80]] {
        assert!(matches!(refusal(broken), EnvelopeError::Unreadable(_)));
    }
}

proptest::proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(kind in 0x75u8..0x79, mut bytes: Vec<u8>) {
        bytes.insert(0, kind);
        let _ = Envelope::parse(&bytes);
    }

    #[test]
    fn a_changed_byte_never_keeps_the_sender(place in 3usize..200, change in 1u8..) {
        let envelope = signed(transaction());
        let mut bytes = envelope.to_bytes().unwrap();
        let place = place % bytes.len();
        bytes[place] ^= change;
        if let Ok(read) = Envelope::parse(&bytes) {
            let same = read.hash() == envelope.hash();
            proptest::prop_assert!(same || read.sender() != envelope.sender());
        }
    }
}
