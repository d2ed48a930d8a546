//! Why a request could not be forwarded.

use http::StatusCode;

/// A request that got no usable answer from its upstream.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct ForwardError {
    kind: ForwardErrorKind,
    maybe_seen: bool,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What went wrong, and so what to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ForwardErrorKind {
    /// No connection could be made.
    #[error("the upstream could not be reached; check that it runs and that its address is right")]
    Unreachable,
    /// No connection was made in time.
    #[error("the upstream did not accept a connection in time; check that it runs, or raise its connect time-out")]
    ConnectTimeout,
    /// The request was sent and no answer began in time.
    #[error("the upstream did not begin its answer in time; raise its first-byte time-out if it is slow by nature")]
    FirstByteTimeout,
    /// The connection broke after the request began and before the answer did.
    #[error("the upstream closed the connection before it answered; see its log")]
    BrokenMidway,
    /// The answer is not HTTP, or cannot be passed on safely.
    #[error("the upstream's answer is not valid HTTP; see its log")]
    BadResponse,
    /// The upstream was asked for a WebSocket and does not speak it there.
    #[error("the upstream does not open a WebSocket at this path; check its address and that it speaks WebSocket")]
    NoSocket,
    /// The client went away, or broke its own framing.
    #[error("the client broke off its request")]
    ClientGone,
    /// The client stopped sending its body.
    #[error("the client stopped sending its request; send the whole body without long pauses")]
    ClientStalled,
    /// The request body is larger than the route allows.
    #[error("the request body is larger than the route allows")]
    BodyTooLarge,
}

impl ForwardError {
    pub(super) fn unsent(kind: ForwardErrorKind) -> Self {
        Self { kind, maybe_seen: false, source: None }
    }

    pub(super) fn sent(kind: ForwardErrorKind) -> Self {
        Self { kind, maybe_seen: true, source: None }
    }

    pub(super) fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Sorts a failure of a request that was, at least in part, written. `fault` is the client's, if it is to blame.
    pub(super) fn from_exchange(error: hyper::Error, fault: Option<ForwardErrorKind>) -> Self {
        let upstreams = if error.is_parse() { ForwardErrorKind::BadResponse } else { ForwardErrorKind::BrokenMidway };
        Self::sent(fault.unwrap_or(upstreams)).because(error)
    }

    /// What went wrong.
    pub fn kind(&self) -> ForwardErrorKind {
        self.kind
    }

    /// False only when no byte of the request can have reached the upstream, so that it is safe to send again.
    pub fn upstream_may_have_seen(&self) -> bool {
        self.maybe_seen
    }

    /// The status to answer with.
    pub fn status(&self) -> StatusCode {
        match self.kind {
            ForwardErrorKind::ConnectTimeout | ForwardErrorKind::FirstByteTimeout => StatusCode::GATEWAY_TIMEOUT,
            ForwardErrorKind::ClientGone => StatusCode::BAD_REQUEST,
            ForwardErrorKind::ClientStalled => StatusCode::REQUEST_TIMEOUT,
            ForwardErrorKind::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ForwardErrorKind::Unreachable
            | ForwardErrorKind::BrokenMidway
            | ForwardErrorKind::BadResponse
            | ForwardErrorKind::NoSocket => StatusCode::BAD_GATEWAY,
        }
    }
}
