//! Sessions on a live chain: each kind of escrow, from the deposit to the last voucher.

mod disputed;
mod evm;
mod life;
mod presented;
mod reorganised;
mod stage;
