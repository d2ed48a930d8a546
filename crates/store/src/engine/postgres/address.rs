//! Where the books are on a server.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

/// The schema of books whose address names none.
const SCHEMA: &str = "farthing";
/// The port of a server whose address names none.
const PORT: u16 = 5432;
/// How long a server's machine may take to answer at all.
const CONNECT: Duration = Duration::from_secs(2);
/// How long sent bytes may stay without a sign that they arrived.
const SILENCE: Duration = Duration::from_secs(5);
/// Which `sslrootcert` means the roots that the system trusts, as it does to other programs.
const SYSTEM: &str = "system";

/// The address of books on a server: `postgres://user@host/database`, and the schema there.
///
/// Each merchant's books have a schema of their own (`?schema=NAME`): a shard, with one writer at a time. Shown without
/// its password.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    pub(super) config: Config,
    pub(super) schema: String,
    /// Who vouches for the server's certificate, where that is not left to the system.
    pub(super) roots: Option<PathBuf>,
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
    /// Anybody on the way could read and change what is sent.
    #[error(
        "sslmode={0} would let somebody on the way pose as the database; write sslmode=verify-full, which checks the \
         server's certificate and its name, or sslmode=disable where nobody is on the way"
    )]
    Encryption(String),
}

/// What an address says beside what the library that connects reads itself.
#[derive(Default)]
struct Said<'a> {
    schema: Option<&'a str>,
    encryption: Option<&'a str>,
    roots: Option<&'a str>,
    others: Vec<&'a str>,
}

impl<'a> Said<'a> {
    fn read(parameters: &'a str) -> Self {
        let mut said = Self::default();
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=') {
                Some(("schema", name)) => said.schema = Some(name),
                Some(("sslmode", mode)) => said.encryption = Some(mode),
                Some(("sslrootcert", file)) => said.roots = Some(file),
                _ => said.others.push(parameter),
            }
        }
        said
    }

    /// Whether what is sent is encrypted, and the server has to show who it is.
    fn mode(&self, is_near: bool) -> Result<SslMode, AddressError> {
        match self.encryption {
            Some("disable") => Ok(SslMode::Disable),
            Some("require" | "verify-full") => Ok(SslMode::Require),
            Some(other) => Err(AddressError::Encryption(other.to_owned())),
            None if is_near && self.roots.is_none() => Ok(SslMode::Disable),
            None => Ok(SslMode::Require),
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (place, parameters) = text.split_once('?').unwrap_or((text, ""));
        let said = Said::read(parameters);
        let schema = said.schema.unwrap_or(SCHEMA);
        if !is_plain(schema) {
            return Err(AddressError::Schema(schema.to_owned()));
        }
        let mut config: Config = match said.others.join("&") {
            none if none.is_empty() => place.parse(),
            others => format!("{place}?{others}").parse(),
        }
        .map_err(|error: tokio_postgres::Error| AddressError::Unreadable(error.to_string()))?;
        if config.get_hosts().is_empty() {
            return Err(AddressError::Unreadable("it names no host".to_owned()));
        }
        config.ssl_mode(said.mode(config.get_hosts().iter().all(is_near))?);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        let roots = said.roots.filter(|roots| *roots != SYSTEM).map(PathBuf::from);
        config.tcp_user_timeout(SILENCE).keepalives_idle(SILENCE).application_name("farthing");
        // Decisions about money read what was decided before, so nobody is asked but who takes writes.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        Ok(Self { config, schema: schema.to_owned(), roots })
    }
}

impl Address {
    /// How to reach each host alone, in the order in which they are asked: one that takes connections and says nothing
    /// must not keep the next from being asked.
    pub(super) fn one_by_one(&self) -> Vec<Config> {
        let all = &self.config;
        let (addresses, ports) = (all.get_hostaddrs(), all.get_ports());
        let alone = |(number, host): (usize, &Host)| {
            let mut config = Config::new();
            match host {
                Host::Tcp(name) => config.host(name),
                #[cfg(unix)]
                Host::Unix(folder) => config.host_path(folder),
            };
            addresses.get(number).map(|address| config.hostaddr(*address));
            ports.get(number).or(ports.first()).map(|port| config.port(*port));
            all.get_user().map(|user| config.user(user));
            all.get_password().map(|password| config.password(password));
            all.get_dbname().map(|database| config.dbname(database));
            all.get_options().map(|options| config.options(options));
            all.get_application_name().map(|name| config.application_name(name));
            all.get_connect_timeout().map(|timeout| config.connect_timeout(*timeout));
            all.get_tcp_user_timeout().map(|timeout| config.tcp_user_timeout(*timeout));
            config.ssl_mode(all.get_ssl_mode()).ssl_negotiation(all.get_ssl_negotiation());
            config.channel_binding(all.get_channel_binding()).keepalives_idle(all.get_keepalives_idle());
            config.target_session_attrs(all.get_target_session_attrs());
            config
        };
        all.get_hosts().iter().enumerate().map(alone).collect()
    }
}

impl Address {
    /// Whether it says a password.
    pub fn has_password(&self) -> bool {
        self.config.get_password().is_some()
    }

    /// The same with this password, unless it says one itself.
    #[must_use]
    pub fn with_password(mut self, password: &str) -> Self {
        if !self.has_password() {
            self.config.password(password);
        }
        self
    }

    /// The same with the password that a password file says for it: lines of `host:port:database:user:password`, where
    /// `*` is any, and the first that fits counts.
    #[must_use]
    pub fn with_password_from(self, passfile: &str) -> Self {
        let fits = passfile.lines().find_map(|line| self.password_in(line));
        match fits {
            Some(password) => self.with_password(&password),
            None => self,
        }
    }

    fn password_in(&self, line: &str) -> Option<String> {
        if line.starts_with('#') {
            return None;
        }
        let [host, port, database, user, password] = fields(line)?;
        let is = |said: &str, own: &str| said == "*" || said == own;
        let ports = self.config.get_ports();
        let own_port = |index: usize| ports.get(index).or(ports.first()).copied().unwrap_or(PORT).to_string();
        let mut hosts = self.config.get_hosts().iter().enumerate();
        let reaches = hosts.any(|(index, own)| is(&host, &host_name(own)) && is(&port, &own_port(index)));
        let own_user = self.config.get_user().unwrap_or_default();
        let own_database = self.config.get_dbname().unwrap_or(own_user);
        (reaches && is(&database, own_database) && is(&user, own_user)).then_some(password)
    }
}

/// The five fields of a line, in which a backslash takes the next character as it stands.
fn fields(line: &str) -> Option<[String; 5]> {
    let mut fields = vec![String::new()];
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ':' if fields.len() < 5 => fields.push(String::new()),
            '\\' => fields.last_mut()?.extend(letters.next()),
            letter => fields.last_mut()?.push(letter),
        }
    }
    fields.try_into().ok()
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

    fn mode(text: &str) -> SslMode {
        text.parse::<Address>().unwrap().config.get_ssl_mode()
    }

    #[test]
    fn an_address_is_shown_without_its_password() {
        let address: Address = "postgres://gate:hunter2@db.example.com:5433/money?schema=shop_7".parse().unwrap();
        assert_eq!(address.to_string(), "postgres://db.example.com/money?schema=shop_7");
        assert!(!format!("{address:?}").contains("hunter2"));
    }

    #[test]
    fn a_password_comes_from_elsewhere_where_the_address_says_none() {
        let address: Address = "postgres://gate@db.example.com/money".parse().unwrap();
        let passfile =
            "# mine\nother:*:*:*:no\ndb.example.com:5433:*:*:no\ndb.example.com:*:money:gate:a\\:b\\\\c\n*:*:*:*:no";
        let known = address.clone().with_password_from(passfile);
        assert_eq!(known.config.get_password(), Some(b"a:b\\c".as_slice()));
        assert!(!address.clone().with_password_from("x:y").has_password(), "a line that is none");
        assert_eq!(known.with_password("other").config.get_password(), Some(b"a:b\\c".as_slice()), "the first counts");
        let said: Address = "postgres://gate:own@db.example.com/money".parse().unwrap();
        assert_eq!(said.with_password_from(passfile).config.get_password(), Some(b"own".as_slice()));
    }

    #[test]
    fn what_is_far_away_is_encrypted_and_what_is_near_where_it_is_asked_for() {
        assert_eq!(mode("postgres://gate@db.example.com/money"), SslMode::Require);
        assert_eq!(mode("postgres://gate@127.0.0.1/money"), SslMode::Disable);
        assert_eq!(mode("postgres://gate@%2Frun%2Fpg/money"), SslMode::Disable);
        assert_eq!(mode("postgres://gate@127.0.0.1,db.example.com/money"), SslMode::Require);
        for asked in ["sslmode=require", "sslmode=verify-full", "schema=a&sslrootcert=/etc/db.pem"] {
            assert_eq!(mode(&format!("postgres://gate@localhost/money?{asked}")), SslMode::Require, "{asked}");
        }
        assert_eq!(mode("postgres://gate@db.example.com/money?sslmode=disable"), SslMode::Disable);
        let near: Address = "postgres://gate@127.0.0.1/money?sslrootcert=system".parse().unwrap();
        assert_eq!((near.schema.as_str(), near.roots), ("farthing", None));
        let named: Address = "postgres://gate@db.example.com/money?sslrootcert=/etc/db.pem".parse().unwrap();
        assert_eq!(named.roots, Some(PathBuf::from("/etc/db.pem")));
    }

    #[test]
    fn encryption_that_does_not_check_who_answers_is_refused_with_the_remedy() {
        for mode in ["prefer", "allow", "verify-ca", "no"] {
            let error = format!("postgres://h/db?sslmode={mode}").parse::<Address>().unwrap_err();
            assert_eq!(error, AddressError::Encryption(mode.to_owned()));
            assert!(error.to_string().contains("sslmode=verify-full"), "{error}");
        }
    }

    #[test]
    fn several_hosts_are_asked_one_by_one_each_at_its_port() {
        let both: Address = "postgres://gate@one.example.com:5433,two.example.com:5434/money".parse().unwrap();
        assert_eq!(both.to_string(), "postgres://one.example.com,two.example.com/money?schema=farthing");
        let ports: Vec<_> =
            both.one_by_one().iter().map(|host| (host.get_hosts().len(), host.get_ports()[0])).collect();
        assert_eq!(ports, [(1, 5433), (1, 5434)]);
        let one_port: Address = "postgres://gate@one.example.com,two.example.com/money".parse().unwrap();
        assert!(one_port.one_by_one().iter().all(|host| host.get_user() == Some("gate")));
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
