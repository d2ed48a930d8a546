//! The `evm` method, intent `charge`: ERC-20 tokens on any EVM chain (draft-evm-charge).
//!
//! A payer signs an EIP-3009 [`Authorization`], a Permit2 transfer or a transaction, or shows the hash
//! of a transaction it sent. [`EvmCharge`] is the seller's half and [`EvmPayer`] the buyer's;
//! [`calldata`] is what the seller's settler says to contracts.

mod address;
mod authorization;
pub(crate) mod bill;
pub mod calldata;
mod gas;
mod kind;
mod payer;
pub(crate) mod payload;
mod permit2;
mod request;
mod seller;
mod settings;
mod signed;
pub(crate) mod transaction;
mod window;
pub mod wrapped;

#[cfg(test)]
pub(crate) mod testing;

pub(crate) use address::wire_address;
pub use address::{address_of, payer_id, source_address};
pub use authorization::{Authorization, AuthorizationError, ExpectedAuthorization};
pub use gas::GasBounds;
pub use kind::CredentialKind;
pub use payer::EvmPayer;
pub use payload::{InvalidPayload, Payload};
pub use permit2::{ExpectedPermit2, Permit2Error, Permit2Transfer, Spelling};
pub use request::{EvmRequest, NotAnEvmRequest, Split};
pub use seller::EvmCharge;
pub(crate) use settings::amount_of;
pub use settings::{EvmSettings, Share};
pub use signed::SignedBy;
pub(crate) use signed::signed_by_contract;
pub use transaction::{ExpectedTransaction, PayingTransaction, TransactionError};
pub(crate) use window::unix_seconds;
pub use window::{LONGEST_AFTER_CHALLENGE, NotInTime, SHORTEST_REST, Window};

/// The method's name on the wire.
pub const METHOD: &str = "evm";

/// The intent served.
pub const INTENT: &str = "charge";
