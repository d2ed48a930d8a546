//! What a gateway is told to do, read once and refused whole when any of it makes no sense.

mod error;
mod file;
mod flags;
mod keeping;
mod meter;
mod pattern;
mod quantity;
mod rails;
mod read;
mod secret;
mod session;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use farthing_money::Price;
use farthing_protocol::{BindingSecret, Realm};
use farthing_store::Location;
use secrecy::SecretString;

pub use error::{ConfigError, Mistake, Place};
pub use flags::Flags;
pub use keeping::Keeping;
pub(crate) use keeping::{MAX_UNSETTLED, MAX_UNSETTLED_PER_PAYER, SETTLE_AMOUNT};
pub use meter::{Meter, Reading, Tokens};
pub use pattern::{Methods, Pattern};
pub use rails::{FundingFactory, RailContext, RailFactory, SignerFactory};
pub use session::SessionConfig;

/// Looks up a variable of the environment. The program hands it down, so that nothing here reads
/// the process's own environment behind its back.
pub type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// A whole configuration, checked as far as it can be without building the payment methods.
pub struct Config {
    /// Where it came from, to load it again.
    pub source: Source,
    /// Where clients connect.
    pub listen: SocketAddr,
    /// Where operators connect.
    pub admin: Option<SocketAddr>,
    /// What operators must present off loopback.
    pub admin_token: Option<SecretString>,
    /// The realm of every challenge.
    pub realm: Realm,
    /// What clients see, for the discovery document.
    pub public_url: Option<String>,
    /// TLS to terminate here.
    pub tls: Option<TlsFiles>,
    /// Binds challenges.
    pub secret: BindingSecret,
    /// Still accepted after a rotation.
    pub previous_secret: Option<BindingSecret>,
    /// Where the books are.
    pub store: Location,
    /// What a file of this configuration is beside.
    pub folder: PathBuf,
    /// Allows plain HTTP beyond loopback, grants and simulated rails.
    pub development: bool,
    /// Bodies up to so many bytes are bound to their challenge by a digest.
    pub digest_body: usize,
    /// How long a stopping gateway waits for requests under way.
    pub drain: Duration,
    /// How often the rails' own statements are read and matched with the payments.
    pub reconcile: Duration,
    /// How long payments that are over are kept; for ever where nothing is said.
    pub keep: Option<Duration>,
    /// The key that signs what is offered to x402 clients, and what they paid.
    pub offer_signer: Option<SignerConfig>,
    /// The payment methods' own tables.
    pub rails: Vec<RailConfig>,
    /// The routes, in the order of the file.
    pub routes: Vec<RouteConfig>,
}

/// Where a configuration came from.
#[derive(Clone)]
pub enum Source {
    /// A file, which can be loaded again.
    File {
        /// Its path.
        path: PathBuf,
        /// Where its secrets are looked up.
        environment: Environment,
    },
    /// Command-line flags or a test; cannot be loaded again.
    Fixed,
}

impl Source {
    /// What errors call it.
    pub fn name(&self) -> String {
        match self {
            Self::File { path, .. } => path.display().to_string(),
            Self::Fixed => "flags".to_owned(),
        }
    }
}

/// Certificate and key in PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate chain.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// A key, as `[gateway]` names it.
#[derive(Clone, Debug)]
pub struct SignerConfig {
    /// What stands there; only the [`SignerFactory`] knows what it means.
    pub value: toml::Value,
    /// Where it stands.
    pub place: Place,
}

/// One `[rails.NAME]` table.
#[derive(Clone, Debug)]
pub struct RailConfig {
    /// NAME.
    pub name: String,
    /// The payment method: `method` of the table, or NAME.
    pub method: String,
    /// What else stands in it; only the method knows what it means.
    pub table: toml::Table,
    /// How its sessions are looked after: its `sessions`.
    pub keeping: Keeping,
    /// Where it stands.
    pub place: Place,
}

/// One `[[route]]`.
#[derive(Clone, Debug)]
pub struct RouteConfig {
    /// What it answers. Its text is the route's name in books, logs and metrics.
    pub pattern: Pattern,
    /// Only for this host, in lower case.
    pub host: Option<String>,
    /// Where it is answered: the origin of an HTTP server.
    pub upstream: String,
    /// What it costs, or nothing for a free route.
    pub price: Option<Price>,
    /// Whether a payment method may be expected to cost more than the price.
    pub allow_loss: bool,
    /// The `rail/intent` pairs accepted, in the seller's order.
    pub accept: Vec<Accept>,
    /// Shown to people.
    pub description: Option<String>,
    /// The seller's own name of what is sold: in challenges, and in receipts of what they sold.
    pub reference: Option<String>,
    /// How long the upstream may take until its response begins.
    pub timeout: Duration,
    /// How long a rail may take to settle; beyond it, the outcome is unknown. By default what the
    /// payment method needs.
    pub settle_timeout: Option<Duration>,
    /// The largest request body.
    pub max_body: u64,
    /// How long a payment that was not delivered may be presented again before it is paid back.
    pub entitlement: Duration,
    /// The largest response that is kept to answer a retry under the same `Idempotency-Key`.
    pub idempotency_body: usize,
    /// Whether payments of version 1 of x402 are taken too, and their price list stands in the body of a 402.
    pub x402_v1: bool,
    /// Whether x402 payments must carry an identifier, under which a retry is answered as the first time.
    pub payment_identifier_required: bool,
    /// What is counted of a response. By payment methods that take what was used, the price is the most that is
    /// taken; a session pays as it goes.
    pub meter: Option<Meter>,
    /// What it says about being paid for by sessions.
    pub session: SessionConfig,
    /// Where it stands.
    pub place: Place,
}

/// A payment method that a route accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accept {
    /// The name of a `[rails.NAME]` table, or a payment method: then every table of that method.
    pub rail: String,
    /// The intent.
    pub intent: String,
    /// Where it stands.
    pub place: Place,
}

impl Config {
    /// Reads a file.
    pub fn load(path: &Path, environment: Environment) -> Result<Self, ConfigError> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|reason| {
            Place { file: file.clone(), line: None }.refuses(Mistake::Unreadable(reason.to_string()))
        })?;
        let source = Source::File { path: path.to_owned(), environment: environment.clone() };
        let directory = path.parent().unwrap_or(Path::new("."));
        read::read(&text, &file, directory, source, environment.as_ref())
    }

    /// Reads a text. `file` is what errors call it, `directory` where its relative paths begin.
    pub fn from_text(
        text: &str,
        file: &str,
        directory: &Path,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        read::read(text, file, directory, Source::Fixed, environment)
    }

    /// The folder of what this process keeps for itself: that of the books, or of the configuration where the books
    /// are on a server.
    pub fn data(&self) -> &Path {
        match self.store.file().map_or(Some(self.folder.as_path()), Path::parent) {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }

    /// Loads the same source again.
    pub fn reload(source: &Source) -> Result<Self, ConfigError> {
        match source {
            Source::File { path, environment } => Self::load(path, environment.clone()),
            Source::Fixed => {
                Err(Place { file: "flags".to_owned(), line: None }.refuses(Mistake::NeedsRestart("flags")))
            }
        }
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Config")
            .field("listen", &self.listen)
            .field("admin", &self.admin)
            .field("realm", &self.realm)
            .field("store", &self.store)
            .field("development", &self.development)
            .field("routes", &self.routes)
            .finish_non_exhaustive()
    }
}
