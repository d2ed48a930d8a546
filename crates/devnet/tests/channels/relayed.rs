//! Money that comes by a signature, and settlements that somebody else sends.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::{Eip712Domain, SolStruct as _, SolValue};

use crate::interface::*;
use crate::stage::{DEPOSIT, Stage};
use crate::support::{LATER, PAYEE, PAYER, STRANGER, balances, domain, reverted, send, sign, view, word};

/// The struct that Permit2 signs, with its witness.
mod opening {
    use crate::interface::{ChannelOpenWitness, TokenPermissions};
    alloy_sol_types::sol! {
        struct PermitWitnessTransferFrom {
            TokenPermissions permitted; address spender; uint256 nonce; uint256 deadline; ChannelOpenWitness witness;
        }
    }
}

mod topping_up {
    use crate::interface::{ChannelTopUpWitness, TokenPermissions};
    alloy_sol_types::sol! {
        struct PermitWitnessTransferFrom {
            TokenPermissions permitted; address spender; uint256 nonce; uint256 deadline; ChannelTopUpWitness witness;
        }
    }
}

#[tokio::test]
async fn an_evm_channel_is_opened_and_filled_by_authorizations() {
    let stage = Stage::evm().await;
    let (payee, token, from) = (PAYEE.address, stage.chain.token(), PAYER.address);
    let (salt, deposit, nobody) = (word("authorized"), DEPOSIT, Address::ZERO);
    let token_domain = domain("Test USDC", &stage.chain, token);
    let allow = |value: u128, nonce: B256| {
        let what = ReceiveWithAuthorization {
            from,
            to: stage.escrow,
            value: U256::from(value),
            validAfter: U256::ZERO,
            validBefore: LATER,
            nonce,
        };
        sign(PAYER, &what, &token_domain)
    };
    let nonce = keccak256((from, payee, token, salt, nobody).abi_encode());
    let open = openWithAuthorizationCall {
        payee,
        token,
        deposit,
        salt,
        authorizedSigner: nobody,
        from,
        validAfter: U256::ZERO,
        validBefore: LATER,
        nonce,
        signature: allow(DEPOSIT, nonce),
    };
    let stolen = openWithAuthorizationCall { payee: STRANGER.address, ..open.clone() };
    reverted::<NonceMismatch>(stage.send(STRANGER, stolen).await);
    let empty = openWithAuthorizationCall { deposit: 0, ..open.clone() };
    reverted::<ZeroDeposit>(stage.send(STRANGER, empty).await);
    stage.send(STRANGER, open).await.unwrap();

    let channel_id = stage.id(salt).await;
    let top_up_salt = word("more");
    let nonce = keccak256((channel_id, 200_u128, from, top_up_salt).abi_encode());
    let more = topUpWithAuthorizationCall {
        channelId: channel_id,
        additionalDeposit: 200,
        from,
        topUpSalt: top_up_salt,
        validAfter: U256::ZERO,
        validBefore: LATER,
        nonce,
        signature: allow(200, nonce),
    };
    stage.send(STRANGER, more).await.unwrap();
    let state: Channel = view(&stage.chain, stage.escrow, getChannelCall { channelId: channel_id }).await;
    assert_eq!((state.deposit, state.payer), (DEPOSIT + 200, from));
}

#[tokio::test]
async fn an_evm_channel_is_opened_and_filled_by_permit2() {
    let stage = Stage::evm().await;
    let permit2 = stage.chain.permit2().unwrap();
    let (payee, token, from) = (PAYEE.address, stage.chain.token(), PAYER.address);
    let approve = approveCall { spender: permit2, value: U256::MAX };
    send(&stage.chain, PAYER, token, approve).await.unwrap();
    let (salt, spender, nobody) = (word("permitted"), stage.escrow, Address::ZERO);
    let chain_id = U256::from(stage.chain.chain_id());
    let permit2_domain = Eip712Domain::new(Some("Permit2".into()), None, Some(chain_id), Some(permit2), None);

    let permit = opening::PermitWitnessTransferFrom {
        permitted: TokenPermissions { token, amount: U256::from(DEPOSIT) },
        spender,
        nonce: U256::from(7),
        deadline: LATER,
        witness: ChannelOpenWitness { payee, salt, authorizedSigner: nobody },
    };
    let signature = sign(PAYER, &permit, &permit2_domain);
    let nonce = U256::from(7);
    let (deposit, authorized_signer) = (DEPOSIT, nobody);
    let open = openWithPermit2Call {
        payee,
        token,
        deposit,
        salt,
        authorizedSigner: authorized_signer,
        from,
        nonce,
        deadline: LATER,
        signature,
    };
    let stolen = openWithPermit2Call { payee: STRANGER.address, ..open.clone() };
    stage.send(STRANGER, stolen).await.expect_err("another payee was not signed for");
    stage.send(STRANGER, open).await.unwrap();

    let channel_id = stage.id(salt).await;
    let permit = topping_up::PermitWitnessTransferFrom {
        permitted: TokenPermissions { token, amount: U256::from(300) },
        spender,
        nonce: U256::from(8),
        deadline: LATER,
        witness: ChannelTopUpWitness { channelId: channel_id },
    };
    let more = topUpWithPermit2Call {
        channelId: channel_id,
        additionalDeposit: 300,
        from,
        nonce: U256::from(8),
        deadline: LATER,
        signature: sign(PAYER, &permit, &permit2_domain),
    };
    stage.send(STRANGER, more).await.unwrap();
    let state: Channel = view(&stage.chain, stage.escrow, getChannelCall { channelId: channel_id }).await;
    assert_eq!(state.deposit, DEPOSIT + 300);
}

#[tokio::test]
async fn a_payee_settles_and_closes_by_signature() {
    let stage = Stage::evm().await;
    let before = balances(&stage.chain).await;
    let (channel_id, nonce) = (stage.channel, U256::from(5));
    let settling = SettleAuthorization { channelId: channel_id, cumulativeAmount: 400, nonce, deadline: LATER };
    let settle = settleWithAuthorizationCall {
        channelId: channel_id,
        cumulativeAmount: 400,
        nonce,
        deadline: LATER,
        payeeSignature: sign(PAYEE, &settling, &stage.domain),
        voucherSignature: stage.voucher(400),
    };
    let forged =
        settleWithAuthorizationCall { payeeSignature: sign(STRANGER, &settling, &stage.domain), ..settle.clone() };
    reverted::<InvalidSignature>(stage.send(STRANGER, forged).await);
    stage.send(STRANGER, settle).await.unwrap();

    let close = |nonce: U256| {
        let closing = CloseAuthorization { channelId: channel_id, cumulativeAmount: 0, nonce, deadline: LATER };
        closeWithAuthorizationCall {
            channelId: channel_id,
            cumulativeAmount: 0,
            nonce,
            deadline: LATER,
            payeeSignature: sign(PAYEE, &closing, &stage.domain),
            voucherSignature: Bytes::new(),
        }
    };
    reverted::<NonceAlreadyUsed>(stage.send(STRANGER, close(nonce)).await);
    stage.send(STRANGER, close(U256::from(6))).await.unwrap();
    let paid = U256::from(400);
    assert_eq!(balances(&stage.chain).await, (before.0 + U256::from(DEPOSIT) - paid, before.1 + paid));
}

/// The constants that other implementations sign with.
#[test]
fn the_signed_types_are_those_of_the_drafts() {
    let hash = |text: String| keccak256(text).to_string();
    assert_eq!(
        hash(Voucher::eip712_encode_type().into_owned()),
        "0xe97c93f01d3ef8eaba1586553df13308f236815bf4ea49c7b696895d8f5ea68a"
    );
    assert_eq!(
        hash(ChannelOpenWitness::eip712_encode_type().into_owned()),
        "0x2d56d4bac580dcfbd851edfd7c93ebf41a18f42956732b215dcdfa1760be6014"
    );
}
