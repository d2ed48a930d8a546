//! The operations, one function each.

use farthing_protocol::binding::{Binder, BindingSecret, BindingSlots, ISSUED_HEADER_SLOT};
use farthing_protocol::{Challenge, Credential, EncodedObject, JsonObject, Receipt, base64url};
use serde_json::{Value, json};

use super::objects::{challenge_object, read_challenge, read_receipt, receipt_object, text};
use super::{Failure, Kind, World, tempo};

pub(super) fn perform(operation: &str, input: &JsonObject, world: &World) -> Result<Value, Failure> {
    match operation {
        "challenge.parse" => challenge_parse(input),
        "challenge.format" => challenge_format(input),
        "credential.parse" => credential_parse(input),
        "credential.format" => credential_format(input),
        "receipt.parse" => receipt_parse(input),
        "receipt.format" => receipt_format(input),
        "base64url.encode" => Ok(json!({"text": base64url::encode(text(input, "text", Kind::Encoding)?)})),
        "base64url.decode" => base64url_decode(input),
        "challenge.id" => challenge_id(input, world),
        "server.verify" => server_verify(input, world),
        "tempo.receipt.verify" => tempo::verify_receipt(input),
        "tempo.transaction.verify" => tempo::verify_transaction(input, world),
        "tempo.fee_payer.cosign" | "tempo.fee_payer_cosign" => tempo::cosign_fee(input, world),
        other => Err(Kind::Unsupported.because(format!("the operation \"{other}\" is not there yet"))),
    }
}

fn challenge_parse(input: &JsonObject) -> Result<Value, Failure> {
    let header = text(input, "header", Kind::Parse)?;
    let first = Challenge::parse_all([header.as_bytes()]).into_iter().next();
    let challenge = first.ok_or_else(|| Kind::Parse.because("the header holds no Payment challenge"))?;
    let challenge = challenge.map_err(|reason| Kind::Parse.because(reason))?;
    challenge_object(&challenge).map(Value::Object)
}

fn challenge_format(input: &JsonObject) -> Result<Value, Failure> {
    Ok(json!({"header": read_challenge(input, Kind::Format)?.to_header()}))
}

fn credential_parse(input: &JsonObject) -> Result<Value, Failure> {
    let header = text(input, "header", Kind::Parse)?;
    let credential = Credential::from_lines([header.as_bytes()])
        .map_err(|reason| Kind::Parse.because(reason))?
        .ok_or_else(|| Kind::Parse.because("the header holds no Payment credential"))?;
    Ok(json!({
        "challenge": challenge_object(credential.challenge())?,
        "payload": credential.payload(),
        "source": credential.source(),
    }))
}

fn credential_format(input: &JsonObject) -> Result<Value, Failure> {
    let (Some(Value::Object(challenge)), Some(Value::Object(payload))) = (input.get("challenge"), input.get("payload"))
    else {
        return Err(Kind::Format.because("a credential has a challenge object and a payload object"));
    };
    let source = input.get("source").and_then(Value::as_str).map(str::to_owned);
    let credential = Credential::new(read_challenge(challenge, Kind::Format)?, payload.clone(), source);
    Ok(json!({"header": credential.to_header()}))
}

fn receipt_parse(input: &JsonObject) -> Result<Value, Failure> {
    let receipt = Receipt::parse(text(input, "header", Kind::Parse)?).map_err(|reason| Kind::Parse.because(reason))?;
    Ok(Value::Object(receipt_object(&receipt)))
}

fn receipt_format(input: &JsonObject) -> Result<Value, Failure> {
    Ok(json!({"header": read_receipt(input)?.to_header()}))
}

fn base64url_decode(input: &JsonObject) -> Result<Value, Failure> {
    let bytes =
        base64url::decode(text(input, "text", Kind::Encoding)?).map_err(|reason| Kind::Encoding.because(reason))?;
    let decoded = String::from_utf8(bytes).map_err(|_| Kind::Encoding.because("the bytes are not UTF-8"))?;
    Ok(json!({"text": decoded}))
}

/// The id of raw slots: the suite also hashes texts that no challenge could carry.
fn challenge_id(input: &JsonObject, world: &World) -> Result<Value, Failure> {
    let required = |name| text(input, name, Kind::Generation);
    let optional = |name: &str| input.get(name).and_then(Value::as_str).unwrap_or_default();
    let secret = required("secretKey")?.as_bytes();
    let secret = match BindingSecret::new(secret) {
        Err(_) if world.weak_secrets => BindingSecret::unchecked_for_vectors(secret),
        checked => checked.map_err(|reason| Kind::Generation.because(reason))?,
    };
    let Some(Value::Object(request)) = input.get("request") else {
        return Err(Kind::Generation.because("the request must be an object"));
    };
    let request = EncodedObject::encode(request).map_err(|reason| Kind::Generation.because(reason))?;
    let header = optional("header");
    let is_default = header.is_empty() || header.eq_ignore_ascii_case("Authorization");
    let slots = BindingSlots {
        realm: required("realm")?,
        method: required("method")?,
        intent: required("intent")?,
        request: request.as_str(),
        expires: optional("expires"),
        digest: optional("digest"),
        opaque: optional("opaque"),
        header: (!is_default).then_some(header),
    };
    Ok(json!({"id": secret.id(&slots, ISSUED_HEADER_SLOT).as_str()}))
}

/// Verifies an echo against the route's own terms. The secret may be short: nothing is issued, and
/// the suite's cases were made with a short one.
fn server_verify(input: &JsonObject, world: &World) -> Result<Value, Failure> {
    let refused = |kind: &str| Ok(json!({"ok": false, "errorType": kind}));
    let Some(echo) = input.get("credential").and_then(|credential| credential.get("challenge")?.as_object()) else {
        return refused("invalid_challenge");
    };
    let Ok(echoed) = read_challenge(echo, Kind::Parse) else { return refused("invalid_challenge") };
    let mut route = input.clone();
    route.insert("id".to_owned(), Value::from(echoed.id().as_str()));
    let route = read_challenge(&route, Kind::Unknown)?;

    let secret = BindingSecret::unchecked_for_vectors(text(input, "secretKey", Kind::Unknown)?.as_bytes());
    let is_bound = Binder::new(secret, None).verify(&echoed).is_ok();
    if !is_bound || !echoed.echoes(&route) || echoed.expires().is_none() {
        return refused("invalid_challenge");
    }
    if echoed.is_expired(world.now) {
        return refused("payment_expired");
    }
    if input.get("verificationError").is_some_and(Value::is_string) {
        return refused("verification_failed");
    }
    // The receipt of the suite's own imaginary payment method.
    let receipt = json!({
        "status": "success",
        "method": echoed.method().as_str(),
        "timestamp": "2026-01-29T12:00:00Z",
        "reference": "conformance-receipt",
    });
    Ok(json!({"ok": true, "receipt": receipt}))
}
