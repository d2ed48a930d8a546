//! Other protocols' words for the same payments.
//!
//! An agent may carry a wallet that speaks [`x402`] instead of the Machine Payments Protocol. What it
//! is offered, what it presents and what it is told are then the same things in other words: an offer
//! is a [`ChargeRequest`](farthing_protocol::ChargeRequest), a payment is a
//! [`Credential`](farthing_protocol::Credential), an outcome is a receipt or a problem. A dialect
//! translates at the edge, and everything behind it (claim, settlement, ledger, policy) is one.
//!
//! Nothing here does I/O, reads a clock, or says whether money is good.

pub mod atxp;
pub mod x402;
