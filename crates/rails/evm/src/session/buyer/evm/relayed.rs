//! Deposits that are signed here and submitted by the seller.

use alloy_primitives::{B256, Bytes, U256, keccak256};
use farthing_money::Amount;
use farthing_rail::{Deposit, SignError, end_of};

use super::{EvmSessionPayer, Funded};
use crate::buyer::Lapse;
use crate::evm::bill::{ends, unsigned_because};
use crate::recover;
use crate::session::{DepositProof, DepositWitness, KeptSession, PermittedDeposit, ReceiveAuthorization};

impl EvmSessionPayer {
    pub(super) async fn authorize_opening(
        &self,
        session: &KeptSession,
        deposit: &Deposit,
        separator: B256,
    ) -> Result<Funded, SignError> {
        self.authorize(session, deposit, ReceiveAuthorization::opening_nonce(&session.terms), separator).await
    }

    pub(super) async fn authorize_top_up(
        &self,
        session: &KeptSession,
        deposit: &Deposit,
        salt: B256,
        separator: B256,
    ) -> Result<Funded, SignError> {
        let nonce = ReceiveAuthorization::top_up_nonce(session.channel(), deposit.amount, self.payer(), salt);
        self.authorize(session, deposit, nonce, separator).await
    }

    async fn authorize(
        &self,
        session: &KeptSession,
        deposit: &Deposit,
        nonce: B256,
        separator: B256,
    ) -> Result<Funded, SignError> {
        let valid_before = self.end(deposit)?;
        let unsigned = ReceiveAuthorization {
            from: self.payer(),
            to: session.vault.contract,
            value: units(deposit.amount),
            valid_after: U256::ZERO,
            valid_before,
            nonce,
            signature: Bytes::new(),
        };
        let signature = self.signed(&unsigned.message(&separator)).await?;
        let proof = DepositProof::Authorization(ReceiveAuthorization { signature, ..unsigned });
        Ok(Funded { proof, lapse: Lapse::At(valid_before.saturating_to()), to_send: None })
    }

    pub(super) async fn permit_opening(&self, session: &KeptSession, deposit: &Deposit) -> Result<Funded, SignError> {
        let witness = DepositWitness::opening(&session.terms);
        self.permit(session, deposit, session.terms.salt, witness).await
    }

    pub(super) async fn permit_top_up(
        &self,
        session: &KeptSession,
        deposit: &Deposit,
        salt: B256,
    ) -> Result<Funded, SignError> {
        let witness = DepositWitness::TopUp { channel: session.channel() };
        self.permit(session, deposit, salt, witness).await
    }

    /// Permit2's nonces have no order: a random one is never chosen twice.
    async fn permit(
        &self,
        session: &KeptSession,
        deposit: &Deposit,
        nonce: B256,
        witness: DepositWitness,
    ) -> Result<Funded, SignError> {
        let deadline = self.end(deposit)?;
        let unsigned = PermittedDeposit {
            from: self.payer(),
            token: session.terms.token,
            amount: units(deposit.amount),
            nonce: nonce.into(),
            deadline,
            witness: witness.to_object(),
            signature: Bytes::new(),
        };
        let signature = self.signed(&unsigned.message(&session.vault, &witness)).await?;
        let proof = DepositProof::Permit2(PermittedDeposit { signature, ..unsigned });
        // A deadline is the last second in which it counts.
        let lapse = Lapse::At(deadline.saturating_to::<u64>().saturating_add(1));
        Ok(Funded { proof, lapse, to_send: None })
    }

    /// The second in which what is signed ends: with the offer, or soon.
    fn end(&self, deposit: &Deposit) -> Result<U256, SignError> {
        let now = (self.clock)();
        let expires = end_of(&deposit.quote.challenge, now).map_err(|error| SignError::Differs(error.0))?;
        Ok(ends(expires, now))
    }

    async fn signed(&self, message: &[u8; 66]) -> Result<Bytes, SignError> {
        let signature = self.account.sign(message).await.map_err(unsigned_because)?;
        match recover(&keccak256(message), &signature) {
            Ok(signer) if signer == self.payer() => Ok(signature),
            _ => Err(SignError::Differs("the deposit is another account's".into())),
        }
    }
}

fn units(amount: Amount) -> U256 {
    U256::from(amount.units())
}
