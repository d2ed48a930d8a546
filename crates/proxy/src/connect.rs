//! Tunnels: what comes out of one is read here, so that it can be paid for.

mod prefixed;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use farthing_serve::{Peer, Speaks, serve_connection};
use http::header::PROXY_AUTHORIZATION;
use http::{HeaderMap, Request, Response};
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use rustls::server::Acceptor;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use url::Host;

use self::prefixed::Prefixed;
use crate::Refusal;
use crate::body::Body;
use crate::exchange::exchange;
use crate::proxy::Shared;
use crate::target::Server;

/// How a TLS client begins.
const HANDSHAKE: u8 = 0x16;
/// How long a server of a joined tunnel may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// One tunnel whose contents are read.
struct Tunnel {
    shared: Arc<Shared>,
    server: Server,
    /// By which each request in it is admitted: a token that is revoked ends an open tunnel too.
    credential: HeaderMap,
    peer: Peer,
}

/// Answers a `CONNECT`.
pub(crate) async fn open(
    shared: &Arc<Shared>,
    mut request: Request<Incoming>,
    peer: Peer,
) -> Result<Response<Body>, Refusal> {
    shared.agents.admit(request.headers()).await?;
    let server = Server::of_connect(request.uri())?;
    if !shared.reach.is_open(&server.host, server.port) {
        return Err(Refusal::Port { port: server.port });
    }
    shared.reach.of_host(&server.host, server.port)?;
    let client = hyper::upgrade::on(&mut request);
    if shared.reach.is_tunnelled(&server.host, server.port) {
        let stream = dial(shared, &server).await?;
        tokio::spawn(async move { said(join(client, stream).await.map(drop)) });
        return Ok(Response::new(Body::empty()));
    }
    let mut credential = HeaderMap::new();
    for value in request.headers().get_all(PROXY_AUTHORIZATION) {
        credential.append(PROXY_AUTHORIZATION, value.clone());
    }
    let tunnel = Tunnel { shared: Arc::clone(shared), server, credential, peer };
    tokio::spawn(async move { said(tunnel.run(client).await) });
    Ok(Response::new(Body::empty()))
}

impl Tunnel {
    async fn run(self, client: OnUpgrade) -> io::Result<()> {
        let head_timeout = self.shared.limits.clients.head_timeout;
        let opened = async {
            let mut stream = TokioIo::new(client.await.map_err(io::Error::other)?);
            let first = stream.read_u8().await?;
            Ok::<_, io::Error>((first, Prefixed::new(first, stream)))
        };
        let (first, stream) = tokio::time::timeout(head_timeout, opened).await??;
        if first != HANDSHAKE {
            // Some programs tunnel what they could ask for plainly.
            return self.serve(stream, Speaks::Http1, false).await;
        }
        let stream = tokio::time::timeout(head_timeout, self.end_tls(stream)).await??;
        let speaks = if stream.get_ref().1.alpn_protocol() == Some(b"h2") { Speaks::Http2 } else { Speaks::Http1 };
        self.serve(stream, speaks, true).await
    }

    /// Shakes hands as the server that the tunnel leads to, and as no other.
    async fn end_tls(
        &self,
        stream: Prefixed<TokioIo<Upgraded>>,
    ) -> io::Result<tokio_rustls::server::TlsStream<Prefixed<TokioIo<Upgraded>>>> {
        let handshake = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let named = handshake.client_hello().server_name().map(str::to_ascii_lowercase);
        let host = match &self.server.host {
            Host::Domain(name) => name.clone(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        if named.is_some_and(|named| named.trim_end_matches('.') != host.trim_end_matches('.')) {
            return Err(io::Error::other("the TLS client names another server than the tunnel"));
        }
        let config = self.shared.authority.server_config(&host).map_err(io::Error::other)?;
        handshake.into_stream(config).await
    }

    async fn serve(
        self,
        stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
        speaks: Speaks,
        is_tls: bool,
    ) -> io::Result<()> {
        let (limits, draining) = (self.shared.limits.clients, self.shared.draining.subscribe());
        let peer = Peer::new(self.peer.address(), is_tls);
        let tunnel = Arc::new(self);
        let service = move |request: Request<Incoming>, _: Peer| {
            let tunnel = Arc::clone(&tunnel);
            async move { tunnel.answer(request, is_tls).await.unwrap_or_else(|refusal| refusal.answer()) }
        };
        serve_connection(stream, speaks, peer, limits, service, draining).await.map_err(io::Error::other)
    }

    async fn answer(&self, request: Request<Incoming>, is_tls: bool) -> Result<Response<Body>, Refusal> {
        let scheme = if is_tls { "https" } else { "http" };
        let agent = self.shared.agents.admit(&self.credential).await?;
        let url = self.server.url(scheme, request.uri(), request.headers())?;
        exchange(&self.shared, &agent, request, url).await
    }
}

/// Connects to a server whose tunnel is joined as it is, at an address that was looked at.
async fn dial(shared: &Shared, server: &Server) -> Result<TcpStream, Refusal> {
    let addresses = shared.reach.addresses(&server.host, server.port, &shared.names).await?;
    let connected = tokio::time::timeout(PATIENCE, TcpStream::connect(addresses.as_slice())).await;
    let connected = connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    connected.map_err(|error| Refusal::Unreachable { reason: error.to_string() })
}

async fn join(client: OnUpgrade, mut server: TcpStream) -> io::Result<(u64, u64)> {
    server.set_nodelay(true)?;
    let mut client = TokioIo::new(client.await.map_err(io::Error::other)?);
    tokio::io::copy_bidirectional(&mut client, &mut server).await
}

fn said(ended: io::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a tunnel ended early");
    }
}
