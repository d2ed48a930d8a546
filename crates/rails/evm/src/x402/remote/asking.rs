//! From what a facilitator says to what is known.

use farthing_dialects::x402::Requirements;
use farthing_dialects::x402::{Network, Settled as Told, fault_of, sentence_of};
use farthing_money::Amount;
use farthing_protocol::ProblemType;
use farthing_rail::{Claim, Refusal, Rejected, Settlement, Unknown};

use super::facilitator::Said;
use super::{Desk, PAUSE, request, unable};
use crate::Payment;

/// More of a facilitator's words than this is not kept.
const LONGEST: usize = 200;

impl Desk {
    /// Has the facilitator settle so much of the payment that answers an offer, once, and finds out what became
    /// of it.
    pub(super) async fn have_settled(&self, claim: &Claim, offer: Option<Requirements>, asked: Amount) -> Settlement {
        let settlement = self.ask(claim, offer, asked).await;
        if let Settlement::Settled(settled) = &settlement {
            let taken = settled.captured.unwrap_or(claim.proof.amount);
            if taken != asked {
                let (facilitator, transaction) = (self.facilitator.name(), &settled.reference);
                tracing::error!(
                    facilitator, %asked, %taken, transaction,
                    "a facilitator took another amount than it was asked to; it is booked as it was taken"
                );
            }
        }
        settlement
    }

    async fn ask(&self, claim: &Claim, offer: Option<Requirements>, asked: Amount) -> Settlement {
        let payment = serde_json::from_slice::<Payment>(&claim.proof.kept).ok();
        let body = payment
            .as_ref()
            .zip(offer)
            .and_then(|(payment, offer)| request::body(payment, offer, asked, self.version()));
        let Some(body) = body else {
            return unable("the payment has no form in which a facilitator would take it".to_owned());
        };
        let mut said = self.facilitator.settle(&body).await;
        if matches!(said, Said::Pending) {
            tokio::time::sleep(PAUSE).await;
            // What is under way stays under way, whether or not it is reached or willing the second time.
            said = match self.facilitator.settle(&body).await {
                Said::Unreached(_) | Said::Unwilling(_) => Said::Pending,
                said => said,
            };
        }
        match said {
            Said::Settled(told) => self.see(claim, asked, &told).await,
            Said::Refused { code, message } => self.doubt(claim, &code, message.as_deref()).await,
            Said::Pending => self.unless_seen(claim, "it says that the settlement is under way").await,
            Said::Nonsense(what) => self.unless_seen(claim, &what).await,
            Said::Unreached(why) => {
                self.readiness.lost(&why);
                unable(format!("{} was not asked: {why}", self.facilitator.name()))
            }
            Said::Unwilling(why) => unable(format!("{} would not deal with us: {why}", self.facilitator.name())),
        }
    }

    /// It says that the money moved. It counts once our own nodes show it.
    async fn see(&self, claim: &Claim, asked: Amount, told: &Told) -> Settlement {
        let wrong = self.wrong_with(claim, asked, told);
        let settlement = self.chain.await_elsewhere(claim).await;
        let name = self.facilitator.name();
        match (settlement, wrong) {
            (Settlement::Settled(settled), wrong) => {
                let is_its = settled.reference.eq_ignore_ascii_case(&told.transaction);
                if let Some(wrong) = wrong.or((!is_its).then_some("it names another transaction")) {
                    tracing::warn!(facilitator = name, wrong, "a payment is settled, but not as its facilitator says");
                }
                Settlement::Settled(settled)
            }
            (Settlement::Unknown(Unknown { reason, ask_again }), wrong) => {
                let wrong = wrong.map(|wrong| format!(", and {wrong}")).unwrap_or_default();
                let reason = format!(
                    "{name} says that transaction {} settled it{wrong}, which our nodes do not bear out: {reason}",
                    shown(&told.transaction)
                );
                Settlement::Unknown(Unknown { reason, ask_again })
            }
            (rejected, _) => rejected,
        }
    }

    /// What of an answer cannot be true, whatever the chain says.
    fn wrong_with(&self, claim: &Claim, asked: Amount, told: &Told) -> Option<&'static str> {
        let payer = claim.proof.payer.as_ref().and_then(|payer| payer.as_str().rsplit(':').next());
        let other_payer = told.payer.as_deref().zip(payer).is_some_and(|(told, ours)| !told.eq_ignore_ascii_case(ours));
        if Network::read(&told.network).as_ref() != Some(&self.network) {
            Some("it names another network")
        } else if other_payer {
            Some("it names another payer")
        } else if told.amount.is_some_and(|amount| amount != asked) {
            Some("it names another amount")
        } else {
            None
        }
    }

    /// It refuses. Whoever holds a signed payment could still have used it, so the chain is looked at.
    async fn doubt(&self, claim: &Claim, code: &str, message: Option<&str>) -> Settlement {
        let seen = self.chain.look_elsewhere(claim).await;
        match seen {
            Settlement::Settled(_) => seen,
            _ => {
                let message = message.map(|message| format!(": {}", shown(message))).unwrap_or_default();
                let reason = format!("{}{message}", sentence_of(code));
                let detail = "the seller's facilitator does not take this payment; nothing was taken, sign a fresh one";
                let refusal = Refusal::new(ProblemType::VerificationFailed, detail);
                let refusal = Refusal { fault: fault_of(code), ..refusal };
                Settlement::Rejected(Rejected { reason, refusal })
            }
        }
    }

    /// It gave no plain answer: unknown, unless our nodes show the money already.
    async fn unless_seen(&self, claim: &Claim, what: &str) -> Settlement {
        match self.chain.look_elsewhere(claim).await {
            Settlement::Unknown(Unknown { ask_again, .. }) => {
                let reason = format!("{} gave no answer that counts: {what}", self.facilitator.name());
                Settlement::Unknown(Unknown { reason, ask_again })
            }
            known => known,
        }
    }
}

/// Somebody else's words, for the operator.
fn shown(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(LONGEST).collect()
}
