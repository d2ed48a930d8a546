//! The adapter interface of the public MPP conformance suite: one JSON request in, one JSON answer
//! out.
//!
//! An answer is always given: what cannot be done is an answer with an `error`. Operations that
//! this program does not have yet answer `unsupported_operation`.

mod objects;
mod operations;
mod payment_request;
mod tempo;

#[cfg(test)]
mod tests;

use std::io::{self, Read, Write};
use std::time::Duration;

use farthing_protocol::{JsonObject, Timestamp, json};
use serde_json::{Value, json};

use crate::{clock, environment};

/// Larger than any credential, with room for what surrounds it.
const LONGEST_REQUEST_BYTES: u64 = 4 * 1024 * 1024;

/// How long the suite waits for an answer when it does not say.
const DEFAULT_TIMEOUT_MILLIS: u64 = 10_000;

const LONGEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Set to `1`, it lets `challenge.id` use the short secrets of old vectors.
const WEAK_SECRETS: &str = "FARTHING_CONFORMANCE_WEAK_SECRETS";

/// Reads one request, writes one answer and a line end. Fails only when reading or writing does.
pub(crate) fn run(input: impl Read, mut output: impl Write) -> io::Result<()> {
    let mut request = Vec::new();
    input.take(LONGEST_REQUEST_BYTES).read_to_end(&mut request)?;
    let weak_secrets = environment::variable(WEAK_SECRETS).is_some_and(|value| value == "1");
    let world = World { weak_secrets, now: clock::now() };
    writeln!(output, "{}", answer(&request, &world))?;
    output.flush()
}

/// What an answer depends on beside the request.
struct World {
    weak_secrets: bool,
    now: Timestamp,
}

/// Why an operation has no value, in the suite's terms.
#[derive(Debug, PartialEq, Eq)]
struct Failure {
    kind: Kind,
    message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Parse,
    Format,
    Encoding,
    Generation,
    Http,
    Unsupported,
    Unknown,
    Verification,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Parse => "parse_error",
            Self::Format => "format_error",
            Self::Encoding => "encoding_error",
            Self::Generation => "generation_error",
            Self::Http => "http_error",
            Self::Unsupported => "unsupported_operation",
            Self::Unknown => "unknown_error",
            Self::Verification => "verification_error",
        }
    }

    /// A failure of this kind.
    fn because(self, reason: impl std::fmt::Display) -> Failure {
        Failure { kind: self, message: reason.to_string() }
    }
}

fn answer(request: &[u8], world: &World) -> Value {
    match perform(request, world) {
        Ok(value) => json!({"ok": true, "value": value}),
        Err(failure) => json!({"ok": false, "error": {"type": failure.kind.name(), "message": failure.message}}),
    }
}

fn perform(request: &[u8], world: &World) -> Result<Value, Failure> {
    let request = json::parse_object(request).map_err(|reason| Kind::Unknown.because(reason))?;
    if request.get("schema") != Some(&Value::from(1)) {
        return Err(Kind::Unknown.because("only requests with \"schema\": 1 are understood"));
    }
    let operation = request.get("op").and_then(Value::as_str).unwrap_or_default();
    let nothing = JsonObject::new();
    let input = request.get("input").and_then(Value::as_object).unwrap_or(&nothing);
    match operation {
        "http.payment_request" => payment_request::perform(input, patience(&request), world.now),
        other => operations::perform(other, input, world),
    }
}

/// How long the network may take: a little less than the suite waits, so that it gets an answer.
fn patience(request: &JsonObject) -> Duration {
    let given = request.get("context").and_then(|context| context.get("timeoutMs")?.as_u64());
    let given = Duration::from_millis(given.unwrap_or(DEFAULT_TIMEOUT_MILLIS)).min(LONGEST_TIMEOUT);
    given - given / 10
}
