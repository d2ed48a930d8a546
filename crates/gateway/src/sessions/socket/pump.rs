//! An upstream's messages on their way to a client, as far as they are paid for.

use std::convert::Infallible;
use std::future::poll_fn;
use std::time::Duration;

use farthing_protocol::Receipt;
use farthing_protocol::stream::Frame;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc::Receiver;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::line::{Gone, Line};
use super::{Socket, socket};
use crate::lifecycle::Head;
use crate::metering::{Counter, News, Till};
use crate::proxy::Body;
use crate::route::SharedRoute;
use crate::sessions::purse::SessionPurse;

/// One stream.
pub(super) struct Pump {
    pub(super) till: Till<SessionPurse>,
    /// Nothing where the whole stream is one unit.
    pub(super) counter: Option<Counter>,
    pub(super) line: Line,
    /// Set when the client wants no more.
    pub(super) stop: watch::Receiver<bool>,
    /// How long it waits for a voucher.
    pub(super) pause: Duration,
}

/// What a stream is asked of.
pub(super) struct Source {
    pub(super) route: SharedRoute,
    pub(super) head: Head,
    /// What the client says to the upstream.
    pub(super) others: Receiver<Message>,
}

/// How a stream ended.
pub(super) struct Ended {
    pub(super) why: Why,
    /// The last receipt.
    pub(super) receipt: Option<Receipt>,
}

/// Why a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// The upstream has said everything.
    Whole,
    /// The upstream was not there, or broke off.
    Broken,
    /// No voucher came in time, or there will be none.
    Unpaid,
    /// The client wanted no more.
    Stopped,
    /// The client has gone.
    Gone,
}

impl From<Gone> for Why {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl Pump {
    /// Runs to the end of the stream, which has then told what it delivered.
    pub(super) async fn run(mut self, source: Source) -> Ended {
        let why = match self.flow(source).await {
            Ok(never) => match never {},
            Err(why) => why,
        };
        let receipt = poll_fn(|context| self.till.poll_close(context)).await;
        tracing::info!(?why, "a stream ended");
        Ended { why, receipt }
    }

    async fn flow(&mut self, source: Source) -> Result<Infallible, Why> {
        // Nothing is asked of the upstream that is not paid for.
        self.pay(1).await?;
        // Dropped with this, and the upstream's connection with it.
        let mut carrying = JoinSet::new();
        let mut upstream = self.open(source, &mut carrying).await?;
        loop {
            let message = tokio::select! {
                biased;
                () = stopped(&mut self.stop) => return Err(Why::Stopped),
                news = poll_fn(|context| self.till.poll_news(context)) => {
                    self.heed(news).await?;
                    continue;
                }
                message = upstream.next() => message,
            };
            match message {
                Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => self.pass(message).await?,
                Some(Ok(Message::Close(_))) | None => return Err(Why::Whole),
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    tracing::warn!(%error, "the upstream broke off a WebSocket; what went out is charged");
                    return Err(Why::Broken);
                }
            }
        }
    }

    /// Opens the upstream's side, and passes on to it what the client says.
    async fn open(&mut self, source: Source, carrying: &mut JoinSet<()>) -> Result<SplitStream<Socket>, Why> {
        let Source { route, head, others } = source;
        let request = http::Request::from_parts(head.parts, Body::empty());
        let opened = tokio::select! {
            biased;
            () = stopped(&mut self.stop) => return Err(Why::Stopped),
            opened = route.upstream.open_socket(&head.target, &head.peer, request) => opened,
        };
        match opened {
            Ok(upgraded) => {
                route.meters.delivered.increment(1);
                let (sink, stream) = socket(upgraded, Role::Client).await.split();
                carrying.spawn(carry(others, sink));
                if self.counter.is_none() {
                    self.till.owe(1);
                }
                Ok(stream)
            }
            Err(error) => {
                tracing::warn!(%error, upstream = route.upstream.authority(), "the upstream failed");
                Err(Why::Broken)
            }
        }
    }

    /// Passes one message on when it is paid for.
    async fn pass(&mut self, message: Message) -> Result<(), Why> {
        let mut count = 1;
        if let Some(counter) = &mut self.counter {
            let before = counter.count();
            let corrects = match &message {
                Message::Text(text) => counter.take_message(text.as_bytes()),
                other => counter.take_message(&other.clone().into_data()),
            };
            count = counter.count();
            let paid = self.pay(count).await;
            // What the upstream says of what went out before is owed, as far as it is paid for.
            let owed = if corrects { count } else { before };
            self.till.owe_at_most(owed);
            paid?;
        }
        match message {
            Message::Text(text) => self.line.say(&Frame::Message(text.as_str().to_owned())).await?,
            other => self.line.send(other).await?,
        }
        self.till.owe(count);
        Ok(())
    }

    /// Waits until so many are paid for.
    async fn pay(&mut self, count: u64) -> Result<(), Why> {
        let mut over = Instant::now() + self.pause;
        while self.till.paid() < count {
            self.till.hold(count);
            tokio::select! {
                biased;
                () = stopped(&mut self.stop) => return Err(Why::Stopped),
                news = poll_fn(|context| self.till.poll_news(context)) => {
                    if matches!(news, News::Paid(_)) {
                        over = Instant::now() + self.pause;
                    }
                    self.heed(news).await?;
                }
                () = sleep_until(over) => return Err(Why::Unpaid),
            }
        }
        Ok(())
    }

    async fn heed(&mut self, news: News) -> Result<(), Why> {
        match news {
            News::Paid(_) => Ok(()),
            News::Ask(need) => Ok(self.line.say(&Frame::NeedVoucher(need)).await?),
            News::Ended => Err(Why::Unpaid),
        }
    }
}

/// Until the client wants no more, or has gone.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Passes on to the upstream what the client says to it.
async fn carry(mut others: Receiver<Message>, mut upstream: SplitSink<Socket, Message>) {
    while let Some(message) = others.recv().await {
        if upstream.send(message).await.is_err() {
            return;
        }
    }
    let _ = upstream.close().await;
}
