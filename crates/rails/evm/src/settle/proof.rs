//! A proof of control for a price of zero.

use alloy_primitives::Address;
use farthing_money::Amount;
use farthing_rail::{Claim, Settled, Settlement};

use super::ChainSettler;
use super::judgement::seconds_of;
use super::outcome::{refused, unknown};
use crate::Payment;
use crate::rpc::At;
use crate::tempo::{KEYCHAIN, KeyState};

/// More than reading one key takes; Tempo counts a quarter of a million before that.
const GAS: u64 = 1_000_000;

impl ChainSettler {
    /// Nothing moves. An access key must be one that the chain knows as the account's own just now.
    pub(super) async fn settle_proof(&self, claim: &Claim, payment: &Payment, key: Option<Address>) -> Settlement {
        if let (Some(key), Some(account)) = (key, payment.payer) {
            match self.is_active(account, key).await {
                Ok(true) => {}
                Ok(false) => {
                    return refused(format!(
                        "{key} is not an active access key of {account}; sign with the account's key"
                    ));
                }
                Err(error) => return unknown(error),
            }
        }
        let key = claim.proof.key.as_str();
        let reference = key.rsplit_once('/').map_or(key, |(_, challenge)| challenge).to_owned();
        Settlement::Settled(Settled {
            reference,
            at: (self.now)(),
            fee: Amount::ZERO,
            passed_on: Amount::ZERO,
            consumed: Vec::new(),
            captured: None,
        })
    }

    async fn is_active(&self, account: Address, key: Address) -> Result<bool, String> {
        let question = KeyState::question(account, key);
        let answer =
            self.endpoints.call(KEYCHAIN, &question, GAS, At::Latest).await.map_err(|error| error.to_string())?;
        let state = KeyState::read(&answer, key).map_err(|error| error.to_string())?;
        Ok(matches!(state, KeyState::Granted { until, .. } if until > seconds_of((self.now)())))
    }
}
