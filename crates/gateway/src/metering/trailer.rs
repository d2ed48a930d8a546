//! A response that says behind its end what it cost.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use farthing_money::Amount;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue};
use http_body::Frame;
use http_body_util::BodyExt;

use super::purse::Purse;
use super::report::Unmeasured;
use super::till::Run;
use crate::lifecycle::PAYMENT_RECEIPT;
use crate::proxy::{Body, BodyError};

/// Passes a response on whose price is held in full, and takes of that what its trailers say. Whoever leaves before
/// them does not leave without paying: the rest is read for nobody.
pub(crate) struct TrailerBody<P: Purse> {
    upstream: Option<Body>,
    price: Option<Priced<P>>,
    run: Run,
}

/// What is held, and how to read what of it is taken.
struct Priced<P> {
    purse: P,
    read: Read,
}

type Read = Box<dyn Fn(&mut HeaderMap) -> Result<Amount, Unmeasured> + Send>;

impl<P: Purse> TrailerBody<P> {
    pub(crate) fn new(upstream: Body, purse: P, read: Read, run: Run) -> Self {
        Self { upstream: Some(upstream), price: Some(Priced { purse, read }), run }
    }

    fn see(&mut self, frame: &mut Option<Result<Frame<Bytes>, BodyError>>) {
        if let Some(Ok(frame)) = frame {
            let Some(trailers) = frame.trailers_mut() else { return };
            if let Some(priced) = self.price.take() {
                priced.take(trailers);
            }
            return;
        }
        // No trailers, or a broken answer: nothing is taken.
        if let Some(priced) = self.price.take() {
            match frame {
                Some(Err(error)) => {
                    tracing::warn!(%error, "the upstream broke off before it said what its answer cost");
                }
                _ => priced.take(&mut HeaderMap::new()),
            }
        }
    }
}

impl<P: Purse> Priced<P> {
    fn take(self, trailers: &mut HeaderMap) {
        let Self { mut purse, read } = self;
        match read(trailers) {
            Ok(amount) => purse.deliver(amount, 1),
            Err(reason) => tracing::error!(%reason, "an answer went out unmeasured, so nothing is charged for it"),
        }
        if let Ok(value) = HeaderValue::try_from(purse.receipt().to_header()) {
            trailers.insert(PAYMENT_RECEIPT, value);
        }
    }
}

impl<P: Purse> http_body::Body for TrailerBody<P> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let Some(upstream) = &mut this.upstream else { return Poll::Ready(None) };
        let mut frame = ready!(Pin::new(upstream).poll_frame(context));
        this.see(&mut frame);
        Poll::Ready(frame)
    }
}

impl<P: Purse> Drop for TrailerBody<P> {
    fn drop(&mut self) {
        let (Some(mut upstream), Some(priced)) = (self.upstream.take(), self.price.take()) else { return };
        (self.run)(
            async move {
                while let Some(Ok(mut frame)) = upstream.frame().await {
                    if let Some(trailers) = frame.trailers_mut() {
                        return priced.take(trailers);
                    }
                }
            }
            .boxed(),
        );
    }
}
