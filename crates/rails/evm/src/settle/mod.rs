//! From a payment to money that moved, and to knowing that it did.
//!
//! [`Settling`] puts a method and a chain together: the method checks a credential without I/O, and
//! [`ChainSettler`] moves the money that the credential stands for. What it will send of its own is
//! in the [`journal`] before any node sees it; what it cannot know is [`farthing_rail::Unknown`], and
//! is found out from the chain alone.

mod authorized;
mod capture;
mod chain_settler;
mod confirmations;
mod delegated;
mod diagnosis;
mod elsewhere;
mod fee;
mod gas_money;
mod hold;
pub mod journal;
mod judgement;
mod outcome;
mod presence;
mod proof;
mod refund;
mod rehearsal;
pub mod sender;
mod session;
mod settling;
mod shown;
mod sponsored;
mod standing;
mod statement;
mod transaction;
mod worth;

pub use chain_settler::{ChainSettler, Rules, Sponsor};
pub use confirmations::{Confirmations, Step};
pub use session::SessionSettling;
pub use settling::{Settling, Till};
