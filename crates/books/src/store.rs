//! What a place to keep the books must do.

/// See the store crate for the two real ones.
pub trait Store {}
