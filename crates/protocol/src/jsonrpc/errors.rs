//! The error objects of a paid call.

use serde_json::{Value, json};

use super::{
    DEMAND_KEY, INTERNAL_ERROR, MALFORMED_CREDENTIAL, PAYMENT_REQUIRED, VERIFICATION_FAILED, challenge_from_object,
    challenge_to_object,
};
use crate::challenge::ChallengeError;
use crate::json::JsonError;
use crate::{Challenge, JsonObject, Problem};

/// What a server demands before it answers, as a client reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct Demand {
    /// [`PAYMENT_REQUIRED`] or [`VERIFICATION_FAILED`].
    pub code: i64,
    /// The alternatives, each with the object it was read from: that object is what a client echoes.
    pub challenges: Vec<(JsonObject, Result<Challenge, ChallengeError>)>,
    /// Why, when the server said so in a registered way.
    pub problem: Option<Problem>,
}

/// The `error` member that asks for payment. Offer at least one challenge.
pub fn payment_required(challenges: &[Challenge], problem: &Problem) -> Result<JsonObject, JsonError> {
    demand(PAYMENT_REQUIRED, challenges, problem)
}

/// The `error` member that refuses a payment and offers fresh challenges.
pub fn verification_failed(challenges: &[Challenge], problem: &Problem) -> Result<JsonObject, JsonError> {
    let mut error = demand(VERIFICATION_FAILED, challenges, problem)?;
    let failure = json!({"reason": problem.kind.slug(), "detail": problem.detail});
    if let Some(Value::Object(data)) = error.get_mut("data") {
        data.insert("failure".to_owned(), failure);
    }
    Ok(error)
}

/// The `error` member for a credential that cannot be read.
pub fn malformed_credential(detail: &str) -> JsonObject {
    object(json!({"code": MALFORMED_CREDENTIAL, "message": "Invalid params", "data": {"detail": detail}}))
}

/// The `error` member for the server's own fault.
pub fn internal_error(detail: &str) -> JsonObject {
    object(json!({"code": INTERNAL_ERROR, "message": "Internal error", "data": {"detail": detail}}))
}

impl Demand {
    /// Reads the demand of a response: from its error, or from the `_meta` of its result. Nothing
    /// when the response demands no payment; a number alone does not make a demand, because MCP
    /// gives it another meaning.
    pub fn of(response: &JsonObject) -> Option<Self> {
        let in_error = response.get("error").and_then(Value::as_object).and_then(|error| {
            let code = error.get("code")?.as_i64()?;
            let is_demand = matches!(code, PAYMENT_REQUIRED | VERIFICATION_FAILED);
            is_demand.then_some((code, error.get("data")?))
        });
        let in_result = || {
            let metas = [response.get("result").and_then(|result| result.get("_meta")), response.get("_meta")];
            metas.into_iter().flatten().find_map(|meta| meta.get(DEMAND_KEY)).map(|data| (PAYMENT_REQUIRED, data))
        };
        let (code, data) = in_error.or_else(in_result)?;
        let offered = data.get("challenges")?.as_array()?.iter().filter_map(Value::as_object);
        let problem = data.get("problem").and_then(|problem| Problem::parse(problem.to_string().as_bytes()));
        let challenges: Vec<_> = offered.map(|offer| (offer.clone(), challenge_from_object(offer))).collect();
        (!challenges.is_empty()).then_some(Self { code, challenges, problem })
    }
}

fn demand(code: i64, challenges: &[Challenge], problem: &Problem) -> Result<JsonObject, JsonError> {
    let challenges = challenges.iter().map(challenge_to_object).collect::<Result<Vec<_>, _>>()?;
    Ok(object(json!({
        "code": code,
        "message": problem.kind.title(),
        "data": {"httpStatus": problem.kind.status(), "challenges": challenges, "problem": problem.to_value()},
    })))
}

fn object(value: Value) -> JsonObject {
    match value {
        Value::Object(object) => object,
        _ => JsonObject::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ProblemType;

    fn challenge() -> Challenge {
        let line = r#"Payment id="a", realm="r", method="tempo", intent="charge", request="e30", description="d""#;
        Challenge::parse_all([line.as_bytes()]).remove(0).unwrap()
    }

    fn response(error: JsonObject) -> JsonObject {
        object(json!({"jsonrpc": "2.0", "id": 1, "error": error}))
    }

    #[test]
    fn a_demand_reads_back() {
        let problem = Problem::new(ProblemType::VerificationFailed, "sign again");
        let error = verification_failed(&[challenge()], &problem).unwrap();
        assert_eq!(error["data"]["failure"], json!({"reason": "verification-failed", "detail": "sign again"}));
        assert_eq!(error["data"]["httpStatus"], 402);
        let demand = Demand::of(&response(error)).unwrap();
        assert_eq!((demand.code, demand.problem), (VERIFICATION_FAILED, Some(problem)));
        assert_eq!(demand.challenges[0].1, Ok(challenge()));
    }

    #[test]
    fn a_demand_may_hide_in_a_result() {
        let data = payment_required(&[challenge()], &Problem::new(ProblemType::PaymentRequired, "")).unwrap();
        let result = object(json!({"result": {"_meta": {DEMAND_KEY: data["data"]}}}));
        assert_eq!(Demand::of(&result).unwrap().challenges.len(), 1);
    }

    #[test]
    fn the_number_alone_is_no_demand() {
        let elicitation = json!({"code": PAYMENT_REQUIRED, "message": "", "data": {"elicitations": []}});
        assert_eq!(Demand::of(&response(object(elicitation))), None);
        assert_eq!(Demand::of(&response(malformed_credential("x"))), None);
        assert_eq!(Demand::of(&response(internal_error("x"))), None);
        let empty = json!({"code": PAYMENT_REQUIRED, "message": "", "data": {"challenges": []}});
        assert_eq!(Demand::of(&response(object(empty))), None);
    }
}
