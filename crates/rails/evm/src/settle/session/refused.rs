//! Why an escrow would not take a call, told apart.

use alloy_primitives::U256;
use farthing_protocol::ProblemType;
use farthing_rail::{Refusal, Rejected, Settlement};

use crate::evm::calldata;
use crate::rpc::{At, RpcError};
use crate::session::VaultError;
use crate::settle::ChainSettler;
use crate::settle::outcome::unable;
use crate::{Payment, Way};

/// More than a question about a balance takes.
const GAS: u64 = 1_000_000;

impl ChainSettler {
    /// What an escrow has against a call of ours (draft-evm-session, error mapping).
    pub(in crate::settle) async fn refused_by_vault(&self, payment: &Payment, error: &RpcError) -> Rejected {
        let reason = error.to_string();
        let (problem, detail) = match VaultError::read(error.reverted_with()) {
            Some(VaultError::NotFound) => {
                (ProblemType::SessionChannelNotFound, "the escrow knows no such channel; open a new one")
            }
            Some(VaultError::Finalized | VaultError::AlreadyExists) => {
                (ProblemType::SessionChannelFinalized, "the channel was opened before; open one with a new salt")
            }
            Some(VaultError::Signature) => {
                (ProblemType::SessionInvalidSignature, "the escrow does not take the signature; sign anew")
            }
            Some(VaultError::AboveDeposit) => {
                (ProblemType::SessionAmountExceedsDeposit, "the escrow holds less than this; add to the channel")
            }
            _ if self.lacks(payment).await => {
                let detail = "the account does not have the deposit; nothing was taken, fill it and pay again";
                (ProblemType::SessionInsufficientBalance, detail)
            }
            _ => {
                let detail = "the escrow or the token would refuse this; nothing was taken, sign the fresh challenge";
                (ProblemType::SessionTransactionReverted, detail)
            }
        };
        Rejected { reason, refusal: Refusal::new(problem, detail) }
    }

    /// What is left to rehearse where the reserve cannot be: it takes what a transaction has and a rehearsal
    /// has not. Nothing for any other failure.
    pub(in crate::settle) async fn rehearse_opening(
        &self,
        payment: &Payment,
        returned: &[u8],
    ) -> Option<Result<(), Settlement>> {
        if VaultError::read(returned) != Some(VaultError::NoNonceHash) {
            return None;
        }
        Some(match self.missing(payment).await {
            Ok(false) => Ok(()),
            Ok(true) => {
                let detail = "the account does not have the deposit; nothing was taken, fill it and pay again";
                let refusal = Refusal::new(ProblemType::SessionInsufficientBalance, detail);
                Err(Settlement::Rejected(Rejected { reason: "the payer lacks the deposit".to_owned(), refusal }))
            }
            Err(error) => Err(unable(error.to_string())),
        })
    }

    /// Whether it is certain that the payer has too little.
    async fn lacks(&self, payment: &Payment) -> bool {
        let is_deposit = !matches!(payment.way, Way::Called { contract, .. } if payment.payer == Some(contract));
        is_deposit && self.missing(payment).await.unwrap_or(false)
    }

    async fn missing(&self, payment: &Payment) -> Result<bool, RpcError> {
        let Some(payer) = payment.payer else { return Ok(false) };
        let answer = self.endpoints.call(payment.token, &calldata::balance_of(payer), GAS, At::Latest).await?;
        let sum = payment.legs.iter().fold(U256::ZERO, |sum, leg| sum.saturating_add(leg.amount));
        Ok(calldata::read_word(&answer).is_some_and(|balance| balance < sum))
    }
}
