//! A paid response's body, which closes its payment when it has gone out.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::obligation::Outgoing;
use crate::proxy::{Body, BodyError};

/// Passes a body on. When the upstream breaks off, the payer is entitled to another delivery; when
/// the body ends or the client leaves, the payment is closed.
pub(super) struct PaidBody {
    body: Body,
    outgoing: Option<Outgoing>,
}

impl PaidBody {
    pub(super) fn wrap(body: Body, outgoing: Outgoing) -> Body {
        Body::stream(Self { body, outgoing: Some(outgoing) })
    }
}

impl http_body::Body for PaidBody {
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
