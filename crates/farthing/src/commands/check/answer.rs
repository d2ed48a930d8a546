//! What a 402 must look like: status, grammar, sizes, expiry, requests, caching, problem body.

use farthing_protocol::{Challenge, ChargeRequest, Timestamp};
use http::HeaderMap;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use serde_json::Value;

use super::finding::Finding;

/// The header budget that every client is known to handle.
const ROOMY_HEADER: usize = 8 * 1024;
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;
const PROBLEM_BASE: &str = "https://paymentauth.org/problems/";

/// The answer to an unpaid request.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// Every challenge that can be read.
    pub(super) fn challenges(&self) -> Vec<Challenge> {
        self.read().into_iter().filter_map(Result::ok).collect()
    }

    /// Whether it makes offers in the words of the Payment scheme, readable or not.
    pub(super) fn is_of_the_scheme(&self) -> bool {
        !self.read().is_empty()
    }

    fn read(&self) -> Vec<Result<Challenge, farthing_protocol::challenge::ChallengeError>> {
        Challenge::parse_all(self.headers.get_all(WWW_AUTHENTICATE).iter().map(http::HeaderValue::as_bytes))
    }

    /// Whether this asks for a payment, and if not, what that means.
    pub(super) fn status_finding(&self) -> Finding {
        match self.status {
            402 => Finding::good("status", "402 before anything else"),
            200..=299 => Finding::weak(
                "status",
                format!("{} without a payment: this request is free", self.status),
                "price the route if it should cost something",
            ),
            400 | 422 => Finding::broken(
                "status",
                format!("{} before the price is named", self.status),
                "answer 402 before validating the request, so that a buyer can learn the price",
            ),
            401 | 403 => Finding::weak(
                "status",
                format!("{}: this route wants ordinary authentication first", self.status),
                "repeat the check with a client that is signed in, or open the route",
            ),
            other => Finding::broken(
                "status",
                format!("{other} where 402 was expected"),
                "check the path and the upstream behind it",
            ),
        }
    }

    /// Grammar, size, expiry and request of every challenge.
    pub(super) fn challenge_findings(&self, now: Timestamp) -> Vec<Finding> {
        let read = self.read();
        if read.is_empty() {
            return vec![Finding::broken(
                "challenge",
                "402 without a Payment challenge or a price list of x402",
                "send WWW-Authenticate: Payment with id, realm, method, intent and request, or PAYMENT-REQUIRED",
            )];
        }
        let mut findings = Vec::new();
        for challenge in read {
            match challenge {
                Ok(challenge) => findings.extend(examine(&challenge, now)),
                Err(error) => findings.push(Finding::broken(
                    "challenge",
                    format!("a challenge cannot be read: {error}"),
                    "mend the WWW-Authenticate line; quote every value and encode request as base64url of canonical JSON",
                )),
            }
        }
        let size: usize = self.headers.get_all(WWW_AUTHENTICATE).iter().map(http::HeaderValue::len).sum();
        findings.push(if size <= ROOMY_HEADER {
            Finding::good("challenge", format!("{size} bytes of challenges"))
        } else {
            Finding::weak(
                "challenge",
                format!("{size} bytes of challenges"),
                "offer fewer methods: some clients stop reading at 8 kB",
            )
        });
        findings
    }

    /// A 402 must not be cached.
    pub(super) fn cache_finding(&self) -> Finding {
        let value = self.headers.get(CACHE_CONTROL).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if value.to_ascii_lowercase().split(',').any(|directive| directive.trim() == "no-store") {
            Finding::good("cache", "the 402 is not stored by caches")
        } else {
            Finding::broken(
                "cache",
                format!("the 402 says Cache-Control: {}", if value.is_empty() { "nothing" } else { value }),
                "send Cache-Control: no-store with every 402: a cached challenge can be paid once only",
            )
        }
    }

    /// The body should be a registered problem.
    pub(super) fn problem_finding(&self, expected: Option<&str>) -> Finding {
        let media_type = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let remedy = "answer with application/problem+json and a type under https://paymentauth.org/problems/";
        let Ok(problem) = serde_json::from_slice::<Value>(&self.body) else {
            return Finding::weak("problem", "the body is not a JSON problem", remedy);
        };
        let slug = problem.get("type").and_then(Value::as_str).and_then(|uri| uri.strip_prefix(PROBLEM_BASE));
        let status = problem.get("status").and_then(Value::as_u64);
        match slug {
            _ if !media_type.starts_with("application/problem+json") => {
                Finding::weak("problem", format!("the body's type is {media_type:?}"), remedy)
            }
            None => Finding::weak("problem", "the problem's type is not one of the payment scheme's", remedy),
            Some(_) if status.is_some_and(|status| status != u64::from(self.status)) => {
                Finding::weak("problem", "the problem's status is not the response's", "make the two equal")
            }
            Some(slug) if expected.is_some_and(|expected| expected != slug) => Finding::weak(
                "problem",
                format!("the problem is {slug}, not {}", expected.unwrap_or_default()),
                "say what was wrong with the credential, so that a client can mend it",
            ),
            Some(slug) => Finding::good("problem", format!("problem {slug}")),
        }
    }
}

fn examine(challenge: &Challenge, now: Timestamp) -> Vec<Finding> {
    let name = format!("{}/{}", challenge.method(), challenge.intent());
    let mut findings = vec![expiry(challenge, &name, now)];
    let request = match challenge.request().decode() {
        Ok(request) => request,
        Err(error) => {
            findings.push(Finding::broken(
                "request",
                format!("{name}: the request cannot be decoded: {error}"),
                "encode a JSON object as base64url without padding",
            ));
            return findings;
        }
    };
    if farthing_protocol::EncodedObject::encode(&request).is_ok_and(|canonical| canonical != *challenge.request()) {
        findings.push(Finding::broken(
            "request",
            format!("{name}: the request is not canonical JSON"),
            "serialise it by RFC 8785 before encoding: clients that re-encode it would break the challenge id",
        ));
    }
    findings.push(match ChargeRequest::from_object(&request) {
        Ok(charge) => Finding::good("request", format!("{name}: {} of {}", charge.amount, charge.currency)),
        Err(error) => Finding::broken(
            "request",
            format!("{name}: {error}"),
            "give amount as a text of whole base units and currency as a text",
        ),
    });
    findings
}

fn expiry(challenge: &Challenge, name: &str, now: Timestamp) -> Finding {
    let Some(expires) = challenge.expires() else {
        return Finding::weak("challenge", format!("{name} never expires"), "send expires: most clients demand it");
    };
    let left = expires.unix_millis().saturating_sub(now.unix_millis());
    if left <= 0 {
        Finding::broken(
            "challenge",
            format!("{name} had expired when it arrived ({})", expires.to_rfc3339()),
            "set the server's clock, or issue challenges that live for some minutes",
        )
    } else if left > DAY_MILLIS {
        Finding::weak("challenge", format!("{name} lives for more than a day"), "let a challenge live for some minutes")
    } else {
        Finding::good("challenge", format!("{name} is payable for {} s", left / 1000))
    }
}
