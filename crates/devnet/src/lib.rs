//! A chain of one's own on this machine: started, funded, thrown away.
//!
//! [`Devnet::start`] runs an anvil node, of the Tempo network, of a plain EVM chain or posing as Base
//! Sepolia, with ten funded accounts and a dollar token, and mends what such a node lacks. The node dies with its
//! [`Devnet`], even when this process is killed. Anvil itself comes from npm, on first use, into the
//! project's own cache: see [`Source`]. For trying out and for tests; nothing here knows a chain that
//! holds real money, and a node that is not the one started is never written to.

mod accounts;
pub mod base_sepolia;
pub mod contracts;
mod devnet;
mod error;
mod front;
mod hostile;
mod install;
mod node;
mod options;
mod predeployed;
mod process;
mod reserve;
mod sessions;
mod source;

pub use accounts::{ACCOUNTS, DevelopmentAccount};
pub use devnet::{Devnet, Snapshot};
pub use error::{DevnetError, InstallError, NodeError};
pub use front::{StorageWord, reserve_overrides, reserve_storage};
pub use hostile::{TokenMood, WalletMood, with_deployment};
pub use node::Node;
pub use options::{Kind, Options, TEMPO_CHAIN_ID};
pub use predeployed::{MULTICALL3, PERMIT2};
pub use reserve::{RESERVE, ReserveSlots};
pub use sessions::{EVM_ESCROW, STREAM_ESCROW};
pub use source::{ANVIL_VERSION, Progress, Source};
