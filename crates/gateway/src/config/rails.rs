//! The seam to the program that knows concrete payment methods.

use std::path::Path;
use std::sync::Arc;

use farthing_protocol::Realm;
use farthing_rail::{Acceptor, FundingAccount, Licence, RecoverableSigner};

/// What a payment method may know about the gateway it is built for.
#[derive(Clone, Copy, Debug)]
pub struct RailContext<'a> {
    /// The NAME of its `[rails.NAME]` table: unlike the method it is its alone.
    pub name: &'a str,
    /// The realm of its challenges.
    pub realm: &'a Realm,
    /// What clients see, when the configuration says it.
    pub public_url: Option<&'a str>,
    /// Whether simulated rails are allowed.
    pub development: bool,
    /// Where relative paths in its table begin.
    pub directory: &'a Path,
    /// The folder of the books, for what a rail must keep beside them.
    pub data: &'a Path,
    /// Whether it may send just now from the accounts that it names.
    pub licence: &'a Licence,
}

/// Builds the seller's halves of a payment method from its `[rails.NAME]` table, or says in one
/// sentence what to write instead. The method is the table's `method`, which is taken out of it, and
/// NAME where it has none.
pub type RailFactory = Arc<dyn Fn(&str, &toml::Table, &RailContext<'_>) -> Result<Vec<Acceptor>, String> + Send + Sync>;

/// Builds the account that funds balances from its `[rails.NAME]` table, where the method is one of such accounts.
pub type FundingFactory =
    Arc<dyn Fn(&str, &toml::Table, &RailContext<'_>) -> Result<Option<Arc<dyn FundingAccount>>, String> + Send + Sync>;

/// Finds the key that a configuration names, whose relative paths begin in this directory, or says in one
/// sentence what to write instead.
pub type SignerFactory = Arc<dyn Fn(&toml::Value, &Path) -> Result<Arc<dyn RecoverableSigner>, String> + Send + Sync>;
