//! Whether the discovery document exists and says what the 402 says.

use http::Method;
use reqwest::Client;
use serde_json::Value;
use url::Url;

use super::answer::Answer;
use super::finding::Finding;

const LAYER: &str = "discovery";

/// Compares `/openapi.json` with the answer that a buyer got. The 402 always wins (discovery
/// draft, section 5); a document that disagrees misleads whoever plans by it.
pub(super) async fn compare(client: &Client, url: &Url, method: &Method, answer: &Answer) -> Vec<Finding> {
    let Ok(place) = url.join("/openapi.json") else { return Vec::new() };
    let document = match client.get(place).send().await {
        Ok(response) if response.status().is_success() => response.json::<Value>().await.ok(),
        _ => None,
    };
    let Some(document) = document else {
        return vec![Finding::weak(
            LAYER,
            "no OpenAPI document at /openapi.json",
            "publish one with x-payment-info, so that agents find the price before they ask",
        )];
    };
    let Some(operation) = operation(&document, url.path(), method) else {
        return vec![Finding::weak(
            LAYER,
            format!("/openapi.json does not know {method} {}", url.path()),
            "list every paid operation",
        )];
    };
    let offers = offers(operation);
    if answer.status != 402 {
        return match offers.is_empty() {
            true => vec![Finding::good(LAYER, "the document lists this operation without a price")],
            false => vec![Finding::weak(LAYER, "the document names a price for a request that is free", "remove it")],
        };
    }
    if offers.is_empty() {
        return vec![Finding::weak(LAYER, "the document names no price for this operation", "add x-payment-info")];
    }
    agreement(answer, &offers)
}

fn agreement(answer: &Answer, offers: &[&Value]) -> Vec<Finding> {
    let text = |offer: &Value, member: &str| offer.get(member).and_then(Value::as_str).map(str::to_owned);
    let mut findings = Vec::new();
    for challenge in answer.challenges() {
        let name = format!("{}/{}", challenge.method(), challenge.intent());
        let Ok(request) = challenge.request().decode() else { continue };
        let request = Value::Object(request);
        let same_kind = |offer: &&&Value| {
            text(offer, "method").as_deref() == Some(challenge.method().as_str())
                && text(offer, "intent").as_deref() == Some(challenge.intent().as_str())
        };
        let Some(offer) = offers.iter().find(same_kind) else {
            findings.push(Finding::weak(LAYER, format!("the document does not offer {name}"), "list every offer"));
            continue;
        };
        let dynamic = offer.get("amount").is_none_or(Value::is_null);
        let differs = |member: &str| text(offer, member).is_some_and(|value| Some(value) != text(&request, member));
        findings.push(if (!dynamic && differs("amount")) || differs("currency") {
            Finding::weak(LAYER, format!("the document's price for {name} is not the 402's"), "make the two agree")
        } else {
            Finding::good(LAYER, format!("the document agrees on {name}"))
        });
    }
    findings
}

fn offers(operation: &Value) -> Vec<&Value> {
    let Some(info) = operation.get("x-payment-info") else { return Vec::new() };
    match info.get("offers").and_then(Value::as_array) {
        Some(offers) => offers.iter().collect(),
        None => vec![info],
    }
}

/// The operation whose path template matches; a literal path before a template.
fn operation<'a>(document: &'a Value, path: &str, method: &Method) -> Option<&'a Value> {
    let paths = document.get("paths")?.as_object()?;
    let exact = paths.get(path);
    let matching = || paths.iter().find(|(template, _)| matches(template, path)).map(|(_, item)| item);
    exact.or_else(matching)?.get(method.as_str().to_ascii_lowercase())
}

fn matches(template: &str, path: &str) -> bool {
    let mut wanted = template.split('/');
    let mut given = path.split('/');
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(want), Some(_)) if want.starts_with("{*") => return true,
            (Some(want), Some(have)) if want == have || (want.starts_with('{') && want.ends_with('}')) => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_matches_segment_by_segment() {
        assert!(matches("/v1/{city}/now", "/v1/paris/now"));
        assert!(matches("/{*rest}", "/a/b/c"));
        assert!(!matches("/v1/{city}", "/v1/paris/now"));
        assert!(!matches("/v1/{city}", "/v2/paris"));
    }
}
