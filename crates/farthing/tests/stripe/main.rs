//! A shop that takes cards, as a real process, before a double of Stripe: charged once, delivered once, and the
//! books are Stripe's to the cent.

#![allow(clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "test code, the helpers of tests included")]

#[path = "../support/mod.rs"]
mod support;

mod books;
#[cfg(feature = "failpoints")]
mod crash;
mod once;
mod secrets;
mod shop;
mod subscription;
#[cfg(feature = "failpoints")]
mod subscription_crash;
mod subscription_wallet;
mod top_up;
mod wallet;
mod webhooks;
