//! An escrow on a chain, with one channel open.

use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::{Eip712Domain, SolCall, SolValue};
use farthing_devnet::{DevelopmentAccount, Devnet, NodeError, contracts};
use serde_json::Value;

use crate::interface::*;
use crate::support::{PAYEE, PAYER, domain, evm, send, sign, view, word};

pub(crate) const DEPOSIT: u128 = 1_000;
pub(crate) const GRACE: Duration = Duration::from_secs(901);

/// An escrow with one channel open in it.
pub(crate) struct Stage {
    pub(crate) chain: Devnet,
    pub(crate) escrow: Address,
    pub(crate) domain: Eip712Domain,
    pub(crate) channel: B256,
}

impl Stage {
    pub(crate) async fn stream_on(chain: Devnet) -> Self {
        Self::set(chain, contracts::STREAM_CHANNEL, "Tempo Stream Channel").await
    }

    pub(crate) async fn evm() -> Self {
        Self::set(evm().await, contracts::EVM_PAYMENT_CHANNEL, "EVM Payment Channel").await
    }

    pub(crate) async fn set(chain: Devnet, contract: contracts::Contract, name: &'static str) -> Self {
        let escrow = chain.deploy(contract.creation().unwrap()).await.unwrap();
        let domain = domain(name, &chain, escrow);
        let approve = approveCall { spender: escrow, value: U256::from(1_000_000) };
        send(&chain, PAYER, chain.token(), approve).await.unwrap();
        let mut stage = Self { chain, escrow, domain, channel: B256::ZERO };
        stage.channel = stage.id(word("salt")).await;
        stage.send(PAYER, stage.opening(word("salt"), DEPOSIT)).await.unwrap();
        stage
    }

    pub(crate) async fn id(&self, salt: B256) -> B256 {
        let (payer, payee, token) = (PAYER.address, PAYEE.address, self.chain.token());
        let ask = computeChannelIdCall { payer, payee, token, salt, authorizedSigner: Address::ZERO };
        let id = view(&self.chain, self.escrow, ask).await;
        let parts = (payer, payee, token, salt, Address::ZERO, self.escrow, U256::from(self.chain.chain_id()));
        assert_eq!(id, keccak256(parts.abi_encode()));
        id
    }

    pub(crate) fn opening(&self, salt: B256, deposit: u128) -> openCall {
        let (payee, token) = (PAYEE.address, self.chain.token());
        openCall { payee, token, deposit, salt, authorizedSigner: Address::ZERO }
    }

    pub(crate) async fn send(&self, from: DevelopmentAccount, call: impl SolCall) -> Result<Value, NodeError> {
        send(&self.chain, from, self.escrow, call).await
    }

    pub(crate) fn voucher(&self, amount: u128) -> Bytes {
        self.voucher_by(PAYER, amount)
    }

    pub(crate) fn voucher_by(&self, signer: DevelopmentAccount, amount: u128) -> Bytes {
        sign(signer, &Voucher { channelId: self.channel, cumulativeAmount: amount }, &self.domain)
    }

    pub(crate) fn settling(&self, amount: u128, signature: Bytes) -> settleCall {
        settleCall { channelId: self.channel, cumulativeAmount: amount, signature }
    }

    pub(crate) fn closing(&self, amount: u128, signature: Bytes) -> closeCall {
        closeCall { channelId: self.channel, cumulativeAmount: amount, signature }
    }

    pub(crate) async fn state(&self) -> Channel {
        view(&self.chain, self.escrow, getChannelCall { channelId: self.channel }).await
    }
}
