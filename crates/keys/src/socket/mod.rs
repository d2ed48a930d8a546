//! A key that is in another process: one JSON object a line, over a Unix socket.
//!
//! ```text
//! -> {"sign": "0x<message>", "public_key": "0x<64 bytes>"}
//! <- {"signature": "0x<65 bytes: r, s, recovery id 0 or 1>"}
//! -> {"list": true}
//! <- {"public_keys": ["0x<64 bytes>"]}
//! <- {"refused": "a sentence with the remedy"}
//! ```
//!
//! The message is handed over whole, and its Keccak-256 hash is what is signed: whoever holds the key
//! can see what it signs, and refuse. A public key is uncompressed, without the leading 0x04. A line
//! is at most 1 MiB. Every line is answered by one line, in order; either side may close at any time.
//! Members that a side does not know are refused by the server and ignored by the client.
//!
//! The socket is the owner's alone (mode 0600): whoever can connect to it can have anything signed.

mod client;
mod server;

pub use client::{SocketError, SocketSigner};
pub use server::{KeyServer, ServeError};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _};

use crate::envelope::{bytes, hex};

/// The longest line.
const LONGEST_LINE: u64 = 1 << 20;

/// What a client asks.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    /// The message to sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sign: Option<String>,
    /// The key to sign with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    public_key: Option<String>,
    /// Which keys there are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    list: bool,
}

/// What a server answers.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Reply {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signature: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    public_keys: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
}

/// Reads one line without its end; `None` when the other side has closed.
async fn read_line(reader: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    reader.take(LONGEST_LINE + 1).read_until(b'\n', &mut line).await?;
    match line.pop() {
        None => Ok(None),
        Some(b'\n') => Ok(Some(line)),
        Some(_) => Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "a line is cut off or too long")),
    }
}

/// A value as one line.
fn line_of(value: &impl Serialize) -> std::io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

fn prefixed(raw: &[u8]) -> String {
    format!("0x{}", hex(raw))
}

fn unprefixed(text: &str) -> Option<Vec<u8>> {
    bytes("value", text.strip_prefix("0x")?).ok()
}
