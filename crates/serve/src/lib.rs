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
    let begin = |connections: &mut JoinSet<()>, (stream, address, place): Accepted| {
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            connection::run(stream, address, shared).await;
            drop(place);
        });
    };
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &places) => accepted,
        };
        match accepted {
            Ok(accepted) => begin(&mut connections, accepted),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted; is the limit of open files too low?");
                // Out of file descriptors: give running exchanges time to return some.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
    for accepted in waiting(listener, &places) {
        begin(&mut connections, accepted);
    }
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

/// Those whom the kernel took before the end, and whom it would reset, requests and all; then listens no more.
fn waiting(listener: TcpListener, places: &Arc<Semaphore>) -> Vec<Accepted> {
    let mut found = Vec::new();
    let Ok(listener) = listener.into_std() else { return found };
    while let Ok(place) = Arc::clone(places).try_acquire_owned() {
        let Ok((stream, address)) = listener.accept() else { break };
        if let Ok(stream) = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream)) {
            found.push((stream, address, place));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[tokio::test]
    async fn whoever_connected_before_the_end_is_answered_and_not_reset() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut clients = Vec::new();
        for _ in 0..20 {
            let mut client = TcpStream::connect(address).await.unwrap();
            client.write_all(b"GET / HTTP/1.1\r\nhost: here\r\n\r\n").await.unwrap();
            clients.push(client);
        }
        let service = |_: Request<Incoming>, _: Peer| async { Response::new("answered".to_owned()) };
        let serving = tokio::spawn(serve(listener, None, Limits::default(), service, std::future::ready(())));
        for client in &mut clients {
            let mut answer = String::new();
            client.read_to_string(&mut answer).await.unwrap();
            assert!(answer.ends_with("answered"), "{answer:?}");
        }
        assert_eq!(serving.await.unwrap(), Drained { cut: 0 });
        assert!(TcpStream::connect(address).await.is_err(), "and nobody else gets in");
    }
}
