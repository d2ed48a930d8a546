//! A world for payments that can be made again from a number.
//!
//! Real gateways, real wallets and real books run in one thread; what they reach beyond themselves with is simulated:
//! the network, the rail, the upstream, the disk, the clocks and chance. Everything that happens there takes a time
//! that the dice say and goes wrong as often as they say ([`world`], [`faults`]), and the dice follow from the seed:
//! the same seed is the same run, line for line. Beside it all stands an [`audit`] that sees what really happened, keeps
//! books of its own, and checks every step against what `docs` promise. `docs/simulation.md` says how to use it.
//!
//! | file | what |
//! |---|---|
//! | [`scenario`], [`setting`], [`shrink`] | what a seed stands for, and what can be left out of it |
//! | [`world`] | time, life and death, the trace |
//! | [`network`], [`disk`], [`rail`], [`upstream`] | what is simulated |
//! | [`seller`], [`buyer`], [`purse`], [`mod@line`], [`home`] | what is real, and how it is held |
//! | [`audit`], [`secrets`], [`logs`] | what must be so, and who reads along |
//! | [`run`] | one run |

pub mod audit;
pub mod buyer;
pub mod dice;
pub mod disk;
pub mod faults;
pub mod home;
pub mod line;
pub mod logs;
pub mod network;
pub mod purse;
pub mod rail;
pub mod run;
pub mod scenario;
pub mod secrets;
pub mod seller;
pub mod setting;
pub mod shrink;
pub mod upstream;
pub mod world;

/// The simulation itself does not work; nothing is said about what it simulates.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the simulation is broken: {0}")]
pub struct Broken(pub String);
