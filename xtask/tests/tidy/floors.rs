//! Dependencies point down: a crate names only crates on a lower floor.

use std::collections::BTreeMap;

use crate::sources::{nothing_found, root};

/// Every crate with its floor, from the money at the bottom to the binary at the top.
const FLOORS: &[(&str, u8)] = &[
    ("farthing-money", 0),
    ("farthing-protocol", 1),
    ("farthing-rail", 2),
    ("farthing-books", 3),
    ("farthing-dialects", 3),
    ("farthing-keys", 3),
    ("farthing-policy", 4),
    ("farthing-store", 4),
    ("farthing-serve", 4),
    ("farthing-ows", 4),
    ("farthing-rail-balance", 4),
    ("farthing-rail-bank", 4),
    ("farthing-rail-card", 4),
    ("farthing-rail-evm", 4),
    ("farthing-rail-stripe", 4),
    ("farthing-devnet", 4),
    ("farthing-gateway", 5),
    ("farthing-facilitator", 5),
    ("farthing-wallet", 5),
    ("farthing-rails", 6),
    ("farthing-mcp", 6),
    ("farthing-proxy", 6),
    ("farthing", 7),
];

/// Crates beside the floors; they may look down on all of them.
const BESIDE: &[&str] = &[
    "xtask",
    "farthing-load",
    "farthing-sim",
    "farthing-testing-ordeal",
    "farthing-testing-postgres",
    "farthing-testing-rpc",
    "farthing-testing-stripe",
];

/// The crates without I/O, and what would give them some.
const PURE: &[&str] =
    &["farthing-money", "farthing-protocol", "farthing-rail", "farthing-dialects", "farthing-books", "farthing-policy"];
const INPUT_AND_OUTPUT: &[&str] =
    &["tokio", "hyper", "hyper-util", "reqwest", "axum", "rusqlite", "tokio-postgres", "rand", "tracing"];

/// The crates that must work with any rail.
const RAIL_AGNOSTIC: &[&str] = &[
    "farthing-gateway",
    "farthing-facilitator",
    "farthing-wallet",
    "farthing-mcp",
    "farthing-books",
    "farthing-policy",
    "farthing-store",
];

struct Crate {
    name: String,
    /// What the program is made of.
    dependencies: Vec<String>,
    /// What only its tests use.
    test_dependencies: Vec<String>,
}

#[test]
fn every_crate_has_a_floor() {
    let known = |name: &str| floor_of(name).is_some() || BESIDE.contains(&name);
    let homeless = crates().into_iter().map(|each| each.name).filter(|name| !known(name)).collect::<Vec<_>>();
    nothing_found(&homeless, "give these crates a floor in FLOORS and in ARCHITECTURE.md:");
}

#[test]
fn dependencies_point_down() {
    let mut findings = Vec::new();
    for each in crates() {
        let Some(floor) = floor_of(&each.name) else { continue };
        for (dependency, highest) in each
            .dependencies
            .iter()
            .map(|name| (name, floor.checked_sub(1)))
            .chain(each.test_dependencies.iter().map(|name| (name, Some(floor))))
        {
            let Some(below) = floor_of(dependency) else { continue };
            if highest.is_none_or(|highest| below > highest) {
                findings.push(format!("{} (floor {floor}) uses {dependency} (floor {below})", each.name));
            }
        }
    }
    nothing_found(&findings, "a crate uses only lower floors, and its tests none above its own:");
}

#[test]
fn pure_crates_stay_pure() {
    let mut findings = Vec::new();
    for each in crates().iter().filter(|each| PURE.contains(&each.name.as_str())) {
        let impure = each.dependencies.iter().filter(|name| INPUT_AND_OUTPUT.contains(&name.as_str()));
        findings.extend(impure.map(|name| format!("{} uses {name}", each.name)));
    }
    nothing_found(&findings, "these crates do no I/O; pass in what they need:");
}

#[test]
fn nobody_knows_a_concrete_rail() {
    let mut findings = Vec::new();
    for each in crates().iter().filter(|each| RAIL_AGNOSTIC.contains(&each.name.as_str())) {
        let rails = each.dependencies.iter().filter(|name| name.starts_with("farthing-rail-"));
        findings.extend(rails.map(|name| format!("{} uses {name}", each.name)));
    }
    nothing_found(&findings, "rails are plugged in by the binary through farthing-rail:");
}

/// Chains are heavy: whoever works on the protocol or the books must not wait for them.
#[test]
fn the_daily_loop_builds_nothing_of_chains() {
    let all = crates();
    let mut findings = Vec::new();
    for daily in ["farthing-protocol", "farthing-books"] {
        let (mut open, mut seen) = (vec![daily.to_owned()], Vec::new());
        while let Some(name) = open.pop() {
            let Some(each) = all.iter().find(|each| each.name == name) else { continue };
            let tests = if name == daily { each.test_dependencies.as_slice() } else { &[] };
            for dependency in each.dependencies.iter().chain(tests) {
                if dependency.starts_with("alloy-") || dependency.starts_with("tempo-") {
                    findings.push(format!("{daily} builds {dependency} through {name}"));
                }
                if !seen.contains(dependency) {
                    seen.push(dependency.clone());
                    open.push(dependency.clone());
                }
            }
        }
    }
    nothing_found(&findings, "keep these out of protocol and books, their tests included:");
}

fn floor_of(name: &str) -> Option<u8> {
    FLOORS.iter().find(|(known, _)| *known == name).map(|(_, floor)| *floor)
}

/// The members of the workspace, from their manifests.
fn crates() -> Vec<Crate> {
    let workspace = manifest("Cargo.toml");
    let members = workspace["workspace"]["members"].as_array().expect("the workspace lists its members");
    members.iter().map(|member| read_crate(member.as_str().expect("a member is a path"))).collect()
}

fn read_crate(folder: &str) -> Crate {
    let manifest = manifest(&format!("{folder}/Cargo.toml"));
    let names = |table: &str| -> Vec<String> {
        let table: BTreeMap<_, _> =
            manifest.get(table).and_then(|it| it.as_table()).cloned().unwrap_or_default().into_iter().collect();
        table.into_keys().collect()
    };
    let mut dependencies = names("dependencies");
    dependencies.extend(names("build-dependencies"));
    Crate {
        name: manifest["package"]["name"].as_str().expect("a crate has a name").to_owned(),
        dependencies,
        test_dependencies: names("dev-dependencies"),
    }
}

fn manifest(path: &str) -> toml::Table {
    let text = std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    text.parse().unwrap_or_else(|error| panic!("{path}: {error}"))
}
