//! What a response comes to: counted while it goes out, or said by the upstream.
//!
//! A count is turned into an amount once, from the beginning of the response, so that it does not matter in how
//! many pieces it came. Nothing goes out before what it costs is held, and nothing is taken beyond what was held,
//! whatever the upstream says.

#![allow(dead_code, reason = "the body that counts stands on this")]

mod body;
mod counter;
mod events;
mod flow;
mod pause;
mod purse;
mod report;
mod tariff;
mod tokens;
mod usage;

pub(crate) use report::{Cap, measure};
