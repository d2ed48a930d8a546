use farthing_dialects::x402::extension::{binding, payment_identifier};
use farthing_dialects::x402::{PAYMENT_REQUIRED, PriceList, Version};
use http::HeaderValue;
use serde_json::Value;
use url::Url;

use super::super::answer::Answer;
use super::super::finding::Finding;
use super::entry;

/// What every intermediary on the way lets through.
const ROOMY_HEADER: usize = 4 * 1024;

/// A price list of a 402, and what is to be said about how it was sent.
pub(in super::super) struct Listed {
    pub(in super::super) list: Option<PriceList>,
    pub(in super::super) findings: Vec<Finding>,
}

/// Looks for a price list: in the header of version 2, else in the body. `None` when there is none at all.
pub(in super::super) fn find(answer: &Answer) -> Option<Listed> {
    let mut lines = answer.headers.get_all(PAYMENT_REQUIRED).iter();
    let Some(line) = lines.next() else { return in_body(answer) };
    if lines.next().is_some() {
        let remedy = "send one PAYMENT-REQUIRED header with every offer in it";
        return Some(broken("header", "several PAYMENT-REQUIRED headers, of which one is meant".to_owned(), remedy));
    }
    Some(match PriceList::from_header(line.as_bytes()) {
        Ok(list) => Listed { list: Some(list), findings: vec![encoding(line), size(line)] },
        Err(error) => broken(
            "header",
            format!("PAYMENT-REQUIRED cannot be read: {error}"),
            "send the JSON object of x402 version 2 in padded base64, on one line",
        ),
    })
}

fn in_body(answer: &Answer) -> Option<Listed> {
    let names_itself = || {
        let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
        body.is_some_and(|body| body.get("x402Version").is_some())
    };
    match PriceList::from_body(&answer.body) {
        Ok(list) if list.version == Version::V1 => {
            let fact = "a price list of x402 version 1, in the body";
            let remedy = "send the list in PAYMENT-REQUIRED too: newer clients read nothing else";
            Some(Listed { list: Some(list), findings: vec![Finding::weak("header", fact, remedy)] })
        }
        Ok(_) => Some(broken(
            "header",
            "a price list of x402 version 2 in the body, where nobody looks".to_owned(),
            "send it in the PAYMENT-REQUIRED header, in base64",
        )),
        Err(error) if names_itself() => Some(broken(
            "schema",
            format!("the price list in the body cannot be read: {error}"),
            "write each member as x402 version 1 has it",
        )),
        Err(_) => None,
    }
}

fn broken(layer: &'static str, fact: String, remedy: &'static str) -> Listed {
    Listed { list: None, findings: vec![Finding::broken(layer, fact, remedy)] }
}

/// Some clients read nothing but the standard alphabet with its padding.
fn encoding(line: &HeaderValue) -> Finding {
    let bytes = line.as_bytes();
    let standard = bytes.len().is_multiple_of(4) && !bytes.iter().any(|byte| matches!(byte, b'-' | b'_'));
    if standard {
        Finding::good("header", "PAYMENT-REQUIRED is padded base64 of a JSON object")
    } else {
        Finding::weak(
            "header",
            "PAYMENT-REQUIRED is base64 without padding or of the URL alphabet",
            "write standard base64 with padding: some clients read nothing else",
        )
    }
}

fn size(line: &HeaderValue) -> Finding {
    let fact = format!("{} bytes of PAYMENT-REQUIRED", line.len());
    if line.len() <= ROOMY_HEADER {
        Finding::good("header", fact)
    } else {
        Finding::weak("header", fact, "offer less, and leave schemas out: some intermediaries stop at 4 kB")
    }
}

impl Listed {
    /// What the list says, entry by entry, and what it asks for beside a payment.
    pub(in super::super) fn examine(&self, url: &Url) -> Vec<Finding> {
        let Some(list) = &self.list else { return Vec::new() };
        let mut findings = Vec::new();
        if list.entries.is_empty() {
            let remedy = "list at least one way to pay in accepts";
            findings.push(Finding::broken("schema", "the price list is empty", remedy));
        }
        let readable = list.entries.iter().filter(|entry| entry.offer.is_ok()).count();
        for (index, listed) in list.entries.iter().enumerate() {
            match &listed.offer {
                Ok(offer) => findings.extend(entry::examine(offer, list.version)),
                Err(error) => {
                    let fact = format!("entry {index} of accepts cannot be read: {error}");
                    let remedy = "write the entry as x402 has it; buyers leave it out as it is";
                    findings.push(match readable {
                        0 => Finding::broken("schema", fact, remedy),
                        _ => Finding::weak("schema", fact, remedy),
                    });
                }
            }
        }
        findings.extend(list.entries.first().map(|entry| place(&entry.resource.url, url)));
        findings.extend(extensions(list));
        findings
    }
}

/// A careful buyer pays for nothing that is not where it asked.
fn place(resource: &str, url: &Url) -> Finding {
    let named = url.join(resource).ok();
    let site = |url: &Url| (url.host_str().map(str::to_owned), url.port_or_known_default());
    match named {
        Some(named) if named.origin() == url.origin() => Finding::good("schema", format!("it sells {named}")),
        Some(named)
            if named.host_str() == url.host_str() && (named.port() == url.port() || site(&named) == site(url)) =>
        {
            Finding::weak(
                "schema",
                format!("it sells {named}, and was asked by {}", url.scheme()),
                "tell the server its own public URL; behind something that speaks TLS it takes itself for http",
            )
        }
        _ => Finding::broken(
            "schema",
            format!("it sells {resource:?}, which is not on {}", url.origin().ascii_serialization()),
            "tell the server its own public URL: a careful buyer refuses what is sold for another site",
        ),
    }
}

fn extensions(list: &PriceList) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !list.extensions.is_empty() {
        let names: Vec<&str> = list.extensions.keys().map(String::as_str).take(16).collect();
        findings.push(Finding::good("extension", format!("it speaks {}", names.join(", "))));
    }
    if payment_identifier::is_required(&list.extensions) == Some(true) {
        let fact = "payment-identifier is required";
        let remedy = "let it be optional: most buyers send none";
        findings.push(Finding::weak("extension", fact, remedy));
    }
    if binding::is_advertised(&list.extensions) {
        findings.push(Finding::good("extension", "it checks that a payment is for what is asked"));
    }
    findings
}
