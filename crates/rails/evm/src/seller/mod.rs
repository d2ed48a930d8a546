//! A seller's methods from a configuration, and what they share on each chain.
//!
//! Every `[rails.NAME]` table of a reload builds its method anew; the desks that give out a signer's
//! nonces and the journals are kept for the life of the process, because two desks for one account
//! would give one nonce to two payments.

mod desks;
mod evm;
mod facilitated;
mod remote;
mod session;
mod shared;
mod table;
mod tempo;
mod usdc;

use std::path::Path;
use std::sync::Arc;

use farthing_rail::{Acceptor, Licence, Method, RecoverableSigner};
use toml::Value;
use zeroize::Zeroizing;

use crate::settle::sender::Clock;
use crate::settle::{Settling, Till};
use desks::Desks;
pub use facilitated::Facilitated;
use shared::Shared;
use table::Table;

/// The methods this crate sells by.
pub const METHODS: [&str; 4] = [crate::tempo::METHOD, crate::evm::METHOD, crate::usdc::METHOD, crate::x402::METHOD];

/// Finds the key that a configuration names.
pub type KeySource<'a> = &'a dyn Fn(&Value) -> Result<Arc<dyn RecoverableSigner>, String>;

/// Finds the secret that stands under a name in a table, as `{ env = "NAME" }` or `{ file = "PATH" }`.
pub type SecretSource<'a> = &'a dyn Fn(&toml::Table, &str) -> Result<Zeroizing<String>, String>;

/// What a seller's methods share for the life of the process.
pub struct Seller {
    desks: Desks,
    now: Clock,
}

/// What a method may know about the gateway it is built for.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The folder of the books: journals are kept beside them.
    pub data: &'a Path,
    /// Finds the key that a configuration names.
    pub keys: KeySource<'a>,
    /// Finds a secret that a table names.
    pub secrets: SecretSource<'a>,
    /// Whether it may send just now.
    pub licence: &'a Licence,
}

impl Seller {
    /// A seller with this clock.
    pub fn new(now: Clock) -> Self {
        Self { desks: Desks::default(), now }
    }

    /// The seller's half of a method, from its `[rails.NAME]` table, or one sentence that says what
    /// to write instead. Nothing is opened or asked until the first payment.
    pub fn acceptors(
        &self,
        method: &str,
        name: &str,
        table: &toml::Table,
        place: &Place<'_>,
    ) -> Result<Vec<Acceptor>, String> {
        let table = Table::new("rails", name, table);
        match method {
            crate::tempo::METHOD => tempo::acceptors(self, &table, place),
            crate::evm::METHOD => evm::acceptors(self, &table, place),
            crate::usdc::METHOD => usdc::acceptor(self, &table, place).map(|acceptor| vec![acceptor]),
            crate::x402::METHOD => remote::acceptors(self, &table, place),
            unknown => Err(format!("\"{unknown}\" is not a method of chains; they are {}", METHODS.join(", "))),
        }
    }

    /// Puts a method on its chain.
    fn settling<M: Method + 'static>(&self, method: M, shared: Shared) -> Acceptor {
        let till = Till { recipient: shared.recipient };
        Acceptor::External(Arc::new(Settling::new(method, Arc::new(shared.settler(&self.now)), till)))
    }
}

#[cfg(test)]
mod tests;
