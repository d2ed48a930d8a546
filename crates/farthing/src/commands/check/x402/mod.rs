//! The same walk for x402, of either version: header, schema, network and asset, signing domain, and what the
//! facilitator behind the server says of a payment that nobody signed.

mod entry;
mod list;
mod probe;

pub(super) use list::{Listed, find};
pub(super) use probe::{judge, unsigned, words};
