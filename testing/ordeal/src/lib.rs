//! Breaks the real binary on purpose, while payers of every kind keep it busy, and then compares what everybody saw:
//! the buyers' journal, the log of the server behind the gateway, the rail's memory, and the books.
//!
//! [`street`] holds the gateway and what stands around it, [`load`] the payers, [`verdict`] the comparison, and [`trial`]
//! brings them together. Each trial is a module: [`kills`], [`cuts`] of power, [`shortage`] of disk, the books'
//! [`server`] that goes away, and [`soak`]. What happens is drawn from a seed; how far the processes have come by then
//! is not, so a seed repeats the kind of a run and not its every step.

pub mod books;
pub mod chance;
pub mod cuts;
pub mod disk;
pub mod gateway;
pub mod journal;
pub mod kills;
pub mod load;
pub mod purchase;
pub mod server;
pub mod shop;
pub mod shortage;
pub mod soak;
pub mod street;
pub mod trial;
pub mod upstream;
pub mod verdict;
pub mod vouchers;
