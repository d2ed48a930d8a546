//! Leftovers, leaks and loose ends.

use crate::sources::{Source, all, has_word, nothing_found, rust};

/// Money is integers from one end to the other.
const NO_FLOATS: [&str; 4] = ["crates/money/", "crates/books/", "crates/rail/", "crates/rails/"];

/// Binary files that a person has looked at.
const REVIEWED_BINARIES: [&str; 0] = [];

#[test]
fn no_leftovers() {
    let everywhere = [concat!("FIX", "ME"), concat!("TO", "DO"), concat!("XX", "X")];
    let in_rust = [concat!("to", "do!"), concat!("dbg", "!("), concat!("unimple", "mented!")];
    let mut findings = Vec::new();
    for source in all().iter().filter(|source| !is_data(source)) {
        let is_rust = source.path.ends_with(".rs");
        find(source, &mut findings, |line| {
            everywhere.iter().any(|word| has_word(line, word))
                || is_rust && in_rust.iter().any(|word| line.contains(word))
        });
    }
    nothing_found(&findings, "finish it or file it, but do not leave it:");
}

#[test]
fn no_machine_paths() {
    let folders = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/tm", "p/")];
    let mut findings = Vec::new();
    for source in all().iter().filter(|source| !source.is_test() && !is_data(source)) {
        let last = source.program_lines().last().map_or(0, |(number, _)| *number);
        let lines = source.text().unwrap_or_default().lines().take(last).enumerate();
        let leaks = lines.filter(|(_, line)| folders.iter().any(|folder| line.contains(folder)));
        findings.extend(leaks.map(|(index, line)| format!("{}:{}: {}", source.path, index + 1, line.trim())));
    }
    nothing_found(&findings, "a path of one machine means nothing on another:");
}

#[test]
fn no_file_is_called_utils() {
    let vague = ["utils", "util", "helpers", "helper", "common", "manager", "misc"];
    let stem = |path: &str| path.rsplit('/').next().unwrap_or(path).split('.').next().unwrap_or_default().to_owned();
    let is_vague = |source: &&Source| {
        vague.contains(&stem(&source.path).as_str())
            || vague.iter().any(|name| source.path.contains(&format!("/{name}/")))
    };
    let findings = rust().iter().filter(is_vague).map(|source| source.path.clone()).collect::<Vec<_>>();
    nothing_found(&findings, "name the file after what is in it:");
}

#[test]
fn no_floats_near_money() {
    let mut findings = Vec::new();
    for source in rust().iter().filter(|source| NO_FLOATS.iter().any(|folder| source.path.starts_with(folder))) {
        let floats = source.code_lines().into_iter().filter(|(_, line)| has_word(line, "f64") || has_word(line, "f32"));
        findings.extend(floats.map(|(number, line)| format!("{}:{number}: {}", source.path, line.trim())));
    }
    nothing_found(&findings, "money is integer base units; use Amount, Price or a rate:");
}

#[test]
fn only_the_policy_engine_approves() {
    let grant = concat!("Approved::", "grant(");
    let mut findings = Vec::new();
    // Of the simulation, who signs anything has no wallet.
    let may = |path: &str| path.starts_with("crates/wallet/src/policy") || path == "sim/src/drawer.rs";
    for source in rust().iter().filter(|source| !may(&source.path)) {
        let grants = source.code_lines().into_iter().filter(|(_, line)| line.contains(grant));
        findings.extend(grants.map(|(number, line)| format!("{}:{number}: {}", source.path, line.trim())));
    }
    nothing_found(&findings, "a payment is approved by the wallet's policy engine or not at all:");
}

#[test]
fn only_the_simulation_plants_bugs() {
    let mut findings = Vec::new();
    for source in all().iter().filter(|source| source.path.ends_with("Cargo.toml") && source.path != "sim/Cargo.toml") {
        let text = source.text().unwrap_or_default();
        let chosen = text.lines().filter(|line| line.contains("planted-bugs") && !line.starts_with("planted-bugs = ["));
        findings.extend(chosen.map(|line| format!("{}: {line}", source.path)));
    }
    nothing_found(&findings, "a planted bug is for the simulation to find, and for nothing else to have:");
}

#[test]
fn crates_say_what_they_are() {
    let is_head =
        |path: &str| path.starts_with("crates/") && (path.ends_with("/src/lib.rs") || path.ends_with("/src/main.rs"));
    let mut findings = Vec::new();
    for source in rust().iter().filter(|source| is_head(&source.path)) {
        let paragraph = source.text().unwrap_or_default().lines().take_while(|line| line.starts_with("//!"));
        if paragraph.collect::<String>().len() < 120 {
            findings.push(source.path.clone());
        }
    }
    nothing_found(&findings, "open the crate with a paragraph (`//!`) that a newcomer understands:");
}

#[test]
fn no_trailing_whitespace() {
    let mut findings = Vec::new();
    for source in all().iter().filter(|source| !is_data(source)) {
        find(source, &mut findings, |line| line.ends_with([' ', '\t']));
    }
    nothing_found(&findings, "remove the white space at the end of:");
}

#[test]
fn text_files_end_with_a_newline() {
    let unfinished = |source: &&Source| source.text().is_some_and(|text| !text.is_empty() && !text.ends_with('\n'));
    let sources = all();
    let findings = sources.iter().filter(|source| !is_data(source)).filter(unfinished);
    nothing_found(&findings.map(|source| source.path.clone()).collect::<Vec<_>>(), "end these files with a newline:");
}

#[test]
fn no_unreviewed_binary() {
    let sources = all();
    let unknown = sources.iter().filter(|source| source.text().is_none());
    let findings = unknown.map(|source| source.path.clone()).filter(|path| !REVIEWED_BINARIES.contains(&path.as_str()));
    nothing_found(&findings.collect::<Vec<_>>(), "look at these, then list them in REVIEWED_BINARIES:");
}

/// Vectors, seeds, lock files and licences are kept as they came.
fn is_data(source: &Source) -> bool {
    ["/vectors/", "/seeds/", "/snapshots/", "/corpus/"].iter().any(|folder| source.path.contains(folder))
        || [".lock", "package-lock.json", "LICENSE-APACHE"].iter().any(|end| source.path.ends_with(end))
}

fn find(source: &Source, findings: &mut Vec<String>, is_wrong: impl Fn(&str) -> bool) {
    let lines = source.text().unwrap_or_default().lines().enumerate();
    let wrong = lines.filter(|(_, line)| is_wrong(line));
    findings.extend(wrong.map(|(index, line)| format!("{}:{}: {}", source.path, index + 1, line.trim())));
}
