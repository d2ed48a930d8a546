//! Enablers for development. They speak the protocol to the last bit, open and check real encryption, and move no
//! money; every receipt says so.
//!
//! Tokens of the sandbox have numbers that no card has. One that ends in [`DECLINED`] is declined.

mod client;
mod ledger;
mod server;

use farthing_protocol::JsonObject;

pub use client::SandboxClient;
pub use ledger::LedgerError;
pub use server::{SandboxError, SandboxServer};

/// What a gateway says when it starts with a sandbox, and what its receipts say.
pub const NOTICE: &str = "card payments go to a SANDBOX: no card is charged and no money moves";

/// A token whose number ends like this is declined.
pub const DECLINED: &str = "0002";

/// What stands in every receipt of a sandbox.
fn receipt_members() -> JsonObject {
    let mut members = JsonObject::new();
    members.insert("sandbox".into(), true.into());
    members.insert("notice".into(), NOTICE.into());
    members
}
