//! Everything that a reload replaces at once.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use farthing_protocol::{Binder, Realm};
use farthing_rail::{FundingAccount, Licence, RecoverableSigner, Settler};

use crate::config::{
    Config, ConfigError, FundingFactory, Mistake, RailConfig, RailContext, RailFactory, SignerConfig, SignerFactory,
};
use crate::discovery::Documents;
use crate::economics::Economics;
use crate::metrics::Metrics;
use crate::proxy::Reach;
use crate::route::{Building, Built, Table, build};
use crate::sessions::SessionRail;

/// What is sold, how it is bound, what is said about it.
pub(crate) struct Site {
    pub(crate) binder: Binder,
    pub(crate) realm: Realm,
    pub(crate) table: Table,
    pub(crate) digest_body: usize,
    pub(crate) documents: Documents,
    /// Every rail that must be asked, with the name of its table, whether or not a route still takes it.
    pub(crate) rails: Vec<(String, Arc<dyn Settler>)>,
    /// Every way in which sessions are taken.
    pub(crate) session_rails: Vec<SessionRail>,
    /// Accounts elsewhere that fund balances.
    pub(crate) fundings: Vec<Arc<dyn FundingAccount>>,
    /// Signs what is offered to x402 clients, and what they paid.
    pub(crate) signer: Option<Arc<dyn RecoverableSigner>>,
    /// How often the rails' statements are read.
    pub(crate) reconcile: Duration,
    /// How long payments that are over are kept.
    pub(crate) keep: Option<Duration>,
}

impl Site {
    /// Prepares a configuration, or says which line of it cannot be served.
    pub(crate) fn prepare(
        config: Config,
        factory: &RailFactory,
        signers: Option<&SignerFactory>,
        fundings: Option<&FundingFactory>,
        metrics: &Metrics,
        reach: &Reach,
        licence: &Licence,
    ) -> Result<Self, ConfigError> {
        let directory = match &config.source {
            crate::config::Source::File { path, .. } => path.parent().unwrap_or(Path::new(".")).to_owned(),
            crate::config::Source::Fixed => PathBuf::from("."),
        };
        let context = RailContext {
            name: "",
            realm: &config.realm,
            public_url: config.public_url.as_deref(),
            development: config.development,
            directory: &directory,
            data: config.data(),
            licence,
        };
        let fundings = funding_accounts(&config.rails, fundings, &context)?;
        let building = Building { rails: &config.rails, routes: &config.routes, context, factory, metrics, reach };
        let Built { table, rails, session_rails } = build(&building)?;
        let signer = config.offer_signer.as_ref().map(|signer| found(signer, signers, &directory)).transpose()?;
        let documents = Documents::describe(&config.realm, config.public_url.as_deref(), table.routes(), &fundings);
        let site = Self {
            binder: Binder::new(config.secret, config.previous_secret),
            realm: config.realm,
            table,
            digest_body: config.digest_body,
            documents,
            rails,
            session_rails,
            fundings,
            signer,
            reconcile: config.reconcile,
            keep: config.keep,
        };
        site.economics().warn();
        Ok(site)
    }

    /// Every account that its rails send from by themselves, each once.
    pub(crate) fn sends_from(&self) -> Vec<String> {
        let accounts: BTreeSet<String> = self.rails.iter().flat_map(|(_, rail)| rail.sends_from()).collect();
        accounts.into_iter().collect()
    }

    /// What every price leaves, in the order of the routes.
    pub(crate) fn economics(&self) -> Economics {
        let paid = self.table.routes().iter().filter_map(|route| route.paid.as_ref());
        Economics { lines: paid.flat_map(|paid| paid.economics.lines.clone()).collect() }
    }
}

/// Every account that funds balances.
fn funding_accounts(
    rails: &[RailConfig],
    factory: Option<&FundingFactory>,
    context: &RailContext<'_>,
) -> Result<Vec<Arc<dyn FundingAccount>>, ConfigError> {
    let Some(factory) = factory else { return Ok(Vec::new()) };
    let mut accounts = Vec::new();
    for rail in rails {
        let context = RailContext { name: &rail.name, ..*context };
        let built = factory(&rail.method, &rail.table, &context);
        let refused = |reason| rail.place.refuses(Mistake::Rail { rail: rail.name.clone(), reason });
        accounts.extend(built.map_err(refused)?);
    }
    Ok(accounts)
}

/// The key that signs offers.
fn found(
    signer: &SignerConfig,
    signers: Option<&SignerFactory>,
    directory: &Path,
) -> Result<Arc<dyn RecoverableSigner>, ConfigError> {
    let unknown = || Err("this program has no keys to sign with; remove it".to_owned());
    let found = signers.map_or_else(unknown, |signers| signers(&signer.value, directory));
    found.map_err(|reason| signer.place.refuses(Mistake::Value { key: "offer_signer", reason }))
}
