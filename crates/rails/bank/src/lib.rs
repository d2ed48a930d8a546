//! Bank accounts: the slow money that fast payments are made of.
//!
//! A bank transfer cannot answer in a second, so it never pays for one request: it tops up a prepaid balance.
//! A payer gets a [`CreditorReference`]; the bank's own statement (camt.053, and camt.054 before it)
//! says what arrived and for which reference; what is paid out leaves in a payment file (pain.001).
//! Nothing is guessed by name or amount: what no reference explains is for a person to look at.

mod account;
mod check_digits;
mod decimal;
pub mod generated;
mod payment_file;
mod rail;
mod reference;
pub mod statement;

pub use account::{AccountNumber, BankAccount, NotABankAccount};
pub use decimal::{NotAnAmount, decimals_of, parse_amount};
pub use rail::BankRail;
pub use reference::{CreditorReference, NotAReference};
