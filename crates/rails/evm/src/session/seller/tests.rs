use std::num::NonZeroU64;

use alloy_primitives::{Bytes, TxKind, U256, address};
use farthing_protocol::{ChargeRequest, Credential};
use tempo_primitives::transaction::{Call, TempoTransaction};

use super::*;
use crate::evm::calldata;
use crate::session::{DepositProof, OpenPayload, Vault};
use crate::tempo::SponsorPolicy;
use crate::tempo::testing::{
    CHAIN, NOW, OTHER, SELLER, TOKEN, account, at_once, challenge, now, signed, sponsored, token,
};

const DEPOSIT: u128 = 50_000;
const EXCHANGE: Address = address!("0xdec0000000000000000000000000000000000000");
const SOLD: Address = address!("0x20c0000000000000000000000000000000000001");

const STREAM: Vault = Vault { kind: VaultKind::Stream, chain: CHAIN, contract: Address::repeat_byte(0xe5) };

fn seller(vault: Vault, change: impl FnOnce(&mut SessionSettings)) -> ChainSession {
    let mut settings = SessionSettings::new(vault, token(), SELLER);
    settings.sponsor = Some(SponsorPolicy::for_chain(CHAIN, TOKEN));
    change(&mut settings);
    ChainSession::new(settings).unwrap()
}

fn order() -> SessionOrder {
    SessionOrder {
        price: "0.001 USD".parse().unwrap(),
        unit: "token".into(),
        suggested_deposit: "0.05 USD".parse().unwrap(),
        least_delta: None,
        description: None,
    }
}

fn read(seller: &ChainSession, payload: &SessionPayload) -> Result<SessionAction, Refusal> {
    let challenge = challenge(&seller.session_request(&order()).unwrap());
    let credential = Credential::new(challenge.clone(), payload.to_object(), None);
    let request = ChargeRequest::from_object(&challenge.request().decode().unwrap()).unwrap();
    seller.read(&Presented { credential: &credential, request: &request, now: now() })
}

fn terms() -> ChannelTerms {
    ChannelTerms {
        payer: account(0x11).address(),
        payee: SELLER,
        operator: Address::ZERO,
        token: TOKEN,
        salt: B256::repeat_byte(3),
        authorized_signer: Address::ZERO,
        expiring_nonce_hash: B256::ZERO,
    }
}

fn call(to: Address, input: Bytes) -> Call {
    Call { to: TxKind::Call(to), value: U256::ZERO, input }
}

fn opening(vault: &Vault) -> Call {
    call(vault.contract, vault.open(&terms(), Amount::new(DEPOSIT)))
}

fn approval(vault: &Vault) -> Call {
    call(TOKEN, calldata::approve(vault.contract, U256::from(DEPOSIT)))
}

/// The exact pair of calls that buys the deposit on Tempo's exchange.
fn purchase(out: u128) -> [Call; 2] {
    let most = U256::from(out + 500);
    let words = [SOLD.into_word(), TOKEN.into_word(), U256::from(out).into(), most.into()];
    let swap: Vec<u8> = [0xf0, 0x12, 0x2b, 0x75].into_iter().chain(words.concat()).collect();
    [call(SOLD, calldata::approve(EXCHANGE, most)), call(EXCHANGE, swap.into())]
}

fn transaction(calls: Vec<Call>) -> TempoTransaction {
    TempoTransaction {
        chain_id: CHAIN,
        max_priority_fee_per_gas: 1,
        max_fee_per_gas: 1,
        gas_limit: 1_500_000,
        calls,
        nonce_key: tempo_primitives::transaction::TEMPO_EXPIRING_NONCE_KEY,
        valid_before: NonZeroU64::new(NOW + 60),
        ..TempoTransaction::default()
    }
}

/// The opening of a channel by this transaction.
fn open_by(vault: &Vault, transaction: TempoTransaction) -> SessionPayload {
    let envelope = signed(transaction);
    let is_reserve = vault.kind == VaultKind::Reserve;
    let hash = if is_reserve { envelope.replay_hash() } else { B256::ZERO };
    let terms = ChannelTerms { expiring_nonce_hash: hash, ..terms() };
    let channel = terms.id_in(vault);
    let message = vault.voucher_message(&vault.separator(), &channel, Amount::new(1_000));
    SessionPayload::Open(Box::new(OpenPayload {
        channel,
        deposit: DepositProof::Transaction(envelope.to_bytes().unwrap().into()),
        cumulative: Amount::new(1_000),
        signature: at_once(account(0x11).sign(&message)).unwrap(),
        authorized_signer: None,
        salt: None,
        said: None,
        descriptor: is_reserve.then_some(terms),
    }))
}

#[test]
fn a_deposit_may_be_approved_and_bought_right_before_it() {
    for vault in [STREAM, Vault::reserve(CHAIN)] {
        let [first, second] = purchase(DEPOSIT);
        for calls in [
            vec![opening(&vault)],
            vec![approval(&vault), opening(&vault)],
            vec![first.clone(), second.clone(), opening(&vault)],
            vec![first.clone(), second.clone(), approval(&vault), opening(&vault)],
        ] {
            let SessionAction::Open(opening) =
                read(&seller(vault, |_| {}), &open_by(&vault, transaction(calls))).unwrap()
            else {
                panic!("not an opening")
            };
            assert_eq!((opening.deposit, opening.voucher.cumulative), (Amount::new(DEPOSIT), Amount::new(1_000)));
        }
    }
}

#[test]
fn anything_else_in_the_transaction_is_refused() {
    for vault in [STREAM, Vault::reserve(CHAIN)] {
        let stranger = || call(TOKEN, calldata::transfer(OTHER, U256::from(1)));
        let foreign_approval = || call(TOKEN, calldata::approve(OTHER, U256::from(1)));
        let [first, second] = purchase(DEPOSIT);
        let [.., too_much] = purchase(DEPOSIT + 1);
        let mut with_value = opening(&vault);
        with_value.value = U256::from(1);
        for calls in [
            vec![opening(&vault), stranger()],
            vec![stranger(), opening(&vault)],
            vec![foreign_approval(), opening(&vault)],
            vec![opening(&vault), opening(&vault)],
            vec![approval(&vault), approval(&vault), opening(&vault)],
            vec![first.clone(), too_much, opening(&vault)],
            vec![second, first, opening(&vault)],
            vec![approval(&vault)],
            vec![with_value],
        ] {
            let refusal = read(&seller(vault, |_| {}), &open_by(&vault, transaction(calls))).unwrap_err();
            assert_eq!(refusal.problem, ProblemType::VerificationFailed, "{refusal}");
        }
    }
}

#[test]
fn a_sponsor_pays_for_the_deposit_and_for_no_purchase() {
    for vault in [STREAM, Vault::reserve(CHAIN)] {
        let plain = sponsored(transaction(vec![approval(&vault), opening(&vault)]));
        read(&seller(vault, |_| {}), &open_by(&vault, plain.clone())).unwrap();
        let refusal = read(&seller(vault, |settings| settings.sponsor = None), &open_by(&vault, plain)).unwrap_err();
        assert!(refusal.detail.contains("pays no fees"), "{refusal}");
        let [first, second] = purchase(DEPOSIT);
        let bought = sponsored(transaction(vec![first, second, opening(&vault)]));
        let refusal = read(&seller(vault, |_| {}), &open_by(&vault, bought)).unwrap_err();
        assert!(refusal.detail.contains("no swap"), "{refusal}");
    }
}

#[test]
fn the_reserve_is_opened_with_an_expiring_nonce_alone() {
    let vault = Vault::reserve(CHAIN);
    let lasting = TempoTransaction { nonce_key: U256::ZERO, ..transaction(vec![opening(&vault)]) };
    let refusal = read(&seller(vault, |_| {}), &open_by(&vault, lasting.clone())).unwrap_err();
    assert!(refusal.detail.contains("expiring nonce"), "{refusal}");
    let stream = TempoTransaction { calls: vec![opening(&STREAM)], ..lasting };
    read(&seller(STREAM, |_| {}), &open_by(&STREAM, stream)).unwrap();
}

#[test]
fn less_than_one_unit_opens_nothing() {
    let vault = Vault::reserve(CHAIN);
    let little = call(vault.contract, vault.open(&terms(), Amount::new(999)));
    let refusal = read(&seller(vault, |_| {}), &open_by(&vault, transaction(vec![little]))).unwrap_err();
    assert!(refusal.detail.contains("less than the 1000 of one unit"), "{refusal}");
}

#[test]
fn a_second_signature_at_the_end_must_be_the_payers() {
    let vault = Vault::reserve(CHAIN);
    let channel = terms().id_in(&vault);
    let cumulative = Amount::new(1_000);
    let sign = |by: u8, message: [u8; 66]| at_once(account(by).sign(&message)).unwrap();
    let separator = vault.separator();
    let closing = |authorization: Option<Bytes>| SessionPayload::Close {
        voucher: VoucherPayload {
            channel,
            cumulative,
            signature: sign(0x11, vault.voucher_message(&separator, &channel, cumulative)),
            descriptor: Some(terms()),
        },
        authorization,
    };
    let second = |by| sign(by, vault.close_message(&separator, &channel, cumulative));
    let seller = seller(vault, |_| {});
    for payload in [closing(None), closing(Some(second(0x11)))] {
        assert!(matches!(read(&seller, &payload), Ok(SessionAction::Close(_))));
    }
    let refusal = read(&seller, &closing(Some(second(0x12)))).unwrap_err();
    assert_eq!(refusal.problem, ProblemType::SessionSignerMismatch);
}

#[test]
fn a_snapshot_tells_a_payer_how_to_go_on() {
    let vault = Vault::reserve(CHAIN);
    let kept = KeptSession { vault, terms: terms() };
    let channel = format!("{:#x}", kept.channel());
    let view = SessionView {
        channel: &channel,
        kept: &kept.to_bytes(),
        deposit: Amount::new(DEPOSIT),
        accepted: Amount::new(3_000),
        voucher: None,
        spent: Amount::new(2_000),
        settled: Amount::new(1_000),
        required: Amount::new(4_000),
        units: 2,
        close_requested_at: Some(now()),
    };
    let details = seller(vault, |_| {}).snapshot(&view);
    let snapshot = &details["sessionSnapshot"];
    assert_eq!((&details["channelId"], &snapshot["channelId"]), (&channel.as_str().into(), &channel.as_str().into()));
    assert_eq!((&snapshot["requiredCumulative"], &snapshot["acceptedCumulative"]), (&"4000".into(), &"3000".into()));
    assert_eq!((&snapshot["spent"], &snapshot["units"]), (&"2000".into(), &2.into()));
    assert_eq!(snapshot["closeRequestedAt"], NOW.to_string());
    let descriptor = ChannelTerms::read(snapshot["descriptor"].as_object().unwrap()).unwrap();
    assert_eq!(descriptor.id_in(&vault), kept.channel());
}
