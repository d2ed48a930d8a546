//! A server over TLS whose authority nobody knows, and what speaks to a proxy without a library between.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use farthing_proxy::Reach;
use farthing_serve::{Certificate, Limits, Peer, serve};
use http::{Request, Response, StatusCode};
use http_body::{Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};

use crate::street::Street;

/// Says what it was asked, on `localhost`.
pub(crate) struct Server {
    port: u16,
    pub(crate) authority: CertificateDer<'static>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    served: AtomicU32,
    go_on: Notify,
    let_go_of: Notify,
}

struct Body(UnsyncBoxBody<Bytes, Infallible>);

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self(Full::new(Bytes::from(text)).boxed_unsync())
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.get_mut().0).poll_frame(context)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

/// What a channel sends, as a body.
struct Events(mpsc::Receiver<&'static str>);

impl http_body::Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|event| event.map(|event| Ok(Frame::data(Bytes::from(event)))))
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let own = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        let certificate = Certificate::from_pem(own.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, shared) = (listener.local_addr().unwrap().port(), Arc::<Shared>::default());
        let service = {
            let shared = Arc::clone(&shared);
            move |request: Request<Incoming>, _: Peer| answer(request, Arc::clone(&shared))
        };
        tokio::spawn(serve(listener, Some(certificate), Limits::default(), service, std::future::pending()));
        Self { port, authority: issuer.der().clone(), shared }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn host(&self) -> String {
        format!("localhost:{}", self.port)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.host())
    }

    /// What a proxy needs to go to it.
    pub(crate) fn reach(&self) -> Reach {
        let private = vec![self.host().parse().unwrap()];
        Reach { private, authorities: vec![self.authority.clone()], ..Reach::default() }
    }

    pub(crate) fn served(&self) -> u32 {
        self.shared.served.load(Ordering::SeqCst)
    }

    /// Until nobody reads an endless answer any more.
    pub(crate) async fn is_let_go_of(&self) {
        self.shared.let_go_of.notified().await;
    }

    /// Lets the next event of a stream be sent.
    pub(crate) fn go_on(&self) {
        self.shared.go_on.notify_one();
    }
}

async fn answer(mut request: Request<Incoming>, shared: Arc<Shared>) -> Response<Body> {
    shared.served.fetch_add(1, Ordering::SeqCst);
    let mut response = match request.uri().path() {
        "/events" => Response::new(events(shared)),
        "/endless" => Response::new(endless(shared)),
        // Asked by HEAD alone.
        "/sized" => Response::builder().header("content-length", 5).body(Body::from(String::new())).unwrap(),
        "/socket" => echo(&mut request),
        _ => Response::new(Body::from(told(request).await)),
    };
    response.headers_mut().insert("x-server", "secure".parse().unwrap());
    response
}

/// A WebSocket as far as a proxy sees one: five bytes come back.
fn echo(request: &mut Request<Incoming>) -> Response<Body> {
    let client = hyper::upgrade::on(request);
    tokio::spawn(async move {
        let mut client = TokioIo::new(client.await.unwrap());
        let mut said = [0; 5];
        client.read_exact(&mut said).await.unwrap();
        client.write_all(&said).await.unwrap();
    });
    let mut response = Response::new(Body::from(String::new()));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert("connection", "upgrade".parse().unwrap());
    response.headers_mut().insert("upgrade", "websocket".parse().unwrap());
    response
}

async fn told(request: Request<Incoming>) -> String {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let header = |name: &str| parts.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    serde_json::json!({
        "line": format!("{} {}", parts.method, parts.uri.path_and_query().unwrap()),
        "authorization": header("authorization"),
        "range": header("range"),
        "body": String::from_utf8(body.to_vec()).unwrap(),
    })
    .to_string()
}

/// Events for as long as somebody takes them.
fn endless(shared: Arc<Shared>) -> Body {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        while sender.send("data: more\n\n").await.is_ok() {}
        shared.let_go_of.notify_one();
    });
    Body(Events(receiver).boxed_unsync())
}

/// Two events; the second waits.
fn events(shared: Arc<Shared>) -> Body {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        sender.send("data: one\n\n").await.unwrap();
        shared.go_on.notified().await;
        sender.send("data: two\n\n").await.unwrap();
    });
    Body(Events(receiver).boxed_unsync())
}

/// Sends a `CONNECT`, waits for its answer, sends what comes next, and returns all that came then.
pub(crate) async fn raw(street: &Street, connect: &str, next: &str) -> String {
    let mut stream = TcpStream::connect(street.address).await.unwrap();
    let head = ask(&mut stream, connect).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    stream.write_all(next.as_bytes()).await.unwrap();
    let mut said = Vec::new();
    stream.read_to_end(&mut said).await.unwrap();
    String::from_utf8(said).unwrap()
}

/// Sends something to the proxy and returns the head of the answer.
pub(crate) async fn head(street: &Street, request: &str) -> String {
    ask(&mut TcpStream::connect(street.address).await.unwrap(), request).await
}

async fn ask(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).await.unwrap() == 0 {
            break;
        }
        head.extend_from_slice(&byte);
    }
    String::from_utf8(head).unwrap()
}

/// A TLS connection through the proxy, shaken hands on under this name.
pub(crate) async fn tls(
    street: &Street,
    server: &Server,
    name: &'static str,
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let mut stream = TcpStream::connect(street.address).await.unwrap();
    let head = ask(&mut stream, &format!("CONNECT {0} HTTP/1.1\r\nhost: {0}\r\n\r\n", server.host())).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(street.certificate.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_protocol_versions(rustls::DEFAULT_VERSIONS);
    let config = config.unwrap().with_root_certificates(roots).with_no_client_auth();
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name.try_into().unwrap(), stream).await
}

/// Opens a WebSocket and says five letters; returns what comes back.
pub(crate) async fn echo_over_websocket(street: &Street, server: &Server, word: &str) -> String {
    let mut stream = tls(street, server, "localhost").await.unwrap();
    let request = format!(
        "GET /socket HTTP/1.1\r\nhost: {}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        server.host()
    );
    let head = ask(&mut stream, &request).await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    stream.write_all(word.as_bytes()).await.unwrap();
    let mut said = vec![0; word.len()];
    stream.read_exact(&mut said).await.unwrap();
    String::from_utf8(said).unwrap()
}
