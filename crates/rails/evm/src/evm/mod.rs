//! The `evm` method, intent `charge`: ERC-20 tokens on any EVM chain.

mod address;
pub mod calldata;
pub mod wrapped;

pub use address::{address_of, payer_id, source_address};

#[allow(unused_imports)] // the readers of requests and payloads land next
pub(crate) use address::wire_address;
