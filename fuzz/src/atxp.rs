//! What tools of MCP say in ATXP's words, and the terms behind an address that they name.

use farthing_dialects::atxp::Demand;
use farthing_dialects::x402::PriceList;
use farthing_protocol::JsonObject;
use farthing_protocol::json::parse_object;
use serde_json::Value;

/// Takes any bytes.
pub type EntryPoint = fn(&[u8]);

/// Every entry point by name.
pub const ALL: [(&str, EntryPoint); 1] = [("atxp", messages)];

/// A response, then a line of three dashes and what was read at the address that it names. A demand has a price list or
/// one sentence why it has none; a list asks for no more than what is charged; an address is a service and a name.
pub fn messages(data: &[u8]) {
    let line = b"\n---\n";
    let at = data.windows(line.len()).position(|window| window == line).unwrap_or(data.len());
    let (response, terms) = (&data[..at], data.get(at + line.len()..).unwrap_or_default());
    let Ok(response) = parse_object(response) else { return };
    let Some(demand) = Demand::of(&response) else { return };
    assert!(demand.x402.is_some() != demand.hindrance.is_some(), "{demand:?}");
    assert_eq!(Demand::of(&response).as_ref(), Some(&demand), "the same each time");
    if let Some(list) = &demand.x402 {
        is_a_price_list(list);
    }
    let Some(reference) = demand.reference else { return };
    let url = reference.url();
    assert!(demand.x402.is_none() && url.starts_with(&reference.origin), "{url}");
    let (_, host) = reference.origin.split_once("://").expect("an origin has a scheme");
    assert!(!host.is_empty() && !host.contains(['/', '?', '#', '@', '\\']), "nothing but a host: {url}");
    assert_eq!(url.matches("/payment-request/").count(), 1, "{url}");
    match reference.terms(terms) {
        Ok(list) => is_a_price_list(&list),
        Err(sentence) => assert!(!sentence.is_empty()),
    }
}

/// Whoever pays reads it as any price list, and finds no entry without an amount.
fn is_a_price_list(list: &JsonObject) {
    let entries = list.get("accepts").and_then(Value::as_array).expect("a list has entries");
    assert!(!entries.is_empty());
    for entry in entries {
        let amount = ["amount", "maxAmountRequired"].into_iter().find_map(|name| entry.get(name)?.as_str());
        assert!(amount.is_some_and(|text| text.parse::<u128>().is_ok()), "{entry}");
    }
    let _ = PriceList::from_body(Value::Object(list.clone()).to_string().as_bytes());
}
