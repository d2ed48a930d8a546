//! A rail that misbehaves on purpose. It moves no money and says so in every reference it gives.
//!
//! For tests and development only: a gateway offers it when its configuration says
//! `development = true` and refuses it otherwise. What it does with each payment follows from a
//! [`Script`], so a run can be repeated from its seed. It remembers what it took, optionally in a
//! file that outlives a crash of the gateway, so that a test can count the money independently.

mod memory;
mod payer;
mod script;
mod seller;

pub use memory::{Memory, Taking};
pub use payer::SimulatedPayer;
pub use script::{Behaviour, Script, UnknownBehaviour};
pub use seller::{InvalidNames, SimulatedRail, Surroundings};

/// The method's name on the wire.
pub const METHOD: &str = "simulated";
/// Its currency on the wire: simulated dollars with six decimals.
pub const CURRENCY: &str = "simulated-usd.6";
