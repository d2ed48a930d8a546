//! Whether money could be moved now.

use alloy_primitives::Address;
use farthing_rail::{Claim, Hold, Settlement, Unknown};
use serde_json::Value;

use super::ChainSettler;
use super::diagnosis::{is_there, missing};
use super::outcome::{ASK_AGAIN, not_deployed, unable};
use super::rehearsal::{USUAL_GAS, is_refusal};
use crate::Payment;
use crate::evm::calldata::{self, Call};
use crate::rpc::{At, Question, RpcError, answers};

impl ChainSettler {
    /// Asks the chain once, and moves nothing: the very call that would move the money, from our own
    /// signer. What is asked at the same time shares the round trip. A yes is no promise.
    pub(super) async fn hold(&self, claim: &Claim) -> Hold {
        let payment = match self.read_payment(claim) {
            Ok(payment) => payment,
            Err(settlement) => return of_settlement(*settlement),
        };
        let Some(sender) = &self.sender else {
            return of_settlement(unable("an authorization came and no signer is configured to submit it"));
        };
        if self.not_worth(claim, &payment).is_some() {
            // Gas may be cheaper by now.
            self.look_at_gas(sender.address()).await;
        }
        let against = self.against_authorized(&payment, sender).or_else(|| self.not_worth(claim, &payment));
        if let Some(settlement) = against {
            return of_settlement(settlement);
        }
        self.hold_as(sender.address(), &payment).await
    }

    /// The same of a payment that somebody else's account is to submit.
    pub(crate) async fn hold_elsewhere(&self, claim: &Claim) -> Hold {
        let payment = match self.read_payment(claim) {
            Ok(payment) => payment,
            Err(settlement) => return of_settlement(*settlement),
        };
        if let Some(settlement) = self.too_late(&payment) {
            return of_settlement(settlement);
        }
        let Some(submitter) = payment.submitter() else {
            return of_settlement(unable("the payment names nobody who could submit it"));
        };
        self.hold_as(submitter, &payment).await
    }

    async fn hold_as(&self, submitter: Address, payment: &Payment) -> Hold {
        let Some(call) = calldata::submission(payment) else { return Hold::Held };
        if let Err(reason) = self.guard().await {
            return unknown(reason);
        }
        let most = self.rules.gas;
        match self.try_out(submitter, payment, &call, most.min(USUAL_GAS)).await {
            Err(error) if is_refusal(&error) => self.doubt(submitter, payment, &call, error).await,
            Err(error) => unknown(error.to_string()),
            Ok(hold) => hold,
        }
    }

    async fn try_out(&self, submitter: Address, payment: &Payment, call: &Call, gas: u64) -> Result<Hold, RpcError> {
        let mut questions = vec![Question::call(Some(submitter), call.to, &call.data, gas, At::Latest)];
        questions.extend(Self::probes(payment));
        let wrapped = payment.wrapped_by();
        questions.extend(wrapped.map(|account| Question::code(account, At::Latest)));
        let mut said = self.endpoints.ask_together(questions).await;
        let code = wrapped.and_then(|_| said.pop()).transpose()?;
        let mut said = said.into_iter();
        let outcome = said.next().unwrap_or(Ok(Value::Null));
        if let Some(code) = code
            && self.endpoints.readable(answers::bytes(&code, "eth_getCode"))?.is_empty()
        {
            return Ok(of_settlement(not_deployed()));
        }
        if !said.all(|answer| is_there(&answer)) {
            return Ok(Hold::Rejected(missing()));
        }
        outcome.map(|_| Hold::Held)
    }

    /// The contract refuses. It may want more gas than most; otherwise it is found out what it has against
    /// the payment.
    async fn doubt(&self, submitter: Address, payment: &Payment, call: &Call, refusal: RpcError) -> Hold {
        let more_gas = async {
            match self.rules.gas > USUAL_GAS {
                true => self.try_out(submitter, payment, call, self.rules.gas).await,
                false => Err(refusal.clone()),
            }
        };
        let (again, diagnosis) = tokio::join!(more_gas, self.diagnose(payment, refusal.to_string()));
        match again {
            Ok(hold) => hold,
            Err(_) => Hold::Rejected(diagnosis),
        }
    }
}

fn of_settlement(settlement: Settlement) -> Hold {
    match settlement {
        Settlement::Settled(_) => Hold::Held,
        Settlement::Rejected(rejected) => Hold::Rejected(rejected),
        Settlement::Unknown(unknown) => Hold::Unknown(unknown),
    }
}

fn unknown(reason: String) -> Hold {
    Hold::Unknown(Unknown { reason, ask_again: ASK_AGAIN })
}
