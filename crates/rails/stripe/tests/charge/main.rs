//! `stripe/charge` against a double of Stripe: every row of the outcome table and every ruling about drafts and
//! SDKs. The double proves our logic and nothing about Stripe.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code, the helpers of tests included")]

#[path = "../support/mod.rs"]
mod support;

mod lost;
mod money;
mod outcomes;
mod rulings;
