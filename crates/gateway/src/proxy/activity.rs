//! How a request body fares on its way up.

use super::ForwardErrorKind;
use std::sync::atomic::{AtomicBool, Ordering};

/// Shared by a request body and the wait for its response, so that an upload that moves is not taken for an upstream
/// that sleeps, nor a client that sleeps for a broken upstream.
#[derive(Debug, Default)]
pub(super) struct Activity {
    moved: AtomicBool,
    client_owes: AtomicBool,
    too_large: AtomicBool,
    broken: AtomicBool,
}

/// What happened since the last look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upload {
    /// Nothing: the upstream does not take the body, or has taken it all and does not answer.
    Still,
    /// Body bytes moved.
    Moved,
    /// The client owes the next bytes, and has since the last look.
    AwaitingClient,
}

impl Activity {
    /// A frame went up, or the end did.
    pub(super) fn moved(&self) {
        self.moved.store(true, Ordering::Relaxed);
        self.client_owes.store(false, Ordering::Relaxed);
    }

    /// The upstream would take more and the client has not sent it.
    pub(super) fn awaiting_client(&self) {
        self.client_owes.store(true, Ordering::Relaxed);
    }

    /// The body passed its limit.
    pub(super) fn too_large(&self) {
        self.too_large.store(true, Ordering::Release);
    }

    /// The client broke off.
    pub(super) fn broken(&self) {
        self.broken.store(true, Ordering::Release);
    }

    /// Why the client, and not the upstream, is to blame for a failed exchange. Over HTTP/2 the transport's own error
    /// does not say so.
    pub(super) fn fault(&self) -> Option<ForwardErrorKind> {
        if self.too_large.load(Ordering::Acquire) {
            Some(ForwardErrorKind::BodyTooLarge)
        } else if self.broken.load(Ordering::Acquire) {
            Some(ForwardErrorKind::ClientGone)
        } else {
            None
        }
    }

    /// Looks and forgets the movement.
    pub(super) fn look(&self) -> Upload {
        if self.moved.swap(false, Ordering::Relaxed) {
            Upload::Moved
        } else if self.client_owes.load(Ordering::Relaxed) {
            Upload::AwaitingClient
        } else {
            Upload::Still
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn movement_is_seen_once_and_the_debtor_is_named() {
        let activity = Activity::default();
        assert_eq!(activity.look(), Upload::Still);
        activity.moved();
        activity.awaiting_client();
        assert_eq!(activity.look(), Upload::Moved);
        assert_eq!(activity.look(), Upload::AwaitingClient);
        activity.moved();
        assert_eq!(activity.look(), Upload::Moved);
        assert_eq!(activity.look(), Upload::Still);
    }
}
