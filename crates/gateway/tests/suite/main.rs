//! What a gateway does, seen from outside: a room for each of its promises.
//!
//! One program, so that what they share is compiled and linked once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

#[path = "../nginx/mod.rs"]
mod nginx;
#[path = "../proxy_support/mod.rs"]
mod proxy_support;
#[path = "../support/mod.rs"]
mod support;

mod lifecycle;
mod offers;
mod operations;
mod proxy_connections;
mod proxy_limits;
mod proxy_smuggling;
mod proxy_streaming;
mod purchase;
mod reversal;
mod session_keeper;
mod sockets;
mod statements;
mod streams;
mod trouble;
mod two_gateways;
mod unheard;
mod x402_binding;
mod x402_cache;
mod x402_metering;
mod x402_operation;
mod x402_protocols;
mod x402_settlement;
mod x402_signed;
mod x402_surface;
