//! A deposit on its way into the escrow.

use alloy_primitives::{B256, keccak256};
use farthing_protocol::ProblemType;
use farthing_rail::{Claim, DepositClaim, Deposited, PaymentId, Proof, Refusal, Rejected, Settlement, Unknown};
use tokio::time::Instant;

use super::SessionSettling;
use super::standing::holds;
use crate::Way;
use crate::rpc::{At, Receipt, RpcError};
use crate::session::{ChannelState, Existence, KeptDeposit, KeptSession};
use crate::settle::judgement::Wait;
use crate::settle::outcome::ASK_AGAIN;

/// A claimed deposit, read.
struct Case {
    session: KeptSession,
    deposit: KeptDeposit,
    /// The deposit as a payment to the escrow.
    claim: Claim,
}

impl SessionSettling {
    /// Sends what the payer signed, or waits for what it sent, and reads what the escrow holds then.
    pub(super) async fn put_in(&self, claim: &DepositClaim) -> Deposited {
        let case = match self.case(claim) {
            Ok(case) => case,
            Err(deposited) => return *deposited,
        };
        match case.deposit.payment.way {
            Way::Shown { hash, .. } => self.await_shown(&case, hash).await,
            _ => {
                let settlement = self.chain.settle(&case.claim).await;
                self.deposited(&case, settlement).await
            }
        }
    }

    /// What became of it, from the chain and the journal alone.
    pub(super) async fn look_for(&self, claim: &DepositClaim) -> Deposited {
        let case = match self.case(claim) {
            Ok(case) => case,
            Err(deposited) => return *deposited,
        };
        match case.deposit.payment.way {
            Way::Shown { hash, .. } => self.look_for_shown(&case, hash).await,
            _ => {
                let settlement = self.chain.lookup(&case.claim).await;
                self.deposited(&case, settlement).await
            }
        }
    }

    fn case(&self, claim: &DepositClaim) -> Result<Case, Box<Deposited>> {
        let unreadable = |error: String| Box::new(unknown(format!("what was kept of the deposit: {error}")));
        let session = KeptSession::read(&claim.session_kept).map_err(|error| unreadable(error.to_string()))?;
        let deposit: KeptDeposit =
            serde_json::from_slice(&claim.deposit_kept).map_err(|error| unreadable(error.to_string()))?;
        if session.channel() != deposit.channel {
            let detail = "the deposit is for another channel than the session";
            return Err(Box::new(rejected(ProblemType::VerificationFailed, detail)));
        }
        let kept = serde_json::to_vec(&deposit.payment).map_err(|error| unreadable(error.to_string()))?;
        let proof = Proof {
            key: claim.key.clone(),
            payer: Some(claim.payer.clone()),
            amount: claim.amount,
            asset: self.method.settings().token.asset.clone(),
            kept,
        };
        let claim = Claim { payment: submission_id(claim.key.as_str()), proof, claimed_at: claim.claimed_at };
        Ok(Case { session, deposit, claim })
    }

    async fn deposited(&self, case: &Case, settlement: Settlement) -> Deposited {
        match settlement {
            Settlement::Settled(settled) => match settled.reference.parse() {
                Ok(hash) => match self.chain.endpoints.receipt(hash).await {
                    Ok(Some(receipt)) => self.held_since(case, &receipt).await,
                    Ok(None) => unknown(format!("{hash} left the chain while it was looked at")),
                    Err(error) => unknown(error.to_string()),
                },
                Err(_) => unknown(format!("\"{}\" is not a transaction", settled.reference)),
            },
            Settlement::Rejected(rejected) => self.unless_open(case, rejected).await,
            Settlement::Unknown(unknown) => Deposited::Unknown(unknown),
        }
    }

    /// What the escrow holds since the transaction: it must have done what was asked of it, and what it did must
    /// not have been undone since. An old one that is shown late tells nothing of a close or a collection.
    async fn held_since(&self, case: &Case, receipt: &Receipt) -> Deposited {
        let Case { session, claim, .. } = case;
        let state = match self.state(session, At::Block(receipt.block_hash)).await {
            Ok(state) => state,
            Err(error) => return unknown(error.to_string()),
        };
        if state.existence == Existence::Nothing {
            let detail = "the transaction did not open the channel in this escrow; open one as the challenge asks";
            return rejected(ProblemType::SessionChannelNotFound, detail);
        }
        if case.deposit.opens && !holds(&state, claim.proof.amount) {
            let detail =
                format!("the channel holds {} and not the {} that it should", state.deposit, claim.proof.amount);
            return rejected(ProblemType::SessionAmountExceedsDeposit, detail);
        }
        let (state, block) = match self.newest(session, state, receipt.block).await {
            Ok(newest) => newest,
            Err(error) => return unknown(error.to_string()),
        };
        match state.existence {
            Existence::Open if !case.deposit.opens || state.settled.is_zero() => {}
            Existence::Open | Existence::Ended => return used_before(),
            Existence::Nothing => return unknown("the chain does not show the channel any more"),
        }
        self.note(&session.channel(), &state, block);
        match self.standing_of(&session.vault, &state, Some(receipt.hash)).await {
            Ok(standing) => Deposited::Held(standing),
            Err(error) => unknown(error.to_string()),
        }
    }

    /// The state in the newest block, or this one where that is no newer.
    async fn newest(
        &self,
        session: &KeptSession,
        state: ChannelState,
        block: u64,
    ) -> Result<(ChannelState, u64), RpcError> {
        let head = self.chain.endpoints.head().await?;
        if head <= block { Ok((state, block)) } else { Ok((self.state(session, At::Number(head)).await?, head)) }
    }

    /// Somebody else may have brought the payer's signature to the escrow: what counts is that the channel is
    /// open. A top-up that others sent is seen by its channel's deposit later.
    async fn unless_open(&self, case: &Case, why: Rejected) -> Deposited {
        if !case.deposit.opens {
            return Deposited::Rejected(why);
        }
        match self.state(&case.session, At::Latest).await {
            Ok(state) if holds(&state, case.claim.proof.amount) && !state.settled.is_zero() => used_before(),
            Ok(state) if holds(&state, case.claim.proof.amount) => {
                match self.standing_of(&case.session.vault, &state, None).await {
                    Ok(standing) => Deposited::Held(standing),
                    Err(error) => unknown(error.to_string()),
                }
            }
            Ok(_) => Deposited::Rejected(why),
            Err(error) => unknown(error.to_string()),
        }
    }

    async fn await_shown(&self, case: &Case, hash: B256) -> Deposited {
        let mut wait = Wait::until(Instant::now() + self.chain.rules.patience);
        loop {
            let deposited = self.look_for_shown(case, hash).await;
            if !matches!(deposited, Deposited::Unknown(_)) || !wait.pause().await {
                return deposited;
            }
        }
    }

    /// A transaction that the payer says to have sent. What it did is read from the escrow, never from whom it
    /// called: an account's contract may have called the escrow in its place.
    async fn look_for_shown(&self, case: &Case, hash: B256) -> Deposited {
        if let Err(reason) = self.chain.guard().await {
            return unknown(reason);
        }
        match self.chain.endpoints.receipt(hash).await {
            Ok(Some(receipt)) => self.judge_shown(case, receipt).await,
            Ok(None) => self.unseen(case, hash).await,
            Err(error) => unknown(error.to_string()),
        }
    }

    async fn judge_shown(&self, case: &Case, receipt: Receipt) -> Deposited {
        if !receipt.is_success {
            let detail = "the transaction reverted, so nothing was deposited; send another";
            return rejected(ProblemType::SessionTransactionReverted, detail);
        }
        match self.chain.deep_enough_for(case.claim.proof.amount, &receipt).await {
            Ok(true) => {}
            Ok(false) => return unknown("it is included and waits for more blocks"),
            Err(error) => return unknown(error.to_string()),
        }
        let vault = &case.session.vault;
        let (channel, amount) = (case.deposit.channel, case.claim.proof.amount);
        if !case.deposit.opens && !vault.tells_of_top_up(&receipt.logs, &channel, amount) {
            let detail = "the transaction adds something else than the additionalDeposit to this channel";
            return rejected(ProblemType::VerificationFailed, detail);
        }
        self.held_since(case, &receipt).await
    }

    async fn unseen(&self, case: &Case, hash: B256) -> Deposited {
        let is_late = (self.chain.now)() > case.claim.claimed_at.after(self.chain.rules.unseen);
        match self.chain.endpoints.knows(hash).await {
            Ok(false) if is_late => {
                let detail = format!("the chain does not show the transaction {hash}; check the chain it was sent on");
                rejected(ProblemType::VerificationFailed, detail)
            }
            Ok(_) => unknown(format!("{hash} is not included yet")),
            Err(error) => unknown(error.to_string()),
        }
    }
}

impl super::ChainSettler {
    /// Whether so many blocks are on top of an inclusion as a payment of this amount needs.
    async fn deep_enough_for(&self, amount: farthing_money::Amount, receipt: &Receipt) -> Result<bool, RpcError> {
        let reached = self.endpoints.head().await?.saturating_add(1);
        Ok(reached >= receipt.block.saturating_add(self.rules.confirmations.of(amount)))
    }
}

/// The name of a deposit's transactions in the journal.
fn submission_id(key: &str) -> PaymentId {
    let mut id = [0; 16];
    let hash = keccak256(format!("farthing/deposit/1\0{key}"));
    id.iter_mut().zip(hash).for_each(|(place, byte)| *place = byte);
    PaymentId::from_bytes(id)
}

fn unknown(reason: impl Into<String>) -> Deposited {
    Deposited::Unknown(Unknown { reason: reason.into(), ask_again: ASK_AGAIN })
}

/// What was collected from a channel was served by somebody whose books are not these: its vouchers would be served
/// once more. From one that has ended nothing can be collected.
fn used_before() -> Deposited {
    let detail = "the channel was collected from before it was opened here, or has ended; open a fresh one";
    rejected(ProblemType::SessionChannelFinalized, detail)
}

fn rejected(problem: ProblemType, detail: impl Into<String>) -> Deposited {
    let detail = detail.into();
    Deposited::Rejected(Rejected { reason: detail.clone(), refusal: Refusal::new(problem, detail) })
}
