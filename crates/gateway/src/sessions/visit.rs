//! Whether a request is there to be served, or only to bring something for a session.

use farthing_rail::SessionAction;
use http::Method;

use crate::lifecycle::Head;
use crate::proxy::Body;

/// What a request with a session's credential wants beside what the credential says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Visit {
    /// To be served, and to pay for that from the session.
    Request,
    /// To begin a stream, which pays as it goes.
    Stream,
    /// Nothing: a `POST` without a body brings a voucher or a deposit, whatever the route's methods are, and `HEAD`
    /// never runs what `GET` does.
    Management,
}

impl Visit {
    pub(super) fn of(head: &Head, body: &Body) -> Self {
        let is_empty = http_body::Body::is_end_stream(body);
        match head.parts.method {
            Method::HEAD => Self::Management,
            Method::POST if is_empty => Self::Management,
            _ => Self::Request,
        }
    }

    /// Topping up and closing pay for nothing, whatever carries them.
    pub(super) fn with(self, action: &SessionAction) -> Self {
        match action {
            SessionAction::TopUp(_) | SessionAction::Close(_) => Self::Management,
            SessionAction::Open(_) | SessionAction::Voucher(_) => self,
        }
    }
}
