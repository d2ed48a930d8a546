//! Limits with a list of exceptions, each with the number it has today. A number that grew fails; one that shrank
//! must be lowered in the list, so that it cannot grow back.

use std::collections::BTreeMap;

use crate::sources::{Source, nothing_found, root, rust};

/// Lines of a Rust file.
const FILE_LINES: usize = 400;

#[test]
fn files_are_short() {
    let lengths =
        rust().into_iter().map(|source| (source.path.clone(), source.text().unwrap_or_default().lines().count()));
    check(
        "file_lines",
        lengths.filter(|(_, lines)| *lines > FILE_LINES).collect(),
        "split the file: one idea, one file",
    );
}

/// Clippy measures functions (`too-many-lines-threshold` in clippy.toml); what is left to watch are its exceptions.
#[test]
fn functions_are_short() {
    let excused = concat!("clippy::", "too_many_lines");
    check("long_functions", occurrences(excused, |_| true), "split the function instead of excusing it");
}

/// Clocks, the environment and the approval of a payment have one place each. Tests may do as they need.
#[test]
fn guarded_calls_keep_their_place() {
    let excused = concat!("clippy::", "disallowed_methods");
    check("guarded_calls", occurrences(excused, |source| !source.is_test()), "have it passed in; clippy.toml says why");
}

/// How often a text occurs, by file.
fn occurrences(needle: &str, is_watched: impl Fn(&Source) -> bool) -> BTreeMap<String, usize> {
    let count = |source: &Source| source.text().unwrap_or_default().matches(needle).count();
    let watched = rust().into_iter().filter(is_watched);
    let counted = watched.map(|source| (source.path.clone(), count(&source)));
    counted.filter(|(_, count)| *count > 0).collect()
}

/// Compares what was measured with the exceptions of one list.
fn check(list: &str, measured: BTreeMap<String, usize>, remedy: &str) {
    let allowed = exceptions(list);
    let mut findings = Vec::new();
    for (path, now) in &measured {
        match allowed.get(path) {
            None => findings.push(format!("{path}: {now}, without an exception: {remedy}")),
            Some(then) if now > then => findings.push(format!("{path}: {now}, was {then}: {remedy}")),
            Some(then) if now < then => findings.push(format!("{path}: {now}, was {then}: lower the number")),
            Some(_) => {}
        }
    }
    let gone = allowed.keys().filter(|path| !measured.contains_key(*path));
    findings.extend(gone.map(|path| format!("{path}: no longer an exception: remove the line")));
    nothing_found(&findings, &format!("[{list}] of xtask/tests/tidy/ratchet.toml:"));
}

fn exceptions(list: &str) -> BTreeMap<String, usize> {
    let path = root().join("xtask/tests/tidy/ratchet.toml");
    let text = std::fs::read_to_string(path).expect("the ratchet list exists");
    let lists: BTreeMap<String, BTreeMap<String, usize>> = toml::from_str(&text).expect("the ratchet list is TOML");
    lists.get(list).cloned().unwrap_or_default()
}
