//! From the file's tables to a checked configuration.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use farthing_money::Price;
use farthing_protocol::{BindingSecret, Realm};
use farthing_store::{AddressError, Location};
use toml::Spanned;
use url::Url;

use super::file::{File, GatewayTable, RouteTable};
use super::secret::{self, Secrets};
use super::{
    Accept, Config, ConfigError, Keeping, Meter, Mistake, Pattern, Place, RailConfig, RouteConfig, SessionConfig,
    SignerConfig, Source, TlsFiles, keeping, meter, quantity, session,
};

/// Bodies up to this are bound to their challenge.
pub(super) const DIGEST_BODY: usize = 1 << 20;
/// How long a stopping gateway waits.
pub(super) const DRAIN: Duration = Duration::from_secs(30);
/// How often the rails' statements are read.
pub(super) const RECONCILE: Duration = Duration::from_secs(60);

/// Reads a configuration file's text.
pub(super) fn read(
    text: &str,
    file: &str,
    directory: &Path,
    source: Source,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Config, ConfigError> {
    let reader = Reader { text, file };
    let tables: File = toml::from_str(text)
        .map_err(|error| reader.place(error.span()).refuses(Mistake::Syntax(reader.syntax(&error))))?;
    let gateway_place = reader.place(Some(tables.gateway.span()));
    let gateway = tables.gateway.into_inner();
    let listen = reader.address("listen", &gateway.listen)?;
    reader.refuse_cleartext(&gateway, listen)?;
    let secrets = Secrets { directory, environment, literals_allowed: gateway.development };
    let (admin, admin_token) = reader.admin(&gateway, &secrets)?;
    let routes = tables.routes.iter().map(|route| reader.route(route)).collect::<Result<_, _>>()?;
    let rails = tables.rails.into_iter().map(|(name, table)| reader.rail(name, table)).collect::<Result<_, _>>()?;
    Ok(Config {
        source,
        listen,
        admin,
        admin_token,
        realm: reader.realm(&gateway, listen)?,
        public_url: gateway.public_url.as_ref().map(|url| reader.public_url(url)).transpose()?,
        secret: reader.secret(&gateway, &secrets, listen, &gateway_place)?,
        previous_secret: match &gateway.previous_secret {
            Some(source) => Some(secrets.binding("previous_secret", source, &reader.place(Some(source.span())))?),
            None => None,
        },
        store: reader.store(&gateway, directory)?,
        folder: directory.to_owned(),
        development: gateway.development,
        digest_body: reader.size("digest_body", gateway.digest_body.as_ref(), DIGEST_BODY)?,
        offer_signer: reader.offer_signer(&gateway)?,
        reconcile: reader.duration("reconcile", gateway.reconcile.as_ref(), RECONCILE)?,
        keep: gateway.keep.as_ref().map(|text| reader.value("keep", text, quantity::keep)).transpose()?,
        drain: reader.duration("drain", gateway.drain.as_ref(), DRAIN)?,
        tls: gateway.tls.map(|tls| TlsFiles { cert: directory.join(tls.cert), key: directory.join(tls.key) }),
        rails,
        routes,
    })
}

/// Reads one `accept` entry; a bare method name means its charge.
pub(super) fn accept(text: &str, place: &Place) -> Result<Accept, ConfigError> {
    let (rail, intent) = text.split_once('/').unwrap_or((text, "charge"));
    let plain =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if !plain(rail) || !plain(intent) {
        let reason = format!("\"{text}\" is not a payment method and an intent; write for example \"balance/charge\"");
        return Err(place.refuses(Mistake::Value { key: "accept", reason }));
    }
    Ok(Accept { rail: rail.to_owned(), intent: intent.to_owned(), place: place.clone() })
}

/// Reads an upstream's address.
pub(super) fn upstream(text: &str, place: &Place) -> Result<String, ConfigError> {
    let refused = |reason: String| place.refuses(Mistake::Value { key: "upstream", reason });
    let url = Url::parse(text)
        .map_err(|_| refused(format!("\"{text}\" is not an address; write for example \"http://127.0.0.1:9000\"")))?;
    let origin_only = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let plain = matches!(url.scheme(), "http" | "https") && origin_only;
    if !plain || url.host().is_none() || !url.username().is_empty() || url.password().is_some() {
        return Err(refused(format!(
            "\"{text}\" must be http:// or https://, a host and perhaps a port; no user, path, query or fragment"
        )));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// Reads a realm.
pub(super) fn realm(text: &str, place: &Place) -> Result<Realm, ConfigError> {
    Realm::new(text).map_err(|reason| place.refuses(Mistake::Value { key: "realm", reason: reason.to_string() }))
}

struct Reader<'a> {
    text: &'a str,
    file: &'a str,
}

impl Reader<'_> {
    fn place(&self, span: Option<Range<usize>>) -> Place {
        Place::in_text(self.file, self.text, span)
    }

    fn value<T, E: std::fmt::Display>(
        &self,
        key: &'static str,
        text: &Spanned<String>,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, ConfigError> {
        parse(text.get_ref())
            .map_err(|reason| self.place(Some(text.span())).refuses(Mistake::Value { key, reason: reason.to_string() }))
    }

    /// What is wrong, with the key it is wrong at. Never the value: it could be a secret.
    fn syntax(&self, error: &toml::de::Error) -> String {
        let said = error.message();
        let start = error.span().map_or(0, |span| span.start);
        let line = self.text.get(..start).map_or(0, |before| before.rfind('\n').map_or(0, |newline| newline + 1));
        let key = self.text.get(line..).and_then(|rest| rest.lines().next()).and_then(|line| line.split_once('='));
        match key.map(|(key, _)| key.trim()) {
            Some(key) if said.starts_with("invalid type") => {
                format!("`{key}`: {}; a text is written in quotes", said.replace("a string", "a text"))
            }
            _ => said.to_owned(),
        }
    }

    fn address(&self, key: &'static str, text: &Spanned<String>) -> Result<SocketAddr, ConfigError> {
        self.value(key, text, |text| {
            SocketAddr::from_str(text)
                .map_err(|_| format!("\"{text}\" is not an address and a port; write for example \"127.0.0.1:4020\""))
        })
    }

    fn duration(
        &self,
        key: &'static str,
        text: Option<&Spanned<String>>,
        default: Duration,
    ) -> Result<Duration, ConfigError> {
        text.map_or(Ok(default), |text| self.value(key, text, quantity::duration))
    }

    fn size(&self, key: &'static str, text: Option<&Spanned<String>>, default: usize) -> Result<usize, ConfigError> {
        text.map_or(Ok(default), |text| {
            self.value(key, text, |text| {
                let bytes = quantity::bytes(text)?;
                usize::try_from(bytes)
                    .ok()
                    .filter(|bytes| *bytes <= 64 << 20)
                    .ok_or_else(|| format!("\"{text}\" is held in memory per request; write at most \"64MiB\""))
            })
        })
    }

    fn refuse_cleartext(&self, gateway: &GatewayTable, listen: SocketAddr) -> Result<(), ConfigError> {
        let private = listen.ip().is_loopback() || gateway.development;
        if private || gateway.tls.is_some() || gateway.tls_terminated_upstream {
            return Ok(());
        }
        Err(self.place(Some(gateway.listen.span())).refuses(Mistake::Cleartext(listen)))
    }

    fn admin(
        &self,
        gateway: &GatewayTable,
        secrets: &Secrets<'_>,
    ) -> Result<(Option<SocketAddr>, Option<secrecy::SecretString>), ConfigError> {
        let token = match &gateway.admin_token {
            Some(source) => Some(secrets.text("admin_token", source, &self.place(Some(source.span())))?),
            None => None,
        };
        let Some(text) = &gateway.admin else { return Ok((None, token)) };
        let admin = self.address("admin", text)?;
        if !admin.ip().is_loopback() && token.is_none() {
            return Err(self.place(Some(text.span())).refuses(Mistake::OpenAdmin(admin)));
        }
        Ok((Some(admin), token))
    }

    fn realm(&self, gateway: &GatewayTable, listen: SocketAddr) -> Result<Realm, ConfigError> {
        if let Some(text) = &gateway.realm {
            return realm(text.get_ref(), &self.place(Some(text.span())));
        }
        let public_host = gateway
            .public_url
            .as_ref()
            .and_then(|url| Url::parse(url.get_ref()).ok())
            .and_then(|url| url.host_str().map(str::to_owned));
        realm(&public_host.unwrap_or_else(|| listen.to_string()), &self.place(Some(gateway.listen.span())))
    }

    fn public_url(&self, text: &Spanned<String>) -> Result<String, ConfigError> {
        self.value("public_url", text, |text| {
            let web = |url: &Url| matches!(url.scheme(), "http" | "https") && url.host().is_some();
            Url::parse(text).ok().filter(web).map(|_| text.trim_end_matches('/').to_owned()).ok_or_else(|| {
                format!("\"{text}\" is not the address clients use; write for example \"https://api.example.com\"")
            })
        })
    }

    fn secret(
        &self,
        gateway: &GatewayTable,
        secrets: &Secrets<'_>,
        listen: SocketAddr,
        place: &Place,
    ) -> Result<BindingSecret, ConfigError> {
        match &gateway.secret {
            Some(source) => secrets.binding("secret", source, &self.place(Some(source.span()))),
            None if gateway.development && listen.ip().is_loopback() => secret::ephemeral(place),
            None => Err(place.refuses(Mistake::NoSecret)),
        }
    }

    fn store(&self, gateway: &GatewayTable, directory: &Path) -> Result<Location, ConfigError> {
        let Some(text) = &gateway.store else { return Ok(Location::File(directory.join("farthing.db"))) };
        self.value("store", text, |text| match text.strip_prefix("sqlite:") {
            Some(path) if !path.is_empty() => Ok(Location::File(directory.join(path))),
            None if text.starts_with("postgres") => text.parse().map_err(|error: AddressError| error.to_string()),
            _ => Err("this is not a store; write \"sqlite:PATH\", such as \"sqlite:./farthing.db\", or \
                      \"postgres://user@host/database\""
                .to_owned()),
        })
    }

    fn offer_signer(&self, gateway: &GatewayTable) -> Result<Option<SignerConfig>, ConfigError> {
        let Some(signer) = &gateway.offer_signer else { return Ok(None) };
        let place = self.place(Some(signer.span()));
        if gateway.public_url.is_none() {
            let reason = "what is signed names the address that clients use; write it as public_url".to_owned();
            return Err(place.refuses(Mistake::Value { key: "offer_signer", reason }));
        }
        Ok(Some(SignerConfig { value: signer.get_ref().clone(), place }))
    }

    /// One payment method under a name of its own: `method` is taken out of its table.
    fn rail(&self, name: String, table: Spanned<toml::Table>) -> Result<RailConfig, ConfigError> {
        let place = self.place(Some(table.span()));
        let mut table = table.into_inner();
        let method = match table.remove("method") {
            None => name.clone(),
            Some(toml::Value::String(method)) => method,
            Some(_) => {
                let reason = "the method is a text, such as \"evm\"".to_owned();
                return Err(place.refuses(Mistake::Value { key: "method", reason }));
            }
        };
        let keeping = match table.remove("sessions") {
            None => Keeping::default(),
            Some(said) => {
                keeping::read(said).map_err(|reason| place.refuses(Mistake::Value { key: "sessions", reason }))?
            }
        };
        Ok(RailConfig { name, method, table, keeping, place })
    }

    fn route(&self, table: &Spanned<RouteTable>) -> Result<RouteConfig, ConfigError> {
        let route = table.get_ref();
        let place = self.place(Some(route.pattern.span()));
        let pattern = self.value("match", &route.pattern, Pattern::parse)?;
        let price = route.price.as_ref().map(|text| self.value("price", text, str::parse)).transpose()?;
        match (price, route.free) {
            (None, false) => return Err(place.refuses(Mistake::Unpriced)),
            (Some(_), true) => return Err(place.refuses(Mistake::PricedAndFree)),
            (Some(_), false) if route.accept.is_empty() => return Err(place.refuses(Mistake::NothingAccepted)),
            _ => {}
        }
        if let Some(order) = route.order.as_ref().filter(|order| order.get_ref() != "settle-first") {
            return Err(self.place(Some(order.span())).refuses(Mistake::Order(order.get_ref().clone())));
        }
        let accept = route.accept.iter().map(|text| accept(text.get_ref(), &self.place(Some(text.span()))));
        let meter = self.meter(route, price)?;
        let defaults = RouteConfig::with_defaults(pattern, place);
        Ok(RouteConfig {
            host: route.host.as_ref().map(|host| host.to_ascii_lowercase()),
            upstream: upstream(route.upstream.get_ref(), &self.place(Some(route.upstream.span())))?,
            price,
            allow_loss: route.allow_loss,
            accept: accept.collect::<Result<_, _>>()?,
            description: route.description.clone(),
            reference: route.reference.as_ref().map(|text| self.value("reference", text, reference)).transpose()?,
            timeout: self.duration("timeout", route.timeout.as_ref(), defaults.timeout)?,
            settle_timeout: route
                .settle_timeout
                .as_ref()
                .map(|text| self.value("settle_timeout", text, quantity::duration))
                .transpose()?,
            max_body: match &route.max_body {
                Some(text) => self.value("max_body", text, quantity::bytes)?,
                None => defaults.max_body,
            },
            entitlement: self.duration("entitlement", route.entitlement.as_ref(), defaults.entitlement)?,
            idempotency_body: self.size(
                "idempotency_body",
                route.idempotency_body.as_ref(),
                defaults.idempotency_body,
            )?,
            x402_v1: route.x402_v1,
            payment_identifier_required: self.identifier(route)?,
            session: self.session(route, price, meter.as_ref())?,
            meter,
            ..defaults
        })
    }

    fn identifier(&self, route: &RouteTable) -> Result<bool, ConfigError> {
        let Some(text) = &route.payment_identifier else { return Ok(false) };
        self.value("payment_identifier", text, |text| match text {
            "required" => Ok(true),
            "optional" => Ok(false),
            other => Err(format!("\"{other}\" is neither \"required\" nor \"optional\"")),
        })
    }

    fn meter(&self, route: &RouteTable, price: Option<Price>) -> Result<Option<Meter>, ConfigError> {
        let Some(table) = &route.meter else { return Ok(None) };
        let place = self.place(Some(table.span()));
        let price = price.ok_or_else(|| place.refuses(Mistake::NothingMetered))?;
        meter::read(table, price, &place).map(Some)
    }

    fn session(
        &self,
        route: &RouteTable,
        price: Option<Price>,
        meter: Option<&Meter>,
    ) -> Result<SessionConfig, ConfigError> {
        let unit = route.unit.as_ref().map(|text| self.value("unit", text, session::unit)).transpose()?;
        let spans = [route.unit.as_ref().map(Spanned::span), route.session.as_ref().map(Spanned::span)];
        let Some(span) = spans.into_iter().flatten().last() else { return Ok(SessionConfig::default()) };
        let place = self.place(Some(span));
        let price = price.ok_or_else(|| place.refuses(Mistake::NoSessions))?;
        let unit_price = meter.map_or(price, |meter| meter.unit_price(price));
        let terms = route.session.as_ref().map(|table| session::read(table, unit_price, &place)).transpose()?;
        Ok(SessionConfig { unit, place: Some(place), ..terms.unwrap_or_default() })
    }
}

/// It stands in a header and in receipts.
fn reference(text: &str) -> Result<String, String> {
    let fits = (1..=100).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    let refused = || format!("\"{text}\" is not a reference; write 1 to 100 printable characters without blanks");
    fits.then(|| text.to_owned()).ok_or_else(refused)
}

impl RouteConfig {
    /// A free route to nowhere with every limit at its default.
    pub(super) fn with_defaults(pattern: Pattern, place: Place) -> Self {
        Self {
            pattern,
            host: None,
            upstream: String::new(),
            price: None,
            allow_loss: false,
            accept: Vec::new(),
            description: None,
            reference: None,
            timeout: Duration::from_secs(60),
            settle_timeout: None,
            max_body: 1 << 30,
            entitlement: Duration::from_secs(3600),
            idempotency_body: 256 << 10,
            x402_v1: false,
            payment_identifier_required: false,
            meter: None,
            session: SessionConfig::default(),
            place,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::reference;

    #[test]
    fn a_reference_is_short_and_of_one_word() {
        assert_eq!(reference("order-7"), Ok("order-7".to_owned()));
        for text in ["", "order 7", "order\n7", "\u{fc}", &"x".repeat(101)] {
            assert!(reference(text).unwrap_err().contains("100 printable"), "{text}");
        }
    }
}
