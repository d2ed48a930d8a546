//! The keys that tokens are encrypted to: JSON Web Keys (RFC 7517), alone, in a set, or by where they are.

mod encryption;
mod set;
mod source;

pub use encryption::{EncryptionKey, NotAKey};
pub use set::{KeySet, NotAKeySet};
pub use source::{KeySource, NotAKeySource};
