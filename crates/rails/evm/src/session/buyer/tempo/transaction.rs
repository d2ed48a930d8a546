use std::num::NonZeroU64;

use alloy_primitives::Address;
use farthing_money::Amount;
use farthing_protocol::Timestamp;
use farthing_rail::{Deposit, NotPayable, SessionQuote, SignError};
use tempo_primitives::transaction::{TEMPO_EXPIRING_NONCE_KEY, TempoTransaction};

use super::TempoSessionPayer;
use super::steps::{Step, open_gas};
use crate::evm::bill::unsigned_because;
use crate::session::KeptSession;
use crate::session::buyer::asked::Asked;
use crate::tempo::{
    AccessKey, Envelope, GasPrices, SignedGrant, check_life, gas_limit, leave_fee, signing_message, valid_before,
    valid_until,
};

/// A signed transaction, read back.
pub(super) struct SignedStep {
    pub(super) raw: Vec<u8>,
    pub(super) envelope: Envelope,
    /// The second before which it must be included.
    pub(super) valid_before: u64,
}

/// Where, in which token and at whose cost a transaction is sent.
#[derive(Clone, Copy)]
struct Sending {
    chain: u64,
    fee_token: Address,
    sponsored: bool,
    valid_before: u64,
}

impl TempoSessionPayer {
    /// What sending a deposit costs at most. Errs where the offer does not live long enough for it, or the
    /// key may not do it.
    pub(super) fn fee(&self, asked: &Asked, quote: &SessionQuote, now: Timestamp) -> Result<Amount, NotPayable> {
        let request = &asked.request;
        check_life(&quote.challenge, request.fee_payer, now)?;
        let contract = request.vault.contract;
        let grant = self.key.delegated().and_then(AccessKey::grant);
        if grant.is_some_and(|grant| !grant.lets_call(contract)) {
            return Err(NotPayable(format!(
                "the key from {} may transfer and not call the escrow {contract}; open sessions with the account's own \
                 key",
                self.payer()
            )));
        }
        if request.fee_payer {
            return Ok(Amount::ZERO);
        }
        let brought = self.key.delegated().and_then(|key| key.grant_to_bring(request.vault.chain));
        Ok(self.prices.most(self.gas(open_gas(request.vault.kind), brought)))
    }

    fn gas(&self, step: u64, brought: Option<&SignedGrant>) -> u64 {
        gas_limit(0, self.key.delegated().is_some(), brought.map(SignedGrant::rules)).saturating_add(step)
    }

    /// Signs a step that the seller sends, and pays for if it says so. What it could cost is no more than
    /// was approved.
    pub(super) async fn transaction(
        &self,
        asked: &Asked,
        step: &Step,
        deposit: &Deposit,
    ) -> Result<SignedStep, SignError> {
        let request = &asked.request;
        let valid_before = valid_before(&deposit.quote.challenge, (self.clock)());
        let (chain, fee_token, sponsored) = (request.vault.chain, request.token, request.fee_payer);
        let signed = self.signed(step, Sending { chain, fee_token, sponsored, valid_before }).await?;
        let transaction = signed.envelope.transaction();
        let prices = GasPrices { max_fee: transaction.max_fee_per_gas, ..self.prices };
        let most = prices.most(transaction.gas_limit);
        if !sponsored && most > deposit.fee {
            return Err(SignError::Differs(format!("the fee could be {most} instead of {}", deposit.fee)));
        }
        Ok(signed)
    }

    /// Signs a step that this payer sends itself.
    pub(super) async fn own_transaction(&self, session: &KeptSession, step: &Step) -> Result<SignedStep, SignError> {
        let (chain, fee_token) = (session.vault.chain, session.terms.token);
        let valid_before = valid_until((self.clock)());
        self.signed(step, Sending { chain, fee_token, sponsored: false, valid_before }).await
    }

    async fn signed(&self, step: &Step, sending: Sending) -> Result<SignedStep, SignError> {
        let intended = self.unsigned(step, sending).await?;
        let signature = self.key.sign(&signing_message(&intended)).await.map_err(unsigned_because)?;
        let differs = |error: &dyn std::fmt::Display| SignError::Differs(error.to_string());
        let raw = Envelope::join(intended.clone(), &signature).and_then(|envelope| envelope.to_bytes());
        let raw = raw.map_err(|error| differs(&error))?;
        let read = Envelope::parse(&raw).map_err(|error| differs(&error))?;
        if read.transaction() != &intended || read.wants_sponsor() != sending.sponsored {
            return Err(differs(&"the transaction does not read back as it was signed"));
        }
        let sender = read.sender();
        if sender.account != self.payer() || sender.access_key != self.key.delegated().map(AccessKey::address) {
            return Err(differs(&format!("the transaction is {}'s", sender.account)));
        }
        Ok(SignedStep { raw, envelope: read, valid_before: sending.valid_before })
    }

    async fn unsigned(&self, step: &Step, sending: Sending) -> Result<TempoTransaction, SignError> {
        let Sending { chain, fee_token, sponsored, valid_before } = sending;
        let grant = self.key.new_grant(chain, sponsored, self.funds.as_deref()).await?;
        let gas_limit = self.gas(step.gas, grant);
        let prices = if sponsored { self.prices.sponsored(gas_limit) } else { self.prices };
        let mut transaction = TempoTransaction {
            chain_id: chain,
            fee_token: Some(fee_token),
            max_priority_fee_per_gas: prices.priority_fee,
            max_fee_per_gas: prices.max_fee,
            gas_limit,
            calls: step.calls.clone(),
            nonce_key: TEMPO_EXPIRING_NONCE_KEY,
            valid_before: NonZeroU64::new(valid_before),
            key_authorization: grant.map(SignedGrant::authorization),
            ..TempoTransaction::default()
        };
        if sponsored {
            leave_fee(&mut transaction);
        }
        Ok(transaction)
    }
}
