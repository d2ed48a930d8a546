use farthing_dialects::x402::PriceList;
use http::header::{AUTHORIZATION, LOCATION};
use http::{HeaderName, HeaderValue, Method};
use reqwest::Client;
use url::{Host, Url};

use super::answer::Answer;
use super::discovery;
use super::finding::Finding;
use super::x402::{self, Listed};
use crate::clock;

/// How much of a body is read.
const BODY_LIMIT: usize = 256 * 1024;

/// One endpoint under examination.
pub(super) struct Examination {
    pub(super) client: Client,
    pub(super) url: Url,
    pub(super) method: Method,
}

impl Examination {
    /// Everything a buyer would meet, in order, up to the payment itself.
    pub(super) async fn walk(&self) -> Vec<Finding> {
        let mut findings = vec![self.transport()];
        let answer = match self.ask(&self.method, None).await {
            Ok(answer) => answer,
            Err(error) => {
                findings.push(Finding::broken("reach", error, "check the address, the port and the server's log"));
                return findings;
            }
        };
        findings.push(Finding::good("reach", format!("{} answers", self.url.host_str().unwrap_or_default())));
        if let Some(place) = answer.headers.get(LOCATION).filter(|_| (300..400).contains(&answer.status)) {
            let place = place.to_str().unwrap_or("elsewhere").to_owned();
            findings.push(Finding::broken(
                "status",
                format!("a redirect to {place}"),
                "name the final address: a credential never follows a redirect to another origin",
            ));
            return findings;
        }
        findings.push(answer.status_finding());
        let list = x402::find(&answer).filter(|_| answer.status == 402);
        let of_the_scheme = answer.is_of_the_scheme() || list.is_none();
        if answer.status == 402 && of_the_scheme {
            findings.extend(answer.challenge_findings(clock::now()));
            findings.push(answer.problem_finding(Some("payment-required")));
            findings.extend(self.freshness(&answer).await);
            findings.extend(self.refusal().await);
        }
        if let Some(list) = list {
            findings.extend(self.x402(&answer, list).await);
        }
        if answer.status == 402 {
            findings.push(answer.cache_finding());
            findings.extend(self.head().await);
        }
        if of_the_scheme {
            findings.extend(discovery::compare(&self.client, &self.url, &self.method, &answer).await);
        }
        findings
    }

    /// What x402 says, and what comes of a header that is no payment and of a payment that nobody signed.
    async fn x402(&self, unpaid: &Answer, listed: Listed) -> Vec<Finding> {
        let mut findings = listed.examine(&self.url);
        if let Some(list) = &listed.list {
            findings.push(self.x402_nonsense(list).await);
            if let Some(payment) = x402::unsigned(list, &self.url, &self.method, clock::now()) {
                findings.push(match self.ask(&self.method, Some(payment)).await {
                    Ok(answer) => x402::judge(&answer, x402::words(unpaid).as_deref()),
                    Err(error) => Finding::broken(
                        "facilitator",
                        format!("no answer to an unsigned payment: {error}"),
                        "see whether the server waits for a facilitator that does not answer",
                    ),
                });
            }
        }
        [listed.findings, findings].concat()
    }

    async fn x402_nonsense(&self, list: &PriceList) -> Finding {
        let field = HeaderName::from_static(list.version.payment_header());
        let answer = self.ask(&self.method, Some((field, HeaderValue::from_static("bm90IGEgcGF5bWVudA==")))).await;
        let remedy = "answer 400, or 402 with a fresh price list";
        match answer {
            Ok(answer) if matches!(answer.status, 400 | 402) => {
                Finding::good("refusal", format!("a header that is no payment is answered with {}", answer.status))
            }
            Ok(answer) => Finding::broken(
                "refusal",
                format!("a header that is no payment is answered with {}", answer.status),
                remedy,
            ),
            Err(error) => {
                Finding::broken("refusal", format!("no answer to a header that is no payment: {error}"), remedy)
            }
        }
    }

    fn transport(&self) -> Finding {
        let loopback = match self.url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        match self.url.scheme() {
            "https" => Finding::good("reach", "over TLS"),
            "http" if loopback => Finding::good("reach", "plain HTTP on loopback"),
            _ => Finding::broken(
                "reach",
                "plain HTTP: a careful client refuses to pay here",
                "serve it over TLS, in the gateway or in front of it",
            ),
        }
    }

    /// Two requests must not share a single-use challenge.
    async fn freshness(&self, first: &Answer) -> Option<Finding> {
        let second = self.ask(&self.method, None).await.ok()?;
        let ids = |answer: &Answer| answer.challenges().into_iter().map(|c| c.id().clone()).collect::<Vec<_>>();
        let (first, second) = (ids(first), ids(&second));
        Some(if second.iter().any(|id| first.contains(id)) {
            Finding::weak(
                "challenge",
                "two requests were given the same challenge id",
                "put a nonce into opaque: an id can be paid once, and the second buyer will be refused",
            )
        } else {
            Finding::good("challenge", "every request gets its own challenge")
        })
    }

    /// A credential that is not one must be refused with a fresh challenge, and nothing else.
    async fn refusal(&self) -> Vec<Finding> {
        let nonsense = HeaderValue::from_static("Payment bm90IGEgY3JlZGVudGlhbA");
        let Ok(answer) = self.ask(&self.method, Some((AUTHORIZATION, nonsense))).await else {
            return vec![Finding::broken("refusal", "no answer to a broken credential", "see the server's log")];
        };
        if answer.status != 402 {
            return vec![Finding::broken(
                "refusal",
                format!("a broken credential is answered with {}", answer.status),
                "answer 402 malformed-credential with a fresh challenge",
            )];
        }
        let fresh = if answer.challenges().is_empty() {
            Finding::broken("refusal", "the refusal carries no fresh challenge", "send a challenge with every 402")
        } else {
            Finding::good("refusal", "a broken credential gets a 402 with a fresh challenge")
        };
        vec![fresh, answer.problem_finding(Some("malformed-credential")), answer.cache_finding()]
    }

    /// A HEAD must not be a free way to run a GET.
    async fn head(&self) -> Option<Finding> {
        if self.method != Method::GET {
            return None;
        }
        let answer = self.ask(&Method::HEAD, None).await.ok()?;
        Some(if (200..300).contains(&answer.status) {
            Finding::weak(
                "status",
                "HEAD on this path is free",
                "price HEAD like GET, or make sure that it does not do the work",
            )
        } else {
            Finding::good("status", format!("HEAD is answered with {}", answer.status))
        })
    }

    async fn ask(&self, method: &Method, payment: Option<(HeaderName, HeaderValue)>) -> Result<Answer, String> {
        let mut request = self.client.request(method.clone(), self.url.clone());
        if let Some((field, payment)) = payment {
            request = request.header(field, payment);
        }
        let mut response = request.send().await.map_err(|error| cause(&error))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut body = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() > BODY_LIMIT {
                break;
            }
        }
        Ok(Answer { status, headers, body })
    }
}

/// The innermost reason of a failed request: the outer ones repeat the address.
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
