//! What a client wants paid, in the order in which it says so.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use farthing_protocol::Credential;
use farthing_protocol::stream::{CLOSE_NORMAL, CLOSE_POLICY, CLOSE_SERVER_FAILURE, Frame, MOST_QUEUED_FRAMES};
use futures_util::StreamExt;
use futures_util::stream::SplitStream;
use tokio::sync::mpsc::{self, Receiver};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;

use super::Socket;
use super::line::{Gone, Line};
use super::pump::{Ended, Pump, Source, Why};
use super::reader::{Order, read};
use crate::dialect::Spoken;
use crate::lifecycle::{Head, Sale};
use crate::metering::{Account, Counter, Tariff, Till};
use crate::route::SharedRoute;
use crate::seller::Seller;
use crate::sessions::drawing::Drawing;
use crate::sessions::purse::SessionPurse;
use crate::sessions::stop::Refused;
use crate::sessions::visit::Visit;
use crate::sessions::{Bought, buy};

/// How long a client may take for its first frame, and for its last.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long it may take to close its side, once ours is.
const PARTING: Duration = Duration::from_secs(5);
/// So many of a client's own messages wait for the upstream.
const MOST_WAITING_MESSAGES: usize = 32;

/// One socket.
pub(super) struct Front {
    seller: Arc<Seller>,
    route: SharedRoute,
    line: Line,
    socket: Option<SplitStream<Socket>>,
    /// What the upstream is asked with, until it is.
    head: Option<Head>,
    stream: Stream,
}

/// How far the stream is.
enum Stream {
    Before,
    Running { ended: JoinHandle<Ended>, stop: watch::Sender<bool> },
    After,
}

/// Nothing more is to be said.
struct Over;

impl From<Gone> for Over {
    fn from(_: Gone) -> Self {
        Self
    }
}

impl Front {
    pub(super) fn new(seller: Arc<Seller>, route: SharedRoute, head: Head, socket: Socket) -> Self {
        let (sink, stream) = socket.split();
        let line = Line::new(sink);
        Self { seller, route, line, socket: Some(stream), head: Some(head), stream: Stream::Before }
    }

    /// Serves the socket until one side is done.
    pub(super) async fn run(mut self) {
        let Some(socket) = self.socket.take() else { return };
        let (orders, mut ordered) = mpsc::channel(MOST_QUEUED_FRAMES);
        let (others, waiting) = mpsc::channel(MOST_WAITING_MESSAGES);
        let mut reading = tokio::spawn(read(socket, self.line.clone(), orders, others));
        let _ = self.serve(&mut ordered, waiting).await;
        // What went out is told, whatever ended it.
        let _ = self.end().await;
        ordered.close();
        if timeout(PARTING, &mut reading).await.is_err() {
            reading.abort();
        }
    }

    async fn serve(&mut self, ordered: &mut Receiver<Order>, waiting: Receiver<Message>) -> Result<(), Over> {
        let (mut waiting, mut over) = (Some(waiting), Instant::now() + PATIENCE);
        loop {
            let order = tokio::select! {
                order = ordered.recv() => order.ok_or(Over)?,
                ended = self.stream.ended() => {
                    self.tell(ended).await?;
                    over = Instant::now() + PATIENCE;
                    continue;
                }
                () = sleep_until(over), if !matches!(self.stream, Stream::Running { .. }) => {
                    self.time_out().await;
                    return Err(Over);
                }
            };
            match order {
                Order::Authorization(credential) => self.authorize(&credential, &mut waiting).await?,
                Order::Close => {
                    if let Some(ended) = self.end().await {
                        self.tell(ended).await?;
                    }
                    over = Instant::now() + PATIENCE;
                }
            }
        }
    }

    /// Takes a credential; the first one that pays begins the stream.
    async fn authorize(&mut self, credential: &str, waiting: &mut Option<Receiver<Message>>) -> Result<(), Over> {
        let Ok(Some(credential)) = Credential::from_lines([credential.as_bytes()]) else {
            self.line.refuse(400, CLOSE_POLICY, "the credential cannot be read").await;
            return Err(Over);
        };
        let closes = credential.payload().get("action").is_some_and(|action| action == "close");
        if closes {
            // What went out is told before anything is added up.
            let _ = self.end().await;
        }
        let begins = matches!(self.stream, Stream::Before) && !closes;
        let (site, route, seller) = (self.seller.site.load_full(), Arc::clone(&self.route), Arc::clone(&self.seller));
        let Some(paid) = &route.paid else { return Err(Over) };
        let sale = Sale { seller: &seller, site: &site, route: &route, paid, spoken: Spoken::Payment, topped_up: None };
        let visit = if begins { Visit::Stream } else { Visit::Management };
        match buy(sale, visit, &credential, None).await {
            Ok(Bought::Request(drawing)) => {
                self.line.receipt(drawing.receipt(0), Frame::Receipt).await?;
                if let (Some(head), Some(waiting)) = (self.head.take(), waiting.take()) {
                    self.begin(*drawing, head, waiting);
                }
            }
            Ok(Bought::Nothing(managed) | Bought::Again(_, managed)) => {
                self.line.receipt(managed.receipt, Frame::Receipt).await?;
                if closes {
                    self.line.close(CLOSE_NORMAL, "payment session closed").await;
                    return Err(Over);
                }
            }
            Err(stop) => {
                let Refused { status, detail } = stop.into();
                let code = if status.is_server_error() { CLOSE_SERVER_FAILURE } else { CLOSE_POLICY };
                self.line.refuse(status.as_u16(), code, &detail).await;
                return Err(Over);
            }
        }
        Ok(())
    }

    fn begin(&mut self, drawing: Drawing, head: Head, others: Receiver<Message>) {
        let meter = self.route.paid.as_ref().and_then(|paid| paid.meter.as_ref());
        let (terms, per) = (drawing.terms(), meter.map_or(NonZeroU64::MIN, |meter| meter.per));
        let account = Account::new(Tariff::new(terms.unit_price, per), terms.slice, drawing.held());
        let account = if meter.is_some() { account } else { account.without_a_slice() };
        let (stop, stopping) = watch::channel(false);
        let (pause, run) = (terms.pause, drawing.unattended());
        let pump = Pump {
            till: Till::new(SessionPurse::of(drawing), account, run),
            counter: meter.and_then(|meter| Counter::of(&meter.reading)),
            line: self.line.clone(),
            stop: stopping,
            pause,
        };
        let source = Source { route: Arc::clone(&self.route), head, others };
        self.stream = Stream::Running { ended: self.seller.spawn(pump.run(source)), stop };
    }

    /// Ends the stream if it runs.
    async fn end(&mut self) -> Option<Ended> {
        if let Stream::Running { stop, .. } = &self.stream {
            stop.send_replace(true);
        }
        match &self.stream {
            Stream::Running { .. } => Some(self.stream.ended().await),
            _ => None,
        }
    }

    /// Tells how the stream ended. The client may close the session afterwards.
    async fn tell(&mut self, ended: Ended) -> Result<(), Over> {
        let Ended { why, receipt } = ended;
        match (why, receipt) {
            (Why::Gone, _) => Err(Over),
            (Why::Broken, receipt) => {
                if let Some(receipt) = receipt {
                    self.line.receipt(receipt, Frame::Receipt).await?;
                }
                let detail = "The upstream broke off; what it gave is charged.";
                self.line.refuse(502, CLOSE_SERVER_FAILURE, detail).await;
                Err(Over)
            }
            (_, Some(receipt)) => Ok(self.line.receipt(receipt, Frame::CloseReady).await?),
            (_, None) => Err(Over),
        }
    }

    async fn time_out(&self) {
        match &self.stream {
            Stream::After => self.line.close(CLOSE_NORMAL, "").await,
            _ => self.line.refuse(408, CLOSE_POLICY, "no authorization came in time").await,
        }
    }
}

impl Stream {
    /// How it ended, once it has; never while it does not run.
    async fn ended(&mut self) -> Ended {
        let Self::Running { ended, .. } = self else { return std::future::pending().await };
        let outcome = ended.await;
        *self = Self::After;
        outcome.unwrap_or(Ended { why: Why::Broken, receipt: None })
    }
}
