//! Which body a challenge is for.
//!
//! A body up to the configured limit is hashed and the hash stands in the challenge. A larger one
//! is not read before it is paid: the scope of its challenge then says that the body is unbound,
//! and a challenge for an unbound body pays for any other body beyond the limit to that same target,
//! at that same price.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use farthing_protocol::BodyDigest;
use http_body::Frame;
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};

use crate::proxy::{Body, BodyError};

/// How long a client may take to send a body that is read before anything else happens.
const PATIENCE: Duration = Duration::from_secs(30);

/// How a request's body is bound to its challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BodyBinding {
    /// There is no body.
    None,
    /// By its digest.
    Digest(BodyDigest),
    /// Not at all: it is too large to be read first.
    Unbound,
}

/// A request's body after its binding was found.
pub(crate) struct Measured {
    pub(crate) binding: BodyBinding,
    /// The whole body again; empty when it was not to be kept.
    pub(crate) body: Body,
}

/// Why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyFailure {
    /// Larger than the route allows.
    TooLarge,
    /// The client was too slow.
    TooSlow,
    /// The client broke off.
    Broken,
}

impl BodyBinding {
    /// The digest for the challenge.
    pub(crate) fn digest(&self) -> Option<&BodyDigest> {
        match self {
            Self::Digest(digest) => Some(digest),
            Self::None | Self::Unbound => None,
        }
    }

    /// The word for the scope.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Digest(_) => "digest",
            Self::Unbound => "unbound",
        }
    }
}

/// Finds how a body is bound, reading at most `limit` bytes of it. What was read is kept for the
/// upstream if `keep` says so, and only hashed otherwise.
pub(crate) async fn measure(mut body: Body, limit: usize, keep: bool) -> Result<Measured, BodyFailure> {
    if http_body::Body::is_end_stream(&body) {
        return Ok(Measured { binding: BodyBinding::None, body: Body::empty() });
    }
    if http_body::Body::size_hint(&body).lower() > limit as u64 {
        return Ok(Measured { binding: BodyBinding::Unbound, body });
    }
    let read = tokio::time::timeout(PATIENCE, read_up_to(&mut body, limit, keep)).await;
    let read = read.map_err(|_| BodyFailure::TooSlow)??;
    Ok(match (read.hash, keep) {
        (None, true) => Measured { binding: BodyBinding::Unbound, body: Body::stream(Rejoined::of(read.frames, body)) },
        (None, false) => Measured { binding: BodyBinding::Unbound, body },
        (Some(_), _) if read.length == 0 => Measured { binding: BodyBinding::None, body: Body::empty() },
        (Some(hash), _) => {
            Measured { binding: BodyBinding::Digest(BodyDigest::from_sha256(hash)), body: whole(read.frames) }
        }
    })
}

struct Read {
    frames: VecDeque<Frame<Bytes>>,
    length: usize,
    /// Nothing when the limit was passed.
    hash: Option<[u8; 32]>,
}

async fn read_up_to(body: &mut Body, limit: usize, keep: bool) -> Result<Read, BodyFailure> {
    let mut hasher = Sha256::new();
    let mut read = Read { frames: VecDeque::new(), length: 0, hash: None };
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| match error {
            BodyError::TooLarge { .. } => BodyFailure::TooLarge,
            _ => BodyFailure::Broken,
        })?;
        if let Some(data) = frame.data_ref() {
            read.length += data.len();
            hasher.update(data);
        }
        if keep {
            read.frames.push_back(frame);
        }
        if read.length > limit {
            return Ok(read);
        }
    }
    read.hash = Some(hasher.finalize().into());
    Ok(read)
}

/// A body of one piece where there are no trailers, so that its length is known.
fn whole(frames: VecDeque<Frame<Bytes>>) -> Body {
    if frames.iter().any(Frame::is_trailers) {
        return Body::stream(Rejoined::of(frames, Body::empty()));
    }
    let mut pieces: Vec<Bytes> = frames.into_iter().filter_map(|frame| frame.into_data().ok()).collect();
    if pieces.len() == 1 {
        return Body::full(pieces.remove(0));
    }
    let mut joined = BytesMut::with_capacity(pieces.iter().map(Bytes::len).sum());
    pieces.iter().for_each(|piece| joined.extend_from_slice(piece));
    Body::full(joined.freeze())
}

/// What was read of a body, and then the rest of it.
pub(crate) struct Rejoined {
    read: VecDeque<Frame<Bytes>>,
    rest: Body,
}

impl Rejoined {
    pub(crate) fn of(read: VecDeque<Frame<Bytes>>, rest: Body) -> Self {
        Self { read, rest }
    }
}

impl http_body::Body for Rejoined {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.read.pop_front() {
            Some(frame) => Poll::Ready(Some(Ok(frame))),
            None => Pin::new(&mut self.rest).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.read.is_empty() && http_body::Body::is_end_stream(&self.rest)
    }
}
