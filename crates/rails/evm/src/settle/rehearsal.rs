//! Trying a call of our own before paying for it.

use alloy_primitives::Address;
use farthing_rail::Settlement;
use serde_json::Value;

use super::ChainSettler;
use super::outcome::{rejected, unable};
use super::sender::Market;
use crate::evm::calldata::Call;
use crate::rpc::{At, Question, RefusedBy, RpcError, answers};

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
    /// what its transaction must offer. The bound on gas keeps a payer's contract from making it dear;
    /// what is not used is not paid.
    pub(super) async fn rehearse(&self, signer: Address, call: &Call) -> Result<Rehearsal, Settlement> {
        let gas = self.rules.gas;
        let call = Question::call(Some(signer), call.to, &call.data, gas, At::Latest);
        let balance = Question::balance(signer, At::Latest);
        let questions = [call, Question::block(At::Latest), Question::priority_fee(), balance];
        let mut answers = self.endpoints.ask(&questions).await.into_iter();
        let mut next = || answers.next().unwrap_or(Ok(Value::Null));
        next().map_err(|error| failed(&error))?;
        let market = self.market(next(), next(), next()).map_err(|error| unable(error.to_string()))?;
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

/// What a failed rehearsal says to the payer.
fn failed(error: &RpcError) -> Settlement {
    match error.refused_by() {
        Some(RefusedBy::Busy | RefusedBy::NoSuchMethod) | None => unable(error.to_string()),
        Some(_) => rejected(
            error.to_string(),
            "the token would refuse this transfer, for want of balance or because the authorization is not good any \
             more; nothing was taken, pay the fresh challenge",
        ),
    }
}
