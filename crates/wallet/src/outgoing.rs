//! Payments under way, so that a repeated call after a crash or a lost answer sends the same
//! credential again and never pays anew.
//!
//! A record is a file of up to four lines. Three are added before the step they announce: the intent
//! (before the reservation), the word `signing` (before the key is used), and the sealed credential
//! (before it is sent). The word `refused` follows when the server refused a credential that is money
//! to whoever holds it, or answered without saying that it took it: it is not sent again, and kept until
//! its chain says what became of it. Before a reservation is released, all but the intent is cut off again, so that
//! what is counted no more is never sent. Its owner holds a lock on the file; a record nobody holds belongs to
//! a call that is dead, and its lines say how far that came.

use std::fs::{self, File, TryLockError};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use farthing_books::budget::ReservationId;
use farthing_money::Price;
use farthing_protocol::{Credential, Timestamp};
use farthing_rail::Signed;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use farthing_keys::{Ambient, FileError, NoRandomness, Seal, private_file};

/// What the same call would send again: a hash of method, URL, body and the caller's own key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint(pub(crate) [u8; 16]);

/// The fourth line.
const REFUSED: &str = "refused\n";

/// What is known before anything is reserved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Intent {
    reservation: String,
    cost: String,
    /// What of the cost is the fee; records of earlier versions do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fee: Option<String>,
    at: String,
}

/// What is needed to send a credential again.
#[derive(Serialize, Deserialize)]
pub(crate) struct Sendable {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) idempotency_key: String,
    credential: String,
    /// What is sent before the credential is presented, in Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to_send: Option<String>,
}

/// A record that this call owns.
pub(crate) struct Record {
    path: PathBuf,
    file: File,
    /// Of the intent, in bytes.
    first_line: u64,
    pub(crate) reservation: ReservationId,
    pub(crate) cost: Price,
    /// What of the cost is, at most, a fee.
    pub(crate) fee: Option<Price>,
    pub(crate) at: Timestamp,
}

/// What a dead call left behind.
pub(crate) enum Orphan {
    /// It never came to use the key: its reservation can be released.
    Unsigned(Record),
    /// The key was used, but nothing was sent, and the credential is lost. Its reservation stays.
    Lost(Record),
    /// This may have been sent; the sealed credential.
    Sealed(Record, Vec<u8>),
    /// The server refused it, and it may have been taken all the same; the sealed credential.
    Refused(Record, Vec<u8>),
}

impl Sendable {
    pub(crate) fn new(method: &str, url: &str, idempotency_key: &str, signed: &Signed) -> Self {
        let (method, url, idempotency_key) = (method.to_owned(), url.to_owned(), idempotency_key.to_owned());
        let to_send = signed.to_send.as_ref().map(|bytes| STANDARD.encode(bytes));
        Self { method, url, idempotency_key, credential: signed.credential.to_header(), to_send }
    }

    pub(crate) fn signed(&self) -> Option<Signed> {
        let credential = Credential::from_lines([self.credential.as_bytes()]).ok().flatten()?;
        let to_send = self.to_send.as_ref().map(|text| STANDARD.decode(text)).transpose().ok()?;
        Some(Signed { credential, to_send })
    }
}

impl Drop for Sendable {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.credential);
        zeroize::Zeroize::zeroize(&mut self.to_send);
    }
}

impl Record {
    /// Starts a record. Not forced to disk: should the machine stop now, nothing was signed.
    pub(crate) fn begin(
        directory: &Path,
        fingerprint: Fingerprint,
        reservation: ReservationId,
        (cost, fee): (Price, Option<Price>),
        at: Timestamp,
    ) -> Result<Self, FileError> {
        let name = format!("{}-{}", hex(&fingerprint.0), hex(&reservation));
        let path = directory.join(format!("{name}.payment"));
        let unlocked = directory.join(format!("{name}.new"));
        let text = |price: Price| price.to_string();
        let (fee_text, at_text) = (fee.map(text), at.to_rfc3339());
        let intent = Intent { reservation: hex(&reservation), cost: text(cost), fee: fee_text, at: at_text };
        let line = serde_json::to_string(&intent).unwrap_or_default();
        let line = format!("{line}\n");
        let file = private_file::create(&unlocked, line.as_bytes())?;
        // Nobody looks at a file of the other name, so it is locked before it can be found.
        file.lock().map_err(FileError::system(&unlocked))?;
        fs::rename(&unlocked, &path).map_err(FileError::system(&path))?;
        Ok(Self { path, file, first_line: line.len() as u64, reservation, cost, fee, at })
    }

    /// Says that the key is about to be used.
    pub(crate) fn signing(&mut self) -> Result<(), FileError> {
        self.file.write_all(b"signing\n").map_err(FileError::system(&self.path))
    }

    /// Keeps what is about to be sent, encrypted; durable when this returns.
    pub(crate) fn keep(&mut self, ambient: &Ambient, seal: &Seal, sendable: &Sendable) -> Result<(), KeepError> {
        let plain = Zeroizing::new(serde_json::to_vec(sendable).map_err(|_| KeepError::Unwritable)?);
        let sealed = seal.close(ambient, &hex(&self.reservation), &plain)?;
        let line = format!("{}\n", STANDARD.encode(sealed));
        self.file.write_all(line.as_bytes()).map_err(FileError::system(&self.path))?;
        self.file.sync_all().map_err(FileError::system(&self.path))?;
        Ok(private_file::sync_directory(&self.path)?)
    }

    /// Says that the server refused what was kept. Lost with a crash, it is sent and refused once more.
    pub(crate) fn refused(mut self) -> Result<(), FileError> {
        self.file.write_all(REFUSED.as_bytes()).map_err(FileError::system(&self.path))?;
        self.file.sync_all().map_err(FileError::system(&self.path))
    }

    /// Forgets what was kept, durably when this returns: from now on nobody sends it again, and whoever finds the record
    /// releases the reservation. Before that is released, or what is counted no more would be sent once more.
    pub(crate) fn void(&self) -> Result<(), FileError> {
        let length = self.file.metadata().map_err(FileError::system(&self.path))?.len();
        if length > self.first_line {
            self.file.set_len(self.first_line).map_err(FileError::system(&self.path))?;
            self.file.sync_all().map_err(FileError::system(&self.path))?;
        }
        Ok(())
    }

    /// Opens what was kept.
    pub(crate) fn open(&self, seal: &Seal, sealed: &[u8]) -> Option<Sendable> {
        let plain = seal.open(&hex(&self.reservation), sealed).ok()?;
        serde_json::from_slice(&plain).ok()
    }

    /// Nobody knows whether the reservation was made: left for the next call to release.
    pub(crate) fn abandon(self) {}

    /// The payment is over. Should the machine stop before the removal is on disk, the record is
    /// taken up once more, and the server knows the credential.
    pub(crate) fn finish(self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "a finished payment's record could not be removed");
        }
    }
}

/// Why a credential could not be kept; it is then not sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeepError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Random(#[from] NoRandomness),
    #[error("the payment cannot be written down")]
    Unwritable,
}

/// The records of a call that no living call owns. Others are not looked at: every request asks for this.
pub(crate) fn orphans(directory: &Path, fingerprint: Fingerprint) -> Result<Vec<Orphan>, FileError> {
    let prefix = hex(&fingerprint.0);
    let is_of_this_call =
        |path: &PathBuf| path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(&prefix));
    let own = records(directory)?.into_iter().filter(is_of_this_call);
    own.filter_map(|path| take(&path).transpose()).collect()
}

/// The records, of every call, that no living call owns and that were never sent.
pub(crate) fn unsent(directory: &Path) -> Result<Vec<Orphan>, FileError> {
    let mut unsent = Vec::new();
    for path in records(directory)? {
        // One that may have been sent is let go of again, for its own call to take up.
        unsent.extend(take(&path)?.filter(|orphan| matches!(orphan, Orphan::Unsigned(_) | Orphan::Lost(_))));
    }
    Ok(unsent)
}

/// The records of credentials that no living call owns, of every call: the refused ones, and those
/// that may have been sent.
pub(crate) fn kept(directory: &Path) -> Result<Vec<Orphan>, FileError> {
    let mut kept = Vec::new();
    for path in records(directory)? {
        kept.extend(take(&path)?.filter(|orphan| matches!(orphan, Orphan::Sealed(..) | Orphan::Refused(..))));
    }
    Ok(kept)
}

/// How many records there are.
pub(crate) fn count(directory: &Path) -> Result<usize, FileError> {
    Ok(if directory.exists() { records(directory)?.len() } else { 0 })
}

fn records(directory: &Path) -> Result<Vec<PathBuf>, FileError> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).map_err(FileError::system(directory))? {
        let path = entry.map_err(FileError::system(directory))?.path();
        if path.extension().is_some_and(|extension| extension == "payment") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn take(path: &Path) -> Result<Option<Orphan>, FileError> {
    let mut file = match File::options().read(true).append(true).open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(FileError::system(path))?,
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(FileError::system(path)(error)),
    }
    // Its owner may have finished between the opening and the locking.
    if file.metadata().map_err(FileError::system(path))?.nlink() == 0 {
        return Ok(None);
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(FileError::system(path))?;
    let first_line = text.split_inclusive('\n').next().map_or(0, |line| line.len() as u64);
    let mut lines = text.split_inclusive('\n').map_while(|line| line.strip_suffix('\n'));
    let Some((reservation, cost, fee, at)) = lines.next().and_then(read_intent) else {
        tracing::warn!(path = %path.display(), "a payment's record cannot be read; its reservation stays");
        return Ok(None);
    };
    let record = Record { path: path.to_owned(), file, first_line, reservation, cost, fee, at };
    let (signing, sealed) = (lines.next(), lines.next().and_then(|line| STANDARD.decode(line).ok()));
    Ok(Some(match (signing, sealed) {
        (None, _) => Orphan::Unsigned(record),
        (Some(_), None) => Orphan::Lost(record),
        (Some(_), Some(sealed)) if lines.next().is_some() => Orphan::Refused(record, sealed),
        (Some(_), Some(sealed)) => Orphan::Sealed(record, sealed),
    }))
}

fn read_intent(line: &str) -> Option<(ReservationId, Price, Option<Price>, Timestamp)> {
    let intent: Intent = serde_json::from_str(line).ok()?;
    let reservation = u128::from_str_radix(&intent.reservation, 16).ok()?.to_be_bytes();
    let fee = intent.fee.and_then(|fee| fee.parse().ok());
    Some((reservation, intent.cost.parse().ok()?, fee, Timestamp::parse(&intent.at).ok()?))
}

fn hex(bytes: &[u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::tests::quote;
    use farthing_protocol::JsonObject;

    const MINE: Fingerprint = Fingerprint([1; 16]);
    const OTHER: Fingerprint = Fingerprint([2; 16]);

    fn begun(directory: &Path, fingerprint: Fingerprint) -> Record {
        let at = Timestamp::parse("2026-11-21T12:00:00Z").unwrap();
        Record::begin(directory, fingerprint, [7; 16], ("0.001 USD".parse().unwrap(), None), at).unwrap()
    }

    fn kept(directory: &Path, fingerprint: Fingerprint) -> Record {
        let ambient = Ambient::new(|| Timestamp::from_unix_millis(0));
        let mut record = begun(directory, fingerprint);
        record.signing().unwrap();
        record.keep(&ambient, &Seal::of(&[1; 32]).unwrap(), &sendable()).unwrap();
        record
    }

    fn sendable() -> Sendable {
        let challenge = quote("0.001 USD", "https://api.example.com").challenge;
        let mut payload = JsonObject::new();
        payload.insert("signature".into(), "SECRET".into());
        Sendable::new(
            "GET",
            "https://api.example.com/v1?token=SECRET",
            "key",
            &Credential::new(challenge, payload, None).into(),
        )
    }

    #[test]
    fn a_record_in_use_is_nobody_else_s() {
        let directory = tempfile::tempdir().unwrap();
        let record = kept(directory.path(), MINE);
        assert!(orphans(directory.path(), MINE).unwrap().is_empty());
        drop(record);
        assert_eq!(orphans(directory.path(), MINE).unwrap().len(), 1);
    }

    #[test]
    fn the_lines_say_how_far_a_dead_call_came() {
        let directory = tempfile::tempdir().unwrap();
        drop(begun(directory.path(), OTHER));
        assert!(orphans(directory.path(), MINE).unwrap().is_empty(), "it is another call's");
        let unsigned = unsent(directory.path()).unwrap().remove(0);
        let Orphan::Unsigned(mut record) = unsigned else { panic!("it was not signed") };
        assert_eq!((record.reservation, record.cost.to_string().as_str()), ([7; 16], "0.001 USD"));
        record.signing().unwrap();
        drop(record);
        assert!(matches!(unsent(directory.path()).unwrap().remove(0), Orphan::Lost(_)));
    }

    #[test]
    fn a_kept_credential_comes_back_to_its_own_call_only() {
        let directory = tempfile::tempdir().unwrap();
        drop(kept(directory.path(), MINE));
        assert!(orphans(directory.path(), OTHER).unwrap().is_empty());
        let Orphan::Sealed(record, sealed) = orphans(directory.path(), MINE).unwrap().remove(0) else {
            panic!("it was kept")
        };
        assert!(record.open(&Seal::of(&[2; 32]).unwrap(), &sealed).is_none());
        let opened = record.open(&Seal::of(&[1; 32]).unwrap(), &sealed).unwrap();
        assert_eq!(opened.url, "https://api.example.com/v1?token=SECRET");
        assert_eq!(opened.signed().unwrap().credential.payload()["signature"], "SECRET");
        record.finish();
        assert_eq!(count(directory.path()).unwrap(), 0);
    }

    #[test]
    fn a_refused_credential_is_kept_and_not_sent_again() {
        let directory = tempfile::tempdir().unwrap();
        kept(directory.path(), MINE).refused().unwrap();
        assert!(matches!(orphans(directory.path(), MINE).unwrap().as_slice(), [Orphan::Refused(..)]));
        let path = records(directory.path()).unwrap().remove(0);
        let length = fs::metadata(&path).unwrap().len();
        File::options().write(true).open(&path).unwrap().set_len(length - 1).unwrap();
        assert!(matches!(super::kept(directory.path()).unwrap().as_slice(), [Orphan::Sealed(..)]));
    }

    #[test]
    fn a_torn_last_line_was_never_sent() {
        let directory = tempfile::tempdir().unwrap();
        drop(kept(directory.path(), MINE));
        let path = records(directory.path()).unwrap().remove(0);
        let text = fs::read(&path).unwrap();
        File::options().write(true).open(&path).unwrap().set_len(text.len() as u64 - 5).unwrap();
        assert!(matches!(orphans(directory.path(), MINE).unwrap().remove(0), Orphan::Lost(_)));
    }

    #[test]
    fn nothing_secret_is_in_the_file() {
        let directory = tempfile::tempdir().unwrap();
        drop(kept(directory.path(), MINE));
        let text = fs::read_to_string(records(directory.path()).unwrap().remove(0)).unwrap();
        let credential = sendable().credential.clone();
        let token = credential.strip_prefix("Payment ").unwrap().get(..40).unwrap();
        assert!(!text.contains("SECRET") && !text.contains(token));
    }
}
