//! Trying a call of our own before paying for it.

use alloy_primitives::Address;
use farthing_rail::Settlement;
use serde_json::Value;

use super::ChainSettler;
use super::outcome::{rejected, unable};
use super::sender::Market;
use crate::evm::calldata::Call;
use crate::rpc::{At, Question, RefusedBy, RpcError, answers};

/// Enough to move most tokens for an ordinary account.
const USUAL_GAS: u64 = 200_000;

/// What a rehearsal found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rehearsal {
    /// How much gas to allow.
    pub(super) gas: u64,
    /// What gas costs, and what the signer has.
    pub(super) market: Market,
}

impl ChainSettler {
    /// Runs a call as our signer would, with the gas that it will get, and asks in the same round trip
    /// what its transaction must offer. Most calls need little; what needs more gets as much as the
    /// owner allows, so that a payer's contract cannot make it dear.
    pub(super) async fn rehearse(&self, signer: Address, call: &Call) -> Result<Rehearsal, Settlement> {
        let most = self.rules.gas;
        match self.rehearse_with(most.min(USUAL_GAS), signer, call).await {
            Err(Failure::Refused(_)) if most > USUAL_GAS => self.rehearse_with(most, signer, call).await,
            first => first,
        }
        .map_err(Failure::into_settlement)
    }

    async fn rehearse_with(&self, gas: u64, signer: Address, call: &Call) -> Result<Rehearsal, Failure> {
        let questions = [
            Question::call(Some(signer), call.to, &call.data, gas, At::Latest),
            Question::block(At::Latest),
            Question::priority_fee(),
            Question::balance(signer, At::Latest),
        ];
        let mut answers = self.endpoints.ask(&questions).await.into_iter();
        let mut next = || answers.next().unwrap_or(Ok(Value::Null));
        next().map_err(|error| Failure::of_call(&error))?;
        let market = self.market(next(), next(), next()).map_err(|error| Failure::Unable(error.to_string()))?;
        Ok(Rehearsal { gas, market })
    }

    fn market(
        &self,
        head: Result<Value, RpcError>,
        tip: Result<Value, RpcError>,
        balance: Result<Value, RpcError>,
    ) -> Result<Market, RpcError> {
        let head = self.endpoints.readable(answers::block(&head?))?;
        let balance = self.endpoints.readable(answers::sum(&balance?, "eth_getBalance"))?;
        // Some chains know no tip; the floor is then offered.
        let tip = tip.ok().and_then(|tip| answers::sum(&tip, "eth_maxPriorityFeePerGas").ok()).unwrap_or(0);
        Ok(Market { base_fee: head.map_or(0, |head| head.base_fee), tip, balance })
    }
}

/// Why a rehearsal found nothing.
enum Failure {
    /// The contract refuses, in the node's words.
    Refused(String),
    /// The node could not say.
    Unable(String),
}

impl Failure {
    fn of_call(error: &RpcError) -> Self {
        match error.refused_by() {
            Some(RefusedBy::Busy | RefusedBy::NoSuchMethod) | None => Self::Unable(error.to_string()),
            Some(_) => Self::Refused(error.to_string()),
        }
    }

    fn into_settlement(self) -> Settlement {
        match self {
            Self::Unable(reason) => unable(reason),
            Self::Refused(reason) => rejected(
                reason,
                "the token would refuse this transfer, for want of balance or because the authorization is not good any \
                 more; nothing was taken, pay the fresh challenge",
            ),
        }
    }
}
