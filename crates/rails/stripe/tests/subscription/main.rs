//! `stripe/subscription` against a double of Stripe: what begins, what is refused, what later periods are, and one
//! subscription whatever is lost. The double proves our logic and nothing about Stripe.

#![allow(clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "test code, the helpers of tests included")]

#[path = "../support/mod.rs"]
mod support;

mod begin;
mod lost;
mod plan;
mod renew;
