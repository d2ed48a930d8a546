//! (being built)
pub mod proxy;
pub mod serve;
