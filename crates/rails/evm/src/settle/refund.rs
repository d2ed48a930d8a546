//! Money sent back.

use alloy_primitives::{Address, U256};
use farthing_money::Amount;
use farthing_rail::{ProofKey, Refund, Settled, Settlement};

use super::ChainSettler;
use super::fee::Fee;
use super::journal::{Purpose, Submission};
use super::judgement::time_of;
use super::outcome::{refused, unable, unknown};
use super::sender::{Order, SendError, Sender};
use crate::evm::calldata::{self, Call};
use crate::evm::source_address;
use crate::legs::Transfer;
use crate::log;
use crate::rpc::{At, Receipt};

/// What became of the transactions of a refund.
enum Found {
    /// The money went.
    Paid(Receipt),
    /// It is on its way.
    Waits,
    /// Nothing is on its way: there was none, or all of them failed in blocks that stay.
    Nothing,
}

/// The transfer that a refund is.
struct Return {
    token: Address,
    from: Address,
    to: Address,
    amount: U256,
}

impl ChainSettler {
    /// Whether money that this account got can be sent back from it.
    pub(super) fn can_send_back(&self, recipient: Address) -> bool {
        self.sender.as_ref().is_some_and(|sender| sender.address() == recipient)
    }

    /// Sends a token back to whom it came from. Only where the signer's account is the one that was
    /// paid: from any other it would be somebody else's money.
    pub(super) async fn send_back(&self, refund: &Refund, recipient: Address) -> Settlement {
        let Some(sender) = self.sender.as_ref().filter(|sender| sender.address() == recipient) else {
            return refused(format!("no signer for {recipient} is configured, so nothing can be sent back from it"));
        };
        let payer = refund.payer.as_ref().and_then(|payer| source_address(payer.as_str(), self.chain));
        let (Some(payer), Some(token)) = (payer, self.token_of(&refund.asset)) else {
            return refused("it is not known which account on this chain paid");
        };
        if let Err(error) = self.guard().await {
            return unable(error);
        }
        if let Err(error) = sender.fence().await {
            return unknown(error.to_string());
        }
        let purpose = Purpose::Refund(refund.payment, refund.amount.units());
        let order = Return { token, from: recipient, to: payer, amount: U256::from(refund.amount.units()) };
        match self.find(&purpose).await {
            Ok(Found::Paid(receipt)) => self.sent_back(&order, &receipt).await,
            Ok(Found::Waits) => unknown("the refund is submitted and not included yet"),
            Ok(Found::Nothing) => self.submit_refund(sender, purpose, &order).await,
            Err(reason) => unknown(reason),
        }
    }

    async fn submit_refund(&self, sender: &Sender, purpose: Purpose, back: &Return) -> Settlement {
        let call = Call { to: back.token, data: calldata::transfer(back.to, back.amount) };
        let rehearsal = match self.rehearse(sender.address(), &call, None).await {
            Ok(rehearsal) => rehearsal,
            Err(settlement) => return settlement,
        };
        let (gas, market) = (rehearsal.gas, rehearsal.market);
        let order = Order { purpose, to: call.to, data: call.data, gas, valid_before: None, market };
        let submitted = match sender.submit(order).await {
            Ok(submitted) => submitted,
            Err(error @ (SendError::Journal(_) | SendError::Closed | SendError::Suspended | SendError::OnItsWay)) => {
                return unknown(error.to_string());
            }
            Err(error) => return unable(error.to_string()),
        };
        match submitted.answer.await {
            Ok(Ok(Some(receipt))) if receipt.is_success => self.sent_back(back, &receipt).await,
            _ => match self.wait_for(submitted.hash).await {
                Ok(Some(receipt)) if receipt.is_success => self.sent_back(back, &receipt).await,
                _ => unknown("the refund is submitted and not included yet"),
            },
        }
    }

    /// A refund that is in the chain: the transfer back, and what it cost.
    async fn sent_back(&self, back: &Return, receipt: &Receipt) -> Settlement {
        let at = match self.timestamp_of(receipt).await {
            Ok(seconds) => seconds.map_or_else(|| (self.now)(), time_of),
            Err(error) => return unknown(error.to_string()),
        };
        let is_it = |moved: &Transfer| (moved.from, moved.to, moved.amount) == (back.from, back.to, back.amount);
        let transfers = log::transfers(back.token, &receipt.logs);
        let transfer = transfers.iter().find(|(_, moved)| is_it(moved)).map(|(position, _)| *position);
        let fee = Fee::in_receipt(back.token, back.from, receipt);
        let name = self.name_of(receipt.hash);
        let positions = transfer.into_iter().chain(fee.positions);
        let consumed = positions.map(|position| ProofKey::new(format!("{name}/{position}"))).collect();
        let (reference, passed_on) = (receipt.hash.to_string(), Amount::ZERO);
        Settlement::Settled(Settled { reference, at, fee: fee.amount, passed_on, consumed, captured: None })
    }

    async fn find(&self, purpose: &Purpose) -> Result<Found, String> {
        let ours = self.journal.of_purpose(self.chain, purpose).await.map_err(|error| error.to_string())?;
        let mut is_over = true;
        for submission in &ours {
            match self.endpoints.receipt(submission.hash).await.map_err(|error| error.to_string())? {
                Some(receipt) if receipt.is_success => return Ok(Found::Paid(receipt)),
                _ => is_over &= self.is_gone(submission).await?,
            }
        }
        Ok(if is_over { Found::Nothing } else { Found::Waits })
    }

    /// Whether a submission without success can no longer have one: its nonce is deep in the chain.
    async fn is_gone(&self, submission: &Submission) -> Result<bool, String> {
        let Some(nonce) = submission.nonce else { return Ok(false) };
        let deep = self.deep().await.map_err(|error| error.to_string())?;
        let used = self.endpoints.transaction_count(submission.signer, At::Number(deep.number)).await;
        Ok(used.map_err(|error| error.to_string())? > nonce)
    }
}
