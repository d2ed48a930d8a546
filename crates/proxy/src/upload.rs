//! What an agent sends along: kept while it is short, so that it can be sent again with a payment.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body as _, Frame};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use crate::Refusal;

/// An upload, as far as it was read.
pub(crate) enum Upload {
    /// All of it.
    Whole(Bytes),
    /// Longer than is kept.
    Long(Through),
}

/// How much room is to be kept for an upload, in bytes: what it says, or as much as is ever kept.
pub(crate) fn room(body: &Incoming, limit: usize) -> u32 {
    let limit = u32::try_from(limit).unwrap_or(u32::MAX);
    body.size_hint().upper().map_or(limit, |length| u32::try_from(length).unwrap_or(limit).min(limit))
}

/// Reads an upload up to a limit. `patience` bounds each wait for the agent.
pub(crate) async fn gather(mut body: Incoming, limit: usize, patience: Duration) -> Result<Upload, Refusal> {
    let mut kept = VecDeque::new();
    let mut length = 0;
    let too_long = |size: &http_body::SizeHint| size.lower() > limit as u64;
    while !too_long(&body.size_hint()) {
        let Ok(frame) = tokio::time::timeout(patience, body.frame()).await else { return Err(Refusal::BrokenOff) };
        let Some(frame) = frame else { return Ok(Upload::Whole(joined(kept, length))) };
        // Trailers of a request are left out, as every proxy may.
        let Ok(data) = frame.map_err(|_| Refusal::BrokenOff)?.into_data() else { continue };
        length += data.len();
        kept.push_back(data);
        if length > limit {
            break;
        }
    }
    Ok(Upload::Long(Through { kept, rest: body }))
}

fn joined(mut pieces: VecDeque<Bytes>, length: usize) -> Bytes {
    if pieces.len() < 2 {
        return pieces.pop_front().unwrap_or_default();
    }
    let mut whole = BytesMut::with_capacity(length);
    pieces.iter().for_each(|piece| whole.extend_from_slice(piece));
    whole.freeze()
}

/// A long upload: what was read of it, then the rest as it comes.
pub(crate) struct Through {
    kept: VecDeque<Bytes>,
    rest: Incoming,
}

impl http_body::Body for Through {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.get_mut();
        match this.kept.pop_front() {
            Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece)))),
            None => Pin::new(&mut this.rest).poll_frame(context),
        }
    }

    fn size_hint(&self) -> http_body::SizeHint {
        let kept = self.kept.iter().map(|piece| piece.len() as u64).sum::<u64>();
        let rest = self.rest.size_hint();
        let mut size = http_body::SizeHint::new();
        size.set_lower(rest.lower().saturating_add(kept));
        if let Some(upper) = rest.upper() {
            size.set_upper(upper.saturating_add(kept));
        }
        size
    }
}
