//! A response that is paid for while it goes out.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use farthing_protocol::stream::{Event, SessionReceipt};
use http::{HeaderMap, HeaderValue};
use http_body::{Body as _, Frame};
use tokio::time::Instant;

use super::flow::{Flow, Step};
use super::pause::{Moment, Pause};
use super::purse::Purse;
use super::till::{News, Till};
use crate::lifecycle::PAYMENT_RECEIPT;
use crate::proxy::{Body, BodyError};

/// A body that forwards what is paid for. When what is held runs low it holds more; when there is no more it asks for
/// a voucher, waits so long, and ends. The upstream is read one piece at a time, and only when that can go out.
pub(crate) struct MeteredBody<P: Purse> {
    upstream: Option<Body>,
    flow: Flow,
    till: Till<P>,
    terms: StreamTerms,
    /// Set while nothing can go out for want of money.
    pause: Option<Pin<Box<Pause>>>,
    /// Events of ours that go out next, between the upstream's.
    ours: VecDeque<Bytes>,
    stage: Stage,
    ending: Ending,
    trailers: Option<HeaderMap>,
}

/// How a stream is sold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StreamTerms {
    /// Whether there is room for events of ours: it is a stream of events.
    pub(crate) speaks: bool,
    /// How long it waits for a voucher.
    pub(crate) pause: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Flowing,
    /// Nothing more is sold; the last receipt comes next.
    Closing,
    /// The last receipt is on its way; the upstream's last word may follow.
    Closed,
    /// What went before is being written out, so that an error does not overtake it.
    Flushing,
    Over,
}

/// Why a response ended.
enum Ending {
    /// As it should, or it has not.
    Whole,
    /// There was no voucher in time, or there will be none.
    Unpaid,
    /// The upstream broke off.
    Broken(BodyError),
}

impl<P: Purse> MeteredBody<P> {
    /// A response of which the first part may be held already.
    pub(crate) fn new(upstream: Body, mut flow: Flow, till: Till<P>, terms: StreamTerms) -> Self {
        flow.pay(till.paid());
        Self {
            upstream: Some(upstream),
            flow,
            till,
            terms,
            pause: None,
            ours: VecDeque::new(),
            stage: Stage::Flowing,
            ending: Ending::Whole,
            trailers: None,
        }
    }

    /// Goes on with whatever is being done about the money; its outcome may have something to say.
    fn poll_till(&mut self, context: &mut Context<'_>) {
        while self.stage == Stage::Flowing
            && let Poll::Ready(news) = self.till.poll_news(context)
        {
            match news {
                News::Paid(count) => {
                    self.flow.pay(count);
                    self.pause = None;
                }
                News::Ask(need) if self.terms.speaks => self.say(&Event::NeedVoucher(need)),
                News::Ask(_) => {}
                News::Ended => self.close(Ending::Unpaid),
            }
        }
    }

    /// Nothing goes out before a count of so many is paid for: whether there is something to do about it now.
    fn poll_unpaid(&mut self, count: u64, context: &mut Context<'_>) -> Poll<()> {
        self.till.owe_at_most(self.flow.owed());
        self.till.hold(count);
        self.poll_till(context);
        if self.stage != Stage::Flowing || self.flow.paid() >= count || !self.ours.is_empty() {
            return Poll::Ready(());
        }
        if !self.till.is_waiting() {
            return Poll::Pending;
        }
        let pause = self.terms.pause;
        let pause = self.pause.get_or_insert_with(|| Box::pin(Pause::new(Instant::now(), pause)));
        match ready!(pause.as_mut().poll(context)) {
            Moment::Quiet if self.terms.speaks => {
                self.ours.push_back(Bytes::from_static(b": waiting for a voucher\n\n"));
            }
            Moment::Quiet => {}
            Moment::Over => self.close(Ending::Unpaid),
        }
        Poll::Ready(())
    }

    /// Sells nothing more.
    fn close(&mut self, ending: Ending) {
        if self.stage == Stage::Flowing {
            (self.stage, self.ending, self.pause) = (Stage::Closing, ending, None);
            self.ours.clear();
            if !matches!(self.ending, Ending::Whole) {
                self.upstream = None;
            }
        }
    }

    /// Tells what was delivered in all, and gives the last receipt.
    fn poll_closing(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.till.owe_at_most(self.flow.owed());
        let receipt = ready!(self.till.poll_close(context));
        self.report();
        self.stage = Stage::Closed;
        let Some(receipt) = receipt else { return Poll::Ready(()) };
        if !self.terms.speaks {
            if let Ok(value) = HeaderValue::try_from(receipt.to_header()) {
                self.trailers.get_or_insert_default().insert(PAYMENT_RECEIPT, value);
            }
        } else if let Some(receipt) = SessionReceipt::from_object(receipt.to_object()) {
            self.say(&Event::Receipt(receipt));
        }
        Poll::Ready(())
    }

    /// What the operator should know of it.
    fn report(&self) {
        match &self.ending {
            Ending::Whole if self.flow.is_guess() => {
                tracing::warn!("a model never said how many tokens it used; its events with content were charged");
            }
            Ending::Whole => {}
            Ending::Unpaid => tracing::info!(owed = self.flow.owed(), "a stream ended for want of a voucher"),
            Ending::Broken(error) => {
                tracing::warn!(%error, owed = self.flow.owed(), "the upstream broke off a stream; what went out is charged");
            }
        }
        if self.flow.dropped() > 0 {
            let events = self.flow.dropped();
            tracing::error!(events, "the upstream sent events named as payments are; they went no further");
        }
    }

    fn say(&mut self, event: &Event) {
        self.ours.push_back(Bytes::from(event.to_text()));
    }

    fn poll_upstream(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let frame = match &mut self.upstream {
            Some(upstream) => ready!(Pin::new(upstream).poll_frame(context)),
            None => None,
        };
        match frame {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(chunk) => self.flow.push(chunk),
                Err(frame) => self.trailers = frame.into_trailers().ok(),
            },
            Some(Err(error)) if self.stage == Stage::Flowing => self.close(Ending::Broken(error)),
            Some(Err(_)) => self.upstream = None,
            None if self.upstream.take().is_some() => self.flow.finish(),
            None if self.stage == Stage::Flowing => self.close(Ending::Whole),
            None => self.stage = Stage::Over,
        }
        Poll::Ready(())
    }

    /// The end of it, once everything has gone out.
    fn poll_over(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.stage == Stage::Closed {
            self.stage = Stage::Flushing;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.stage = Stage::Over;
        match std::mem::replace(&mut self.ending, Ending::Whole) {
            Ending::Broken(error) => Poll::Ready(Some(Err(error))),
            Ending::Unpaid if !self.terms.speaks => {
                let reason = "no voucher came in time, so the response ends here";
                Poll::Ready(Some(Err(BodyError::Other(reason.into()))))
            }
            _ => Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers)))),
        }
    }
}

impl<P: Purse> http_body::Body for MeteredBody<P> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        loop {
            this.poll_till(context);
            if this.flow.is_between()
                && let Some(event) = this.ours.pop_front()
            {
                return Poll::Ready(Some(Ok(Frame::data(event))));
            }
            match this.stage {
                Stage::Closing => {
                    ready!(this.poll_closing(context));
                    continue;
                }
                Stage::Closed | Stage::Flushing if !matches!(this.ending, Ending::Whole) => {
                    return this.poll_over(context);
                }
                Stage::Over => return this.poll_over(context),
                Stage::Flowing | Stage::Closed | Stage::Flushing => {}
            }
            match this.flow.next() {
                Ok(Step::Forward(bytes)) => {
                    if this.stage == Stage::Flowing {
                        this.till.owe(this.flow.owed());
                        this.poll_till(context);
                    }
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Ok(Step::Pay(count)) => ready!(this.poll_unpaid(count, context)),
                Ok(Step::LastWord) if this.stage == Stage::Flowing => this.close(Ending::Whole),
                Ok(Step::LastWord) => this.flow.release(),
                Ok(Step::Read) => ready!(this.poll_upstream(context)),
                Err(error) => this.close(Ending::Broken(BodyError::Other(error.into()))),
            }
        }
    }
}

#[cfg(test)]
mod tests;
