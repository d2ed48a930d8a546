use std::fmt;
use std::io::{self, BufRead as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use alloy_primitives::keccak256;
use farthing_rail::{Answer, RecoverableSigner, SignError};
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use secp256k1::{Message, SECP256K1};
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

use super::{LONGEST_LINE, Reply, Request, line_of, prefixed, read_line, unprefixed};
use crate::secp256k1_key::address_of;

/// How long the other process may take for one signature; a person may have to press a button.
const DEADLINE: Duration = Duration::from_secs(30);
/// How long it may take to say which keys it holds.
const LISTING: Duration = Duration::from_secs(5);

/// A secp256k1 key in another process. What comes back is checked: a signature that this key did not
/// make goes no further.
pub struct SocketSigner {
    path: PathBuf,
    public_key: [u8; 64],
    deadline: Duration,
}

/// Why the process behind a socket did not sign.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SocketError {
    /// It cannot be reached.
    #[error("the signer at {path} cannot be reached ({source}); start it, for example with: farthing key serve", path = path.display())]
    Unreachable {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It did not answer in time. It may have signed.
    #[error("the signer at {path} gave no answer within {seconds} seconds", path = path.display(), seconds = after.as_secs())]
    Silent {
        /// The socket.
        path: PathBuf,
        /// How long it had.
        after: Duration,
    },
    /// It refused.
    #[error("the signer at {path} refused: {reason}", path = path.display())]
    Refused {
        /// The socket.
        path: PathBuf,
        /// What it said.
        reason: String,
    },
    /// Its answer is not one.
    #[error("the signer at {path} answered something else than was asked; check which program it is", path = path.display())]
    Nonsense {
        /// The socket.
        path: PathBuf,
    },
    /// It holds no such key.
    #[error("the signer at {path} holds no key of {address}", path = path.display())]
    NoSuchKey {
        /// The socket.
        path: PathBuf,
        /// Which was wanted.
        address: String,
    },
}

impl SocketSigner {
    /// A signer for the key with this public key. Nothing is asked yet.
    pub fn new(path: &Path, public_key: [u8; 64]) -> Self {
        Self { path: path.to_owned(), public_key, deadline: DEADLINE }
    }

    /// The same, with this much time for one signature.
    pub fn within(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// A signer for the key of this account. The process is asked which keys it holds, now, and this
    /// thread waits for it.
    pub fn for_address(path: &Path, address: &str) -> Result<Self, SocketError> {
        let listed = list(path).map_err(|source| SocketError::Unreachable { path: path.to_owned(), source })?;
        let mut keys = listed.iter().filter_map(|key| unprefixed(key)?.try_into().ok());
        match keys.find(|key| address_of(key).eq_ignore_ascii_case(address)) {
            Some(key) => Ok(Self::new(path, key)),
            None => Err(SocketError::NoSuchKey { path: path.to_owned(), address: address.to_owned() }),
        }
    }

    async fn sign(&self, message: &[u8]) -> Result<[u8; 65], SocketError> {
        let request = Request {
            sign: Some(prefixed(message)),
            public_key: Some(prefixed(&self.public_key)),
            ..Request::default()
        };
        let asked = tokio::time::timeout(self.deadline, self.ask(&request)).await;
        let reply = asked.map_err(|_| SocketError::Silent { path: self.path.clone(), after: self.deadline })??;
        if let Some(reason) = reply.refused {
            return Err(SocketError::Refused { path: self.path.clone(), reason: printable(&reason) });
        }
        let signature = reply.signature.as_deref().and_then(unprefixed).and_then(|bytes| bytes.try_into().ok());
        signature.filter(|signature| self.made(signature, message)).ok_or_else(|| self.nonsense())
    }

    async fn ask(&self, request: &Request) -> Result<Reply, SocketError> {
        let unreachable = |source| SocketError::Unreachable { path: self.path.clone(), source };
        let mut stream = UnixStream::connect(&self.path).await.map_err(unreachable)?;
        let line = line_of(request).map_err(|_| self.nonsense())?;
        stream.write_all(&line).await.map_err(unreachable)?;
        let line = read_line(&mut BufReader::new(stream)).await.map_err(unreachable)?;
        line.and_then(|line| serde_json::from_slice(&line).ok()).ok_or_else(|| self.nonsense())
    }

    /// Whether this key made this signature of the message, in its one form: low s, recovery id 0 or 1.
    fn made(&self, signature: &[u8; 65], message: &[u8]) -> bool {
        let recovered = || {
            let (compact, id) = signature.split_at(64);
            let id = match id {
                [0] => RecoveryId::Zero,
                [1] => RecoveryId::One,
                _ => return None,
            };
            let recoverable = RecoverableSignature::from_compact(compact, id).ok()?;
            let mut low = recoverable.to_standard();
            low.normalize_s();
            let digest = Message::from_digest(keccak256(message).0);
            let key = SECP256K1.recover_ecdsa(digest, &recoverable).ok()?;
            (low == recoverable.to_standard()).then(|| key.serialize_uncompressed())
        };
        recovered().is_some_and(|key| key.get(1..) == Some(self.public_key.as_slice()))
    }

    fn nonsense(&self) -> SocketError {
        SocketError::Nonsense { path: self.path.clone() }
    }
}

impl RecoverableSigner for SocketSigner {
    fn public_key(&self) -> [u8; 64] {
        self.public_key
    }

    fn sign_keccak<'a>(&'a self, message: &'a [u8]) -> Answer<'a, Result<[u8; 65], SignError>> {
        Box::pin(async move { self.sign(message).await.map_err(|error| SignError::Key(error.to_string())) })
    }
}

impl fmt::Debug for SocketSigner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = address_of(&self.public_key);
        formatter.debug_struct("SocketSigner").field("path", &self.path).field("address", &address).finish()
    }
}

/// The public keys that the process holds.
fn list(path: &Path) -> io::Result<Vec<String>> {
    let mut stream = std::os::unix::net::UnixStream::connect(path)?;
    stream.set_read_timeout(Some(LISTING))?;
    stream.set_write_timeout(Some(LISTING))?;
    stream.write_all(&line_of(&Request { list: true, ..Request::default() })?)?;
    let mut line = Vec::new();
    io::BufReader::new(stream.take(LONGEST_LINE)).read_until(b'\n', &mut line)?;
    let reply: Reply = serde_json::from_slice(&line)?;
    reply.public_keys.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it does not say which keys it holds"))
}

/// What another process says, fit for one line of a log or a terminal.
fn printable(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(200).collect()
}
