//! What owners said: policies and freezes, in the common tables and, as they were read last, in the folder.

use std::fs;
use std::path::{Path, PathBuf};

use farthing_keys::{OwnerPublic, Stopped, private_file};
use farthing_store::StoreError;
use rusqlite::params;

use super::Fleet;
use crate::WalletName;
use crate::wallets::{SignedPolicy, WalletsError};

/// The last line of a freeze that is everybody's, and not this machine's alone.
const EVERYBODYS: &str = "everywhere\n";

/// What was read at one moment.
struct Said {
    /// Names of what is frozen, each with since when.
    stops: Vec<(String, String)>,
    /// Levels with a version that was not seen before, and the policy.
    policies: Vec<(String, i64, String)>,
}

/// Where the policies of wallets of other machines are.
pub(crate) fn mirrored(home: &Path) -> PathBuf {
    home.join("fleet")
}

impl Fleet {
    /// Reads what owners said since the last time, and writes it into the folder; whether this wallet is stopped.
    /// Policies that were not signed by this owner, or are older than what is there, stay out.
    pub(crate) async fn refresh(
        &self,
        home: &Path,
        wallet: &WalletName,
        owner: Option<OwnerPublic>,
    ) -> Result<Option<Stopped>, WalletsError> {
        let said = self.tables()?.look(self.reading()).await?;
        self.take_over(&said, home, std::slice::from_ref(wallet), owner)
    }

    /// The same for all wallets of the home, for code that is not asynchronous.
    pub(crate) fn refresh_now(
        &self,
        home: &Path,
        wallets: &[WalletName],
        owner: Option<OwnerPublic>,
    ) -> Result<(), WalletsError> {
        let said = self.tables()?.look_now(self.reading())?;
        self.take_over(&said, home, wallets, owner).map(drop)
    }

    fn reading(&self) -> impl FnOnce(&farthing_store::Statements<'_>) -> Result<Said, StoreError> + Send + 'static {
        let known = self.known().clone();
        move |tables| {
            let stops =
                tables.many("SELECT name, since FROM wallet_stops", &[], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let versions = tables.many("SELECT level, version FROM wallet_policies", &[], |row| {
                Ok((row.get::<String>(0)?, row.get::<i64>(1)?))
            })?;
            let mut policies = Vec::new();
            for (level, version) in versions.into_iter().filter(|(level, version)| known.get(level) != Some(version)) {
                let file = "SELECT file FROM wallet_policies WHERE level = ?1";
                let file = tables.one(file, params![level], |row| row.get(0))?;
                policies.extend(file.map(|file| (level, version, file)));
            }
            Ok(Said { stops, policies })
        }
    }

    fn take_over(
        &self,
        said: &Said,
        home: &Path,
        wallets: &[WalletName],
        owner: Option<OwnerPublic>,
    ) -> Result<Option<Stopped>, WalletsError> {
        for (level, version, file) in &said.policies {
            if take_policy(home, level, file, owner)? {
                self.known().insert(level.clone(), *version);
            }
        }
        let since =
            |name: &str| said.stops.iter().find(|(stopped, _)| stopped == name).map(|(_, since)| since.as_str());
        take_stop(&home.join("frozen"), since(""))?;
        let mut stopped = since("").map(|_| Stopped::Everything);
        for name in wallets {
            take_stop(&home.join("wallets").join(name.as_str()).join("frozen"), since(name.as_str()))?;
            if since(name.as_str()).is_some() {
                stopped.get_or_insert(Stopped::Wallet(name.to_string()));
            }
        }
        Ok(stopped)
    }

    /// Tells everybody of a policy, before it counts here.
    pub(crate) fn tell_policy(&self, level: &str, signed: &SignedPolicy) -> Result<(), WalletsError> {
        let (level, version, file) = (level.to_owned(), signed.version, signed.to_file());
        let version = i64::try_from(version).unwrap_or(i64::MAX);
        let told = self.tables()?.change_now(move |tables| {
            tables.execute(
                "INSERT INTO wallet_policies (level, version, file) VALUES (?1, ?2, ?3) ON CONFLICT (level) \
                 DO UPDATE SET version = EXCLUDED.version, file = EXCLUDED.file \
                 WHERE wallet_policies.version < EXCLUDED.version",
                params![level, version, file],
            )
        });
        told.map(drop).map_err(|error: StoreError| error.into())
    }

    /// Stops a wallet, or everything where it has no name, on every machine; the file says so here from then on.
    pub(crate) fn freeze(&self, name: &str, file: &Path, since: &str) -> Result<(), WalletsError> {
        let (name, text) = (name.to_owned(), since.to_owned());
        let told = self.tables()?.change_now(move |tables| {
            tables.execute(
                "INSERT INTO wallet_stops (name, since) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING",
                params![name, text],
            )
        });
        told.map_err(|error: StoreError| WalletsError::from(error))?;
        take_stop(file, Some(since))
    }

    /// Lets it go on everywhere.
    pub(crate) fn thaw(&self, name: &str) -> Result<(), WalletsError> {
        let name = name.to_owned();
        let thaw = "DELETE FROM wallet_stops WHERE name = ?1";
        let told = self.tables()?.change_now(move |tables| tables.execute(thaw, params![name]));
        told.map(drop).map_err(|error: StoreError| error.into())
    }
}

/// Writes a policy where it belongs, if this owner signed it and it is newer than what is there; whether it need not be
/// looked at again.
fn take_policy(home: &Path, level: &str, file: &str, owner: Option<OwnerPublic>) -> Result<bool, WalletsError> {
    let Some(owner) = owner else { return Ok(false) };
    let Some(path) = path_of(home, level) else { return Ok(true) };
    let signed = match SignedPolicy::read(level, file).and_then(|signed| signed.check(level, &owner).map(|()| signed)) {
        Ok(signed) => signed,
        Err(error) => {
            tracing::warn!(level, %error, "a policy in the database is not one that the owner signed, and is left there");
            return Ok(false);
        }
    };
    let here = private_file::read(&path).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let here =
        here.and_then(|text| SignedPolicy::read(level, &text).ok()).filter(|here| here.check(level, &owner).is_ok());
    if here.is_none_or(|here| here.version < signed.version) {
        if let Some(directory) = path.parent() {
            private_file::private_directory(directory)?;
        }
        private_file::write(&path, file.as_bytes())?;
    }
    Ok(true)
}

/// Where the policy of a level is; nothing for what is no name.
fn path_of(home: &Path, level: &str) -> Option<PathBuf> {
    let name: WalletName = level.strip_prefix("group/").unwrap_or(level).parse().ok()?;
    let wallet = home.join("wallets").join(name.as_str());
    let directory = match level.starts_with("group/") {
        true => home.join("groups").join(name.as_str()),
        false if wallet.join("wallet.json").exists() => wallet,
        false => mirrored(home).join(name.as_str()),
    };
    Some(directory.join("policy.toml"))
}

/// Has the file say what everybody is told. A freeze of this machine alone stays.
fn take_stop(file: &Path, since: Option<&str>) -> Result<(), WalletsError> {
    let here = fs::read_to_string(file).ok();
    let is_everybodys = here.as_ref().is_some_and(|text| text.ends_with(EVERYBODYS));
    match since {
        Some(since) if !is_everybodys => {
            Ok(private_file::write(file, format!("{}\n{EVERYBODYS}", since.trim_end()).as_bytes())?)
        }
        None if is_everybodys => Ok(private_file::remove(file)?),
        _ => Ok(()),
    }
}
