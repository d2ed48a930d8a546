//! The habits of this project that no compiler checks, each as a test that names file and line.
//!
//! Nothing is built and nothing is run but `git ls-files`. The exceptions are in `ratchet.toml`, where a number may
//! only fall.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod adversarial;
mod contracts;
mod floors;
mod habits;
mod ratchet;
mod sources;
