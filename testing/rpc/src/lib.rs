//! Test support: what stands between a test or an SDK and a chain, and mends or spoils answers.

pub mod facilitator;
pub mod faults;
pub mod shim;
