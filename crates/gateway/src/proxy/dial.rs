//! Making a connection to an upstream.

use super::gathered::Gathered;
use super::headers::Upgrading;
use super::hearing::Hearing;
use super::pool::Line;
use super::upstream::{Origin, Version};
use super::{Body, ForwardError, ForwardErrorKind};
use crate::serve::Alarm;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// A connection to an upstream, however it is made.
pub trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Wire for S {}

/// What a [`Dial`] resolves to.
pub type Dialed<'a> = Pin<Box<dyn Future<Output = io::Result<Box<dyn Wire>>> + Send + 'a>>;

/// Makes connections to upstreams otherwise than over TCP. Nothing but a simulation does.
pub trait Dial: Send + Sync {
    /// Connects to a host and port.
    fn dial<'a>(&'a self, host: &'a str, port: u16) -> Dialed<'a>;
}

/// How upstreams are reached.
#[derive(Clone, Default)]
pub struct Reach {
    /// With these trusted roots, where they are https.
    pub tls: Option<rustls::ClientConfig>,
    /// Otherwise than over TCP. TLS is not spoken then.
    pub dial: Option<Arc<dyn Dial>>,
}

impl From<Option<rustls::ClientConfig>> for Reach {
    fn from(tls: Option<rustls::ClientConfig>) -> Self {
        Self { tls, dial: None }
    }
}

pub(super) enum Connection {
    Http1(Line),
    Http2(http2::SendRequest<Body>),
}

/// Resolves, connects, shakes hands; each within the connect time-out.
pub(super) async fn dial(origin: &Origin, upgrading: Upgrading) -> Result<Connection, ForwardError> {
    match tokio::time::timeout(origin.timeouts.connect, connect(origin, upgrading)).await {
        Ok(connected) => connected.map_err(|error| ForwardError::unsent(ForwardErrorKind::Unreachable).because(error)),
        Err(_) => Err(ForwardError::unsent(ForwardErrorKind::ConnectTimeout)),
    }
}

async fn connect(origin: &Origin, upgrading: Upgrading) -> io::Result<Connection> {
    if let Some(other) = &origin.dial {
        let wire = other.0.dial(&origin.host, origin.port).await?;
        return handshake(wire, origin, origin.version == Version::Http2).await;
    }
    let stream = TcpStream::connect((origin.host.as_str(), origin.port)).await?;
    stream.set_nodelay(true)?;
    let Some(tls) = &origin.tls else {
        return handshake(stream, origin, origin.version == Version::Http2).await;
    };
    let connector = match upgrading {
        Upgrading::WebSocket => &tls.http1_connector,
        Upgrading::No => &tls.connector,
    };
    let stream = connector.connect(tls.name.clone(), stream).await?;
    let chose_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    handshake(stream, origin, chose_http2 || origin.version == Version::Http2).await
}

async fn handshake<S>(stream: S, origin: &Origin, speaks_http2: bool) -> io::Result<Connection>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    if speaks_http2 {
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            // Many clients share the connection; one that does not read must not use up the window of all.
            .initial_stream_window_size(1 << 20)
            .initial_connection_window_size(16 << 20)
            .keep_alive_interval(Duration::from_secs(20))
            .handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        // Its errors reach each exchange on it; the task has nothing to add.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Connection::Http2(sender))
    } else {
        let stream = TokioIo::new(Hearing::new(Gathered(stream), origin.timeouts.idle));
        let (sender, connection) = http1::Builder::new().handshake(stream).await.map_err(io::Error::other)?;
        tokio::spawn(async move { drop(connection.with_upgrades().await) });
        Ok(Connection::Http1(Line { sender, first_byte: Alarm::new(origin.timeouts.first_byte) }))
    }
}
