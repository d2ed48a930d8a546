//! Who pays in benchmarks and in trials of the real binary: a key with a balance, which signs charges and vouchers
//! without a wallet's limits, and without asking anybody.

pub mod buyer;
