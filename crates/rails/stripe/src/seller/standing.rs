//! Whether a charge still stands: for months the payer's bank may take it back.

use std::time::Duration;

use farthing_rail::{Claim, ProofKey, Settled, Standing};
use serde_json::Value;

use super::intent::{id, movement};
use super::{DISPUTABLE, Stripe};
use crate::api::{Form, Heard};

/// Where no webhook is set up, a dispute is known a day later.
const EVERY_DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Where one is, it comes at once; this is for the one that got lost.
const EVERY_WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const ASK_AGAIN: Duration = Duration::from_secs(10 * 60);

impl Stripe {
    /// A charge stands until money was taken out of the account for a dispute. An inquiry takes none. What a
    /// dispute took is first written down as a part of the payment, so that the statement explains it.
    pub(crate) async fn standing_of(&self, claim: &Claim, settled: &Settled) -> Standing {
        let form = Form::default().with("payment_intent", &settled.reference).with("limit", "100");
        let disputes = match self.api.get("v1/disputes", &form).await {
            Heard::Said(said) if said.is_success() => said.body,
            heard => {
                tracing::warn!(payment = %claim.payment, ?heard, "Stripe does not say whether a charge is disputed");
                return Standing::Provisional { ask_again: ASK_AGAIN };
            }
        };
        let list = disputes.get("data").and_then(Value::as_array).into_iter().flatten();
        let taken: Vec<Taken> = list.filter_map(Taken::read).collect();
        let missing: Vec<ProofKey> = (taken.iter().flat_map(|taken| &taken.movements))
            .filter(|key| !settled.consumed.contains(key))
            .cloned()
            .collect();
        if !missing.is_empty() {
            let consumed = [settled.consumed.clone(), missing].concat();
            return Standing::Moved(Settled { consumed, ..settled.clone() });
        }
        match taken.first() {
            Some(taken) => Standing::Reversed { reason: format!("disputed by the payer's bank ({})", taken.reason) },
            None if (self.now)().since(settled.at) >= DISPUTABLE => Standing::Final,
            None if self.listening().is_some() => Standing::Provisional { ask_again: EVERY_WEEK },
            None => Standing::Provisional { ask_again: EVERY_DAY },
        }
    }
}

/// A dispute that took money.
struct Taken {
    reason: String,
    /// What it took, as the statement shows it; its fee is not the payment's.
    movements: Vec<ProofKey>,
}

impl Taken {
    fn read(dispute: &Value) -> Option<Self> {
        let transactions = dispute.get("balance_transactions")?.as_array()?;
        let is_out = |transaction: &&Value| transaction.get("amount").and_then(Value::as_i64).is_some_and(|a| a < 0);
        let taken = transactions.iter().filter(is_out);
        let movements: Vec<ProofKey> = taken.filter_map(|each| id(each, "txn_").map(movement)).collect();
        let reason = dispute.get("reason").and_then(Value::as_str).unwrap_or_default();
        let is_code = !reason.is_empty() && reason.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        let reason = if is_code { reason.chars().take(40).collect() } else { "no reason given".to_owned() };
        (!movements.is_empty()).then_some(Self { reason, movements })
    }
}
