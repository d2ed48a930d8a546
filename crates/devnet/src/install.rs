//! Fetching anvil from npm into the cache, once, however many processes want it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::InstallError;
use crate::source::{ANVIL_VERSION, check_version};

/// The binary in the cache, fetched first when it is missing.
pub(crate) fn anvil(cache: &Path, progress: &dyn Fn(&str)) -> Result<PathBuf, InstallError> {
    let package = package()?;
    let folder = cache.join(format!("anvil-{ANVIL_VERSION}"));
    let binary = Path::new("node_modules").join(package).join("bin/anvil");
    // The folder gets its name when all is in it and checked, so what is there is whole.
    if folder.join(&binary).is_file() {
        return Ok(folder.join(binary));
    }
    fs::create_dir_all(cache).map_err(|error| unusable(cache, error))?;
    let _only_one = lock(&cache.join("anvil.lock"))?;
    if folder.join(&binary).is_file() {
        return Ok(folder.join(binary));
    }
    progress(&format!("fetching anvil {ANVIL_VERSION} from npm into {} (once, 44 MB)", cache.display()));
    let unfinished = cache.join(format!("anvil-{ANVIL_VERSION}.unfinished"));
    remove(&unfinished)?;
    fetch(&format!("{package}@{ANVIL_VERSION}"), &unfinished)?;
    check_version(&unfinished.join(&binary), ANVIL_VERSION)?;
    remove(&folder)?;
    fs::rename(&unfinished, &folder).map_err(|error| unusable(&folder, error))?;
    Ok(folder.join(binary))
}

/// The npm package with the binary for this machine.
fn package() -> Result<&'static str, InstallError> {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => Ok("@foundry-rs/anvil-linux-amd64"),
        ("linux", "aarch64") => Ok("@foundry-rs/anvil-linux-arm64"),
        ("macos", "x86_64") => Ok("@foundry-rs/anvil-darwin-amd64"),
        ("macos", "aarch64") => Ok("@foundry-rs/anvil-darwin-arm64"),
        (system, processor) => Err(InstallError::Unsupported { system, processor }),
    }
}

/// npm checks the package against the digest that its registry publishes; scripts of packages are not run.
fn fetch(package: &str, folder: &Path) -> Result<(), InstallError> {
    fs::create_dir_all(folder).map_err(|error| unusable(folder, error))?;
    let output = Command::new("npm")
        .args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"])
        .arg("--prefix")
        .arg(folder)
        .arg(package)
        .output()
        .map_err(|_| InstallError::NoNpm)?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let lines = said.lines().filter(|line| !line.trim().is_empty()).take(4).collect::<Vec<_>>();
    Err(InstallError::Fetch { package: package.to_owned(), said: lines.join("; ") })
}

/// Waits until no other process installs. The lock goes with the file handle.
fn lock(path: &Path) -> Result<File, InstallError> {
    let file = File::create(path).map_err(|error| unusable(path, error))?;
    file.lock().map_err(|error| unusable(path, error))?;
    Ok(file)
}

fn remove(folder: &Path) -> Result<(), InstallError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unusable(folder, error)),
        _ => Ok(()),
    }
}

fn unusable(path: &Path, source: io::Error) -> InstallError {
    InstallError::File { path: path.to_owned(), source }
}
