//! Asking the person at the other end about a payment, through their own assistant.
//!
//! The question holds what the payment binds, decoded from what would be signed, and never a text that a
//! seller wrote. The answer is for exactly these facts: an accepted question lets the same call pay once,
//! a declined one refuses it. A client that cannot ask gets the question's name, for the command line.

use farthing_books::{ApprovalId, ApprovalRecord, ApprovalState};
use farthing_wallet::approvals::{ApprovalError, Reply};
use farthing_wallet::client::plain;
use farthing_wallet::{Outcome, Wallet};
use rmcp::model::{
    ElicitRequest, ElicitRequestParams, ElicitResult, ElicitationAction, ElicitationSchema, InputRequest,
    InputRequiredResult, InputResponses, ProtocolVersion,
};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::json;

/// The member of an answer that says yes. A form that is sent without it is no answer.
const ALLOW: &str = "allow";

/// By which way an answer came, for the record.
const BY: &str = "mcp";

/// The person behind one call.
pub(crate) struct Person<'a> {
    /// The call.
    pub(crate) context: &'a RequestContext<RoleServer>,
    /// What they answered already, where the protocol has them answer with the call repeated.
    pub(crate) answers: Option<InputResponses>,
    /// Whether the owner lets an assistant's form answer at all.
    pub(crate) may_answer: bool,
}

/// What to do about an outcome.
pub(crate) enum Next {
    /// It stands.
    Over,
    /// The person answered: the same call pays now, or is refused in the policy's own words.
    Again,
    /// The client asks the person, and calls again.
    Input(InputRequiredResult),
}

impl Person<'_> {
    /// Asks the person, where an outcome is that somebody has to be asked.
    pub(crate) async fn consult(&self, wallet: &Wallet, outcome: &Outcome) -> Result<Next, String> {
        match outcome {
            Outcome::AwaitsApproval { id, .. } => self.ask(wallet, *id).await,
            _ => Ok(Next::Over),
        }
    }

    async fn ask(&self, wallet: &Wallet, id: ApprovalId) -> Result<Next, String> {
        let can_ask = self.context.client_capabilities().is_some_and(|can| can.elicitation.is_some());
        if !self.may_answer || !can_ask {
            return Ok(Next::Over);
        }
        let record = wallet.approval(id).await.map_err(|error| error.to_string())?;
        if record.state != ApprovalState::Pending {
            return Ok(Next::Again);
        }
        let answer = match self.answered(id) {
            Some(answer) => answer,
            None if self.repeats_calls() => return Ok(Next::Input(input(id, form(&record)?))),
            None => {
                let asked = self.context.peer.create_elicitation(form(&record)?).await;
                // Whoever was asked did not answer; the question stays open, and can be answered elsewhere.
                let Ok(answer) = asked else { return Ok(Next::Over) };
                answer
            }
        };
        let Some(allow) = decision(&answer) else { return Ok(Next::Over) };
        let reply = Reply { allow, reason: None, by: BY.to_owned() };
        match wallet.answer(id, &reply).await {
            // Answered here, or meanwhile elsewhere.
            Ok(_) | Err(ApprovalError::TooLate { .. }) => Ok(Next::Again),
            // An owner whose key opens with another passphrase than the wallet's answers where that is known.
            Err(error) => {
                tracing::warn!(%id, %error, "a form's answer does not count");
                Ok(Next::Over)
            }
        }
    }

    /// From this version on a server asks by its answer, and the client repeats the call.
    fn repeats_calls(&self) -> bool {
        self.context.protocol_version().is_some_and(|version| version >= ProtocolVersion::V_2026_07_28)
    }

    fn answered(&self, id: ApprovalId) -> Option<ElicitResult> {
        let answer = self.answers.as_ref()?.get(&id.to_string())?;
        serde_json::from_value(answer.clone()).ok()
    }
}

/// Yes or no; `None` where the person chose neither.
fn decision(answer: &ElicitResult) -> Option<bool> {
    match answer.action {
        ElicitationAction::Accept => {
            let allow =
                answer.content.as_ref().and_then(|content| content.get(ALLOW)).and_then(|allow| allow.as_bool());
            Some(allow == Some(true))
        }
        ElicitationAction::Decline => Some(false),
        _ => None,
    }
}

fn input(id: ApprovalId, form: ElicitRequestParams) -> InputRequiredResult {
    let request = InputRequest::Elicitation(ElicitRequest::new(form));
    InputRequiredResult::from_input_requests([(id.to_string(), request)].into())
}

fn form(record: &ApprovalRecord) -> Result<ElicitRequestParams, String> {
    let schema = json!({
        "type": "object",
        "properties": {
            ALLOW: { "type": "boolean", "title": "Pay this", "description": "Allow exactly this payment, once" }
        },
        "required": [ALLOW]
    });
    let requested_schema: ElicitationSchema =
        serde_json::from_value(schema).map_err(|error| format!("the question cannot be put: {error}"))?;
    Ok(ElicitRequestParams::FormElicitationParams { meta: None, message: question(record), requested_schema })
}

/// What is asked: every fact that the answer binds, without what could hide or turn round other text.
pub(crate) fn question(record: &ApprovalRecord) -> String {
    let facts = &record.facts;
    let payee = facts.payee.as_deref().map(|payee| format!(" to {}", plain(payee))).unwrap_or_default();
    format!(
        "The wallet {} would pay at most {}{payee}, as {} of {} by {}, asked for by {}, for {}.\nYou are asked because {}.\n\
         The answer counts for this payment only, until {}.",
        plain(&facts.wallet),
        facts.cost,
        facts.amount,
        plain(&facts.asset.to_string()),
        plain(&facts.method),
        plain(&facts.origin),
        plain(&facts.bought),
        plain(&record.sentence),
        record.deadline.to_rfc3339(),
    )
}

#[cfg(test)]
mod tests;
