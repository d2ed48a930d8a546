//! Stripe's API over HTTP, as far as payments need it.
//!
//! [`Api`] asks, [`Heard`] is what came of it. A time-out, a broken connection and an answer without meaning are
//! told apart from refusals: after the first three the money may have moved. Stripe's own messages repeat what
//! they were sent, tokens included, so only its codes are ever passed on.

mod answer;
mod client;
mod form;

pub use answer::{ApiFault, Heard, Said};
pub use client::{Api, ApiConfigError, Place, Version};
pub use form::Form;
