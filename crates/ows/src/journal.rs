use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use alloy_primitives::U256;
use farthing_keys::private_file;
use farthing_protocol::{JsonObject, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{Asset, Deciding, Denial, Ledger, LedgerError, Outcome, OwsVault, Record};

/// The standard's audit log, `<vault>/logs/audit.jsonl`, with what every decision spends: what was spent is
/// what the log says, so that one write is the whole record of a decision.
///
/// Each line names the hash of the one before it, so that a line cannot be changed or taken out; lines of other
/// software are left alone. Whoever decides holds a lock on the file.
#[derive(Clone, Debug)]
pub struct Journal {
    path: PathBuf,
}

struct Entry<'a> {
    file: File,
    path: &'a Path,
    spent: Spent,
    /// The hash of the last line.
    last: String,
}

#[derive(Deserialize)]
struct Line {
    timestamp: String,
    /// The hash of the line before; other software writes none.
    #[serde(default)]
    previous: Option<String>,
    #[serde(default)]
    api_key_id: Option<String>,
    #[serde(default)]
    spent: Vec<(String, String)>,
}

impl Journal {
    /// The audit log of a vault.
    pub fn of(vault: &OwsVault) -> Self {
        Self { path: vault.root().join("logs").join("audit.jsonl") }
    }

    fn open(&self) -> Result<(File, Vec<u8>), LedgerError> {
        let failed = |error: std::io::Error| LedgerError(format!("{}: {error}", self.path.display()));
        let folder = self.path.parent().unwrap_or(&self.path);
        private_file::private_directory(folder).map_err(|error| LedgerError(error.to_string()))?;
        private_file::ensure(&self.path).map_err(|error| LedgerError(error.to_string()))?;
        let mut file = File::options().read(true).append(true).open(&self.path).map_err(failed)?;
        file.lock().map_err(failed)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(failed)?;
        // A line without its end was never written whole, so what it was about was never signed.
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        if whole < text.len() {
            file.set_len(whole as u64).map_err(failed)?;
            file.seek(SeekFrom::End(0)).map_err(failed)?;
            text.truncate(whole);
        }
        Ok((file, text))
    }
}

impl Ledger for Journal {
    fn begin(&self, api_key_id: Option<&str>) -> Result<Box<dyn Deciding + '_>, LedgerError> {
        let (file, text) = self.open()?;
        let read = read(api_key_id, &text);
        let (spent, last) = read.map_err(|why| LedgerError(format!("{}: {why}", self.path.display())))?;
        Ok(Box::new(Entry { file, path: &self.path, spent, last }))
    }
}

impl Deciding for Entry<'_> {
    fn spent(&self, asset: &Asset, since: Timestamp) -> Result<U256, LedgerError> {
        let counted = self.spent.iter().filter(|(at, of, _)| *at >= since && of == asset);
        Ok(counted.fold(U256::ZERO, |sum, (_, _, amount)| sum.saturating_add(*amount)))
    }

    fn record(mut self: Box<Self>, record: &Record) -> Result<(), LedgerError> {
        let failed = |error: std::io::Error| LedgerError(format!("{}: {error}", self.path.display()));
        let line = format!("{}\n", Value::Object(written(record, &self.last)));
        self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_all()).map_err(failed)
    }
}

type Spent = Vec<(Timestamp, Asset, U256)>;

/// What a key signed for, and the hash of the last line. A line that is no JSON could have said anything, and
/// so could one before a line that names another hash.
fn read(key: Option<&str>, text: &[u8]) -> Result<(Spent, String), String> {
    let (mut spent, mut last) = (Spent::new(), hash(b""));
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty()) {
        let unreadable = |what: &str| format!("line {} {what}; restore the log from a copy", index + 1);
        let entry: Line = serde_json::from_slice(line).map_err(|_| unreadable("cannot be read"))?;
        if entry.previous.is_some_and(|previous| previous != last) {
            return Err(unreadable("does not follow the line before it, so one was changed or taken out"));
        }
        last = hash(line);
        if key.is_none() || entry.api_key_id.as_deref() != key {
            continue;
        }
        let at = Timestamp::parse(&entry.timestamp).map_err(|_| unreadable("has no time"))?;
        for (asset, amount) in entry.spent {
            let (asset, amount) = (asset.parse().ok(), amount.parse().ok());
            let (asset, amount) = asset.zip(amount).ok_or_else(|| unreadable("spends what cannot be read"))?;
            spent.push((at, asset, amount));
        }
    }
    Ok((spent, last))
}

fn hash(line: &[u8]) -> String {
    crate::decode::hexadecimal(&Sha256::digest(line))
}

fn written(record: &Record, previous: &str) -> JsonObject {
    let mut line = JsonObject::new();
    let mut put = |name: &str, value: Value| line.insert(name.to_owned(), value);
    put("timestamp", record.at.to_rfc3339().into());
    put("operation", record.operation.into());
    put("wallet_id", record.wallet_id.clone().into());
    put("api_key_id", record.api_key_id.clone().into());
    put("chain_id", record.chain.clone().into());
    put("previous", previous.into());
    put("sha256", crate::decode::hexadecimal(&record.sha256).into());
    match &record.outcome {
        Outcome::Allowed(spent) => {
            put("policy_result", "allow".into());
            put("spent", spent.iter().map(|(asset, amount)| json!([asset.to_string(), amount.to_string()])).collect());
        }
        Outcome::Denied(Denial { policy_id, rule, reason }) => {
            put("policy_result", "deny".into());
            put("policy_id", policy_id.clone().into());
            put("rule", rule.clone().into());
            put("reason", reason.clone().into());
        }
    }
    line
}

#[cfg(test)]
mod tests;
