use super::*;
use crate::Memo;
use alloy_primitives::{hex, keccak256};

fn leg(recipient: u8, amount: u64) -> Leg {
    Leg { recipient: Address::repeat_byte(recipient), amount: U256::from(amount), memo: Memo::Any }
}

fn signature(v: u8) -> Bytes {
    let mut bytes = [0x11; 65];
    bytes[32..64].fill(0x22);
    bytes[64] = v;
    Bytes::copy_from_slice(&bytes)
}

fn authorized(signature: Bytes, by_contract: bool) -> Payment {
    let (from, to) = (Address::repeat_byte(1), Address::repeat_byte(2));
    let way = Way::Authorization {
        from,
        to,
        value: U256::from(5),
        valid_after: U256::ZERO,
        valid_before: U256::from(9),
        nonce: B256::repeat_byte(7),
        signature,
        by_contract,
    };
    Payment { chain: 1, token: Address::repeat_byte(0x70), payer: Some(from), legs: vec![leg(2, 5)], way }
}

fn permitted(batch: bool, legs: Vec<Leg>) -> Payment {
    let owner = Address::repeat_byte(1);
    let way = Way::Permit2 {
        owner,
        spender: Address::repeat_byte(3),
        nonce: U256::from(4),
        deadline: U256::from(9),
        witness: B256::repeat_byte(7),
        witness_type: "T".into(),
        batch,
        signature: signature(27),
        by_contract: false,
    };
    Payment { chain: 1, token: Address::repeat_byte(0x70), payer: Some(owner), legs, way }
}

#[test]
fn event_names_hash_to_their_topics() {
    assert_eq!(keccak256("AuthorizationUsed(address,bytes32)"), AUTHORIZATION_USED);
    assert_eq!(keccak256("AuthorizationCanceled(address,bytes32)"), AUTHORIZATION_CANCELED);
    assert_eq!(keccak256("isValidSignature(bytes32,bytes)")[..4], VALID_SIGNATURE);
}

#[test]
fn an_ordinary_accounts_authorization_is_submitted_in_its_three_parts() {
    for v in [0, 27] {
        let call = submission(&authorized(signature(v), false)).unwrap();
        assert_eq!(call.to, Address::repeat_byte(0x70));
        // transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)
        assert_eq!(call.data[..4], hex!("e3ee160e"));
        assert_eq!(call.data.len(), 4 + 9 * 32);
        assert_eq!(call.data[4 + 6 * 32..][..32], U256::from(27).to_be_bytes::<32>());
        assert_eq!(call.data[4 + 8 * 32..], [0x22; 32]);
    }
    assert_eq!(submission(&authorized(Bytes::from_static(&[1; 64]), false)), None);
}

#[test]
fn a_contract_accounts_authorization_is_submitted_as_bytes() {
    let call = submission(&authorized(Bytes::from_static(&[9; 100]), true)).unwrap();
    // transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)
    assert_eq!(call.data[..4], hex!("cf092995"));
}

#[test]
fn permit2_is_asked_in_the_form_that_was_signed() {
    let call = submission(&permitted(false, vec![leg(2, 5)])).unwrap();
    assert_eq!(call.to, PERMIT2);
    assert_eq!(call.data[..4], hex!("137c29fe"));
    let call = submission(&permitted(true, vec![leg(2, 5), leg(3, 6)])).unwrap();
    assert_eq!(call.data[..4], hex!("fe8ec1a7"));
    assert_eq!(submission(&permitted(false, Vec::new())), None);
}

#[test]
fn a_transfer_is_read_back_only_in_its_one_spelling() {
    let (to, value) = (Address::repeat_byte(2), U256::from(5));
    let data = transfer(to, value);
    assert_eq!(data[..4], hex!("a9059cbb"));
    assert_eq!(read_transfer(&data), Some((to, value)));
    let mut longer = data.to_vec();
    longer.push(0);
    assert_eq!(read_transfer(&longer), None);
    let mut dirty = data.to_vec();
    dirty[4] = 1;
    assert_eq!(read_transfer(&dirty), None);
    assert_eq!(read_transfer(&data[..67]), None);
    assert_eq!(read_transfer(&[]), None);
}

#[test]
fn questions_name_what_they_ask_about() {
    let account = Address::repeat_byte(1);
    assert_eq!(balance_of(account)[..4], hex!("70a08231"));
    assert_eq!(allowance(account, PERMIT2)[..4], hex!("dd62ed3e"));
    assert_eq!(authorization_state(account, B256::ZERO)[..4], hex!("e94a0102"));
    assert_eq!(is_valid_signature(B256::ZERO, Bytes::new())[..4], VALID_SIGNATURE);
    let (question, bit) = nonce_bitmap(account, U256::from(0x0203));
    assert_eq!(question[..4], hex!("4fe02b44"));
    assert_eq!(question[4 + 32..], U256::from(2).to_be_bytes::<32>());
    assert_eq!(bit, U256::from(8));
    assert_eq!(read_word(&[0; 31]), None);
    assert_eq!(read_word(&U256::from(6).to_be_bytes::<32>()), Some(U256::from(6)));
}

#[test]
fn an_approval_reads_back_to_the_byte() {
    let (spender, value) = (Address::repeat_byte(1), U256::from(7));
    let data = approve(spender, value);
    assert_eq!(data[..4], hex!("095ea7b3"));
    assert_eq!(read_approve(&data), Some((spender, value)));
    assert_eq!(read_approve(&[data.as_ref(), &[0]].concat()), None);
    assert_eq!(read_approve(&transfer(spender, value)), None);
}
