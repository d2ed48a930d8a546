//! From a configuration to a facilitator that serves.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use farthing_protocol::Timestamp;
use farthing_serve::{Certificate, Drained, Limits, Peer, serve};
use http::Request;
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::callers::Callers;
use crate::config::{Config, ConfigError};
use crate::desk::{Clock, Desk};
use crate::http::Site;
use crate::meters::Meters;
use crate::register::{Register, RegisterError};
use crate::{ChainContext, ChainFactory, Kind};

/// The register's name in the data folder.
const REGISTER: &str = "facilitator.db";
/// How often histograms are emptied into their buckets, and chains looked after.
const UPKEEP: Duration = Duration::from_secs(10);
/// A facilitator's requests have small heads.
const HEAD_BYTES: usize = 16 * 1024;

/// A facilitator that does not serve yet.
pub struct Facilitator {
    config: Config,
    chains: ChainFactory,
    now: Clock,
    limits: Limits,
}

/// Where a facilitator listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// For sellers.
    pub public: SocketAddr,
    /// For operators.
    pub admin: Option<SocketAddr>,
}

/// A facilitator that serves.
pub struct Running {
    addresses: Addresses,
    kinds: Vec<Kind>,
    desk: Arc<Desk>,
    stop: watch::Sender<bool>,
    public: JoinHandle<Drained>,
    beside: Vec<JoinHandle<()>>,
    drain: Duration,
}

/// Why a facilitator does not start.
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
    /// The data folder cannot be used.
    #[error("{path}: {reason}; choose another data folder")]
    Data {
        /// The folder, the register or a file of TLS.
        path: String,
        /// Why.
        reason: String,
    },
    /// The metrics registry could not be made.
    #[error("the metrics cannot be set up: {0}")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
}

impl Facilitator {
    /// A facilitator of this configuration. `chains` builds what its `[chains]` tables name.
    pub fn new(config: Config, chains: ChainFactory, now: Arc<dyn Fn() -> Timestamp + Send + Sync>) -> Self {
        let limits = Limits { head_bytes: HEAD_BYTES, ..Limits::default() };
        Self { config, chains, now, limits }
    }

    /// Bounds clients otherwise.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Serves.
    pub async fn run(self) -> Result<Running, StartError> {
        let Self { config, chains, now, limits } = self;
        let certificate = certificate(&config)?;
        let data = |reason: String| StartError::Data { path: config.data.display().to_string(), reason };
        std::fs::create_dir_all(&config.data).map_err(|error| data(error.to_string()))?;
        let register = Register::open(&config.data.join(REGISTER)).map_err(|RegisterError(reason)| data(reason))?;
        let kinds = kinds(&config, &chains)?;
        let listener = bind(config.listen).await?;
        let admin = match config.admin {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        let addresses = Addresses {
            public: listener.local_addr().map_err(|source| StartError::Listen { address: config.listen, source })?,
            admin: admin.as_ref().and_then(|listener| listener.local_addr().ok()),
        };
        let (flights, catalogue) = (Mutex::default(), config.catalogue);
        let desk = Desk { kinds: kinds.clone(), register, meters: Meters::new()?, now, catalogue, flights };
        let desk = Arc::new(desk);
        let site = Arc::new(Site { desk: Arc::clone(&desk), callers: Callers::new(&config.callers) });
        let (stop, stopping) = watch::channel(false);
        let mut beside = vec![tokio::spawn(upkeep(Arc::clone(&desk)))];
        let limits = Limits { drain: config.drain, ..limits };
        if let Some(listener) = admin {
            let (site, stopping) = (Arc::clone(&site), stopping.clone());
            let service = move |request: Request<Incoming>, _: Peer| std::future::ready(site.answer_operator(&request));
            beside.push(tokio::spawn(async move {
                let _ = serve(listener, None, limits, service, stopped(stopping)).await;
            }));
        }
        let service = move |request: Request<Incoming>, peer: Peer| {
            let site = Arc::clone(&site);
            async move { site.answer(request, peer).await }
        };
        let public = tokio::spawn(serve(listener, certificate, limits, service, stopped(stopping)));
        tracing::info!(listen = %addresses.public, admin = addresses.admin.map(tracing::field::display), "the facilitator serves");
        Ok(Running { addresses, kinds, desk, stop, public, beside, drain: config.drain })
    }
}

impl Running {
    /// Where it listens.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// What it settles.
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// Stops accepting, lets requests and settlements under way finish within the configured time, and
    /// returns how many connections were cut.
    pub async fn shutdown(self) -> Drained {
        self.stop.send_replace(true);
        let drained = self.public.await.unwrap_or(Drained { cut: 0 });
        // Settlements whose sellers left have no connection to wait for.
        let _ = tokio::time::timeout(self.drain, self.desk.finish()).await;
        for task in self.beside {
            task.abort();
            // It holds the register until it is gone.
            let _ = task.await;
        }
        drained
    }
}

fn kinds(config: &Config, chains: &ChainFactory) -> Result<Vec<Kind>, StartError> {
    let mut kinds: Vec<Kind> = Vec::new();
    for chain in &config.chains {
        let context = ChainContext { name: &chain.name, data: &config.data, directory: config.directory() };
        let refused = |reason| ConfigError::Chain { path: config.source.clone(), reason };
        for kind in chains(&chain.table, &context).map_err(refused)? {
            let is_same = |other: &&Kind| other.network == kind.network && other.scheme() == kind.scheme();
            if kinds.iter().find(is_same).is_some() {
                let reason = format!(
                    "[chains.{}] settles {} on {}, as another table does; join the two",
                    chain.name,
                    kind.scheme(),
                    kind.network
                );
                return Err(refused(reason).into());
            }
            kinds.push(kind);
        }
    }
    Ok(kinds)
}

fn certificate(config: &Config) -> Result<Option<Certificate>, StartError> {
    let Some((chain, key)) = &config.tls else { return Ok(None) };
    let read = |path: &std::path::Path| {
        let failed =
            |reason: std::io::Error| StartError::Data { path: path.display().to_string(), reason: reason.to_string() };
        std::fs::read(path).map(zeroize::Zeroizing::new).map_err(failed)
    };
    let certificate = Certificate::from_pem(&read(chain)?, &read(key)?);
    let failed = |reason: farthing_serve::CertificateError| StartError::Data {
        path: chain.display().to_string(),
        reason: reason.to_string(),
    };
    certificate.map(Some).map_err(failed)
}

/// Keeps what is known of the chains fresh, too, so that it is known before somebody needs it.
async fn upkeep(desk: Arc<Desk>) {
    loop {
        for kind in &desk.kinds {
            if let Err(reason) = kind.settler.readiness() {
                tracing::warn!(%reason, network = %kind.network, scheme = kind.scheme(), "payments are not settled");
            }
        }
        tokio::time::sleep(UPKEEP).await;
        desk.meters.upkeep();
    }
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| StartError::Listen { address, source })
}
