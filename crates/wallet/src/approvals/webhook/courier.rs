use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use farthing_books::ApprovalRecord;
use farthing_keys::{FileError, private_file};
use farthing_protocol::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{SignedAnswer, Webhook, WebhookError};
use crate::approvals::{ApprovalError, to_json};
use crate::{Ambient, ApprovalId};

/// How long a receiver may take to answer.
const SILENCE: Duration = Duration::from_secs(10);
/// The wait before the second try; it doubles.
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);
/// The longest answer that is read, in bytes.
const LONGEST_ANSWER: usize = 16 * 1024;

/// Tells a webhook of questions: each until it is taken, and by one process at a time. A receiver that gets one
/// twice all the same knows it by its `webhook-id`.
#[derive(Clone)]
pub(crate) struct Courier {
    directory: PathBuf,
    ambient: Ambient,
}

/// What became of telling somebody.
#[derive(Debug)]
pub(crate) enum Told {
    /// It was taken, with or without an answer.
    Taken(Option<Box<SignedAnswer>>),
    /// It was taken before, is not due again yet, or another process is at it.
    NotDue,
    /// It was not taken; it is tried again later.
    Failed(String),
}

/// How often a question was sent; a file beside the books, and its lock.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Tries {
    tries: u32,
    /// In milliseconds since 1970.
    next_at: i64,
    taken: bool,
}

impl Courier {
    pub(crate) fn new(directory: PathBuf, ambient: Ambient) -> Self {
        Self { directory, ambient }
    }

    /// Tells of a pending question, if that is due.
    pub(crate) async fn tell(&self, webhook: &Webhook, record: &ApprovalRecord) -> Result<Told, ApprovalError> {
        let path = self.path(record.id);
        let Some((mut file, mut tries)) = self.take(record.id).map_err(WebhookError::from)? else {
            return Ok(Told::NotDue);
        };
        let now = self.ambient.now();
        if tries.taken || tries.next_at > now.unix_millis() {
            return Ok(Told::NotDue);
        }
        let wait = FIRST_WAIT.saturating_mul(1 << tries.tries.min(10)).min(LONGEST_WAIT);
        tries.tries += 1;
        tries.next_at = now.after(wait).unix_millis();
        let sent = send(webhook, record, now).await;
        tries.taken = sent.is_ok();
        write(&mut file, &tries).map_err(|error| WebhookError::File(FileError::system(&path)(error)))?;
        Ok(match sent {
            Ok(answer) => Told::Taken(answer.map(Box::new)),
            Err(reason) => Told::Failed(reason),
        })
    }

    /// Forgets how often it told of what waits no longer.
    pub(crate) fn forget_all_but(&self, waiting: &[ApprovalRecord]) -> Result<(), WebhookError> {
        if !self.directory.exists() {
            return Ok(());
        }
        for entry in std::fs::read_dir(&self.directory).map_err(FileError::system(&self.directory))? {
            let path = entry.map_err(FileError::system(&self.directory))?.path();
            if !waiting.iter().any(|record| self.path(record.id) == path) {
                private_file::remove(&path)?;
            }
        }
        Ok(())
    }

    fn path(&self, id: ApprovalId) -> PathBuf {
        self.directory.join(format!("{id}.json"))
    }

    /// How often it was sent, if nobody else is sending it.
    fn take(&self, id: ApprovalId) -> Result<Option<(File, Tries)>, FileError> {
        private_file::private_directory(&self.directory)?;
        let path = self.path(id);
        private_file::ensure(&path)?;
        let mut file = File::options().read(true).write(true).open(&path).map_err(FileError::system(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(FileError::system(&path)(error)),
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(FileError::system(&path))?;
        // A torn file is one more try: the receiver knows the question by its name.
        Ok(Some((file, serde_json::from_str(&text).unwrap_or_default())))
    }
}

fn write(file: &mut File, tries: &Tries) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(serde_json::to_string(tries).unwrap_or_default().as_bytes())
}

/// Sends one message; the answer in the body of the response, if there is one, or why it was not taken.
async fn send(webhook: &Webhook, record: &ApprovalRecord, now: Timestamp) -> Result<Option<SignedAnswer>, String> {
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).referer(false).timeout(SILENCE);
    let http = http.build().map_err(|error| error.without_url().to_string())?;
    let message = json!({ "type": "approval.requested", "timestamp": now.to_rfc3339(), "data": to_json(record) });
    let (id, seconds, body) = (format!("msg_{}", record.id), now.unix_millis() / 1_000, message.to_string());
    let signature = webhook.secret.sign(format!("{id}.{seconds}.{body}").as_bytes());
    let request = http
        .post(webhook.url.clone())
        .header("content-type", "application/json")
        .header("webhook-id", id)
        .header("webhook-timestamp", seconds.to_string())
        .header("webhook-signature", signature)
        .body(body);
    let mut response = request.send().await.map_err(|error| error.without_url().to_string())?;
    if !response.status().is_success() {
        return Err(format!("the webhook answered {}", response.status()));
    }
    let mut text = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        text.extend_from_slice(&chunk);
        if text.len() > LONGEST_ANSWER {
            return Ok(None);
        }
    }
    // Whatever else a receiver says in its response is no answer.
    Ok(serde_json::from_slice(&text).ok())
}
