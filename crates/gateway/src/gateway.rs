//! Starting, reloading and stopping a gateway.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use farthing_store::{Books, StoreError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::admin;
use crate::certificate;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, ConfigError, FundingFactory, RailFactory, SignerFactory};
use crate::economics::Economics;
use crate::funding;
use crate::metrics::Metrics;
use crate::proxy::{Dial, Reach};
use crate::pruning;
use crate::reconcile;
use crate::reload::{Fixed, Reloader};
use crate::resolver;
use crate::seller::{Seller, Unfinished};
use crate::senders;
use crate::serve::{Drained, Ended, Limits, Peer, Speaks, serve, serve_connection};
use crate::sessions::keeper;
use crate::signing;
use crate::site::Site;

/// A gateway that is about to start.
pub struct Gateway {
    config: Config,
    rails: RailFactory,
    signers: Option<SignerFactory>,
    fundings: Option<FundingFactory>,
    books: Books,
    clock: Arc<dyn Clock>,
    limits: Limits,
    reach: Reach,
}

/// A gateway that serves. Dropping it stops it without waiting for requests under way;
/// [`Running::shutdown`] waits.
pub struct Running {
    addresses: Addresses,
    reloader: Reloader,
    stop: watch::Sender<bool>,
    public: JoinHandle<Drained>,
    admin: Option<JoinHandle<()>>,
    background: Background,
    unfinished: Unfinished,
    books: Books,
    drain: Duration,
}

/// A gateway without sockets of its own: whoever embeds it brings the connections.
pub struct Embedded {
    seller: Arc<Seller>,
    limits: Limits,
    stop: watch::Sender<bool>,
    background: Background,
    unfinished: Unfinished,
}

/// What goes on beside the requests.
struct Background {
    seller: Arc<Seller>,
    tasks: [JoinHandle<()>; 6],
}

/// Where a gateway really listens; differs from the configuration where that says port 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// For clients.
    pub public: SocketAddr,
    /// For operators.
    pub admin: Option<SocketAddr>,
}

/// Why a gateway did not start. Nothing was served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration cannot be served.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An address is taken or not ours.
    #[error("cannot listen on {address}: {source}; choose another address or stop what uses it")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The books did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The metrics registry could not be made.
    #[error("the metrics cannot be set up: {0}")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
}

impl Gateway {
    /// A gateway of this configuration. `rails` builds the payment methods its `[rails]` tables name.
    pub fn new(config: Config, rails: RailFactory, books: Books) -> Self {
        let (clock, limits) = (Arc::new(SystemClock), Limits::default());
        Self { config, rails, signers: None, fundings: None, books, clock, limits, reach: Reach::default() }
    }

    /// Starts with the defaults of [`Gateway::new`].
    pub async fn start(config: Config, rails: RailFactory, books: Books) -> Result<Running, StartError> {
        Self::new(config, rails, books).run().await
    }

    /// Finds the keys that the configuration names outside of its `[rails]` tables.
    #[must_use]
    pub fn signers(mut self, signers: SignerFactory) -> Self {
        self.signers = Some(signers);
        self
    }

    /// Builds the accounts that fund balances.
    #[must_use]
    pub fn fundings(mut self, fundings: FundingFactory) -> Self {
        self.fundings = Some(fundings);
        self
    }

    /// Tells the time by another clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Bounds clients otherwise.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Reaches https upstreams with these trusted roots.
    #[must_use]
    pub fn upstream_tls(mut self, tls: rustls::ClientConfig) -> Self {
        self.reach.tls = Some(tls);
        self
    }

    /// Reaches upstreams otherwise than over TCP, without TLS.
    #[must_use]
    pub fn dial(mut self, dial: Arc<dyn Dial>) -> Self {
        self.reach.dial = Some(dial);
        self
    }

    /// Recovers what an earlier process left half done, then waits for connections that somebody else opens. There is
    /// no socket, no admin API and no TLS: the configuration's own are left alone.
    pub async fn embed(self) -> Result<Embedded, StartError> {
        let Self { config, rails, signers, fundings, books, clock, limits, reach } = self;
        let drain = config.drain;
        let metrics = Metrics::new()?;
        let (keys, fundings) = (signers.as_ref(), fundings.as_ref());
        let site = Site::prepare(config, &rails, keys, fundings, &metrics, &reach, &books.licence())?;
        let (seller, unfinished) = Seller::new(site, books, clock, metrics);
        resolver::recover(&seller).await?;
        senders::take(&seller).await?;
        let again = signing::sign(&seller).await;
        let (stop, stopping) = watch::channel(false);
        let background = Background::start(&seller, again, &stopping);
        Ok(Embedded { seller, limits: Limits { drain, ..limits }, stop, background, unfinished })
    }

    /// Recovers what an earlier process left half done, then serves.
    pub async fn run(self) -> Result<Running, StartError> {
        let Self { config, rails, signers, fundings, books, clock, limits, reach } = self;
        let certificate = certificate::load(&config)?;
        let (listen, admin_address) = (config.listen, config.admin);
        let (drain, development) = (config.drain, config.development);
        let admin_token = config.admin_token.clone();
        let metrics = Metrics::new()?;
        let (again_by, shown) = (reach.clone(), certificate.clone());
        let fixed = Fixed::of(&config, Arc::clone(&rails), signers.clone(), fundings.clone(), again_by, shown);
        let data = config.data().to_owned();
        let (keys, fundings) = (signers.as_ref(), fundings.as_ref());
        let site = Site::prepare(config, &rails, keys, fundings, &metrics, &reach, &books.licence())?;
        let (seller, unfinished) = Seller::new(site, books.clone(), clock, metrics);
        resolver::recover(&seller).await?;
        senders::take(&seller).await?;
        let listener = bind(listen).await?;
        let admin_listener = match admin_address {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        let addresses = Addresses {
            public: listener.local_addr().map_err(|source| StartError::Listen { address: listen, source })?,
            admin: admin_listener.as_ref().and_then(|listener| listener.local_addr().ok()),
        };
        let again = signing::sign(&seller).await;
        let reloader = fixed.for_seller(Arc::clone(&seller));
        let (stop, stopping) = watch::channel(false);
        let admin = admin_listener.map(|listener| {
            let admin = admin::Admin::new(Arc::clone(&seller), reloader.clone(), admin_token, development, data);
            tokio::spawn(admin::serve(admin, listener, stopped(stopping.clone())))
        });
        let background = Background::start(&seller, again, &stopping);
        let service = move |request, peer: Peer| {
            let seller = Arc::clone(&seller);
            async move { crate::handler::answer(&seller, request, peer).await }
        };
        let limits = Limits { drain, ..limits };
        let public = tokio::spawn(serve(listener, certificate, limits, service, stopped(stopping)));
        tracing::info!(listen = %addresses.public, admin = addresses.admin.map(tracing::field::display), development, "the gateway serves");
        Ok(Running { addresses, reloader, stop, public, admin, background, unfinished, books, drain })
    }
}

impl Running {
    /// Where it listens.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Loads the configuration again; see [`Reloader::reload`].
    pub fn reloader(&self) -> &Reloader {
        &self.reloader
    }

    /// The books it keeps.
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// What every price leaves, as it stands after the last reload.
    pub fn economics(&self) -> Economics {
        self.reloader.economics()
    }

    /// Stops accepting, lets requests and payments under way finish within the configured time,
    /// and returns how many connections were cut. The books stay open.
    pub async fn shutdown(self) -> Drained {
        self.stop.send_replace(true);
        let (drained, ()) = tokio::join!(self.public, self.background.end());
        let drained = drained.unwrap_or(Drained { cut: 0 });
        if let Some(admin) = self.admin {
            admin.abort();
        }
        // Payments between claim and ledger have no connection to wait for.
        let _ = tokio::time::timeout(self.drain, self.unfinished.finish()).await;
        drained
    }
}

impl Embedded {
    /// Serves one connection until it ends, or until the gateway stops.
    pub async fn serve(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        speaks: Speaks,
        peer: Peer,
    ) -> Ended {
        let (seller, stopping) = (Arc::clone(&self.seller), self.stop.subscribe());
        let service = move |request, peer: Peer| {
            let seller = Arc::clone(&seller);
            async move { crate::handler::answer(&seller, request, peer).await }
        };
        serve_connection(stream, speaks, peer, self.limits, service, stopping).await
    }

    /// Tells connections and background tasks to end, and waits for them and for payments under way, at most as long
    /// as the configuration says.
    pub async fn shutdown(self) {
        self.stop.send_replace(true);
        self.background.end().await;
        let _ = tokio::time::timeout(self.limits.drain, self.unfinished.finish()).await;
    }
}

impl Background {
    fn start(seller: &Arc<Seller>, again: Duration, stopping: &watch::Receiver<bool>) -> Self {
        let (shared, stopping) = (|| Arc::clone(seller), || stopping.clone());
        let tasks = [
            tokio::spawn(resolver::run(shared(), stopping())),
            tokio::spawn(keeper::run(shared(), stopping())),
            tokio::spawn(reconcile::run(shared(), stopping())),
            tokio::spawn(pruning::run(shared(), stopping())),
            tokio::spawn(funding::watch(shared(), stopping())),
            tokio::spawn(signing::run(shared(), again, stopping())),
        ];
        Self { seller: shared(), tasks }
    }

    /// Waits until they have finished what they are at, and leaves the rest to another gateway at once: requests and
    /// streams may take long to drain.
    async fn end(self) {
        for task in self.tasks {
            let _ = task.await;
        }
        self.seller.stand_back().await;
    }
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| StartError::Listen { address, source })
}
