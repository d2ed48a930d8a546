//! A seller and a buyer made of real processes, real sockets and real files.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

pub mod agent;
pub mod between;
pub mod buyer;
pub mod payer_on_chain;
pub mod scene;
pub mod seller;
pub mod upstream;
pub mod x402_payer;

/// The binary under test.
pub const FARTHING: &str = env!("CARGO_BIN_EXE_farthing");
