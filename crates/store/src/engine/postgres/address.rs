//! Where the books are on a server.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

/// The schema of books whose address names none.
const SCHEMA: &str = "farthing";
/// How long a server may take to let a process in.
const CONNECT: Duration = Duration::from_secs(2);
/// How long sent bytes may stay without a sign that they arrived.
const SILENCE: Duration = Duration::from_secs(5);

/// The address of books on a server: `postgres://user@host/database`, and the schema there.
///
/// Each merchant's books have a schema of their own (`?schema=NAME`): a shard, with one writer at a time. Shown without
/// its password.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    pub(super) config: Config,
    pub(super) schema: String,
}

/// Why text is not an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// It does not read as one.
    #[error("the address of the database does not read ({0}); write postgres://user@host/database")]
    Unreadable(String),
    /// The name of the schema would have to be quoted.
    #[error("\"{0}\" cannot be the name of a schema; use up to 63 small letters, digits and underscores")]
    Schema(String),
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (place, parameters) = text.split_once('?').unwrap_or((text, ""));
        let named = |parameter: &&str| parameter.starts_with("schema=");
        let schema = parameters.split('&').find(named).and_then(|parameter| parameter.split_once('='));
        let schema = schema.map_or(SCHEMA, |(_, name)| name);
        if !is_plain(schema) {
            return Err(AddressError::Schema(schema.to_owned()));
        }
        let others: Vec<&str> = parameters.split('&').filter(|parameter| !named(parameter)).collect();
        let says_tls = others.iter().any(|parameter| parameter.starts_with("sslmode="));
        let mut config: Config = match others.join("&") {
            none if none.is_empty() => place.parse(),
            others => format!("{place}?{others}").parse(),
        }
        .map_err(|error: tokio_postgres::Error| AddressError::Unreadable(error.to_string()))?;
        if config.get_hosts().is_empty() {
            return Err(AddressError::Unreadable("it names no host".to_owned()));
        }
        if !says_tls {
            let near = config.get_hosts().iter().all(is_near);
            config.ssl_mode(if near { SslMode::Disable } else { SslMode::Require });
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        config.tcp_user_timeout(SILENCE).keepalives_idle(SILENCE).application_name("farthing");
        // Decisions about money read what was decided before, so nobody is asked but who takes writes.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        Ok(Self { config, schema: schema.to_owned() })
    }
}

/// Whether bytes to a host stay on this machine.
fn is_near(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback()),
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

fn is_plain(schema: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    let starts = schema.starts_with(|letter: char| letter.is_ascii_lowercase() || letter == '_');
    starts && schema.len() <= 63 && schema.chars().all(plain)
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<String> = self.config.get_hosts().iter().map(host_name).collect();
        let database = self.config.get_dbname().unwrap_or_default();
        write!(out, "postgres://{}/{database}?schema={}", hosts.join(","), self.schema)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

fn host_name(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(folder) => folder.display().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        let address: Address = "postgres://gate:hunter2@db.example.com:5433/money?schema=shop_7".parse().unwrap();
        assert_eq!(address.to_string(), "postgres://db.example.com/money?schema=shop_7");
        assert!(!format!("{address:?}").contains("hunter2"));
        assert_eq!(address.config.get_ssl_mode(), SslMode::Require, "far away, nothing goes in clear");
    }

    #[test]
    fn what_is_near_needs_no_tls_unless_it_is_asked_for() {
        let near: Address = "postgres://gate@127.0.0.1/money".parse().unwrap();
        assert_eq!((near.config.get_ssl_mode(), near.schema.as_str()), (SslMode::Disable, "farthing"));
        let asked: Address = "postgres://gate@localhost/money?sslmode=require".parse().unwrap();
        assert_eq!(asked.config.get_ssl_mode(), SslMode::Require);
        let socket: Address = "postgres://gate@%2Frun%2Fpg/money".parse().unwrap();
        assert_eq!(socket.config.get_ssl_mode(), SslMode::Disable);
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_remedy() {
        for text in ["postgres:///money", "postgres://h/db?port=x", "http://h/db"] {
            let error = text.parse::<Address>().unwrap_err();
            assert!(error.to_string().contains("postgres://user@host/database"), "{error}");
        }
        let error = "postgres://h/db?schema=a-b".parse::<Address>().unwrap_err();
        assert_eq!(error, AddressError::Schema("a-b".to_owned()));
    }
}
