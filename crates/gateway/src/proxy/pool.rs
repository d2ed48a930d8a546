//! Connections that wait for their next request.

use super::Body;
use crate::serve::Alarm;
use hyper::client::conn::{http1, http2};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::time::Instant;

/// The idle HTTP/1.1 connections and the shared HTTP/2 connection of one upstream.
#[derive(Debug)]
pub(super) struct Pool {
    keep: Duration,
    state: Mutex<State>,
    /// Held while an HTTP/2 connection is being made, so that a burst makes one.
    pub(super) dialing_http2: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    /// The latest used is last, and is used next, so that surplus connections grow old.
    idle: Vec<Idle>,
    shared: Option<http2::SendRequest<Body>>,
    swept: bool,
}

#[derive(Debug)]
struct Idle {
    line: Line,
    since: Instant,
}

/// An HTTP/1.1 connection, with the alarm for the head of its next answer.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) sender: http1::SendRequest<Body>,
    pub(super) first_byte: Alarm,
}

impl Pool {
    pub(super) fn new(keep: Duration) -> Self {
        Self { keep, state: Mutex::default(), dialing_http2: tokio::sync::Mutex::new(()) }
    }

    /// An open HTTP/1.1 connection that nobody uses.
    pub(super) fn take(&self) -> Option<Line> {
        let mut state = self.state();
        while let Some(Idle { line, since }) = state.idle.pop() {
            if line.sender.is_ready() && since.elapsed() < self.keep {
                return Some(line);
            }
        }
        None
    }

    /// The open HTTP/2 connection.
    pub(super) fn shared(&self) -> Option<http2::SendRequest<Body>> {
        let mut state = self.state();
        if state.shared.as_ref().is_some_and(http2::SendRequest::is_closed) {
            state.shared = None;
        }
        state.shared.clone()
    }

    pub(super) fn share(&self, sender: http2::SendRequest<Body>) {
        self.state().shared = Some(sender);
    }

    fn keep(self: &Arc<Self>, line: Line) {
        let mut state = self.state();
        state.idle.push(Idle { line, since: Instant::now() });
        if !state.swept {
            state.swept = true;
            tokio::spawn(sweep(Arc::downgrade(self), self.keep));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code that holds the lock can leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes connections that nobody used for `keep`; ends when none are left.
async fn sweep(pool: Weak<Pool>, keep: Duration) {
    loop {
        tokio::time::sleep(keep).await;
        let Some(pool) = pool.upgrade() else { return };
        let mut state = pool.state();
        state.idle.retain(|idle| !idle.line.sender.is_closed() && idle.since.elapsed() < keep);
        if state.idle.is_empty() {
            state.swept = false;
            return;
        }
    }
}

/// An HTTP/1.1 connection on loan to one exchange. Dropped, it is closed; given back, it serves again.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) line: Line,
    pool: Arc<Pool>,
}

impl Lease {
    pub(super) fn new(line: Line, pool: &Arc<Pool>) -> Self {
        Self { line, pool: Arc::clone(pool) }
    }

    /// For when the answer has been read to its end. The request body may still be on its way.
    pub(super) fn give_back(mut self) {
        if self.line.sender.is_ready() {
            self.pool.keep(self.line);
        } else if !self.line.sender.is_closed() {
            tokio::spawn(async move {
                if self.line.sender.ready().await.is_ok() {
                    self.pool.keep(self.line);
                }
            });
        }
    }
}
