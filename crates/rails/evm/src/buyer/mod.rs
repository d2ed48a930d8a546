//! What a buyer needs of chains besides a key: which of them its owner knows, what an account has on
//! them, and what moved.
//!
//! [`Chains`] is the owner's file of chains (`chains.toml` beside the wallets). A [`Purse`] asks them:
//! balances, history, and through [`Funds`] whether an offer can be paid before it is approved. Through it a
//! payer also sends what a seller takes only when it is sent already.

mod allowance;
mod channel;
mod delegation;
mod funds;
mod history;
mod purse;
mod sending;
mod settings;
mod taking_back;
mod trace;

pub(crate) use allowance::not_allowed;
pub use allowance::{Allowance, AllowanceChange, AllowanceError, Allowed, SignedAllowance};
pub use channel::SoughtChannel;
pub use delegation::{Delegation, DelegationError};
pub use funds::Funds;
pub use history::{Extent, HistoryPage, Moved};
pub use purse::{Holding, Purse, PurseError};
pub use sending::{Lapse, ToSend};
pub use settings::{ChainSettings, Chains, ChainsError};
pub use taking_back::Permission;
pub use trace::Trace;
