//! Trying a call of our own before paying for it.

use alloy_primitives::Address;
use farthing_rail::Settlement;
use serde_json::Value;

use super::ChainSettler;
use super::diagnosis::{is_there, missing, unmovable};
use super::outcome::{not_deployed, unable};
use super::sender::Market;
use crate::evm::calldata::Call;
use crate::rpc::{At, Endpoints, Question, RefusedBy, RpcError, answers};
use crate::{Payment, Way};

/// Enough to move most tokens for an ordinary account.
pub(super) const USUAL_GAS: u64 = 200_000;

/// Enough for a call of an escrow, also where Tempo counts a quarter of a million for each new slot of storage.
const VAULT_GAS: u64 = 2_000_000;

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
    /// what its transaction must offer; what is rehearsed at the same time shares it. Most calls need
    /// little; what needs more gets as much as the owner allows, so that a payer's contract cannot make
    /// it dear. The contracts of a payment must be there,
    /// and so must the account whose signature comes wrapped.
    pub(super) async fn rehearse(
        &self,
        signer: Address,
        call: &Call,
        payment: Option<&Payment>,
    ) -> Result<Rehearsal, Settlement> {
        let is_vault = payment.is_some_and(|payment| matches!(payment.way, Way::Called { .. }));
        let most = if is_vault { self.rules.gas.max(VAULT_GAS) } else { self.rules.gas };
        let rehearsed = match self.rehearse_with(most.min(USUAL_GAS), signer, call, payment).await {
            Err(Failure::Refused(_)) if most > USUAL_GAS => self.rehearse_with(most, signer, call, payment).await,
            first => first,
        };
        match (rehearsed, payment) {
            (Err(Failure::Refused(error)), Some(payment)) if is_vault => {
                Err(Settlement::Rejected(self.refused_by_vault(payment, &error).await))
            }
            (rehearsed, _) => rehearsed.map_err(Failure::into_settlement),
        }
    }

    async fn rehearse_with(
        &self,
        gas: u64,
        signer: Address,
        call: &Call,
        payment: Option<&Payment>,
    ) -> Result<Rehearsal, Failure> {
        let mut questions = vec![
            Question::call(Some(signer), call.to, &call.data, gas, At::Latest),
            Question::block(At::Latest),
            Question::priority_fee(),
            Question::balance(signer, At::Latest),
        ];
        let deployed = payment.and_then(Payment::wrapped_by);
        questions.extend(deployed.map(|account| Question::code(account, At::Latest)));
        questions.extend(payment.map(Self::probes).into_iter().flatten());
        let mut answers = self.endpoints.ask_together(questions).await.into_iter();
        let mut next = || answers.next().unwrap_or(Ok(Value::Null));
        let (outcome, head, tip, balance) = (next(), next(), next(), next());
        if deployed.is_some() {
            let code = next().and_then(|code| self.endpoints.readable(answers::bytes(&code, "eth_getCode")));
            if code.map_err(|error| Failure::Unable(error.to_string()))?.is_empty() {
                return Err(Failure::NotDeployed);
            }
        }
        if !answers.all(|answer| is_there(&answer)) {
            return Err(Failure::Missing);
        }
        outcome.map_err(Failure::of_call)?;
        let market = market(&self.endpoints, head, tip, balance);
        let market = market.map_err(|error| Failure::Unable(error.to_string()))?;
        self.gas_money.note(signer, &market);
        Ok(Rehearsal { gas, market })
    }
}

/// What gas costs and what a signer has, from the answers of a node.
pub(super) fn market(
    endpoints: &Endpoints,
    head: Result<Value, RpcError>,
    tip: Result<Value, RpcError>,
    balance: Result<Value, RpcError>,
) -> Result<Market, RpcError> {
    let head = endpoints.readable(answers::block(&head?))?;
    let balance = endpoints.readable(answers::sum(&balance?, "eth_getBalance"))?;
    // Some chains know no tip; the floor is then offered.
    let tip = tip.ok().and_then(|tip| answers::sum(&tip, "eth_maxPriorityFeePerGas").ok()).unwrap_or(0);
    Ok(Market { base_fee: head.map_or(0, |head| head.base_fee), tip, balance })
}

/// Whether a node says that a call reverts, and not that it could not say.
pub(super) fn is_refusal(error: &RpcError) -> bool {
    !matches!(error.refused_by(), Some(RefusedBy::Busy | RefusedBy::NoSuchMethod) | None)
}

/// Why a rehearsal found nothing.
enum Failure {
    /// The contract refuses.
    Refused(RpcError),
    /// The node could not say.
    Unable(String),
    /// The account that signed has no code.
    NotDeployed,
    /// A contract that is needed has no code.
    Missing,
}

impl Failure {
    fn of_call(error: RpcError) -> Self {
        if is_refusal(&error) { Self::Refused(error) } else { Self::Unable(error.to_string()) }
    }

    fn into_settlement(self) -> Settlement {
        match self {
            Self::Unable(reason) => unable(reason),
            Self::NotDeployed => not_deployed(),
            Self::Missing => Settlement::Rejected(missing()),
            Self::Refused(error) => Settlement::Rejected(unmovable(error.to_string())),
        }
    }
}
