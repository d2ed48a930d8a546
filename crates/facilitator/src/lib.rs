//! Verifies and settles x402 payments for other sellers.
//!
//! A seller that has no node, no signer and no gas sends what a buyer presented here, with what it asks
//! for. What is verified here is verified again when it is settled; a payment is settled once, however
//! often it is sent, and a success is told only of money that the rail has seen moving.
//!
//! A [`Kind`] is one scheme on one network, around a [`farthing_rail::Settler`]; which
//! there are comes from outside, through a [`ChainFactory`]. Start one with [`Facilitator`].

mod asked;
mod callers;
pub mod config;
mod desk;
mod examine;
mod http;
mod kind;
mod listing;
mod meters;
mod refused;
mod register;
mod running;

pub use config::{Config, ConfigError};
pub use kind::{ChainContext, ChainFactory, Kind};
pub use running::{Addresses, Facilitator, Running, StartError};
