//! One body type for both directions.

use super::activity::Activity;
use super::headers;
use super::pool::Lease;
use crate::serve::Alarm;
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// A request or response body: nothing, bytes, a stream from the client, a stream from the upstream, or any other.
///
/// Streams move one frame at a time and only when the receiver asks, so memory is bounded by a few frames.
pub struct Body {
    source: Source,
    on_end: Option<OnEnd>,
}

enum Source {
    Empty,
    Full(Bytes),
    Client(ClientStream),
    Upstream(UpstreamStream),
    Other(UnsyncBoxBody<Bytes, BodyError>),
}

type OnEnd = Box<dyn FnOnce(Ending) + Send>;

/// How a body ended, told once to the callback given to [`Body::on_end`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Every byte was handed to the receiver's connection.
    Complete,
    /// The sender broke off or the receiver left before the end.
    Broken,
}

/// Why a body stream broke.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// The client sent more than the route allows.
    #[error("the request body is larger than {limit} bytes")]
    TooLarge {
        /// The route's limit in bytes.
        limit: u64,
    },
    /// The client's connection broke, or its framing did.
    #[error("the client broke off the request body")]
    Client(#[source] hyper::Error),
    /// The upstream's connection broke in the middle of its answer.
    #[error("the upstream broke off its answer")]
    Upstream(#[source] hyper::Error),
    /// The upstream sent nothing for too long in the middle of its answer.
    #[error("the upstream sent nothing for {}s", after.as_secs_f32())]
    UpstreamStalled {
        /// The time-out that passed.
        after: Duration,
    },
    /// A body made elsewhere failed.
    #[error("the body broke off")]
    Other(#[source] Box<dyn std::error::Error + Send + Sync>),
}

struct ClientStream {
    incoming: Incoming,
    limit: u64,
    received: u64,
    activity: Option<Arc<Activity>>,
}

struct UpstreamStream {
    incoming: Incoming,
    /// Held until the answer is read to its end; the connection then goes back to the pool.
    lease: Option<Lease>,
    idle: Duration,
    /// Runs from the first unanswered poll on. A slow client does not poll, and its time is not the upstream's.
    stalled: Alarm,
    finished: bool,
}

impl Body {
    /// No bytes.
    pub const fn empty() -> Self {
        Self { source: Source::Empty, on_end: None }
    }

    /// These bytes. For the answer to `HEAD` use [`Body::empty`] and set `Content-Length`.
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let source = if bytes.is_empty() { Source::Empty } else { Source::Full(bytes) };
        Self { source, on_end: None }
    }

    /// What a client sends, up to `limit` bytes; more breaks the stream with [`BodyError::TooLarge`].
    pub fn from_client(incoming: Incoming, limit: Option<u64>) -> Self {
        if incoming.is_end_stream() {
            return Self::empty();
        }
        let limit = limit.unwrap_or(u64::MAX);
        Self { source: Source::Client(ClientStream { incoming, limit, received: 0, activity: None }), on_end: None }
    }

    /// Any other body.
    pub fn stream<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let boxed = body.map_err(|error| BodyError::Other(error.into())).boxed_unsync();
        Self { source: Source::Other(boxed), on_end: None }
    }

    pub(super) fn from_upstream(incoming: Incoming, lease: Option<Lease>, idle: Duration) -> Self {
        let stream = UpstreamStream { incoming, lease, idle, stalled: Alarm::new(idle), finished: false };
        Self { source: Source::Upstream(stream), on_end: None }
    }

    /// Calls `told` exactly once, when the last byte was handed to the receiver's connection or when the body is
    /// dropped before that. Bytes still in the socket's buffer count as handed over. A later call wraps the earlier.
    #[must_use]
    pub fn on_end(mut self, told: impl FnOnce(Ending) + Send + 'static) -> Self {
        self.on_end = Some(match self.on_end.take() {
            None => Box::new(told),
            Some(earlier) => Box::new(move |ending| {
                earlier(ending);
                told(ending);
            }),
        });
        self
    }

    /// The length the client declared, if it is already over its limit.
    pub(super) fn declared_excess(&self) -> Option<u64> {
        match &self.source {
            Source::Client(stream) => {
                let declared = stream.incoming.size_hint().lower();
                (declared > stream.limit).then_some(stream.limit)
            }
            _ => None,
        }
    }

    /// Watches the upload; `None` when there is nothing to upload.
    pub(super) fn watch(&mut self) -> Option<Arc<Activity>> {
        match &mut self.source {
            Source::Client(stream) => Some(Arc::clone(stream.activity.get_or_insert_default())),
            _ => None,
        }
    }

    fn end(&mut self, ending: Ending) {
        if let Some(told) = self.on_end.take() {
            told(ending);
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let frame = match &mut this.source {
            Source::Empty => None,
            Source::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                this.source = Source::Empty;
                Some(Ok(Frame::data(bytes)))
            }
            Source::Client(stream) => ready!(stream.poll_frame(context)),
            Source::Upstream(stream) => ready!(stream.poll_frame(context)),
            Source::Other(body) => ready!(Pin::new(body).poll_frame(context)),
        };
        match &frame {
            Some(Err(_)) => this.end(Ending::Broken),
            None => this.end(Ending::Complete),
            // A receiver that knows the length does not ask again.
            Some(Ok(_)) if this.on_end.is_some() && this.is_end_stream() => this.end(Ending::Complete),
            Some(Ok(_)) => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Empty => true,
            Source::Full(bytes) => bytes.is_empty(),
            Source::Client(stream) => stream.incoming.is_end_stream(),
            Source::Upstream(stream) => stream.finished || stream.incoming.is_end_stream(),
            Source::Other(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Empty => SizeHint::with_exact(0),
            Source::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Source::Client(stream) => stream.incoming.size_hint(),
            Source::Upstream(stream) => stream.incoming.size_hint(),
            Source::Other(body) => body.size_hint(),
        }
    }
}

impl ClientStream {
    fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.incoming).poll_frame(context);
        let frame = polled.map(|frame| frame.map(|frame| self.admit(frame)));
        if let Some(activity) = &self.activity {
            match &frame {
                Poll::Pending => activity.awaiting_client(),
                Poll::Ready(Some(Err(BodyError::TooLarge { .. }))) => activity.too_large(),
                Poll::Ready(Some(Err(_))) => activity.broken(),
                Poll::Ready(_) => activity.moved(),
            }
        }
        frame
    }

    fn admit(&mut self, frame: Result<Frame<Bytes>, hyper::Error>) -> Result<Frame<Bytes>, BodyError> {
        let mut frame = frame.map_err(BodyError::Client)?;
        if let Some(data) = frame.data_ref() {
            self.received = self.received.saturating_add(data.len() as u64);
            if self.received > self.limit {
                return Err(BodyError::TooLarge { limit: self.limit });
            }
        } else if let Some(trailers) = frame.trailers_mut() {
            headers::scrub_trailers(trailers);
        }
        Ok(frame)
    }
}

impl UpstreamStream {
    fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(context) else {
            return self.poll_stalled(context);
        };
        self.stalled.silence();
        let frame = match frame {
            None => {
                self.finished = true;
                None
            }
            Some(Err(error)) => {
                self.lease = None;
                return Poll::Ready(Some(Err(BodyError::Upstream(error))));
            }
            Some(Ok(mut frame)) => {
                if let Some(trailers) = frame.trailers_mut() {
                    headers::scrub_trailers(trailers);
                }
                Some(Ok(frame))
            }
        };
        if (self.finished || self.incoming.is_end_stream())
            && let Some(lease) = self.lease.take()
        {
            lease.give_back();
        }
        Poll::Ready(frame)
    }

    fn poll_stalled(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        ready!(self.stalled.poll(context));
        self.lease = None;
        Poll::Ready(Some(Err(BodyError::UpstreamStalled { after: self.idle })))
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if self.on_end.is_some() {
            let whole = self.is_end_stream();
            self.end(if whole { Ending::Complete } else { Ending::Broken });
        }
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::empty()
    }
}

impl fmt::Debug for Body {
    /// Names the kind and never the content.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.source {
            Source::Empty => "Empty",
            Source::Full(_) => "Full",
            Source::Client(_) => "Client",
            Source::Upstream(_) => "Upstream",
            Source::Other(_) => "Other",
        };
        write!(formatter, "Body::{kind}")
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self::full(text)
    }
}

impl From<Incoming> for Body {
    /// A client's body without a limit.
    fn from(incoming: Incoming) -> Self {
        Self::from_client(incoming, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    fn watched(body: Body) -> (Body, Arc<Mutex<Vec<Ending>>>) {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&seen);
        (body.on_end(move |ending| told.lock().unwrap().push(ending)), seen)
    }

    #[tokio::test]
    async fn the_end_is_told_once() {
        let (body, seen) = watched(Body::full("abc"));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "abc");
        assert_eq!(*seen.lock().unwrap(), [Ending::Complete]);

        let (body, seen) = watched(Body::full("abc"));
        drop(body);
        assert_eq!(*seen.lock().unwrap(), [Ending::Broken]);

        let (body, seen) = watched(Body::empty());
        drop(body);
        assert_eq!(*seen.lock().unwrap(), [Ending::Complete]);
    }

    #[tokio::test]
    async fn a_failing_stream_is_broken() {
        let frames = [Ok(Frame::data(Bytes::from_static(b"a"))), Err(std::io::Error::other("gone"))];
        let stream = http_body_util::StreamBody::new(futures_util::stream::iter(frames));
        let (body, seen) = watched(Body::stream(stream));
        assert!(body.collect().await.is_err());
        assert_eq!(*seen.lock().unwrap(), [Ending::Broken]);
    }
}
