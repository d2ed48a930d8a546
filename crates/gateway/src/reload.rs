//! Loading the configuration again while requests are served.

use std::net::SocketAddr;
use std::sync::Arc;

use farthing_store::Location;

use crate::certificate;
use crate::config::{Config, ConfigError, FundingFactory, Mistake, Place, RailFactory, SignerFactory, Source};
use crate::economics::Economics;
use crate::proxy::Reach;
use crate::seller::Seller;
use crate::serve::Certificate;
use crate::site::Site;

/// Replaces what a gateway sells, all of it or nothing.
#[derive(Clone)]
pub struct Reloader(Arc<Inner>);

struct Inner {
    seller: Arc<Seller>,
    fixed: Fixed,
}

/// What a reload needs and what it may not change.
pub(crate) struct Fixed {
    source: Source,
    rails: RailFactory,
    signers: Option<SignerFactory>,
    fundings: Option<FundingFactory>,
    reach: Reach,
    certificate: Option<Certificate>,
    listen: SocketAddr,
    admin: Option<SocketAddr>,
    store: Location,
    development: bool,
}

impl Reloader {
    /// What every price leaves.
    pub(crate) fn economics(&self) -> Economics {
        self.0.seller.site.load().economics()
    }

    /// Loads the file again. A mistake in it changes nothing. Requests under way finish with what
    /// they began with; the previous secret keeps challenges alive that were issued before.
    pub async fn reload(&self) -> Result<(), ConfigError> {
        let Inner { seller, fixed } = self.0.as_ref();
        let config = Config::reload(&fixed.source)?;
        fixed.refuse_changes(&config)?;
        let renewal = certificate::renew(fixed.certificate.as_ref(), &config)?;
        let (signers, fundings) = (fixed.signers.as_ref(), fixed.fundings.as_ref());
        let licence = seller.books.licence();
        let site = Site::prepare(config, &fixed.rails, signers, fundings, &seller.metrics, &fixed.reach, &licence)?;
        // Those of before stay this gateway's: its payments under way go on with them.
        if let Err(error) = seller.books.send_from(site.sends_from()).await {
            return Err(Place { file: fixed.source.name(), line: None }.refuses(Mistake::Account(error.to_string())));
        }
        seller.site.store(Arc::new(site));
        seller.replaced.notify_one();
        if let Some(renewal) = renewal {
            renewal.show();
        }
        tracing::info!("the configuration was loaded again");
        Ok(())
    }
}

impl Fixed {
    pub(crate) fn of(
        config: &Config,
        rails: RailFactory,
        signers: Option<SignerFactory>,
        fundings: Option<FundingFactory>,
        reach: Reach,
        certificate: Option<Certificate>,
    ) -> Self {
        Self {
            source: config.source.clone(),
            rails,
            signers,
            fundings,
            reach,
            certificate,
            listen: config.listen,
            admin: config.admin,
            store: config.store.clone(),
            development: config.development,
        }
    }

    pub(crate) fn for_seller(self, seller: Arc<Seller>) -> Reloader {
        Reloader(Arc::new(Inner { seller, fixed: self }))
    }

    fn refuse_changes(&self, new: &Config) -> Result<(), ConfigError> {
        let changed = [
            ("listen", self.listen != new.listen),
            ("admin", self.admin != new.admin),
            ("store", self.store != new.store),
            ("development", self.development != new.development),
        ];
        match changed.into_iter().find(|(_, changed)| *changed) {
            Some((key, _)) => Err(Place { file: new.source.name(), line: None }.refuses(Mistake::NeedsRestart(key))),
            None => Ok(()),
        }
    }
}
