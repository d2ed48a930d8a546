use std::time::Duration;

use alloy_primitives::keccak256;
use farthing_rail::{ChannelStanding, Deposit};
use serde_json::{Value, json};
use tempo_primitives::transaction::{KeyAuthorization, SignatureType};

use super::*;
use crate::recover;
use crate::session::buyer::testing::*;
use crate::session::buyer::tests::{approved, opened};
use crate::session::{RESERVE, voucher_signature};
use crate::tempo::{AccessKey, Envelope, Grant, Limit};

fn sponsored(offer: Value) -> Value {
    changed(offer, json!({"methodDetails": {"feePayer": true}}))
}

/// What an opening carries: its transaction, and the channel as the bytes alone say it.
fn read(offer: &Value, opened: &OpenedChannel) -> (Envelope, KeptSession, OpenPayload) {
    let SessionPayload::Open(open) = payload(opened) else { panic!("no opening") };
    let DepositProof::Transaction(raw) = &open.deposit else { panic!("no transaction") };
    let envelope = Envelope::parse(raw).unwrap();
    let vault = crate::session::SessionRequest::from_object("tempo", offer.as_object().unwrap()).unwrap().vault;
    let call = vault.read_open(&envelope.transaction().calls.last().unwrap().input).unwrap();
    let terms = ChannelTerms {
        payer: envelope.sender().account,
        payee: call.payee,
        operator: call.operator,
        token: call.token,
        salt: call.salt,
        authorized_signer: call.authorized_signer,
        expiring_nonce_hash: match vault.kind {
            VaultKind::Reserve => envelope.replay_hash(),
            _ => B256::ZERO,
        },
    };
    assert_eq!(call.deposit, opened.channel.deposit);
    (envelope, KeptSession { vault, terms }, *open)
}

#[test]
fn an_opening_names_the_channel_that_its_transaction_opens() {
    for offer in [stream(), reserve(), sponsored(stream()), sponsored(reserve())] {
        let opened = opened(&on_tempo(), deposit(&on_tempo(), &offer, 50_000)).unwrap();
        let (envelope, session, open) = read(&offer, &opened);
        assert_eq!(open.channel, session.channel());
        assert_eq!(opened.channel.id, format!("{:#x}", session.channel()));
        assert_eq!((session.terms.payee, session.terms.token), (SELLER, TOKEN));
        assert_eq!(open.descriptor, (session.vault.kind == VaultKind::Reserve).then_some(session.terms));
        let separator = session.vault.separator();
        let first = voucher_signature(&session.vault, &separator, &open.channel, open.cumulative, &open.signature);
        assert_eq!(first.unwrap().0, account(0x11).address());
        assert_eq!(session.terms.signer(), account(0x11).address());
        assert_eq!(open.cumulative, Amount::new(1000));
        let source = opened.credential.source().unwrap().to_owned();
        assert_eq!(source, format!("did:pkh:eip155:{CHAIN}:{}", account(0x11).address()));
        assert_eq!(
            (opened.to_send, envelope.wants_sponsor()),
            (None, offer["methodDetails"].get("feePayer").is_some())
        );
    }
}

#[test]
fn a_sponsored_opening_costs_its_deposit_and_another_the_most_its_fee_could_be() {
    let cost = |offer: &Value| {
        let Deposit { fee, cost, .. } = deposit(&on_tempo(), offer, 50_000);
        (fee.is_zero(), cost.to_string())
    };
    assert_eq!(cost(&sponsored(stream())), (true, "0.05 USD".into()));
    assert_eq!(cost(&sponsored(reserve())), (true, "0.05 USD".into()));
    assert_eq!(cost(&stream()), (false, "0.095 USD".into()));
    assert_eq!(cost(&reserve()), (false, "0.075 USD".into()));
    let opened = opened(&on_tempo(), deposit(&on_tempo(), &sponsored(stream()), 50_000)).unwrap();
    let raw = read(&sponsored(stream()), &opened).0.to_bytes().unwrap();
    assert_eq!(raw[0], 0x78);
}

#[test]
fn a_sponsored_step_stays_within_what_servers_sponsor() {
    for offer in [sponsored(stream()), sponsored(reserve())] {
        let opened = opened(&on_tempo(), deposit(&on_tempo(), &offer, 50_000)).unwrap();
        let (envelope, ..) = read(&offer, &opened);
        let policy = crate::tempo::SponsorPolicy::for_chain(CHAIN, TOKEN);
        assert!(envelope.transaction().gas_limit <= policy.max_gas);
        policy.check(&envelope, now()).unwrap();
    }
}

#[test]
fn a_top_up_adds_to_its_channel_and_nothing_else() {
    for offer in [stream(), reserve()] {
        let payer = on_tempo();
        let channel = opened(&payer, deposit(&payer, &offer, 50_000)).unwrap().channel;
        let more = approved(deposit(&payer, &offer, 20_000));
        let added = at_once(payer.top_up(&channel, more)).unwrap();
        assert_eq!((added.channel.deposit, added.channel.signed), (Amount::new(70_000), Amount::new(1000)));
        let SessionPayload::TopUp(top_up) = payload(&added) else { panic!("no addition") };
        let DepositProof::Transaction(raw) = &top_up.deposit else { panic!("no transaction") };
        let envelope = Envelope::parse(raw).unwrap();
        let held = HeldChannel::read(&channel).unwrap().session;
        steps::check_top_up(envelope.transaction(), &held, Amount::new(20_000)).unwrap();
        assert!(steps::check_top_up(envelope.transaction(), &held, Amount::new(20_001)).is_err());
        assert!(steps::check_open(envelope.transaction(), &held, Amount::new(20_000)).is_err());
        assert_eq!((format!("{:#x}", top_up.channel), top_up.additional), (channel.id.clone(), Amount::new(20_000)));

        let other = changed(offer, json!({"recipient": OTHER}));
        assert!(at_once(payer.top_up(&channel, approved(deposit(&payer, &other, 20_000)))).is_err());
    }
}

#[test]
fn the_last_total_comes_with_what_servers_of_the_reserve_demand() {
    for offer in [stream(), reserve()] {
        let payer = on_tempo();
        let channel = opened(&payer, deposit(&payer, &offer, 50_000)).unwrap().channel;
        let quote = VoucherQuote {
            challenge: challenge("tempo", &offer),
            origin: "https://api.example.com".parse().unwrap(),
            cumulative: Amount::new(3000),
            cost: "0.002 USD".parse().unwrap(),
            closes: true,
        };
        let credential = at_once(payer.voucher(&channel, approved(quote))).unwrap();
        let SessionPayload::Close { voucher, authorization } = SessionPayload::read(credential.payload()).unwrap()
        else {
            panic!("no close")
        };
        let session = HeldChannel::read(&channel).unwrap().session;
        let (vault, channel) = (session.vault, session.channel());
        let separator = vault.separator();
        let signer = voucher_signature(&vault, &separator, &channel, Amount::new(3000), &voucher.signature).unwrap().0;
        assert_eq!(signer, account(0x11).address());
        assert_eq!(authorization.is_some(), vault.contract == RESERVE);
        if let Some(authorization) = authorization {
            let digest = keccak256(vault.close_message(&separator, &channel, Amount::new(3000)));
            assert_eq!(recover(&digest, &authorization), Ok(account(0x11).address()));
        }
    }
}

fn delegated(authorization: Option<KeyAuthorization>) -> TempoSessionPayer {
    let (root, key) = (account(0x11), account(0x33));
    let authorization = authorization.unwrap_or_else(|| {
        let expiry = std::num::NonZeroU64::new(crate::tempo::testing::NOW + 3600);
        let all = KeyAuthorization::unrestricted(CHAIN, SignatureType::Secp256k1, key.address());
        KeyAuthorization { expiry, ..all }
    });
    let mut message = Vec::new();
    alloy_rlp::Encodable::encode(&authorization, &mut message);
    let signature = at_once(root.sign(&message)).unwrap();
    let signature = tempo_primitives::transaction::PrimitiveSignature::from_bytes(&signature).unwrap();
    let mut bytes = Vec::new();
    alloy_rlp::Encodable::encode(&authorization.into_signed(signature), &mut bytes);
    let grant = crate::tempo::SignedGrant::from_bytes(&bytes).unwrap();
    let key = AccessKey::new(root.address(), key, grant).unwrap().known_to_chain();
    TempoSessionPayer { key: PayingKey::Delegated(Box::new(key)), ..on_tempo() }
}

#[test]
fn a_delegated_key_signs_vouchers_in_its_own_name() {
    for offer in [stream(), reserve()] {
        let payer = delegated(None);
        let opened = opened(&payer, deposit(&payer, &offer, 50_000)).unwrap();
        let (envelope, session, open) = read(&offer, &opened);
        assert_eq!(envelope.sender().access_key, Some(account(0x33).address()));
        assert_eq!((session.terms.payer, session.terms.signer()), (account(0x11).address(), account(0x33).address()));
        assert_eq!(open.authorized_signer, Some(account(0x33).address()));
        assert_eq!(open.channel, session.channel());
    }
}

#[test]
fn a_key_that_may_only_transfer_opens_nothing() {
    let limits = vec![Limit { token: TOKEN, amount: Amount::new(5_000_000), period: None }];
    let expires = now().after(Duration::from_secs(3600));
    let grant = Grant { chain: CHAIN, key: account(0x33).address(), expires, limits, recipients: Vec::new() };
    let signed = at_once(grant.sign(&account(0x11))).unwrap();
    let payer = delegated(Some(signed.authorization().authorization));
    let quote = quoted(&payer, &reserve()).unwrap();
    let refusal = payer.deposit(&quote, Amount::new(50_000), Amount::new(1000)).unwrap_err();
    assert!(refusal.0.contains("may transfer and not call"), "{refusal}");
}

#[test]
fn a_deposit_is_taken_back_step_by_step_and_no_step_twice() {
    let open = ChannelStanding {
        deposit: Amount::new(50_000),
        settled: Amount::ZERO,
        close_requested_at: None,
        collect_until: None,
        closed: false,
        reference: None,
    };
    let later = |seconds| Some(now().after(Duration::from_secs(seconds)));
    let asked = ChannelStanding { close_requested_at: Some(now()), collect_until: later(900), ..open.clone() };
    let over = ChannelStanding { collect_until: Some(now()), ..asked.clone() };
    let absent = ChannelStanding { deposit: Amount::ZERO, ..open.clone() };
    let ended = ChannelStanding { closed: true, ..over.clone() };
    let channel = opened(&on_tempo(), deposit(&on_tempo(), &reserve(), 50_000)).unwrap().channel;
    let take = |standing: &ChannelStanding, step| {
        let funds = Arc::new(Scripted { standing: Some(standing.clone()), ..Scripted::default() });
        let sent = at_once(on_tempo().with_funds(funds.clone()).reclaim(&channel, step, approved(step)));
        (sent == Sent::Moved, funds.sent.lock().unwrap().len())
    };
    assert_eq!(take(&open, Reclaim::Request), (true, 1));
    assert_eq!(take(&open, Reclaim::Withdraw), (false, 0));
    assert_eq!(take(&asked, Reclaim::Request), (true, 0));
    assert_eq!(take(&asked, Reclaim::Withdraw), (false, 0));
    assert_eq!(take(&over, Reclaim::Withdraw), (true, 1));
    assert_eq!(take(&absent, Reclaim::Request), (false, 0));
    assert_eq!(take(&ended, Reclaim::Withdraw), (true, 0));
    let crossed = on_tempo().with_funds(Arc::new(Scripted::default()));
    let sent = at_once(crossed.reclaim(&channel, Reclaim::Withdraw, approved(Reclaim::Request)));
    assert!(matches!(sent, Sent::Never(_)));
}
