//! Streams that are paid for as they go: what was bought goes out, what is asked for meanwhile is signed, and the agent
//! sees one stream without a pause for it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use farthing_money::Price;
use farthing_wallet::client::{Ending, PaidStream, Piece, plain};
use farthing_wallet::{Outcome, WalletName};
use http_body::Frame;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{OwnedRwLockReadGuard, RwLock};

use crate::Tally;
use crate::body::Body;

/// How many pieces wait for an agent; the server waits when there are more.
const WAITING: usize = 4;

/// The streams under way. Whoever takes the lock for writing waits for their end.
pub(crate) type UnderWay = Arc<RwLock<()>>;

/// Where a stream is bought, and by whom.
pub(crate) struct Bought {
    pub(crate) wallet: WalletName,
    pub(crate) origin: String,
    /// What its beginning cost.
    pub(crate) begun_for: Price,
}

/// The body of an answer that is such a stream. What it cost is added to the tally before its end is seen.
pub(crate) async fn body(stream: Box<PaidStream>, bought: Bought, tally: Tally, under_way: &UnderWay) -> Body {
    let (pieces, waiting) = channel(WAITING);
    let pumped = Pumped { waiting, broken: None };
    let under_way = Arc::clone(under_way).read_owned().await;
    tokio::spawn(pump(*stream, bought, tally, pieces, under_way));
    Body::from(reqwest::Body::wrap(pumped))
}

type Sent = Result<Bytes, io::Error>;

async fn pump(
    mut stream: PaidStream,
    bought: Bought,
    tally: Tally,
    pieces: Sender<Sent>,
    _under_way: OwnedRwLockReadGuard<()>,
) {
    let Bought { wallet, origin, begun_for } = bought;
    let ending = loop {
        // An agent that leaves is heard at once, whatever the server does.
        let piece = tokio::select! {
            piece = stream.next() => piece,
            () = pieces.closed() => break stream.stop().await,
        };
        match piece {
            Ok(Piece::Data(data)) => {
                // One that left is heard above.
                let _ = pieces.send(Ok(data.into())).await;
            }
            Ok(Piece::End(ending)) => break Ok(*ending),
            Err(error) => break Err(error),
        }
    };
    let stopped = match ending {
        Ok(Ending { cost, stopped, .. }) => {
            tally.add(&wallet, &origin, cost);
            stopped.map(|outcome| reason(&outcome))
        }
        Err(error) => {
            tally.add(&wallet, &origin, begun_for);
            Some(error.to_string())
        }
    };
    if let Some(reason) = stopped {
        // A comment: programs do not read it, people do. What was cut off does not look whole.
        let _ = pieces.send(Ok(format!(": the proxy ends this stream: {}\n\n", plain(&reason)).into())).await;
        let _ = pieces.send(Err(io::Error::other(reason))).await;
    }
}

/// Why a stream was not paid on, in one sentence.
fn reason(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Refused { sentence, .. }
        | Outcome::Unknown { sentence, .. }
        | Outcome::AwaitsApproval { sentence, .. } => sentence.clone(),
        Outcome::NoOffer { reasons } => reasons.join("; "),
        Outcome::ServerError { response, .. } => format!("the server answered a voucher with {}", response.status()),
        _ => "the server takes no voucher".to_owned(),
    }
}

struct Pumped {
    waiting: Receiver<Sent>,
    broken: Option<io::Error>,
}

impl http_body::Body for Pumped {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.get_mut();
        if let Some(error) = this.broken.take() {
            return Poll::Ready(Some(Err(error)));
        }
        match ready!(this.waiting.poll_recv(context)) {
            Some(Err(error)) => {
                // What was said before goes out while there is nothing to say: an error ends the connection at once.
                this.broken = Some(error);
                context.waker().wake_by_ref();
                Poll::Pending
            }
            piece => Poll::Ready(piece.map(|piece| piece.map(Frame::data))),
        }
    }
}
