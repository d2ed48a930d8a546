use std::sync::Arc;

use alloy_primitives::{Bytes, TxKind, keccak256};
use alloy_rlp::Decodable as _;
use serde_json::Value;

use super::*;
use crate::evm::{calldata, transaction};
use crate::recover;
use crate::session::buyer::testing::*;
use crate::session::buyer::tests::{approved, opened};
use crate::session::{DepositWitness, ReceiveAuthorization, voucher_signature};

fn open_payload(opened: &OpenedChannel) -> OpenPayload {
    match payload(opened) {
        SessionPayload::Open(open) => *open,
        other => panic!("{other:?}"),
    }
}

fn session(opened: &OpenedChannel) -> KeptSession {
    HeldChannel::read(&opened.channel).unwrap().session
}

fn with_chain(allowance: u64) -> (EvmSessionPayer, Arc<Scripted>) {
    let funds = Arc::new(Scripted { allowance: U256::from(allowance), ..Scripted::default() });
    (on_evm().with_funds(funds.clone()), funds)
}

fn opened_by(payer: &EvmSessionPayer, offer: &Value) -> OpenedChannel {
    let opened = opened(payer, deposit(payer, offer, 50_000)).unwrap();
    let (open, session) = (open_payload(&opened), session(&opened));
    assert_eq!((open.channel, open.salt), (session.channel(), Some(session.terms.salt)));
    let separator = session.vault.separator();
    let voucher = voucher_signature(&session.vault, &separator, &open.channel, open.cumulative, &open.signature);
    assert_eq!(voucher.unwrap().0, account(0x11).address());
    opened
}

#[test]
fn an_authorization_is_made_out_to_the_escrow_for_this_channel_alone() {
    let payer = on_evm();
    let offer = evm(&["hash", "permit2", "authorization"]);
    assert!(deposit(&payer, &offer, 50_000).fee.is_zero());
    let opened = opened_by(&payer, &offer);
    let DepositProof::Authorization(authorization) = open_payload(&opened).deposit else { panic!("no authorization") };
    assert_eq!((authorization.to, authorization.value), (ESCROW, U256::from(50_000)));
    assert_eq!(authorization.nonce, ReceiveAuthorization::opening_nonce(&session(&opened).terms));
    let separator = crate::chain::by_code(BASE, "USDC").unwrap().separator().unwrap();
    let signer = recover(&keccak256(authorization.message(&separator)), &authorization.signature);
    assert_eq!((signer, opened.to_send), (Ok(account(0x11).address()), None));
}

#[test]
fn a_permit_names_the_channel_s_terms_and_needs_an_allowance() {
    let offer = evm(&["permit2"]);
    let (payer, _) = with_chain(20_000);
    let quote = quoted(&payer, &offer).unwrap();
    assert_eq!(at_once(payer.available(&quote)), Some(Amount::new(20_000)));
    let opened = opened_by(&payer, &offer);
    let DepositProof::Permit2(permit) = open_payload(&opened).deposit else { panic!("no permit") };
    let session = session(&opened);
    let witness = DepositWitness::opening(&session.terms);
    assert_eq!(permit.witness, witness.to_object());
    let signer = recover(&keccak256(permit.message(&session.vault, &witness)), &permit.signature);
    assert_eq!(signer, Ok(account(0x11).address()));
    let believed = on_evm().with_permit2(BASE, USDC.parse().unwrap());
    assert!(deposit(&believed, &evm(&["hash", "permit2"]), 50_000).fee.is_zero());
    assert!(!deposit(&payer, &evm(&["hash", "permit2"]), 50_000).fee.is_zero(), "what nobody vouches for comes last");
}

#[test]
fn what_is_sent_first_lets_the_escrow_take_exactly_the_deposit() {
    let offer = evm(&["hash"]);
    let (payer, funds) = with_chain(0);
    // 450,000 gas at a fifth of a gwei, at 4000 dollars for a coin.
    assert_eq!(deposit(&payer, &offer, 50_000).fee, Amount::new(360_000));
    let opened = opened_by(&payer, &offer);
    let to_send = opened.to_send.clone().unwrap();
    let raws = Vec::<Bytes>::decode(&mut to_send.as_slice()).unwrap();
    let [approval, opening] = [&raws[0], &raws[1]].map(|raw| transaction::read(raw).unwrap().tx().clone());
    assert_eq!(calldata::read_approve(&approval.input), Some((ESCROW, U256::from(50_000))));
    assert_eq!(approval.to, TxKind::Call(USDC.parse().unwrap()));
    assert_eq!((approval.nonce, opening.nonce, opening.to), (7, 8, TxKind::Call(ESCROW)));
    let call = session(&opened).vault.read_open(&opening.input).unwrap();
    assert_eq!((call.payee, call.deposit), (SELLER, Amount::new(50_000)));
    assert_eq!(open_payload(&opened).deposit, DepositProof::Hash(keccak256(&raws[1])));
    assert_eq!(at_once(payer.send(&to_send)), Sent::Moved);
    assert_eq!(*funds.sent.lock().unwrap(), [keccak256(&raws[0]), keccak256(&raws[1])]);
    assert!(matches!(at_once(payer.send(b"")), Sent::Unknown(_)));
}

#[test]
fn a_top_up_goes_the_same_ways() {
    for kind in ["authorization", "permit2", "hash"] {
        let offer = evm(&[kind]);
        let (payer, _) = with_chain(u64::MAX);
        let channel = opened_by(&payer, &offer).channel;
        let added = at_once(payer.top_up(&channel, approved(deposit(&payer, &offer, 20_000)))).unwrap();
        assert_eq!(added.channel.deposit, Amount::new(70_000));
        let SessionPayload::TopUp(top_up) = payload(&added) else { panic!("no addition") };
        assert_eq!(top_up.deposit.kind().name(), kind);
        assert_eq!(added.to_send.is_some(), kind == "hash");
        if let DepositProof::Authorization(authorization) = &top_up.deposit {
            let (channel, from) = (top_up.channel, account(0x11).address());
            let nonce = ReceiveAuthorization::top_up_nonce(channel, Amount::new(20_000), from, top_up.salt.unwrap());
            assert_eq!(authorization.nonce, nonce);
        }
    }
}

#[test]
fn what_this_wallet_cannot_do_is_said_with_the_remedy() {
    let refusal = |payer: &EvmSessionPayer, kinds: &[&str]| {
        let quote = quoted(payer, &evm(kinds)).unwrap();
        payer.deposit(&quote, Amount::new(50_000), Amount::new(1000)).unwrap_err().0
    };
    assert!(refusal(&on_evm(), &["hash"]).contains("chain add NAME --rpc URL"));
    assert!(refusal(&on_evm(), &["permit2"]).contains("no deposit that this wallet can sign"));
    let unpriced = crate::buyer::Chains::parse(&format!("[chain.base]\nrpc = \"http://x\"\nescrow = \"{ESCROW}\""));
    let unpriced = EvmSessionPayer::new(account(0x11), &unpriced.unwrap(), clock(), random());
    assert!(refusal(&unpriced.with_funds(Arc::new(Scripted::default())), &["hash"]).contains("native_price"));
    let without = EvmSessionPayer::new(account(0x11), &chains(), clock(), Arc::new(|| None));
    let refused = opened(&without, deposit(&without, &evm(&["authorization"]), 50_000));
    assert!(matches!(refused, Err(SignError::Key(_))));
}
