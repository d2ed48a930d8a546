//! What policies allow, by both.

use std::os::unix::fs::PermissionsExt as _;

use farthing_keys::Token;
use farthing_ows::{Credential, PolicyFile};
use serde_json::{Value, json};

use crate::requests::{ALL, Asked, CHAIN, PERMIT2, TOKEN};
use crate::table::Table;
use crate::vault::{Shared, WALLET};

const DIGEST: &str = "A digest says nothing about what it signs: farthing signs none (O1)";
const LONG: &str =
    "Under a rule that limits what is signed, farthing takes a message of 32 bytes for the digest that it may be (O1)";
const LABEL: &str = "The bytes name another chain than the caller, and farthing believes the bytes (O2)";
const ANYWHERE: &str =
    "Typed data without a chain is good on every one, so farthing does not find it on a list of chains (O2)";
const FORM: &str = "Farthing signs as a transaction only what is one (O3)";
const BARE: &str = "In farthing a key without a policy signs nothing (O5)";
const EMPTY: &str =
    "A policy must have a rule or an executable (document 03); farthing takes one without for a mistake";
const VERSION: &str = "Farthing follows no policy of a version that it does not know (O6)";

/// A policy's members beside those that every policy has; `None` for a key without a policy.
type Members = Option<Value>;

fn policies(shared: &Shared) -> Vec<(&'static str, Members)> {
    let rules = |rules: Value| Some(json!({ "rules": rules }));
    let program = |name: &str, script: &str| {
        let path = shared.directory.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\ncat > /dev/null\n{script}\n")).expect("a program is written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).expect("a program may run");
        Some(json!({ "rules": [], "executable": path }))
    };
    let (chains, contracts) = (
        json!({ "type": "allowed_chains", "chain_ids": [CHAIN] }),
        json!({ "type": "allowed_typed_data_contracts", "contracts": [PERMIT2.to_lowercase()] }),
    );
    vec![
        ("allowed_chains, this one", rules(json!([chains]))),
        ("allowed_chains, another", rules(json!([{ "type": "allowed_chains", "chain_ids": ["eip155:1"] }]))),
        ("expires_at, to come", rules(json!([{ "type": "expires_at", "timestamp": "2099-01-01T00:00:00Z" }]))),
        ("expires_at, past", rules(json!([{ "type": "expires_at", "timestamp": "2020-01-01T00:00:00+01:00" }]))),
        ("expires_at, unreadable", rules(json!([{ "type": "expires_at", "timestamp": "tomorrow" }]))),
        ("allowed_typed_data_contracts", rules(json!([contracts]))),
        ("both, this chain and the contract", rules(json!([chains, contracts]))),
        ("an executable that allows", program("allows", "echo '{\"allow\": true}'")),
        ("an executable that denies", program("denies", "echo '{\"allow\": false, \"reason\": \"no\"}'")),
        ("an executable that fails", program("fails", "echo '{\"allow\": true}'; exit 1")),
        ("an executable that answers nonsense", program("nonsense", "echo yes")),
        ("a rule that nobody knows", rules(json!([{ "type": "allowed_moons" }]))),
        (
            "farthing:max_amount",
            rules(json!([{ "type": "farthing:max_amount", "amounts": { format!("{CHAIN}/erc20:{TOKEN}"): "1" } }])),
        ),
        ("no rule at all", rules(json!([]))),
        ("version 99", Some(json!({ "rules": [chains], "version": 99 }))),
        ("no policy", None),
    ]
}

/// Why farthing refuses what the reference library allows; `None` when there is no reason.
fn reason(policy: &str, asked: Asked) -> Option<&'static str> {
    let limits = !matches!(policy, "expires_at, to come" | "an executable that allows");
    match (policy, asked) {
        ("no policy", _) => Some(BARE),
        ("no rule at all", _) => Some(EMPTY),
        ("version 99", _) => Some(VERSION),
        (_, Asked::Digest) => Some(DIGEST),
        (_, Asked::NoTransaction) => Some(FORM),
        (_, Asked::OfAnotherChain) => Some(LABEL),
        (_, Asked::LongAsADigest) if limits => Some(LONG),
        (policy, Asked::PermitWithoutChain) if policy.contains("chain") => Some(ANYWHERE),
        _ => None,
    }
}

/// The table; what failed goes to `failures`.
pub(crate) fn compare(failures: &mut Vec<String>) -> String {
    let shared = Shared::new();
    let columns: Vec<&str> = std::iter::once("policy").chain(ALL.iter().map(|(_, name)| *name)).collect();
    let mut table = Table::new(&columns);
    for (index, (name, members)) in policies(&shared).into_iter().enumerate() {
        let id = format!("policy-{index}");
        let attached = members.map(|members| add(&shared, &id, &members).expect("the vault takes a policy"));
        let attached: Vec<String> = attached.into_iter().collect();
        // Whose key it is makes no difference; the reference library attaches only policies that it can read.
        let unreadable = name.contains("nobody") || name.contains(':');
        let token = if index % 2 == 0 || unreadable { shared.our_key(&attached) } else { shared.their_key(&attached) };
        let mut cells = vec![name.to_owned()];
        for (asked, request) in ALL {
            cells.push(cell(&shared, &mut table, name, *asked, &token).unwrap_or_else(|why| {
                failures.push(format!("{name}, {request}: {why}"));
                "FAILED".to_owned()
            }));
        }
        table.row(&cells);
    }
    table.text()
}

fn cell(shared: &Shared, table: &mut Table, name: &str, asked: Asked, token: &str) -> Result<String, String> {
    // The reference library gives a program five seconds, which a busy machine may take to start one.
    let attempts = if name == "an executable that allows" { 5 } else { 1 };
    let theirs = (0..attempts).find_map(|_| asked.signed_by_theirs(WALLET, token, &shared.path));
    let credential = Credential::Token(Token::parse(token).map_err(|error| error.to_string())?);
    let ours = shared.sign(&credential, CHAIN, asked.presented());
    match (ours, theirs) {
        (Ok(ours), Some(theirs)) if alloy_primitives::hex::encode(ours.signature) == theirs => Ok("signed".into()),
        (Ok(_), Some(_)) => Err("the signatures differ".into()),
        (Ok(_), None) => Err("farthing signs what ows-lib refuses".into()),
        (Err(_), None) => Ok("refused".into()),
        (Err(error), Some(_)) => match reason(name, asked) {
            Some(reason) => Ok(table.because("stricter", reason)),
            None => Err(format!("farthing refuses what ows-lib signs: {error}")),
        },
    }
}

/// Adds a policy with these members; its id.
pub(crate) fn add(shared: &Shared, id: &str, members: &Value) -> Result<String, String> {
    let mut policy =
        json!({ "id": id, "name": id, "version": 1, "created_at": "2026-11-21T00:00:00Z", "action": "deny" });
    for (name, value) in members.as_object().into_iter().flatten() {
        policy[name] = value.clone();
    }
    let policy = PolicyFile::from_json(policy.to_string().as_bytes()).map_err(|error| error.to_string())?;
    shared.ours.add_policy(&policy).map_err(|error| error.to_string())?;
    Ok(policy.id)
}
