//! The contracts of `contracts/`: Solidity in, one JSON file per contract out.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::commands::{Run as _, program};
use crate::{tools, workspace};

/// Compile, or only compare.
#[derive(Args)]
pub(crate) struct Effort {
    /// Change nothing; fail when a committed file is not what the compiler makes of the source.
    #[arg(long)]
    check: bool,
}

/// Compiles every contract and writes, or compares, its file.
pub(crate) fn run(effort: &Effort) -> anyhow::Result<()> {
    let compiled = compile()?;
    let folder = workspace::root().join("contracts/compiled");
    fs::create_dir_all(&folder)?;
    let mut stale = Vec::new();
    for (name, contents) in &compiled {
        let file = folder.join(format!("{name}.json"));
        if fs::read_to_string(&file).is_ok_and(|known| known == *contents) {
            continue;
        }
        stale.push(name.as_str());
        if !effort.check {
            fs::write(&file, contents)?;
        }
    }
    let leftovers = leftovers(&folder, &compiled)?;
    match (effort.check, stale.as_slice(), leftovers.as_slice()) {
        (_, [], []) => println!("{} contracts, all as compiled", compiled.len()),
        (true, ..) => bail!("not as compiled: {stale:?}, without source: {leftovers:?}; run `cargo xtask contracts`"),
        (false, ..) => {
            leftovers.iter().try_for_each(fs::remove_file)?;
            println!("{} contracts, written anew: {}", compiled.len(), stale.join(", "));
        }
    }
    Ok(())
}

/// Fails when a committed file is not what the compiler makes of the source.
pub(crate) fn check() -> anyhow::Result<()> {
    run(&Effort { check: true })
}

/// The contents of each contract's file, by the contract's name.
fn compile() -> anyhow::Result<BTreeMap<String, String>> {
    let sources = sources()?;
    let output = solc(&input(&sources))?;
    let mut files = BTreeMap::new();
    for (source, contracts) in members(&output, "contracts") {
        for (name, contract) in contracts.as_object().into_iter().flatten() {
            let code = contract["evm"]["bytecode"]["object"].as_str().unwrap_or_default();
            // Interfaces have no code, and a library whose functions are all internal is part of its users.
            if !code.is_empty() && source == &format!("{name}.sol") && !is_library(&sources, source) {
                files.insert(name.clone(), file(name, contract, &sources)?);
            }
        }
    }
    Ok(files)
}

fn file(name: &str, contract: &Value, sources: &BTreeMap<String, String>) -> anyhow::Result<String> {
    let metadata: Value = serde_json::from_str(contract["metadata"].as_str().context("no metadata")?)?;
    let parts = members(&metadata, "sources").map(|(path, _)| {
        let text = sources.get(path).with_context(|| format!("{name} is made of an unknown {path}"))?;
        Ok((path.clone(), json!(sha256(text))))
    });
    let code = |which: &str| {
        let code = contract["evm"][which]["object"].as_str().unwrap_or_default();
        format!("0x{code}")
    };
    let contents = json!({
        "contract": name,
        "compiler": metadata["compiler"]["version"],
        "sources": parts.collect::<anyhow::Result<Map<_, _>>>()?,
        "abi": contract["abi"],
        "bytecode": code("bytecode"),
        "runtime": code("deployedBytecode"),
    });
    Ok(format!("{}\n", serde_json::to_string_pretty(&contents)?))
}

/// The Solidity sources, by file name.
fn sources() -> anyhow::Result<BTreeMap<String, String>> {
    let mut sources = BTreeMap::new();
    for entry in fs::read_dir(workspace::root().join("contracts/src"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "sol") {
            let name = path.file_name().and_then(|name| name.to_str()).context("a file name that is not UTF-8")?;
            sources.insert(name.to_owned(), fs::read_to_string(&path)?);
        }
    }
    Ok(sources)
}

/// The compiler's standard input. No metadata goes into the code, so that a comment does not change it.
fn input(sources: &BTreeMap<String, String>) -> Value {
    let sources: Map<_, _> = sources.iter().map(|(name, text)| (name.clone(), json!({ "content": text }))).collect();
    json!({
        "language": "Solidity",
        "sources": sources,
        "settings": {
            "evmVersion": "shanghai",
            "viaIR": true,
            "optimizer": { "enabled": true, "runs": 200 },
            "metadata": { "appendCBOR": false, "bytecodeHash": "none" },
            "outputSelection": {
                "*": { "*": ["abi", "metadata", "evm.bytecode.object", "evm.deployedBytecode.object"] },
            },
        },
    })
}

fn solc(input: &Value) -> anyhow::Result<Value> {
    // Files on both sides: the program ends without waiting until a pipe has taken all it said.
    let mut question = tempfile::tempfile()?;
    let mut answer = tempfile::tempfile()?;
    question.write_all(input.to_string().as_bytes())?;
    question.rewind()?;
    program("node", [tools::solc()?]).arg("--standard-json").stdin(question).stdout(answer.try_clone()?).run()?;
    answer.rewind()?;
    let mut said = String::new();
    answer.read_to_string(&mut said)?;
    // It writes a line about itself before the JSON.
    let (_, json) = said.split_once('{').context("the compiler said nothing")?;
    let output: Value = serde_json::from_str(&format!("{{{json}"))?;
    let complaints = output["errors"].as_array().into_iter().flatten();
    let complaints = complaints.filter_map(|each| each["formattedMessage"].as_str()).collect::<Vec<_>>();
    if !complaints.is_empty() {
        bail!("the contracts do not compile without complaint:\n{}", complaints.join("\n"));
    }
    Ok(output)
}

/// Compiled files that no source explains.
fn leftovers(folder: &PathBuf, compiled: &BTreeMap<String, String>) -> anyhow::Result<Vec<PathBuf>> {
    let files = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    let known = |path: &PathBuf| {
        let name = path.file_stem().and_then(|name| name.to_str());
        name.is_some_and(|name| compiled.contains_key(name))
    };
    Ok(files.into_iter().filter(|path| !known(path)).collect())
}

fn is_library(sources: &BTreeMap<String, String>, source: &str) -> bool {
    sources.get(source).is_some_and(|text| text.lines().any(|line| line.starts_with("library ")))
}

fn members<'a>(value: &'a Value, member: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value.get(member).and_then(Value::as_object).into_iter().flatten()
}

fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
