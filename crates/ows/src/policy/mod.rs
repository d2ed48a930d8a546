//! Policies: what a key may sign.

mod context;
mod executable;
mod file;
mod rule;
mod verdict;

pub use executable::Executables;
pub use file::PolicyFile;

pub(crate) use context::{Asker, context};
pub(crate) use verdict::{Case, Spent, judge};
