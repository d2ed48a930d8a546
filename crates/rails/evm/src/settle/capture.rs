//! Taking what was used of what a payer permitted (x402's scheme `upto`), and finding out how much that was.

use alloy_primitives::{B256, U256, keccak256};
use farthing_money::Amount;
use farthing_rail::{Claim, Fault, PaymentId, Settled, Settlement};

use super::ChainSettler;
use super::authorized::BLOCKS_BACK;
use super::journal::{Purpose, State, Submission};
use super::outcome::{refused_for, unknown};
use super::sender;
use crate::Payment;
use crate::log::TRANSFER;
use crate::rpc::{LogFilter, RpcError};
use crate::x402::proxy;

/// So many transfers between the right accounts are looked at, the newest first.
const MOST_CANDIDATES: usize = 32;

impl ChainSettler {
    /// Takes so much of a payment, once. What was taken first stays: asked again, it says how much that was.
    pub(super) async fn capture(&self, claim: &Claim, amount: Amount) -> Settlement {
        let payment = match self.payment_of(claim).await {
            Ok(payment) => payment,
            Err(settlement) => return settlement,
        };
        if amount > claim.proof.amount || (!payment.is_up_to() && amount != claim.proof.amount) {
            let (asked, signed) = (amount, claim.proof.amount);
            return refused_for(Fault::Amount, format!("{asked} base units are not what was signed for: {signed}"));
        }
        if !payment.is_up_to() {
            return self.settle(claim).await;
        }
        self.take(claim, &payment, amount).await
    }

    /// The same for a payment that may come to less than was permitted.
    pub(super) async fn take(&self, claim: &Claim, payment: &Payment, amount: Amount) -> Settlement {
        match self.journal.of_purpose(self.chain, &Purpose::Settle(claim.payment)).await {
            Ok(earlier) if earlier.is_empty() => {}
            Ok(_) => return self.lookup_authorized(claim, payment).await,
            Err(error) => return unknown(error.to_string()),
        }
        if amount.is_zero() {
            return self.take_nothing(claim).await;
        }
        self.settle_authorized(claim, &payment.taking(U256::from(amount.units()))).await
    }

    /// Nothing is sent, but that nothing will be is written down: the permit itself stays good for a while.
    pub(super) async fn take_nothing(&self, claim: &Claim) -> Settlement {
        let note = Submission {
            purpose: Purpose::Settle(claim.payment),
            chain: self.chain,
            signer: self.signer().unwrap_or_default(),
            nonce: None,
            hash: name_of_nothing(&claim.payment),
            raw: Default::default(),
            valid_before: None,
            state: State::Closed,
            at: (self.now)(),
        };
        match self.journal.append(vec![note]).await {
            Ok(()) => self.nothing_taken(),
            Err(error) => unknown(error.to_string()),
        }
    }

    /// How it is told that nothing was taken, and will not be.
    pub(super) fn nothing_taken(&self) -> Settlement {
        Settlement::Settled(Settled {
            reference: String::new(),
            at: (self.now)(),
            fee: Amount::ZERO,
            passed_on: Amount::ZERO,
            consumed: Vec::new(),
            captured: Some(Amount::ZERO),
        })
    }

    /// The transaction in which somebody else had the proxy submit a permit, which anybody may. Neither the
    /// proxy nor Permit2 tells of it: it is one that moved the amount and was told the whole permit. A nonce
    /// alone would not do, which its payer chooses: it could be a word of any earlier payment's.
    pub(super) async fn proxied_use(&self, payment: &Payment) -> Result<Option<B256>, RpcError> {
        let Some(permit) = proxy::told(payment) else { return Ok(None) };
        for transaction in self.candidates(payment).await? {
            let input = self.endpoints.input(transaction).await?;
            if input.windows(permit.len()).any(|words| words == &permit[..]) {
                return Ok(Some(transaction));
            }
        }
        Ok(None)
    }

    /// The newest transactions that moved the token from the payer to who is to be paid, the newest first.
    pub(super) async fn candidates(&self, payment: &Payment) -> Result<Vec<B256>, RpcError> {
        let (Some(payer), Some(leg)) = (payment.payer, payment.legs.first()) else { return Ok(Vec::new()) };
        let head = self.endpoints.head().await?;
        let filter = LogFilter {
            address: payment.token,
            topics: vec![Some(TRANSFER), Some(payer.into_word()), Some(leg.recipient.into_word())],
            from: head.saturating_sub(BLOCKS_BACK),
            to: head,
        };
        let logs = self.endpoints.logs(&filter).await?.into_iter().rev().take(MOST_CANDIDATES);
        Ok(logs.map(|log| log.transaction).collect())
    }
}

/// Whether it was written down that nothing is taken.
pub(super) fn took_nothing(ours: &[Submission]) -> bool {
    ours.iter().any(|submission| submission.raw.is_empty())
}

/// The payment as our own transactions take it.
pub(super) fn as_taken(payment: &Payment, ours: &[Submission]) -> Payment {
    let taken = ours.last().filter(|_| payment.is_up_to());
    let amount = taken.and_then(|last| proxy::amount_taken(&sender::data_of(&last.raw)?));
    amount.map_or_else(|| payment.clone(), |amount| payment.taking(amount))
}

/// What stands in the journal in the place of a transaction's hash.
fn name_of_nothing(payment: &PaymentId) -> B256 {
    keccak256([b"farthing/nothing-taken/1\0".as_slice(), payment.as_bytes()].concat())
}
