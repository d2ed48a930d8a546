//! Waiting for a voucher.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// How often a connection that waits is kept alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A stream that waits.
pub(crate) struct Pause {
    over: Pin<Box<Sleep>>,
    quiet: Pin<Box<Sleep>>,
}

/// What happens while a stream waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// It has been quiet for long enough that whoever stands between may take it for dead.
    Quiet,
    /// It has waited long enough.
    Over,
}

impl Pause {
    pub(crate) fn new(now: Instant, longest: Duration) -> Self {
        Self { over: Box::pin(sleep_until(now + longest)), quiet: Box::pin(sleep_until(now + KEEP_ALIVE)) }
    }

    /// The next thing that happens.
    pub(crate) fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Moment> {
        let this = self.get_mut();
        if this.over.as_mut().poll(context).is_ready() {
            return Poll::Ready(Moment::Over);
        }
        let quiet = this.quiet.as_mut();
        std::task::ready!(quiet.poll(context));
        let next = this.quiet.deadline() + KEEP_ALIVE;
        this.quiet.as_mut().reset(next);
        Poll::Ready(Moment::Quiet)
    }
}
