//! What one client may take.

use std::time::Duration;

/// Bounds on clients; the defaults suit a public gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open connections; further ones wait in the kernel's queue.
    pub connections: usize,
    /// Bytes of one request head, request line included. A larger one is answered with 431.
    /// At least 8 KiB. It also bounds what is buffered for a client.
    pub head_bytes: usize,
    /// For the TLS handshake, and for each request head from its first byte.
    pub head_timeout: Duration,
    /// How long a client may take none of the bytes that wait for it.
    pub stalled_write: Duration,
    /// Streams a client may have open on one HTTP/2 connection.
    pub streams: u32,
    /// How long running exchanges may take to finish after the shutdown signal.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            // A credential of 64 KiB, with room for everything else.
            head_bytes: 80 * 1024,
            head_timeout: Duration::from_secs(15),
            stalled_write: Duration::from_secs(60),
            streams: 128,
            drain: Duration::from_secs(30),
        }
    }
}
