//! A webhook that is told of questions, and may answer them.
//!
//! Messages are those of Standard Webhooks: `webhook-id`, `webhook-timestamp` and `webhook-signature`, an
//! HMAC-SHA-256 under a secret that both sides have. A message says what would be paid, and holds no query,
//! header or body of the request. The answer, a [`SignedAnswer`], comes in the body of the response or later to the
//! console, under the same secret.

mod answer;
mod courier;
mod secret;

use std::path::{Path, PathBuf};

use farthing_keys::{FileError, OwnerKey, OwnerPublic, private_file};
use reqwest::Url;
use serde::{Deserialize, Serialize};

pub use answer::{Decision, NotAnswered, SignedAnswer};
pub(crate) use courier::{Courier, Told};
pub use secret::WebhookSecret;

use farthing_books::ApprovalRecord;

/// What the owner's signature under a webhook is for.
const PURPOSE: &str = "webhook";

/// Where questions are sent.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// HTTPS, or this machine.
    pub url: Url,
    /// What messages and answers are signed with.
    pub secret: WebhookSecret,
    /// The owner's signature under both: the owner lets whoever has the secret answer.
    signature: Option<String>,
}

/// Why a webhook cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// Not an address to send to.
    #[error("\"{0}\" is not an address for a webhook; write an https:// URL without a user or a password")]
    Url(String),
    /// Not a secret of the form that is used.
    #[error("a webhook's secret is written whsec_ and the Base64 of 24 to 64 random bytes")]
    Secret,
    /// The file is not what was written.
    #[error("{0} does not hold a webhook; set it again with: farthing approvals webhook set URL")]
    Form(PathBuf),
    /// See [`FileError`].
    #[error(transparent)]
    File(#[from] FileError),
}

#[derive(Serialize, Deserialize)]
struct Kept {
    url: String,
    secret: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signature: Option<String>,
}

impl Webhook {
    /// One that sends there.
    pub fn new(url: &str, secret: WebhookSecret) -> Result<Self, WebhookError> {
        let refused = || WebhookError::Url(crate::client::plain(url));
        let url: Url = url.parse().map_err(|_| refused())?;
        let is_safe = match url.scheme() {
            "https" => true,
            "http" => url.host_str().is_some_and(crate::client::is_this_machine),
            _ => false,
        };
        let names_nobody = url.username().is_empty() && url.password().is_none();
        if is_safe && names_nobody { Ok(Self { url, secret, signature: None }) } else { Err(refused()) }
    }

    /// The one of this home directory, if there is one.
    pub fn of(home: &Path) -> Result<Option<Self>, WebhookError> {
        let path = file(home);
        let bytes = match private_file::read(&path) {
            Err(error) if error.is_absent() => return Ok(None),
            read => zeroize::Zeroizing::new(read?),
        };
        let kept: Kept = serde_json::from_slice(&bytes).map_err(|_| WebhookError::Form(path))?;
        let webhook = Self::new(&kept.url, kept.secret.parse()?)?;
        Ok(Some(Self { signature: kept.signature, ..webhook }))
    }

    /// The same, signed by the owner, without whom its answers do not count.
    #[must_use]
    pub fn signed(mut self, owner: &OwnerKey) -> Self {
        self.signature = Some(owner.sign(PURPOSE, &self.statement()));
        self
    }

    /// Its address and a hash of its secret.
    fn statement(&self) -> String {
        let secret = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, self.secret.reveal().as_bytes());
        let secret: String = secret.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}\n{secret}", self.url)
    }

    /// Makes it the one of this home directory, readable by its owner only.
    pub fn keep(&self, home: &Path) -> Result<(), WebhookError> {
        let mut kept = Kept {
            url: self.url.to_string(),
            secret: self.secret.reveal().to_string(),
            signature: self.signature.clone(),
        };
        let text = serde_json::to_vec(&kept).map(zeroize::Zeroizing::new);
        zeroize::Zeroize::zeroize(&mut kept.secret);
        let text = text.map_err(|_| WebhookError::Form(file(home)))?;
        Ok(private_file::write(&file(home), &text)?)
    }

    /// Sends nothing any more. Answers that came from it and are not used yet count no longer.
    pub fn remove(home: &Path) -> Result<(), WebhookError> {
        Ok(private_file::remove(&file(home))?)
    }

    /// Whether it gave the permission that this record holds, and this owner lets it.
    pub(super) fn has_allowed(&self, record: &ApprovalRecord, owner: Option<OwnerPublic>) -> bool {
        let signature = self.signature.as_deref().unwrap_or_default();
        let may_answer = owner.is_none_or(|owner| owner.verifies(PURPOSE, &self.statement(), signature));
        may_answer && answer::is_proven(&self.secret, record)
    }
}

fn file(home: &Path) -> PathBuf {
    home.join("webhook.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn what_is_kept_reads_back_and_only_its_owner_can_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        assert!(Webhook::of(home.path()).unwrap().is_none());
        Webhook::new("https://hooks.example.com/ask?k=1", SECRET.parse().unwrap()).unwrap().keep(home.path()).unwrap();
        let read = Webhook::of(home.path()).unwrap().unwrap();
        assert_eq!((read.url.as_str(), read.secret.reveal().as_str()), ("https://hooks.example.com/ask?k=1", SECRET));
        let mode = std::fs::metadata(file(home.path())).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        Webhook::remove(home.path()).unwrap();
        assert!(Webhook::of(home.path()).unwrap().is_none());
    }

    #[test]
    fn questions_go_over_tls_or_to_this_machine() {
        let new = |url: &str| Webhook::new(url, SECRET.parse().unwrap());
        for url in ["http://hooks.example.com/", "ftp://127.0.0.1/", "https://me:secret@hooks.example.com/", "hooks"] {
            assert!(matches!(new(url), Err(WebhookError::Url(_))), "{url}");
        }
        assert!(new("http://127.0.0.1:9/").is_ok());
    }
}
