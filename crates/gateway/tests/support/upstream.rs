//! An upstream that counts what reaches it and fails when told to.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use http_body::Frame;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What it does with the next request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// 200 and a body that names the hit.
    Serve,
    /// This status.
    Status(u16),
    /// 200 with these headers.
    Headers(Vec<(&'static str, &'static str)>),
    /// This status with these headers.
    Answer(u16, Vec<(&'static str, &'static str)>),
    /// 200 after so many milliseconds.
    Slow(u64),
    /// 200 once it is told to go on.
    When(Arc<Notify>),
    /// Promises a body and breaks off.
    BreakOff,
    /// 200 with this body.
    Body(&'static str),
    /// 200 with a body of so many bytes.
    Large(usize),
    /// 200 with a body that a test feeds piece by piece.
    Feed(Feed),
}

/// The receiving end of a body that a test feeds, with its content type.
#[derive(Clone, Debug)]
pub struct Feed(&'static str, Arc<Mutex<Option<UnboundedReceiver<Piece>>>>);

/// What a test feeds a body with.
#[derive(Clone)]
pub struct Feeder(UnboundedSender<Piece>);

type Piece = Result<Frame<Bytes>, std::io::Error>;

/// A body of this content type, and what feeds it. It ends when the feeder is dropped.
pub fn feed(kind: &'static str) -> (Feeder, Reply) {
    let (feeder, feed) = unbounded_channel();
    (Feeder(feeder), Reply::Feed(Feed(kind, Arc::new(Mutex::new(Some(feed))))))
}

impl Feeder {
    pub fn send(&self, text: &str) {
        self.0.send(Ok(Frame::data(Bytes::copy_from_slice(text.as_bytes())))).unwrap();
    }

    pub fn trailer(&self, name: &'static str, value: &'static str) {
        let trailers = [(HeaderName::from_static(name), HeaderValue::from_static(value))];
        self.0.send(Ok(Frame::trailers(trailers.into_iter().collect()))).unwrap();
    }

    pub fn break_off(&self) {
        self.0.send(Err(std::io::Error::other("broken"))).unwrap();
    }

    /// Waits until nobody reads any more.
    pub async fn abandoned(&self) {
        tokio::time::timeout(Duration::from_secs(10), self.0.closed()).await.expect("somebody still reads");
    }
}

#[derive(Clone)]
pub struct Upstream {
    pub address: SocketAddr,
    state: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    hits: AtomicUsize,
    script: Mutex<VecDeque<Reply>>,
    seen: Mutex<Vec<String>>,
}

impl Upstream {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Inner::default());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&state));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, state }
    }

    /// How many requests reached it.
    pub fn hits(&self) -> usize {
        self.state.hits.load(Ordering::SeqCst)
    }

    /// What it does with the next requests; afterwards it serves.
    pub fn then(&self, replies: impl IntoIterator<Item = Reply>) {
        self.state.script.lock().unwrap().extend(replies);
    }

    /// Method and target of every request.
    pub fn seen(&self) -> Vec<String> {
        self.state.seen.lock().unwrap().clone()
    }
}

async fn answer(State(state): State<Arc<Inner>>, request: Request) -> Response {
    let hit = state.hits.fetch_add(1, Ordering::SeqCst) + 1;
    state.seen.lock().unwrap().push(format!("{} {}", request.method(), request.uri()));
    for name in [
        "payment-signature",
        "x-payment",
        "payment-response",
        "settlement-overrides",
        "payment-authorization",
        "x-http-method-override",
        "accept-payment",
    ] {
        assert!(!request.headers().contains_key(name), "{name} reached the upstream");
    }
    let credential = request.headers().get("authorization").is_some_and(|it| it.as_bytes().starts_with(b"Payment"));
    assert!(!credential, "a credential reached the upstream");
    let reply = state.script.lock().unwrap().pop_front().unwrap_or(Reply::Serve);
    let body = axum::body::to_bytes(request.into_body(), usize::MAX).await.unwrap_or_default();
    let served = || Body::from(format!("hit {hit}, body of {}", body.len()));
    match reply {
        Reply::Serve => Response::new(served()),
        Reply::Status(status) => Response::builder().status(status).body(served()).unwrap(),
        Reply::Headers(headers) => with(200, headers).body(served()).unwrap(),
        Reply::Answer(status, headers) => with(status, headers).body(served()).unwrap(),
        Reply::Slow(millis) => {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            Response::new(served())
        }
        Reply::When(told) => {
            told.notified().await;
            Response::new(served())
        }
        Reply::BreakOff => {
            let half = async { Ok(bytes::Bytes::from_static(b"half of ")) };
            let end = async {
                tokio::time::sleep(Duration::from_millis(50)).await;
                Err(std::io::Error::other("broken"))
            };
            let pieces =
                futures_util::StreamExt::chain(futures_util::stream::once(half), futures_util::stream::once(end));
            Response::new(Body::from_stream(pieces))
        }
        Reply::Body(body) => Response::new(Body::from(body)),
        Reply::Feed(Feed(kind, feed)) => {
            let feed = feed.lock().unwrap().take().unwrap();
            let pieces = futures_util::stream::unfold(feed, async |mut feed| Some((feed.recv().await?, feed)));
            let body = Body::new(http_body_util::StreamBody::new(Box::pin(pieces)));
            Response::builder().header("content-type", kind).header("trailer", "x-cost").body(body).unwrap()
        }
        Reply::Large(length) => Response::new(Body::from(vec![b'x'; length])),
    }
}

fn with(status: u16, headers: Vec<(&'static str, &'static str)>) -> axum::http::response::Builder {
    let response = Response::builder().status(status);
    headers.into_iter().fold(response, |response, (name, value)| response.header(name, value))
}
