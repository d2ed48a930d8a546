//! Verifies and settles x402 payments for other sellers.
//!
//! A seller that has no node, no signer and no gas sends what a buyer presented here, with what it asks
//! for. What is verified here is verified again when it is settled; a payment is settled once, however
//! often it is sent, and a success is told only of money that the rail has seen moving.
