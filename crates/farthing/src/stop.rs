//! The signals that end a program, from a person or from whoever runs it.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::{Failure, OrFail};

/// They are heard from here on: take it before anybody is told that the program runs.
pub(crate) struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    pub(crate) fn listen() -> Result<Self, Failure> {
        let heard = |kind| signal(kind).or_fail("cannot wait for signals");
        Ok(Self { terminate: heard(SignalKind::terminate())?, interrupt: heard(SignalKind::interrupt())? })
    }

    /// Waits for one of them.
    pub(crate) async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
