//! Finding and placing the `_meta` members of a message.

use serde_json::Value;

use super::{CREDENTIAL_KEY, Placement, RECEIPT_KEY, credential_from_object};
use crate::credential::CredentialError;
use crate::receipt::InvalidReceipt;
use crate::{Credential, JsonObject, Receipt};

/// The credential of a request, wherever it stands; nothing when there is none. Call it for paid
/// operations only: a free one ignores the member.
pub fn credential(request: &JsonObject) -> Result<Option<Credential>, CredentialError> {
    let at_root = member(request, CREDENTIAL_KEY);
    let in_params = request.get("params").and_then(Value::as_object).and_then(|params| member(params, CREDENTIAL_KEY));
    let found = match (at_root, in_params) {
        (Some(one), Some(other)) if one != other => return Err(CredentialError::Several),
        (found, other) => found.or(other),
    };
    match found {
        None => Ok(None),
        Some(Value::Object(object)) => credential_from_object(object).map(Some),
        Some(_) => Err(CredentialError::Malformed("the credential is not an object".to_owned())),
    }
}

/// Puts a credential into a request.
pub fn attach_credential(request: &mut JsonObject, credential: JsonObject, placement: Placement) {
    attach(request, "params", CREDENTIAL_KEY, credential, placement);
}

/// The receipt of a response, wherever it stands.
pub fn receipt(response: &JsonObject) -> Option<Result<Receipt, InvalidReceipt>> {
    let in_result = response.get("result").and_then(Value::as_object).and_then(|result| member(result, RECEIPT_KEY));
    let found = in_result.or_else(|| member(response, RECEIPT_KEY))?;
    let Value::Object(object) = found else {
        return Some(Err(InvalidReceipt("the receipt is not an object".to_owned())));
    };
    let read = Receipt::from_object(object.clone()).and_then(|receipt| match receipt.challenge_id {
        Some(_) => Ok(receipt),
        None => Err(InvalidReceipt("the receipt has no challengeId".to_owned())),
    });
    Some(read)
}

/// Puts a receipt into the response to a paid call. A receipt in a message names its challenge:
/// fill in `challenge_id`.
pub fn attach_receipt(response: &mut JsonObject, receipt: &Receipt, placement: Placement) {
    attach(response, "result", RECEIPT_KEY, receipt.to_object(), placement);
}

fn member<'a>(holder: &'a JsonObject, key: &str) -> Option<&'a Value> {
    holder.get("_meta")?.get(key)
}

/// Adds to `_meta` of the message, or of its MCP member `holder`. A `holder` that is no object
/// (positional params) has no room for `_meta`; the root of the message has.
fn attach(message: &mut JsonObject, holder: &str, key: &str, value: JsonObject, placement: Placement) {
    let inner = match placement {
        Placement::Message => None,
        Placement::Mcp => match message.get_mut(holder) {
            Some(Value::Object(inner)) => Some(inner),
            Some(_) => None,
            None => {
                let mut inner = JsonObject::new();
                insert_meta(&mut inner, key, value);
                message.insert(holder.to_owned(), Value::Object(inner));
                return;
            }
        },
    };
    match inner {
        Some(inner) => insert_meta(inner, key, value),
        None => insert_meta(message, key, value),
    }
}

fn insert_meta(target: &mut JsonObject, key: &str, value: JsonObject) {
    let mut meta = match target.remove("_meta") {
        Some(Value::Object(meta)) => meta,
        _ => JsonObject::new(),
    };
    meta.insert(key.to_owned(), Value::Object(value));
    target.insert("_meta".to_owned(), Value::Object(meta));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MethodName, Timestamp};
    use serde_json::json;

    fn object(value: Value) -> JsonObject {
        value.as_object().unwrap().clone()
    }

    fn paid() -> JsonObject {
        let challenge = json!({"id": "a", "realm": "r", "method": "tempo", "intent": "charge", "request": {}});
        object(json!({"challenge": challenge, "payload": {"proof": "x"}}))
    }

    fn some_receipt() -> Receipt {
        Receipt {
            method: MethodName::new("tempo").unwrap(),
            reference: "x".into(),
            timestamp: Timestamp::from_unix_millis(0),
            challenge_id: Some(crate::ChallengeId::read("a").unwrap()),
            external_id: None,
            extra: JsonObject::new(),
        }
    }

    #[test]
    fn a_credential_is_found_in_either_place() {
        for placement in [Placement::Message, Placement::Mcp] {
            for request in [json!({}), json!({"params": {"name": "x", "_meta": {"other": 1}}}), json!({"params": [1]})]
            {
                let mut request = object(request);
                attach_credential(&mut request, paid(), placement);
                assert!(credential(&request).unwrap().is_some(), "{request:?}");
            }
        }
        assert_eq!(credential(&object(json!({"params": {"_meta": 1}, "_meta": []}))), Ok(None));
    }

    #[test]
    fn two_places_must_agree() {
        let mut request = JsonObject::new();
        attach_credential(&mut request, paid(), Placement::Message);
        attach_credential(&mut request, paid(), Placement::Mcp);
        assert!(credential(&request).unwrap().is_some());
        let mut other = paid();
        other.insert("source".into(), json!("did:key:z"));
        attach_credential(&mut request, other, Placement::Mcp);
        assert_eq!(credential(&request), Err(CredentialError::Several));
        let broken = object(json!({"_meta": {CREDENTIAL_KEY: "x"}}));
        assert!(matches!(credential(&broken), Err(CredentialError::Malformed(_))));
    }

    #[test]
    fn a_receipt_is_found_in_either_place_and_names_its_challenge() {
        for placement in [Placement::Message, Placement::Mcp] {
            let mut response = object(json!({"id": 1, "result": {"content": []}}));
            attach_receipt(&mut response, &some_receipt(), placement);
            assert_eq!(receipt(&response), Some(Ok(some_receipt())));
            assert_eq!(response["result"]["content"], json!([]));
        }
        let mut response = JsonObject::new();
        attach_receipt(&mut response, &Receipt { challenge_id: None, ..some_receipt() }, Placement::Message);
        assert!(receipt(&response).unwrap().is_err());
        assert_eq!(receipt(&object(json!({"result": 1}))), None);
    }
}
