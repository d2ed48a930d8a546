//! The `usdc` method, intent `charge`: native USDC, authorized by EIP-3009 (draft-usdc-charge, profile
//! `evm`).
//!
//! It differs from the `evm` method in the form of its request and in what binds an authorization
//! to a challenge. The profiles `solana`, `stacks` and `gateway` are not offered and are refused by
//! name.

mod nonce;
mod payer;
mod request;
mod seller;

pub use nonce::nonce;
pub use payer::UsdcPayer;
pub use request::{NotAUsdcRequest, UsdcRequest};
pub use seller::{UsdcCharge, UsdcSettings};

/// The method's name on the wire.
pub const METHOD: &str = "usdc";

/// The intent served.
pub const INTENT: &str = "charge";
