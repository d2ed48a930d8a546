//! A gateway without a file: one upstream, one price, development mode on loopback.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use farthing_money::Price;
use farthing_store::Location;

use super::{
    Accept, Config, ConfigError, Keeping, Mistake, Pattern, Place, RailConfig, RouteConfig, Source, read, secret,
};

/// The flags of a gateway without a file.
#[derive(Clone, Debug)]
pub struct Flags {
    /// Where every request goes.
    pub upstream: String,
    /// What each costs.
    pub price: String,
    /// The payment methods accepted; `balance` when empty.
    pub accept: Vec<String>,
    /// Where clients connect; must be loopback.
    pub listen: SocketAddr,
    /// Where operators connect; must be loopback.
    pub admin: Option<SocketAddr>,
    /// Holds the books and the generated binding secret.
    pub data: PathBuf,
}

impl Config {
    /// A configuration from flags: every path at one price, development mode, the secret generated
    /// and kept in the data directory, readable by its owner only.
    pub fn from_flags(flags: &Flags) -> Result<Self, ConfigError> {
        let place = Place { file: "flags".to_owned(), line: None };
        let price: Price = flags.price.parse().map_err(|reason: farthing_money::PriceError| {
            place.refuses(Mistake::Value { key: "price", reason: reason.to_string() })
        })?;
        if !flags.listen.ip().is_loopback() {
            return Err(place.refuses(Mistake::Cleartext(flags.listen)));
        }
        if let Some(admin) = flags.admin.filter(|admin| !admin.ip().is_loopback()) {
            return Err(place.refuses(Mistake::OpenAdmin(admin)));
        }
        private_directory(&flags.data)
            .map_err(|reason| place.refuses(Mistake::Value { key: "data", reason: reason.to_string() }))?;
        let texts = if flags.accept.is_empty() { &["balance".to_owned()][..] } else { &flags.accept[..] };
        let accept = texts.iter().map(|text| read::accept(text, &place)).collect::<Result<Vec<Accept>, _>>()?;
        let rails = accept.iter().map(|accept| rail_in(&accept.rail, price, &place)).collect();
        let pattern =
            Pattern::parse("* /{*rest}").map_err(|reason| place.refuses(Mistake::Value { key: "match", reason }))?;
        let route = RouteConfig {
            accept,
            price: Some(price),
            upstream: read::upstream(&flags.upstream, &place)?,
            ..RouteConfig::with_defaults(pattern, place.clone())
        };
        Ok(Self {
            source: Source::Fixed,
            listen: flags.listen,
            admin: flags.admin,
            admin_token: None,
            realm: read::realm(&flags.listen.to_string(), &place)?,
            public_url: None,
            tls: None,
            secret: secret::kept_in(&flags.data, &place)?,
            previous_secret: None,
            store: Location::File(flags.data.join("farthing.db")),
            folder: flags.data.clone(),
            development: true,
            digest_body: read::DIGEST_BODY,
            drain: read::DRAIN,
            reconcile: read::RECONCILE,
            keep: None,
            offer_signer: None,
            rails,
            routes: vec![route],
        })
    }
}

fn rail_in(name: &str, price: Price, place: &Place) -> RailConfig {
    let mut table = toml::Table::new();
    table.insert("asset".to_owned(), toml::Value::String(price.currency().as_str().to_owned()));
    RailConfig {
        name: name.to_owned(),
        method: name.to_owned(),
        table,
        keeping: Keeping::default(),
        place: place.clone(),
    }
}

fn private_directory(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}
