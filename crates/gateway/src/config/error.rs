//! Mistakes in a configuration, each with its place and its remedy.

use std::fmt;
use std::ops::Range;

use crate::economics::{EconomicLine, Economics};

/// Where something stands in a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file as the operator named it, or `flags`.
    pub file: String,
    /// The line, counted from one.
    pub line: Option<usize>,
}

/// A configuration that is refused: nothing was started, nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {mistake}")]
pub struct ConfigError {
    /// Where.
    pub place: Place,
    /// What, and what to write instead.
    pub mistake: Mistake,
}

/// What is wrong with a configuration, in one sentence with the remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Mistake {
    /// The file cannot be read.
    #[error("the file cannot be read ({0}); give the path of an existing TOML file")]
    Unreadable(String),
    /// Not TOML, an unknown key, or a value of the wrong kind.
    #[error("{0}")]
    Syntax(String),
    /// A value that does not mean anything.
    #[error("`{key}`: {reason}")]
    Value {
        /// The key.
        key: &'static str,
        /// Why, and what to write instead.
        reason: String,
    },
    /// A secret written into the file.
    #[error(
        "`{0}` is written out in the file; put it into the environment and write {{ env = \"NAME\" }}, or into a file of its own and write {{ file = \"PATH\" }} (a literal is for development = true only)"
    )]
    LiteralSecret(&'static str),
    /// A secret that is named and not there.
    #[error(
        "`{key}`: {source_name} holds no secret; set it to at least 32 random bytes, such as the output of `openssl rand -base64 48`"
    )]
    MissingSecret {
        /// The key.
        key: &'static str,
        /// The variable or file.
        source_name: String,
    },
    /// No secret at all.
    #[error(
        "`secret` is missing; write secret = {{ env = \"FARTHING_SECRET\" }} (only development = true on loopback starts without one)"
    )]
    NoSecret,
    /// Challenges and credentials would travel in clear.
    #[error(
        "`listen` = {0} is reachable from outside without TLS, so credentials would travel in clear; set tls = {{ cert = \"...\", key = \"...\" }}, or tls_terminated_upstream = true behind a TLS proxy, or listen on 127.0.0.1"
    )]
    Cleartext(std::net::SocketAddr),
    /// The admin API would be open.
    #[error("`admin` = {0} is reachable from outside; set admin_token = {{ env = \"NAME\" }} or use 127.0.0.1")]
    OpenAdmin(std::net::SocketAddr),
    /// Neither priced nor free.
    #[error("the route has neither a price nor free = true; write price = \"0.001 USD\" or free = true")]
    Unpriced,
    /// Both priced and free.
    #[error("the route has a price and free = true; keep one of them")]
    PricedAndFree,
    /// A price nobody can pay.
    #[error(
        "the route has a price and an empty `accept`; name a payment method, such as accept = [\"balance/charge\"]"
    )]
    NothingAccepted,
    /// An `accept` entry without its `[rails.NAME]` table.
    #[error("`accept` names {accept}, which no [rails] table offers; configured here: {offered}")]
    UnknownRail {
        /// The entry.
        accept: String,
        /// What could be written.
        offered: String,
    },
    /// The price is in another currency than the method moves.
    #[error(
        "the price is in {currency}, but {accept} moves {asset}; write the price in {asset} or accept another method"
    )]
    Currency {
        /// The price's currency.
        currency: String,
        /// The method.
        accept: String,
        /// What it moves.
        asset: String,
    },
    /// Less than a method can move.
    #[error(
        "the price {} is below the {} that {} moves at least; raise the price, or accept balance/charge and what fills it, such as {}\n{table}",
        line.price, line.floor_text(), line.accept, line.top_up()
    )]
    BelowFloor {
        /// What cannot be carried.
        line: Box<EconomicLine>,
        /// What the route's price leaves, in each way to pay it.
        table: Box<Economics>,
    },
    /// A method is expected to cost more than it brings.
    #[error(
        "{} is expected to cost {} of a price of {}; raise the price, accept balance/charge and what fills it, such as {}, or write allow_loss = true\n{table}",
        line.accept, line.fee, line.price, line.top_up()
    )]
    Loss {
        /// What is sold at a loss.
        line: Box<EconomicLine>,
        /// What the route's price leaves, in each way to pay it.
        table: Box<Economics>,
    },
    /// The method cannot ask for this price.
    #[error("{accept} cannot carry the price: {reason}")]
    Unpriceable {
        /// The method.
        accept: String,
        /// Why.
        reason: String,
    },
    /// A challenge larger than clients must be able to read.
    #[error(
        "the challenge for {accept} would be {bytes} bytes, and clients need only read 8192; shorten the description"
    )]
    ChallengeTooLarge {
        /// The method.
        accept: String,
        /// Its size.
        bytes: usize,
    },
    /// A method that takes what was used, on a route that does not know what that is.
    #[error(
        "{accept} takes what was really used, and the route does not say how that is measured; write meter = {{ header = \"farthing-charge\" }} and let the upstream set that header to a price such as \"0.0042 USD\""
    )]
    Unmetered {
        /// The method.
        accept: String,
    },
    /// A method that takes what was used before it answers, on a route that knows it only afterwards.
    #[error(
        "{accept} takes what was used before the answer goes out, within the route's price, and the route's meter cannot say it by then; measure by header, json, bytes or tokens with a unit, such as meter = {{ tokens = \"output\", unit = \"0.00002 USD\" }}, or sell by a session"
    )]
    MeasuredTooLate {
        /// The method.
        accept: String,
    },
    /// A meter that nothing uses.
    #[error(
        "the route has a meter, and no payment method that it accepts takes less than the price; accept one that does, such as \"x402/upto\", or remove `meter`"
    )]
    NothingMetered,
    /// Terms of sessions that nothing uses.
    #[error(
        "the route says how sessions pay for it and accepts none; accept one, such as \"balance/session\", or remove `unit` and `[route.session]`"
    )]
    NoSessions,
    /// An order that is not built yet.
    #[error("order = \"{0}\" is not built yet; leave `order` out or write \"settle-first\"")]
    Order(String),
    /// Two routes answer the same requests.
    #[error("the route answers the same requests as \"{other}\" (line {line}); remove one of them or make their paths, methods or hosts differ", line = .line.map_or("?".to_owned(), |line| line.to_string()))]
    Shadowed {
        /// The other route.
        other: String,
        /// Its line.
        line: Option<usize>,
    },
    /// A payment method refuses its table.
    #[error("[rails.{rail}]: {reason}")]
    Rail {
        /// Its name.
        rail: String,
        /// Why.
        reason: String,
    },
    /// The books do not let this gateway send from an account that a payment method names, or did not answer.
    #[error("{0}")]
    Account(String),
    /// A change that a running gateway cannot make.
    #[error("`{0}` cannot change while the gateway runs; restart it")]
    NeedsRestart(&'static str),
}

impl Place {
    /// The line on which a span of the text begins.
    pub(crate) fn in_text(file: &str, text: &str, span: Option<Range<usize>>) -> Self {
        let line = span.map(|span| {
            let before = text.as_bytes().get(..span.start).unwrap_or(text.as_bytes());
            before.iter().filter(|byte| **byte == b'\n').count() + 1
        });
        Self { file: file.to_owned(), line }
    }

    /// This mistake, here.
    pub(crate) fn refuses(&self, mistake: Mistake) -> ConfigError {
        ConfigError { place: self.clone(), mistake }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.file)?;
        self.line.map_or(Ok(()), |line| write!(formatter, ":{line}"))
    }
}
