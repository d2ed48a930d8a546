use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::file::{CallerTable, File, Secret};
use super::{CallerConfig, ChainConfig, Config, ConfigError};

const PORT: u16 = 4030;
const DRAIN: Duration = Duration::from_secs(30);
/// What cannot be guessed.
const SHORTEST_TOKEN: usize = 16;

pub(super) fn config(
    text: &str,
    path: &Path,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Config, ConfigError> {
    let file: File = toml::from_str(text).map_err(|error| ConfigError::Syntax {
        path: path.to_owned(),
        reason: error.to_string().trim_end().to_owned(),
    })?;
    let reading = Reading { path, environment };
    if file.chains.is_empty() {
        return Err(ConfigError::NoChain { path: path.to_owned() });
    }
    let callers = file.callers.into_iter().map(|(name, table)| reading.caller(name, table));
    let callers = callers.collect::<Result<Vec<_>, _>>()?;
    reading.tokens_differ(&callers)?;
    let table = file.facilitator;
    let listen = table.listen.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)));
    if callers.is_empty() && !listen.ip().is_loopback() {
        return Err(ConfigError::OpenToStrangers { path: path.to_owned(), listen });
    }
    let directory = path.parent().unwrap_or(Path::new("."));
    Ok(Config {
        source: path.to_owned(),
        listen,
        admin: table.admin,
        data: directory.join(table.data.unwrap_or_else(|| PathBuf::from("facilitator"))),
        tls: table.tls.map(|tls| (directory.join(tls.cert), directory.join(tls.key))),
        drain: table.drain_seconds.map_or(DRAIN, |seconds| Duration::from_secs(seconds.into())),
        catalogue: table.catalogue.unwrap_or(true),
        chains: file.chains.into_iter().map(|(name, table)| ChainConfig { name, table }).collect(),
        callers,
    })
}

struct Reading<'a> {
    path: &'a Path,
    environment: &'a dyn Fn(&str) -> Option<String>,
}

impl Reading<'_> {
    fn caller(&self, name: String, table: CallerTable) -> Result<CallerConfig, ConfigError> {
        let refused = |key, rule: String| ConfigError::Value {
            path: self.path.to_owned(),
            table: format!("callers.{name}"),
            key,
            rule,
        };
        let token = self.secret(&table.token).map_err(|rule| refused("token", rule))?;
        if token.expose_secret().len() < SHORTEST_TOKEN {
            return Err(refused("token", format!("is too easy to guess; make it {SHORTEST_TOKEN} letters or longer")));
        }
        if table.per_minute == Some(0) {
            return Err(refused("per_minute", "is at least 1; leave it out for no limit".into()));
        }
        if table.payees.iter().any(String::is_empty) {
            return Err(refused("payees", "are addresses; leave the list out to settle for every payee".into()));
        }
        let CallerTable { per_minute, settlements_per_day, payees, .. } = table;
        Ok(CallerConfig { name, token, per_minute, settlements_per_day, payees })
    }

    fn secret(&self, secret: &Secret) -> Result<SecretString, String> {
        match secret {
            Secret::Environment(named) => (self.environment)(&named.env)
                .filter(|text| !text.is_empty())
                .map(SecretString::from)
                .ok_or_else(|| format!("needs the environment variable {}, which is not set", named.env)),
            Secret::File(named) => {
                let path = self.path.parent().unwrap_or(Path::new(".")).join(&named.file);
                let text = std::fs::read_to_string(&path).map(Zeroizing::new);
                let text = text.map_err(|_| format!("needs the file {}, which cannot be read", path.display()))?;
                Ok(SecretString::from(text.trim_end().to_owned()))
            }
        }
    }

    fn tokens_differ(&self, callers: &[CallerConfig]) -> Result<(), ConfigError> {
        for (position, first) in callers.iter().enumerate() {
            let same = |other: &&CallerConfig| other.token.expose_secret() == first.token.expose_secret();
            if let Some(second) = callers.iter().skip(position + 1).find(same) {
                let (first, second) = (first.name.clone(), second.name.clone());
                return Err(ConfigError::SharedToken { path: self.path.to_owned(), first, second });
            }
        }
        Ok(())
    }
}
