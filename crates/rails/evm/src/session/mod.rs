//! Sessions on a chain: `tempo/session` (versions 1 and 2) and `evm/session`.
//!
//! A payer locks a deposit in an escrow contract, the [`Vault`], and signs vouchers over a growing total;
//! the payee takes from the vault what the highest voucher says. The three kinds of vault differ in what
//! names a channel ([`ChannelTerms`]), in the domain that vouchers are signed under, and in their calls. What
//! both halves need is here: [`SessionRequest`] and [`SessionPayload`] are what travels.

mod buyer;
mod contract;
mod kept;
mod payload;
mod relayed;
mod request;
mod seller;
mod settings;
mod terms;
mod vault;
mod voucher;

pub use buyer::{EvmSessionPayer, Randomness, TempoSessionPayer};
pub use contract::{ChannelState, Existence, OpenCall, PayeeCall, TopUpCall, VaultError};
pub use kept::KeptSession;
pub use payload::{
    DepositProof, NotASessionPayload, OpenPayload, PermittedDeposit, ReceiveAuthorization, SessionPayload,
    TopUpPayload, VoucherPayload,
};
pub use relayed::DepositWitness;
pub use request::{DepositKind, NotASessionRequest, SessionRequest};
pub use seller::ChainSession;
pub(crate) use seller::KeptDeposit;
pub use settings::SessionSettings;
pub use terms::{ChannelTerms, NotADescriptor};
pub use vault::{RESERVE, Vault, VaultKind};
pub use voucher::{NotAVoucher, voucher_signature};

/// The intent served.
pub const INTENT: &str = "session";
