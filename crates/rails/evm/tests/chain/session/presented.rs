//! What is presented and is not what it says.

use alloy_primitives::{Address, B256};
use farthing_money::Amount;
use farthing_protocol::ProblemType;
use farthing_rail::{Deposited, SessionAction};
use farthing_rail_evm::session::{DepositProof, SessionPayload, VaultKind, VoucherPayload};

use super::stage::{DEPOSIT, Stage, UNIT, held, twin};

/// The opening of a channel with one thing about it changed.
async fn refused(stage: &Stage, change: impl FnOnce(&mut farthing_rail_evm::session::OpenPayload)) -> ProblemType {
    let channel = stage.channel(DEPOSIT, UNIT, false).await;
    let SessionPayload::Open(mut open) = channel.payload else { panic!("not an opening") };
    change(&mut open);
    stage.read(&SessionPayload::Open(open)).unwrap_err().problem
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opening_of_another_channel_than_it_says_is_refused() {
    for stage in [Stage::reserve().await, Stage::stream().await] {
        let wrong = ProblemType::VerificationFailed;
        assert_eq!(refused(&stage, |open| open.channel = B256::repeat_byte(7)).await, wrong);
        assert_eq!(refused(&stage, |open| open.authorized_signer = Some(Address::repeat_byte(7))).await, wrong);
        if stage.vault.kind == VaultKind::Reserve {
            let change = |open: &mut farthing_rail_evm::session::OpenPayload| {
                open.descriptor.as_mut().unwrap().salt = B256::repeat_byte(7);
            };
            assert_eq!(refused(&stage, change).await, wrong);
            assert_eq!(refused(&stage, |open| open.descriptor = None).await, ProblemType::InvalidPayload);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g_05_a_channel_for_somebody_else_or_of_another_token_is_refused() {
    for stage in [Stage::reserve().await, Stage::stream().await] {
        for change in [
            |terms: &mut farthing_rail_evm::session::ChannelTerms| terms.payee = Address::repeat_byte(7),
            |terms: &mut farthing_rail_evm::session::ChannelTerms| terms.token = Address::repeat_byte(7),
            |terms: &mut farthing_rail_evm::session::ChannelTerms| terms.operator = Address::repeat_byte(7),
        ] {
            let mut terms = stage.terms();
            change(&mut terms);
            if stage.vault.kind == VaultKind::Stream && !terms.operator.is_zero() {
                continue;
            }
            let data = stage.vault.open(&terms, Amount::new(DEPOSIT));
            let envelope = stage.transaction(stage.calls(data, DEPOSIT), false).await;
            if stage.vault.kind == VaultKind::Reserve {
                terms.expiring_nonce_hash = envelope.replay_hash();
            }
            let raw = DepositProof::Transaction(envelope.to_bytes().unwrap().into());
            let open = stage.open_payload(&terms, raw, UNIT).await;
            let refusal = stage.read(&SessionPayload::Open(Box::new(open))).unwrap_err();
            assert_eq!(refusal.problem, ProblemType::VerificationFailed, "{refusal}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_voucher_above_the_deposit_or_by_somebody_else_is_refused() {
    for stage in [Stage::reserve().await, Stage::stream().await] {
        let channel = stage.channel(DEPOSIT, UNIT, false).await;
        let SessionPayload::Open(open) = channel.payload else { panic!("not an opening") };
        let mut more = open.clone();
        more.cumulative = Amount::new(DEPOSIT + 1);
        more.signature = stage.sign(super::stage::PAYER, &channel.id, DEPOSIT + 1).await;
        let refusal = stage.read(&SessionPayload::Open(more)).unwrap_err();
        assert_eq!(refusal.problem, ProblemType::SessionAmountExceedsDeposit);

        let mut foreign = open.clone();
        foreign.signature = stage.sign(2, &channel.id, UNIT).await;
        let refusal = stage.read(&SessionPayload::Open(foreign)).unwrap_err();
        assert_eq!(refusal.problem, ProblemType::SessionSignerMismatch);

        let mut high = open;
        high.signature = twin(&high.signature);
        let refusal = stage.read(&SessionPayload::Open(high)).unwrap_err();
        assert_eq!(refusal.problem, ProblemType::SessionInvalidSignature);
    }
}

/// The same bytes again are the same deposit: the chain takes them once, and the seller is told of what is there.
#[tokio::test(flavor = "multi_thread")]
async fn an_opening_that_is_shown_again_deposits_nothing_more() {
    for stage in [Stage::reserve().await, Stage::stream().await] {
        let channel = stage.opened(DEPOSIT, UNIT).await;
        let SessionAction::Open(again) = stage.read(&channel.payload).unwrap() else { panic!("not an opening") };
        assert_eq!((&again.key, again.voucher.session), (&channel.opening.key, channel.opening.voucher.session));
        let standing = held(stage.resolve(&channel.claim()).await);
        assert_eq!(standing.deposit, Amount::new(DEPOSIT));
        assert_eq!(stage.world.has(stage.vault.contract).await, DEPOSIT);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn g_05_a_voucher_is_read_with_whoever_signed_it() {
    for stage in [Stage::reserve().await, Stage::stream().await, Stage::evm().await] {
        let terms = stage.terms();
        let channel = terms.id_in(&stage.vault);
        let voucher = |signature| {
            SessionPayload::Voucher(VoucherPayload {
                channel,
                cumulative: Amount::new(UNIT),
                signature,
                descriptor: (stage.vault.kind == VaultKind::Reserve).then_some(terms),
            })
        };
        let own = stage.sign(super::stage::PAYER, &channel, UNIT).await;
        let SessionAction::Voucher(read) = stage.read(&voucher(own.clone())).unwrap() else { panic!("not a voucher") };
        assert_eq!(read.signer, format!("{:#x}", terms.payer));
        assert_eq!((read.session, read.kept), (stage.vault.session(&channel), own.to_vec()));

        let refusal = stage.read(&voucher(twin(&own))).unwrap_err();
        assert_eq!(refusal.problem, ProblemType::SessionInvalidSignature);
        // Where the channel's terms come with it, somebody else's is refused at once; else the books do.
        let foreign = stage.read(&voucher(stage.sign(2, &channel, UNIT).await));
        match foreign {
            Err(refusal) => assert_eq!(refusal.problem, ProblemType::SessionSignerMismatch),
            Ok(SessionAction::Voucher(read)) => assert_ne!(read.signer, format!("{:#x}", terms.payer)),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_that_its_payer_does_not_have_is_refused() {
    for stage in [Stage::reserve().await, Stage::stream().await] {
        let fortune = u128::from(u64::MAX) * 4;
        let channel = stage.channel(fortune, UNIT, true).await;
        let deposited = stage.deposit(&channel.claim()).await;
        assert!(matches!(deposited, Deposited::Rejected(_)), "{deposited:?}");
    }
}
