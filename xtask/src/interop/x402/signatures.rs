//! Whether the SDK takes our signatures of offers and receipts for what they are.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::sdk;
use crate::commands::Run as _;
use crate::workspace;

/// What our wallet's tests hold to be what we sign.
const VECTOR: &str = "crates/wallet/tests/vectors/signed-offers.json";

/// Has @x402/extensions verify a signed offer and the receipt of it.
pub(super) fn verify() -> anyhow::Result<()> {
    let vector = std::fs::read_to_string(workspace::root().join(VECTOR)).with_context(|| format!("no {VECTOR}"))?;
    let signer = &serde_json::from_str::<Value>(&vector)?["signer"];
    let said: Value = serde_json::from_str(&sdk::typescript("signatures.js")?.arg(&vector).output_text()?)?;
    let wanted = json!({ "offers": [signer], "receipt": signer, "accepts": [0], "matches": [true] });
    ensure!(said == wanted, "@x402/extensions makes {said} of our signatures, and not {wanted}");
    println!("@x402/extensions verifies our signed offers and receipts");
    Ok(())
}
