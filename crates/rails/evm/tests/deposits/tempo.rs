//! `tempo/session`, versions 1 and 2: the seller sends what the payer signed.

use alloy_primitives::B256;
use farthing_devnet::contracts::STREAM_CHANNEL;
use farthing_devnet::{Devnet, Options, Source};
use farthing_money::Amount;
use farthing_rail::{OpenedChannel, SessionPayer};
use farthing_rail_evm::session::{
    ChannelTerms, DepositProof, RESERVE, SessionPayload, SessionRequest, TempoSessionPayer, Vault, VaultKind,
};
use farthing_rail_evm::tempo::{Envelope, PayingKey, SponsorPolicy, cosign};
use serde_json::{Value, json};

use crate::support::{DEPOSIT, OPERATOR, PAYEE, PAYER, SPONSOR, Stage, UNIT, account, address, payload, random};

/// A chain with both escrows; version 1's is the owner's own.
pub(crate) async fn stage() -> (Stage, Vault) {
    let devnet = Devnet::start(Options::tempo(Source::of_this_process().unwrap())).await.unwrap();
    devnet.place_reserve().await.unwrap();
    let contract = devnet.deploy(STREAM_CHANNEL.creation().unwrap()).await.unwrap();
    let stream = Vault { kind: VaultKind::Stream, chain: devnet.chain_id(), contract };
    (Stage::on(devnet, &format!("escrow = [\"{contract}\"]")), stream)
}

pub(crate) fn payer(stage: &Stage) -> TempoSessionPayer {
    let key = PayingKey::Own(account(PAYER));
    TempoSessionPayer::new(key, &stage.chains, stage.clock(), random()).with_funds(stage.purse.clone())
}

pub(crate) fn request(stage: &Stage, vault: &Vault, sponsored: bool) -> Value {
    let protocol = vault.kind.protocol();
    json!({
        "amount": UNIT.to_string(), "currency": stage.devnet.token(), "recipient": address(PAYEE),
        "methodDetails": {
            "chainId": vault.chain, "escrowContract": vault.contract, "sessionProtocol": protocol,
            "feePayer": sponsored,
        },
    })
}

/// Does what a seller does with an opening or an addition: pays for it if it said so, and sends it. An opening has
/// terms.
pub(crate) async fn accept(stage: &Stage, opened: &OpenedChannel) -> Option<ChannelTerms> {
    let payload = payload(&opened.credential);
    let deposit = match &payload {
        SessionPayload::Open(open) => &open.deposit,
        SessionPayload::TopUp(top_up) => &top_up.deposit,
        other => panic!("{other:?}"),
    };
    let DepositProof::Transaction(raw) = deposit else { panic!("{deposit:?}") };
    let envelope = Envelope::parse(raw).unwrap();
    let request = SessionRequest::read("tempo", opened.credential.challenge().request()).unwrap();
    let last = envelope.transaction().calls.last().unwrap();
    let call = request.vault.read_open(&last.input);
    let is_reserve = request.vault.contract == RESERVE;
    if is_reserve && call.is_some() {
        stage.devnet.prepare_open(envelope.sender().account, envelope.replay_hash()).await.unwrap();
    }
    let mut bytes = raw.to_vec();
    if request.fee_payer {
        let policy = SponsorPolicy::for_chain(request.vault.chain, request.token);
        policy.check(&envelope, (stage.clock())()).unwrap();
        bytes = cosign(raw, &account(SPONSOR), request.token).await.unwrap().raw;
    }
    let used = stage.include(&bytes).await;
    let limit = envelope.transaction().gas_limit;
    assert!(used <= limit, "{used} of {limit}");
    let call = call?;
    Some(ChannelTerms {
        payer: envelope.sender().account,
        payee: call.payee,
        operator: call.operator,
        token: call.token,
        salt: call.salt,
        authorized_signer: call.authorized_signer,
        expiring_nonce_hash: if is_reserve { envelope.replay_hash() } else { B256::ZERO },
    })
}

/// A channel's whole life: opened, used, settled, added to, closed by its payee.
async fn lives(stage: &Stage, vault: &Vault, sponsored: bool) {
    let (payer, request) = (payer(stage), request(stage, vault, sponsored));
    let (had, seller_had) = (stage.has(PAYER).await, stage.has(PAYEE).await);
    let opened = stage.opened(&payer, &request).await;
    let terms = accept(stage, &opened).await.unwrap();
    assert_eq!(opened.channel.id, format!("{:#x}", terms.id_in(vault)));
    let standing = stage.standing(&payer, &opened.channel).await;
    assert_eq!((standing.deposit, standing.settled, standing.closed), (Amount::new(DEPOSIT), Amount::ZERO, false));

    let voucher = stage.voucher(&payer, &request, &opened.channel, 3 * UNIT, false).await;
    stage.settle(PAYEE, vault, &terms, &voucher).await;
    assert_eq!(stage.standing(&payer, &opened.channel).await.settled, Amount::new(3 * UNIT));

    let added = stage.topped_up(&payer, &request, &opened.channel, 2 * DEPOSIT).await;
    assert!(accept(stage, &added).await.is_none());
    let channel = added.channel;
    let standing = stage.standing(&payer, &channel).await;
    assert_eq!((standing.deposit, channel.deposit), (Amount::new(3 * DEPOSIT), Amount::new(3 * DEPOSIT)));

    let last = stage.voucher(&payer, &request, &channel, 2 * DEPOSIT, true).await;
    let (before, seller_before) = (stage.has(PAYER).await, stage.has(PAYEE).await);
    stage.close(vault, &terms, &last).await;
    let standing = stage.standing(&payer, &channel).await;
    assert_eq!((standing.deposit, standing.settled), (Amount::new(3 * DEPOSIT), Amount::new(2 * DEPOSIT)));
    assert!(standing.closed);
    assert_eq!(stage.has(PAYER).await, before + DEPOSIT);
    // What the node sends for the seller takes a fee of the seller's.
    assert!(stage.has(PAYEE).await > seller_before && seller_before > seller_had);
    let spent = had - stage.has(PAYER).await;
    if sponsored {
        assert_eq!(spent, 2 * DEPOSIT, "the seller paid for the transactions");
    } else {
        let most = stage.deposit(&payer, &request, DEPOSIT).fee.units();
        assert!((2 * DEPOSIT..=2 * DEPOSIT + 2 * most).contains(&spent), "{spent}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_lives_in_version_1_s_contract() {
    let (stage, stream) = stage().await;
    lives(&stage, &stream, false).await;
    lives(&stage, &stream, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_lives_in_the_reserve() {
    let (stage, _) = stage().await;
    let reserve = Vault::reserve(stage.devnet.chain_id());
    lives(&stage, &reserve, false).await;
    lives(&stage, &reserve, true).await;
}

/// Whoever settles for the payee can have no more than what is signed for paid, and to nobody else.
#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_is_not_the_payee_moves_money_to_the_payee_alone() {
    let (stage, _) = stage().await;
    let reserve = Vault::reserve(stage.devnet.chain_id());
    let payer = payer(&stage);
    let mut request = request(&stage, &reserve, true);
    request["methodDetails"]["operator"] = json!(address(OPERATOR));
    let opened = stage.opened(&payer, &request).await;
    let terms = accept(&stage, &opened).await.unwrap();
    assert_eq!(terms.operator, address(OPERATOR));
    let seller_had = stage.has(PAYEE).await;
    let voucher = stage.voucher(&payer, &request, &opened.channel, 3 * UNIT, false).await;
    stage.settle(OPERATOR, &reserve, &terms, &voucher).await;
    assert_eq!(stage.has(PAYEE).await, seller_had + 3 * UNIT);
    let greedy = reserve.settle(&terms, Amount::new(4 * UNIT), voucher.signature);
    assert!(stage.devnet.node().send(address(OPERATOR), Some(RESERVE), greedy).await.is_err());
    assert_eq!(payer.pays(), ("tempo", "session"));
}
