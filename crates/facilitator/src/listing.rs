//! What the catalogue says of a resource that was paid for.

use farthing_dialects::x402::Resource;
use farthing_dialects::x402::facilitator::CatalogueItem;
use farthing_protocol::{JsonObject, Timestamp};
use serde_json::Value;

use crate::asked::Asked;

/// The extension by which a seller says that its resource may be found.
pub(crate) const BAZAAR: &str = "bazaar";
const LONGEST_URL: usize = 2048;
const LONGEST_ITEM: usize = 16 * 1024;

/// The entry of what a settled payment was for, if its seller wants one. All of it is the seller's word.
pub(crate) fn of(asked: &Asked, now: Timestamp) -> Option<CatalogueItem> {
    let bazaar = asked.payment.extensions.get(BAZAAR)?;
    let resource = asked.payment.resource.as_ref()?;
    let text = |member: &str| resource.get(member).and_then(Value::as_str).map(str::to_owned);
    let url = text("url")?;
    let is_plain = url.starts_with("https://") || url.starts_with("http://");
    if !is_plain || url.len() > LONGEST_URL || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    // What a seller sells belongs in a catalogue, not what one buyer asked it for.
    let url = url.split(['?', '#']).next().unwrap_or_default().to_owned();
    let is_tool = bazaar.pointer("/info/input/type").and_then(Value::as_str) == Some("mcp");
    let item = CatalogueItem {
        resource: Resource { url, description: text("description"), mime_type: text("mimeType") },
        kind: if is_tool { "mcp" } else { "http" }.to_owned(),
        version: asked.payment.version,
        accepts: vec![asked.most.clone()],
        last_updated: now,
        extensions: JsonObject::from_iter([(BAZAAR.to_owned(), bazaar.clone())]),
    };
    (Value::Object(item.to_object()).to_string().len() <= LONGEST_ITEM).then_some(item)
}
