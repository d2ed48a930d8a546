//! A gateway without payments between real sockets, upstreams that remember what they were asked, and raw clients.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail loudly")]

use bytes::Bytes;
use farthing_gateway::proxy::{Body, Target, Timeouts, Upstream, Version};
use farthing_gateway::serve::{Certificate, Drained, Limits, Peer, serve};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub type Seen = Arc<Mutex<Vec<String>>>;

pub fn timeouts() -> Timeouts {
    Timeouts {
        connect: Duration::from_secs(1),
        first_byte: Duration::from_millis(300),
        idle: Duration::from_millis(300),
        pooled: Duration::from_secs(2),
    }
}

pub fn upstream_at(address: SocketAddr, version: Version) -> Upstream {
    Upstream::new(&format!("http://{address}").parse().unwrap(), version, timeouts(), None).unwrap()
}

pub struct Gateway {
    pub address: SocketAddr,
    /// `METHOD path` of each request that was forwarded.
    pub forwarded: Seen,
    /// The kind of each [`farthing_gateway::proxy::ForwardError`] and whether the upstream may have seen the request.
    pub failures: Arc<Mutex<Vec<(String, bool)>>>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Drained>,
}

pub struct Settings {
    pub limits: Limits,
    pub body_limit: Option<u64>,
    pub certificate: Option<Certificate>,
}

impl Default for Settings {
    fn default() -> Self {
        let limits = Limits { head_timeout: Duration::from_millis(500), ..Limits::default() };
        Self { limits, body_limit: None, certificate: None }
    }
}

impl Gateway {
    pub async fn start(upstream: Upstream, settings: Settings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (forwarded, failures) = (Seen::default(), Arc::new(Mutex::new(Vec::new())));
        let (seen, failed) = (Arc::clone(&forwarded), Arc::clone(&failures));
        let body_limit = settings.body_limit;
        let service = move |request: Request<Incoming>, peer: Peer| {
            let (upstream, seen, failed) = (upstream.clone(), Arc::clone(&seen), Arc::clone(&failed));
            async move {
                let Ok(target) = Target::read(request.method(), request.uri(), request.headers()) else {
                    return status(StatusCode::BAD_REQUEST);
                };
                seen.lock().unwrap().push(format!("{} {}", request.method(), target.path_and_query()));
                let request = request.map(|incoming| Body::from_client(incoming, body_limit));
                match upstream.forward(&target, &peer, request).await {
                    Ok(response) => response,
                    Err(error) => {
                        let fact = (format!("{:?}", error.kind()), error.upstream_may_have_seen());
                        failed.lock().unwrap().push(fact);
                        status(error.status())
                    }
                }
            }
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(serve(listener, settings.certificate, settings.limits, service, async move {
            drop(stopped.await);
        }));
        Self { address, forwarded, failures, stop, served }
    }

    pub async fn before(upstream: Upstream) -> Self {
        Self::start(upstream, Settings::default()).await
    }

    pub fn failure(&self) -> (String, bool) {
        self.failures.lock().unwrap().last().cloned().expect("a failure")
    }

    pub fn begin_drain(self) -> JoinHandle<Drained> {
        self.stop.send(()).unwrap();
        self.served
    }
}

pub fn status(status: StatusCode) -> Response<Body> {
    Response::builder().status(status).body(Body::empty()).unwrap()
}

/// An upstream on hyper (HTTP/1.1 and HTTP/2) that notes `METHOD path` of each request.
pub async fn hyper_upstream<A>(answer: impl Fn(Request<Incoming>) -> A + Send + Sync + 'static) -> (SocketAddr, Seen)
where
    A: Future<Output = Response<Body>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (seen, answer) = (Seen::default(), Arc::new(answer));
    let noted = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (answer, seen) = (Arc::clone(&answer), Arc::clone(&noted));
            let service = service_fn(move |request: Request<Incoming>| {
                let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
                seen.lock().unwrap().push(format!("{} {path}", request.method()));
                let answered = answer(request);
                async move { Ok::<_, Infallible>(answered.await) }
            });
            let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            tokio::spawn(async move {
                let serving = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
                drop(serving.await);
            });
        }
    });
    (address, seen)
}

/// Answers every request with the body it came with.
/// Sends back what comes over a WebSocket, and answers 204 to anything else.
pub async fn echoing_websocket(mut request: Request<Incoming>) -> Response<Body> {
    if request.headers().get("upgrade").is_none_or(|upgrade| upgrade != "websocket") {
        return status(StatusCode::NO_CONTENT);
    }
    tokio::spawn(async move {
        let mut socket = TokioIo::new(hyper::upgrade::on(&mut request).await.unwrap());
        let mut piece = [0; 64];
        while let Ok(length @ 1..) = socket.read(&mut piece).await {
            socket.write_all(&piece[..length]).await.unwrap();
        }
    });
    let switching = Response::builder().status(101).header("connection", "upgrade").header("upgrade", "websocket");
    switching.header("sec-websocket-accept", "x").body(Body::empty()).unwrap()
}

pub async fn echo(request: Request<Incoming>) -> Response<Body> {
    match request.into_body().collect().await {
        Ok(collected) => Response::new(Body::full(collected.to_bytes())),
        Err(_) => status(StatusCode::BAD_REQUEST),
    }
}

/// An upstream that says these bytes once a request head has arrived, and keeps the connection open.
pub async fn scripted_upstream(answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut seen = Vec::new();
                while !seen.windows(4).any(|end| end == b"\r\n\r\n") {
                    if stream.read_buf(&mut seen).await.unwrap_or(0) == 0 {
                        return;
                    }
                }
                stream.write_all(answer).await.unwrap();
                tokio::time::sleep(Duration::from_secs(20)).await;
            });
        }
    });
    address
}

/// Writes bytes and returns all that comes back until the gateway closes or is silent for 400 ms.
pub async fn raw(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    drop(stream.write_all(bytes).await);
    until_silent(&mut stream).await.0
}

/// What arrives, and whether the other side closed.
pub async fn until_silent(stream: &mut TcpStream) -> (String, bool) {
    let mut received = Vec::new();
    let closed = loop {
        match tokio::time::timeout(Duration::from_millis(400), stream.read_buf(&mut received)).await {
            Err(_) => break false,
            Ok(Ok(0) | Err(_)) => break true,
            Ok(Ok(_)) => {}
        }
    };
    (String::from_utf8_lossy(&received).into_owned(), closed)
}

/// The statuses of the answers in what a raw client received.
pub fn statuses(received: &str) -> Vec<u16> {
    received
        .split("HTTP/1.1 ")
        .skip(1)
        .map(|answer| answer.split_whitespace().next().unwrap().parse().unwrap())
        .collect()
}

pub type Http1 = hyper::client::conn::http1::SendRequest<Body>;
pub type Http2 = hyper::client::conn::http2::SendRequest<Body>;

pub async fn http1(address: SocketAddr) -> Http1 {
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
    tokio::spawn(async move { drop(connection.with_upgrades().await) });
    sender
}

pub async fn http2(address: SocketAddr) -> Http2 {
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(async move { drop(connection.await) });
    sender
}

pub fn get(path: &str) -> Request<Body> {
    Request::builder().uri(path).header("host", "shop.example").body(Body::empty()).unwrap()
}

/// A body fed by hand, one frame at a time.
pub fn fed() -> (tokio::sync::mpsc::Sender<Frame>, Body) {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let frames = futures_util::stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|frame| (frame, receiver))
    });
    (sender, Body::stream(http_body_util::StreamBody::new(frames)))
}

pub type Frame = Result<http_body::Frame<Bytes>, std::io::Error>;

pub fn data(bytes: impl Into<Bytes>) -> Frame {
    Ok(http_body::Frame::data(bytes.into()))
}
