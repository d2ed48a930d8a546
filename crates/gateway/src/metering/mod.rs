//! What a response comes to: counted while it goes out, or said by the upstream.
//!
//! A count is turned into an amount once, from the beginning of the response, so that it does not matter in how
//! many pieces it came. Nothing goes out before what it costs is held, and nothing is taken beyond what was held,
//! whatever the upstream says.

mod body;
mod counter;
mod events;
mod flow;
mod pause;
mod purse;
mod report;
mod tariff;
mod till;
mod tokens;
mod trailer;
mod usage;

pub(crate) use body::{MeteredBody, StreamTerms};
pub(crate) use counter::Counter;
pub(crate) use flow::Flow;
pub(crate) use purse::{Account, Held, Purse};
pub(crate) use report::{Cap, Unmeasured, in_trailers, is_compressed, measure, tokens as tokens_of, whole};
pub(crate) use tariff::Tariff;
pub(crate) use till::{News, Run, Till};
pub(crate) use trailer::TrailerBody;
