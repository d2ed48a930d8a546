//! What the catalogue says of a resource that was paid for.

use serde_json::{Value, json};

use crate::asked::Asked;
use crate::register::Listing;

/// The extension by which a seller says that its resource may be found.
const BAZAAR: &str = "bazaar";
const LONGEST_URL: usize = 2048;
const LONGEST_ITEM: usize = 16 * 1024;

/// The entry of what a settled payment was for, if its seller wants one. All of it is the seller's word.
pub(crate) fn of(asked: &Asked) -> Option<Listing> {
    let bazaar = asked.payment.extensions.get(BAZAAR)?.as_object()?;
    let resource = asked.payment.resource.as_ref()?;
    let url = resource.get("url")?.as_str()?;
    let is_plain = url.starts_with("https://") || url.starts_with("http://");
    if !is_plain || url.len() > LONGEST_URL || url.bytes().any(|byte| !byte.is_ascii_graphic()) {
        return None;
    }
    let info = bazaar.get("info").cloned().unwrap_or_default();
    let is_tool = info.pointer("/input/type").and_then(Value::as_str) == Some("mcp");
    let kind = if is_tool { "mcp" } else { "http" };
    // What a seller asks for belongs in a catalogue, not what one buyer was asked for.
    let url = url.split(['?', '#']).next().unwrap_or(url);
    let item = json!({
        "resource": url,
        "type": kind,
        "x402Version": asked.payment.version.number(),
        "accepts": [asked.most.to_object()],
        "metadata": { "description": resource.get("description"), "mimeType": resource.get("mimeType"), "info": info },
    });
    (item.to_string().len() <= LONGEST_ITEM).then(|| Listing { url: url.to_owned(), kind: kind.to_owned(), item })
}
