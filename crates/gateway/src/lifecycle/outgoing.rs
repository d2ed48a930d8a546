//! A paid response's body, which closes its payment when it has gone out.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use crate::proxy::{Body, BodyError};

/// What is done about a paid response once it has gone out, which is when this is dropped.
pub(crate) trait Delivery: Send + Unpin + 'static {
    /// The upstream broke off in the middle of its answer.
    fn broke_off(self, reason: &str);
}

/// Passes a body on. It is delivered when it ends or the client leaves, and not when the upstream breaks off.
pub(crate) struct PaidBody<D> {
    body: Body,
    outgoing: Option<D>,
}

impl<D: Delivery> PaidBody<D> {
    pub(crate) fn wrap(body: Body, outgoing: D) -> Body {
        Body::stream(Self { body, outgoing: Some(outgoing) })
    }
}

impl<D: Delivery> http_body::Body for PaidBody<D> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        match &frame {
            Some(Err(error)) => {
                if let Some(outgoing) = self.outgoing.take() {
                    outgoing.broke_off(&error.to_string());
                }
            }
            None => drop(self.outgoing.take()),
            Some(Ok(_)) if self.is_end_stream() => drop(self.outgoing.take()),
            Some(Ok(_)) => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        http_body::Body::is_end_stream(&self.body)
    }

    fn size_hint(&self) -> SizeHint {
        http_body::Body::size_hint(&self.body)
    }
}
