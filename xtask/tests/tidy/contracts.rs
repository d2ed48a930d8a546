//! Compiled contracts are made of the sources that are committed beside them.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::sources::{all, nothing_found};

const SOURCES: &str = "contracts/src/";
const COMPILED: &str = "contracts/compiled/";

/// Needs no compiler: each compiled file names the digests of its sources. `cargo xtask contracts --check` compiles.
#[test]
fn compiled_contracts_are_fresh() {
    let files = all();
    let digests: BTreeMap<_, _> = files
        .iter()
        .filter_map(|file| {
            let digest = Sha256::digest(&file.bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            file.path.strip_prefix(SOURCES).map(|name| (name, digest))
        })
        .collect();
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.path.starts_with(COMPILED)) {
        let compiled: Value = serde_json::from_slice(&file.bytes).expect("a compiled contract is JSON");
        let named = compiled["sources"].as_object().expect("a compiled contract names its sources");
        let stale =
            named.iter().filter(|(name, digest)| digests.get(name.as_str()).map(String::as_str) != digest.as_str());
        findings.extend(stale.map(|(name, _)| format!("{}: {name} has changed", file.path)));
    }
    assert!(!digests.is_empty(), "the contracts are in {SOURCES}");
    nothing_found(&findings, "run `cargo xtask contracts`:");
}
