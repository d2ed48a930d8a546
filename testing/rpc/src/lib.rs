//! Test support: a JSON-RPC server between a test or an SDK and a chain, that mends or spoils answers.

pub mod faults;
pub mod shim;
