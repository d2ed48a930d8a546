//! The proxy as a whole.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use farthing_serve::{Drained, Peer, serve};
use farthing_wallet::client::Order;
use farthing_wallet::reach::{Names, PublicOnly, Trust};
use http::{Method, Request, Response};
use hyper::body::Incoming;
use reqwest::redirect;
use rustls::pki_types::CertificateDer;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use crate::body::Body;
use crate::exchange::exchange;
use crate::stream::UnderWay;
use crate::{Agents, Authority, Closer, Reach, Refusal, Tally, connect, target};

/// What agents and servers may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For agents.
    pub clients: farthing_serve::Limits,
    /// The most bytes of an upload that are kept to be sent again with a payment. A longer one is sent through, and not
    /// paid for.
    pub upload_bytes: usize,
    /// The most bytes of all uploads together that are kept at one time; further ones wait.
    pub kept_bytes: usize,
    /// How long an agent may take to send an upload, as far as it is kept.
    pub upload_time: Duration,
    /// How long a server may stay silent.
    pub silence: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let clients = farthing_serve::Limits { connections: 1000, ..farthing_serve::Limits::default() };
        let (upload_bytes, kept_bytes) = (8 * 1024 * 1024, 512 * 1024 * 1024);
        let five_minutes = Duration::from_secs(300);
        Self { clients, upload_bytes, kept_bytes, upload_time: five_minutes, silence: five_minutes }
    }
}

/// A forward proxy that pays.
pub struct Proxy(Arc<Shared>);

/// Why a proxy does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Anybody could spend.
    #[error("on {0}, beyond this machine, agents need credentials; start it without --wallet, and make tokens")]
    Open(SocketAddr),
    /// The listener has no address.
    #[error("the listener has no address: {0}")]
    Listener(std::io::Error),
    /// No HTTP client could be made.
    #[error("no client can be made: {0}")]
    Client(String),
}

pub(crate) struct Shared {
    pub(crate) agents: Agents,
    pub(crate) authority: Authority,
    pub(crate) reach: Reach,
    pub(crate) order: Order,
    pub(crate) limits: Limits,
    pub(crate) tally: Tally,
    pub(crate) clients: Clients,
    pub(crate) names: Names,
    /// Room for uploads, in bytes.
    pub(crate) room: Semaphore,
    pub(crate) under_way: UnderWay,
    pub(crate) draining: watch::Sender<bool>,
}

impl Proxy {
    /// A proxy for these agents. `order` is what is asked of the wallet for each request.
    ///
    /// # Errors
    ///
    /// [`StartError::Client`].
    pub fn new(
        agents: Agents,
        authority: Authority,
        reach: Reach,
        order: Order,
        limits: Limits,
    ) -> Result<Self, StartError> {
        let names = Names::of_this_system();
        let clients = Clients::new(limits.silence, &reach.authorities, &names);
        let clients = clients.map_err(|error| StartError::Client(error.to_string()))?;
        let (tally, draining) = (Tally::default(), watch::channel(false).0);
        let room = Semaphore::new(limits.kept_bytes.max(limits.upload_bytes).min(Semaphore::MAX_PERMITS));
        let under_way = UnderWay::default();
        let shared =
            Shared { agents, authority, reach, order, limits, tally, clients, names, room, under_way, draining };
        Ok(Self(Arc::new(shared)))
    }

    /// What is spent through it.
    pub fn tally(&self) -> Tally {
        self.0.tally.clone()
    }

    /// What ends the sessions of its agents, once it has served.
    pub fn closer(&self) -> Closer {
        Closer(Arc::clone(&self.0))
    }

    /// Serves until `shutdown` resolves, and then until what is under way is done.
    ///
    /// # Errors
    ///
    /// [`StartError::Open`] when requests without a credential are somebody's and come from beyond this machine.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<Drained, StartError> {
        let address = listener.local_addr().map_err(StartError::Listener)?;
        if self.0.agents.has_unnamed() && !address.ip().is_loopback() {
            return Err(StartError::Open(address));
        }
        let shared = Arc::clone(&self.0);
        let service = move |request: Request<Incoming>, peer: Peer| {
            let shared = Arc::clone(&shared);
            async move { shared.answer(request, peer).await.unwrap_or_else(|refusal| refusal.answer()) }
        };
        let shutdown = async {
            shutdown.await;
            self.0.draining.send_replace(true);
        };
        let limits = self.0.limits.clients;
        let drained = serve(listener, None, limits, service, shutdown).await;
        // Streams whose agents left still find out what they cost.
        let _ = tokio::time::timeout(limits.drain, self.0.under_way.write()).await;
        Ok(drained)
    }
}

impl Shared {
    async fn answer(self: &Arc<Self>, request: Request<Incoming>, peer: Peer) -> Result<Response<Body>, Refusal> {
        if request.method() == Method::CONNECT {
            return connect::open(self, request, peer).await;
        }
        let url = target::absolute(request.uri(), request.headers())?;
        let agent = self.agents.admit(request.headers()).await?;
        exchange(self, &agent, request, url).await
    }
}

/// What requests are sent with. None follows redirects, and none asks another proxy.
pub(crate) struct Clients {
    public: Pair,
    listed: Pair,
}

struct Pair {
    requests: reqwest::Client,
    sockets: reqwest::Client,
}

impl Clients {
    fn new(silence: Duration, authorities: &[CertificateDer<'_>], names: &Names) -> Result<Self, reqwest::Error> {
        let authorities: Vec<_> =
            authorities.iter().map(|each| reqwest::Certificate::from_der(each)).collect::<Result<_, _>>()?;
        let builder = || {
            let builder = reqwest::Client::builder().redirect(redirect::Policy::none()).referer(false).no_proxy();
            builder.connect_timeout(Duration::from_secs(10)).tls_certs_merge(authorities.iter().cloned())
        };
        let pair = |builder: &dyn Fn() -> reqwest::ClientBuilder| {
            let requests = builder().read_timeout(silence).build()?;
            Ok::<_, reqwest::Error>(Pair { requests, sockets: builder().http1_only().build()? })
        };
        Ok(Self { public: pair(&|| builder().dns_resolver(PublicOnly(names.clone())))?, listed: pair(&builder)? })
    }

    /// For a request to a server that is trusted so much.
    pub(crate) fn of(&self, trust: Trust) -> &reqwest::Client {
        &self.pair(trust).requests
    }

    /// For one that becomes a WebSocket.
    pub(crate) fn sockets_of(&self, trust: Trust) -> &reqwest::Client {
        &self.pair(trust).sockets
    }

    fn pair(&self, trust: Trust) -> &Pair {
        match trust {
            Trust::Public => &self.public,
            Trust::Listed => &self.listed,
        }
    }
}
