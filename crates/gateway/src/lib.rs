//! The seller: a streaming reverse proxy that is paid per request.
//!
//! A request for a priced route is answered with a 402 that names the price, without touching any
//! storage (`quote`). A request that presents a credential goes through the life of a
//! payment: it is checked, claimed durably, settled, posted to the ledger, delivered from the
//! upstream, and closed (`lifecycle`). What is paid and not delivered is an
//! entitlement: delivered when the same credential comes again, or else paid back (`resolver`).
//!
//! Start one with [`Gateway`]; the payment methods come from outside, through a [`config::RailFactory`].

mod admin;
mod answer;
mod caches;
mod certificate;
mod clock;
pub mod config;
mod credentials;
mod denial;
mod dialect;
mod discovery;
pub mod economics;
pub mod failpoint;
pub mod funding;
mod gateway;
mod handler;
mod lifecycle;
mod marks;
mod metering;
mod metrics;
mod present;
pub mod proxy;
mod pruning;
mod quote;
mod reconcile;
mod reload;
mod resolver;
mod route;
mod seller;
mod senders;
mod sessions;
mod signing;
mod site;
mod unattended;
mod webhook;

pub use farthing_serve as serve;

pub use clock::{Clock, SystemClock};
pub use config::{Config, ConfigError, Flags};
pub use gateway::{Addresses, Embedded, Gateway, Running, StartError};
pub use quote::repeat_challenges;
pub use reload::Reloader;
