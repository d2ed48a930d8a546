//! Listening for clients: HTTP/1.1 and HTTP/2, in clear text or over TLS, within limits.
//!
//! [`serve`] accepts connections, refuses messages whose framing two readers could understand differently, and calls
//! the service with everything else. Every wait for a client is bounded: for the TLS handshake and each request head
//! by [`Limits::head_timeout`], for a client that does not read by [`Limits::stalled_write`].

mod alarm;
mod connection;
mod framing;
mod gather;
mod limits;
mod peer;
mod scanner;
mod stream;
mod tls;

pub use alarm::Alarm;
pub use connection::{Ended, Speaks};
pub use gather::poll_write_pieces;
pub use limits::Limits;
pub use peer::Peer;
pub use tls::{Certificate, CertificateError};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// What answers requests. Implemented by `Fn(Request<Incoming>, Peer) -> Future<Output = Response<B>>`.
pub trait Service: Send + Sync + 'static {
    /// What answers consist of. A refusal of a message that nobody should read is made from its text.
    type Body: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + From<String> + Send + 'static;

    /// Answers one request. Dropped, unfinished, when the client of an HTTP/1.1 connection or HTTP/2 stream leaves.
    fn answer(&self, request: Request<Incoming>, peer: Peer) -> impl Future<Output = Response<Self::Body>> + Send;
}

impl<F, A, B> Service for F
where
    F: Fn(Request<Incoming>, Peer) -> A + Send + Sync + 'static,
    A: Future<Output = Response<B>> + Send,
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + From<String> + Send + 'static,
{
    type Body = B;

    fn answer(&self, request: Request<Incoming>, peer: Peer) -> impl Future<Output = Response<B>> + Send {
        self(request, peer)
    }
}

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were still busy at [`Limits::drain`] and were cut.
    pub cut: usize,
}

/// Serves until `shutdown` resolves, then stops accepting, lets running exchanges finish for at most
/// [`Limits::drain`], and cuts the rest.
pub async fn serve(
    listener: TcpListener,
    certificate: Option<Certificate>,
    limits: Limits,
    service: impl Service,
    shutdown: impl Future<Output = ()>,
) -> Drained {
    let (drain, draining) = watch::channel(false);
    let shared =
        Arc::new(connection::Shared { service, limits, acceptor: certificate.map(|it| it.acceptor()), draining });
    let places = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &places) => accepted,
        };
        match accepted {
            Ok((stream, address, place)) => {
                let shared = Arc::clone(&shared);
                connections.spawn(async move {
                    connection::run(stream, address, shared).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted; is the limit of open files too low?");
                // Out of file descriptors: give running exchanges time to return some.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    drain.send_replace(true);
    let all_done = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.drain, all_done).await.is_ok() {
        return Drained { cut: 0 };
    }
    let cut = connections.len();
    connections.shutdown().await;
    Drained { cut }
}

/// Serves one connection that somebody else opened, such as what a tunnel carries, within the same limits, until it ends
/// or, after `draining` has become true, its last exchange has.
///
/// # Errors
///
/// What broke the connection off; there is nothing to be done about it.
pub async fn serve_connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    speaks: Speaks,
    peer: Peer,
    limits: Limits,
    service: impl Service,
    draining: watch::Receiver<bool>,
) -> Ended {
    let shared = Arc::new(connection::Shared { service, limits, acceptor: None, draining });
    connection::speak(stream, speaks, peer, shared).await
}

type Accepted = (TcpStream, std::net::SocketAddr, tokio::sync::OwnedSemaphorePermit);

/// Waits for a free place first, so that a flood queues in the kernel and not here.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> io::Result<Accepted> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, address) = listener.accept().await?;
    Ok((stream, address, place))
}
