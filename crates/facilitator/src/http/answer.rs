use bytes::Bytes;
use farthing_dialects::x402::facilitator::Supported;
use farthing_dialects::x402::{Settled, Verified};
use farthing_protocol::JsonObject;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

use super::Answer;
use crate::asked::Asked;
use crate::desk::{Desk, Moved, Valid};
use crate::listing;
use crate::meters::{Fate, Meters};
use crate::refused::Refused;

/// In whose words a refusal is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Voice {
    Verify,
    Settle,
}

/// Who reads why something is not ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    Sellers,
    Operators,
}

impl Voice {
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Verify => "/verify",
            Self::Settle => "/settle",
        }
    }
}

pub(super) fn verified(verified: Result<Valid, Refused>) -> (Answer, Fate) {
    match verified {
        Ok(Valid { payer }) => {
            let verified = Verified { is_valid: true, invalid_reason: None, invalid_message: None, payer };
            (json(StatusCode::OK, &Value::Object(verified.to_object())), Fate::Good)
        }
        Err(refusal) => (refused(Voice::Verify, &refusal, ""), fate_of(&refusal)),
    }
}

pub(super) fn settled(settled: Result<Moved, Refused>, asked: &Asked) -> (Answer, Fate) {
    match settled {
        Ok(Moved { payer, network, transaction, amount }) => {
            let (error_reason, error_message, extensions) = (None, None, JsonObject::new());
            let success = true;
            let settled =
                Settled { success, error_reason, error_message, payer, transaction, network, amount, extensions };
            (json(StatusCode::OK, &Value::Object(settled.to_object())), Fate::Good)
        }
        Err(refusal) => (refused(Voice::Settle, &refusal, asked.network()), fate_of(&refusal)),
    }
}

const fn fate_of(refused: &Refused) -> Fate {
    match refused.status {
        StatusCode::SERVICE_UNAVAILABLE => Fate::Unknown,
        StatusCode::TOO_MANY_REQUESTS => Fate::Dismissed,
        _ => Fate::Refused,
    }
}

/// A refusal, in the shape of the answer that was hoped for.
pub(super) fn refused(voice: Voice, refused: &Refused, network: &str) -> Answer {
    let Refused { status, code, message, payer, retry_after } = refused;
    let body = match voice {
        Voice::Verify => {
            let (invalid_reason, invalid_message) = (Some((*code).to_owned()), Some(message.clone()));
            Verified { is_valid: false, invalid_reason, invalid_message, payer: payer.clone() }.to_object()
        }
        Voice::Settle => {
            let settled = Settled {
                success: false,
                error_reason: Some((*code).to_owned()),
                error_message: Some(message.clone()),
                payer: payer.clone(),
                transaction: String::new(),
                network: network.to_owned(),
                amount: None,
                extensions: JsonObject::new(),
            };
            settled.to_object()
        }
    };
    let mut answer = json(*status, &Value::Object(body));
    if let Some(after) = retry_after {
        let seconds = after.as_millis().div_ceil(1000).max(1).to_string();
        answer.headers_mut().extend(HeaderValue::from_str(&seconds).ok().map(|seconds| (RETRY_AFTER, seconds)));
    }
    if *status == StatusCode::UNAUTHORIZED {
        answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    answer
}

/// What can be settled just now.
pub(super) fn supported(desk: &Desk) -> Answer {
    let mut supported = Supported::default();
    for kind in desk.kinds.iter().filter(|kind| kind.settler.readiness().is_ok()) {
        supported.kinds.extend(kind.entries());
        let listed = supported.signers.entry(kind.network.as_str().to_owned()).or_default();
        for signer in &kind.signers {
            if !listed.contains(signer) {
                listed.push(signer.clone());
            }
        }
    }
    if desk.catalogue {
        supported.extensions.push(listing::BAZAAR.to_owned());
    }
    json(StatusCode::OK, &Value::Object(supported.to_object()))
}

/// Whether anything can be settled, and what not.
pub(super) fn readiness(desk: &Desk, audience: Audience) -> Answer {
    let states = desk.kinds.iter().map(|kind| (kind, kind.settler.readiness().err()));
    let states: Vec<_> = states.collect();
    let is_ready = states.iter().any(|(_, reason)| reason.is_none());
    let kinds: Vec<Value> = states
        .iter()
        .map(|(kind, reason)| {
            let mut state = json!({
                "network": kind.network.as_str(),
                "scheme": kind.scheme(),
                "ready": reason.is_none(),
            });
            if let (Some(reason), Some(members), Audience::Operators) = (reason, state.as_object_mut(), audience) {
                members.insert("reason".into(), reason.to_string().into());
            }
            state
        })
        .collect();
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    json(status, &json!({ "ready": is_ready, "kinds": kinds }))
}

pub(super) fn metrics(meters: &Meters) -> Answer {
    let mut answer = Response::new(Full::from(meters.render()));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4"));
    answer
}

pub(super) fn text(status: StatusCode, text: &'static str) -> Answer {
    let mut answer = Response::new(Full::from(Bytes::from_static(text.as_bytes())));
    *answer.status_mut() = status;
    answer
}

pub(super) fn nothing_here() -> Answer {
    let message = "the paths here are POST /verify, POST /settle, GET /supported and GET /discovery/resources";
    json(StatusCode::NOT_FOUND, &json!({ "error": message }))
}

pub(super) fn wrong_method(allowed: &'static str) -> Answer {
    let message = format!("this path takes {allowed}");
    let mut answer = json(StatusCode::METHOD_NOT_ALLOWED, &json!({ "error": message }));
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    answer
}

pub(super) fn json(status: StatusCode, body: &Value) -> Answer {
    let mut answer = Response::new(Full::from(body.to_string()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
