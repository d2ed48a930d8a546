//! One client connection, from accept to close.

use super::alarm::ConnectionTimer;
use super::scanner::Scanner;
use super::stream::Guarded;
use super::{Limits, Peer, Service, framing};
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

pub(super) struct Shared<S> {
    pub(super) service: S,
    pub(super) limits: Limits,
    pub(super) acceptor: Option<TlsAcceptor>,
    pub(super) draining: watch::Receiver<bool>,
}

/// How long a client that connected just before the end may take to begin its request.
const LAST_WORD: Duration = Duration::from_millis(500);

/// How an HTTP/2 client without TLS begins.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(super) async fn run<S: Service>(stream: TcpStream, address: SocketAddr, shared: Arc<Shared<S>>) {
    let mut draining = shared.draining.clone();
    let opened = {
        let mut opening = pin!(timeout(shared.limits.head_timeout, open(stream, &shared)));
        tokio::select! {
            opened = &mut opening => opened,
            // What its client sent before it heard of the end may still be on its way.
            () = async { drop(draining.wait_for(|&begun| begun).await) } => match timeout(LAST_WORD, opening).await {
                Ok(opened) => opened,
                Err(_) => return,
            },
        }
    };
    let ended = match opened {
        Ok(Ok(Opened::Clear(stream, version))) => speak(stream, version, Peer::new(address, false), shared).await,
        Ok(Ok(Opened::Encrypted(stream, version))) => speak(*stream, version, Peer::new(address, true), shared).await,
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
    };
    if let Err(error) = ended {
        tracing::debug!(%address, error, "a client connection ended early");
    }
}

/// How a connection ended: with an error, or as both sides wanted.
pub type Ended = Result<(), Box<dyn std::error::Error + Send + Sync>>;

enum Opened {
    Clear(TcpStream, Speaks),
    Encrypted(Box<tokio_rustls::server::TlsStream<TcpStream>>, Speaks),
}

/// The version of HTTP that a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// HTTP/1.1, or 1.0.
    Http1,
    /// HTTP/2, as agreed in a TLS handshake or known beforehand.
    Http2,
}

async fn open<S>(stream: TcpStream, shared: &Shared<S>) -> io::Result<Opened> {
    stream.set_nodelay(true)?;
    let Some(acceptor) = &shared.acceptor else {
        let speaks = recognise(&stream).await?;
        return Ok(Opened::Clear(stream, speaks));
    };
    let stream = acceptor.accept(stream).await?;
    let speaks = if stream.get_ref().1.alpn_protocol() == Some(b"h2") { Speaks::Http2 } else { Speaks::Http1 };
    Ok(Opened::Encrypted(Box::new(stream), speaks))
}

/// Looks at the first bytes without taking them.
async fn recognise(stream: &TcpStream) -> io::Result<Speaks> {
    let mut start = [0; PREFACE.len()];
    loop {
        let length = stream.peek(&mut start).await?;
        let seen = start.get(..length).unwrap_or_default();
        if seen == PREFACE {
            return Ok(Speaks::Http2);
        }
        if seen.is_empty() || !PREFACE.starts_with(seen) {
            return Ok(Speaks::Http1);
        }
        // Part of a preface: the socket stays readable, so waiting for it again would spin.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(super) async fn speak<S: Service>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    speaks: Speaks,
    peer: Peer,
    shared: Arc<Shared<S>>,
) -> Ended {
    let limits = shared.limits;
    let mut draining = shared.draining.clone();
    let scanner = (speaks == Speaks::Http1).then(Scanner::default);
    let ambiguous = scanner.as_ref().map(Scanner::ambiguous).unwrap_or_default();
    let (open, closed) = oneshot::channel();
    let stream = TokioIo::new(Guarded::new(stream, scanner, limits.stalled_write, open));
    let service = service_fn(move |request: Request<Incoming>| {
        let (shared, peer) = (Arc::clone(&shared), peer.clone());
        let framed = framing::check(request.version(), request.headers(), ambiguous.load(Ordering::Relaxed));
        async move {
            if let Err(error) = framed {
                return Ok::<_, Infallible>(framing::refusal(request.version(), error));
            }
            Ok(shared.service.answer(request, peer).await)
        }
    });
    let mut drain = pin!(async move { drop(draining.wait_for(|&begun| begun).await) });
    match speaks {
        Speaks::Http1 => {
            {
                let mut connection = pin!(http1(&limits).serve_connection(stream, service).with_upgrades());
                let finished = tokio::select! {
                    biased;
                    ended = connection.as_mut() => Some(ended),
                    () = &mut drain => None,
                };
                match finished {
                    Some(ended) => ended?,
                    None => {
                        connection.as_mut().graceful_shutdown();
                        connection.await?;
                    }
                }
            }
            // A WebSocket goes on in a task of its own, in this connection's place and with its time to drain.
            let _ = closed.await;
            Ok(())
        }
        Speaks::Http2 => {
            let mut connection = pin!(http2(&limits).serve_connection(stream, service));
            tokio::select! {
                biased;
                ended = connection.as_mut() => return Ok(ended?),
                () = &mut drain => connection.as_mut().graceful_shutdown(),
            }
            Ok(connection.await?)
        }
    }
}

fn http1(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(ConnectionTimer::default())
        .header_read_timeout(limits.head_timeout)
        .max_buf_size(limits.head_bytes.max(8192))
        .max_header_size(limits.head_bytes);
    builder
}

fn http2(limits: &Limits) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        .max_concurrent_streams(limits.streams)
        // Streams a client opens and resets at once are work without an answer; the connection is closed beyond this.
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(256)
        .max_send_buf_size(256 * 1024)
        .adaptive_window(true)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(limits.head_timeout);
    builder
}
