use std::time::Duration;

use farthing_dialects::x402::{PAYMENT_REQUIRED, PriceList, Settled, Version};
use farthing_protocol::{Problem, ProblemType};
use http::HeaderMap;
use reqwest::Response;
use serde_json::Value;

use super::plain::plain;

/// How much of a 402's body is read, and for how long. A longer one is not read at all.
const MOST_BYTES: usize = 128 * 1024;
const PATIENCE: Duration = Duration::from_secs(5);

/// The headers in which x402 answers a payment.
pub(super) const OUTCOMES: [&str; 2] =
    [farthing_dialects::x402::PAYMENT_RESPONSE, farthing_dialects::x402::X_PAYMENT_RESPONSE];

/// A 402, read as far as a client needs it: its headers, and its body if that is small.
pub(super) struct Demand {
    pub(super) headers: HeaderMap,
    /// `None` when it was too long or too slow.
    pub(super) body: Option<Vec<u8>>,
    /// The offer, as a method and an intent, whose money the server found too little: not tried again.
    pub(super) short: Option<(String, String)>,
    /// Whether a subscription of the wallet was shown and not taken.
    pub(super) lapsed: bool,
}

impl Demand {
    pub(super) async fn read(mut response: Response) -> Self {
        let headers = std::mem::take(response.headers_mut());
        let reading = async {
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await.ok()? {
                if body.len() + chunk.len() > MOST_BYTES {
                    return None;
                }
                body.extend_from_slice(&chunk);
            }
            Some(body)
        };
        let body = tokio::time::timeout(PATIENCE, reading).await.ok().flatten();
        Self { headers, body, short: None, lapsed: false }
    }

    /// The price list of x402: in the header of version 2, else a body of version 1. `None` when there is
    /// neither.
    pub(super) fn x402(&self) -> Option<Result<PriceList, String>> {
        let mut lines = self.headers.get_all(PAYMENT_REQUIRED).iter();
        if let Some(line) = lines.next() {
            if lines.next().is_some() {
                return Some(Err("the server sent several PAYMENT-REQUIRED headers, of which one is meant".into()));
            }
            let read = PriceList::from_header(line.as_bytes());
            return Some(read.map_err(|error| format!("PAYMENT-REQUIRED cannot be read: {error}")));
        }
        match PriceList::from_body(self.bytes()) {
            Ok(required) if required.version == Version::V1 => Some(Ok(required)),
            Ok(_) => {
                Some(Err("the server put its x402 version 2 price list in the body, not in PAYMENT-REQUIRED".into()))
            }
            // Whatever else a body is, it is none of this protocol's business.
            Err(error) => {
                self.member("x402Version").map(|_| Err(format!("the x402 price list cannot be read: {error}")))
            }
        }
    }

    /// The registered problem that the body is, if it is one.
    pub(super) fn problem(&self) -> Option<ProblemType> {
        Problem::parse(self.bytes()).map(|problem| problem.kind)
    }

    /// Why x402 did not take a payment, in the server's own word or words: for people, proving nothing.
    pub(super) fn error(&self) -> Option<String> {
        let settled = OUTCOMES.iter().flat_map(|name| self.headers.get_all(*name));
        let reason = settled.filter_map(|line| Settled::from_header(line.as_bytes()).ok()?.error_reason).next();
        let listed = || self.x402()?.ok()?.error;
        reason.or_else(listed).or_else(|| self.error_of_body()).map(|error| plain(&error))
    }

    fn bytes(&self) -> &[u8] {
        self.body.as_deref().unwrap_or_default()
    }

    fn error_of_body(&self) -> Option<String> {
        let members = ["errorReason", "invalidReason", "error"].into_iter().filter_map(|name| self.member(name));
        members.filter_map(|value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)).next()
    }

    fn member(&self, name: &str) -> Option<Value> {
        let mut body: Value = serde_json::from_slice(self.bytes()).ok()?;
        body.get_mut(name).map(Value::take)
    }
}
