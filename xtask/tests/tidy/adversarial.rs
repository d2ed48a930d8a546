//! Every attack in docs/adversarial.md has a test that is named after it, or a reason why not.

use std::collections::{BTreeMap, BTreeSet};

use crate::sources::{all, nothing_found};

const DOCUMENT: &str = "docs/adversarial.md";

/// The groups of the list, and how many attacks each has.
const GROUPS: &[(char, u32)] = &[
    ('A', 14),
    ('B', 14),
    ('C', 27),
    ('D', 13),
    ('E', 14),
    ('F', 11),
    ('G', 12),
    ('H', 10),
    ('I', 25),
    ('J', 15),
    ('K', 10),
    ('L', 9),
    ('N', 22),
    ('P', 10),
    ('R', 6),
    ('S', 45),
    ('T', 5),
];

/// The attacks of group W, which keep the numbers of the list that they come from.
const OF_THE_WALLET: &[u32] = &[4, 5, 6, 14, 15, 16, 20, 21, 25, 26, 28, 29, 30, 32, 33, 34];

/// The attacks of group U.
const OF_TOP_UPS: &[u32] = &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17];

/// An attack's group and number.
type Id = (char, u32);

#[test]
fn every_attack_has_a_test_or_a_reason() {
    let (tests, rows) = (tests(), rows());
    let mut findings = Vec::new();
    let listed = GROUPS.iter().flat_map(|(group, count)| (1..=*count).map(|number| (*group, number)));
    let of_wallet = OF_THE_WALLET.iter().map(|number| ('W', *number));
    let of_top_ups = OF_TOP_UPS.iter().map(|number| ('U', *number));
    let required: BTreeSet<Id> = listed.chain(of_wallet).chain(of_top_ups).collect();
    let with_gaps = tests.iter().chain(rows.keys()).filter(|id| matches!(id.0, 'W' | 'U'));
    for id in with_gaps.chain(&required).copied().collect::<BTreeSet<_>>() {
        let name = format!("{}-{:02}", id.0, id.1);
        match rows.get(&id).map(String::as_str) {
            None => findings.push(format!("{name} is missing in {DOCUMENT}")),
            Some("tested") if !tests.contains(&id) => {
                let prefix = name.to_lowercase().replace('-', "_");
                findings.push(format!("{name} is called tested, and no test begins with {prefix}_"));
            }
            Some("tested") => {}
            Some(_) if tests.contains(&id) => findings.push(format!("{name} has a test; say so in {DOCUMENT}")),
            Some(reason) if !reason.starts_with("does not apply: ") && !reason.starts_with("falls short: ") => {
                findings.push(format!("{name} is neither tested nor given a reason"));
            }
            Some(_) => {}
        }
    }
    nothing_found(&findings, "attacks without an answer:");
}

/// The attacks that some test is named after.
fn tests() -> BTreeSet<Id> {
    let mut found = BTreeSet::new();
    for source in all().iter().filter(|source| source.path.ends_with(".rs")) {
        let lines = source.text().unwrap_or_default().lines();
        let names = lines.filter_map(|line| line.trim_start().trim_start_matches("async ").strip_prefix("fn "));
        found.extend(names.flat_map(ids_of));
    }
    found
}

/// The ids that a test's name begins with: `k_05_l_01_...` holds two.
fn ids_of(name: &str) -> Vec<Id> {
    let mut ids = Vec::new();
    let mut parts = name.split('_');
    while let (Some(group), Some(number)) = (parts.next(), parts.next()) {
        let group = group.chars().next().filter(|_| group.len() == 1).map(|letter| letter.to_ascii_uppercase());
        let number = Some(number).filter(|number| number.len() == 2).and_then(|number| number.parse().ok());
        let Some(id) = group.zip(number) else { break };
        ids.push(id);
    }
    ids
}

/// What the document says of each attack: the last cell of its row.
fn rows() -> BTreeMap<Id, String> {
    let document = all().into_iter().find(|source| source.path == DOCUMENT).expect("the list of attacks");
    let mut rows = BTreeMap::new();
    for line in document.text().unwrap_or_default().lines() {
        let cells = line.split('|').map(str::trim).collect::<Vec<_>>();
        let [_, ids, _, _, answer, _] = cells.as_slice() else { continue };
        let mut ends = ids.split(" to ").filter_map(id);
        let Some(first) = ends.next() else { continue };
        let last = ends.next().unwrap_or(first);
        for number in first.1..=last.1 {
            rows.insert((first.0, number), (*answer).to_owned());
        }
    }
    rows
}

fn id(text: &str) -> Option<Id> {
    let (group, number) = text.split_once('-')?;
    Some((group.chars().next()?, number.parse().ok()?))
}
