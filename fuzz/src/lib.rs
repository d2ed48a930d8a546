//! What the fuzz targets drive. The tests `parsers_hold` of the crates whose parsers these are drive the same
//! functions with mutated seeds, so that every test run exercises them without a fuzzer.

pub mod atxp;
pub mod balance;
pub mod bank;
pub mod books;
pub mod bytes;
pub mod card;
pub mod configuration;
pub mod entry_points;
pub mod evm;
pub mod facilitator;
pub mod money;
pub mod ows;
pub mod policy;
pub mod policy_model;
pub mod stripe;
pub mod target;
pub mod vouchers;
pub mod x402;
