//! The seam to the program that knows concrete payment methods.

use std::path::Path;
use std::sync::Arc;

use farthing_protocol::Realm;
use farthing_rail::Acceptor;

/// What a payment method may know about the gateway it is built for.
#[derive(Clone, Copy, Debug)]
pub struct RailContext<'a> {
    /// The realm of its challenges.
    pub realm: &'a Realm,
    /// What clients see, when the configuration says it.
    pub public_url: Option<&'a str>,
    /// Whether simulated rails are allowed.
    pub development: bool,
    /// Where relative paths in its table begin.
    pub directory: &'a Path,
}

/// Builds the seller's halves of the payment method called NAME from its `[rails.NAME]` table, or
/// says in one sentence what to write instead.
pub type RailFactory = Arc<dyn Fn(&str, &toml::Table, &RailContext<'_>) -> Result<Vec<Acceptor>, String> + Send + Sync>;
