//! The contracts that sessions are kept in, at the same addresses on every chain that is started here.

use alloy_primitives::{Address, address};

use crate::contracts::{EVM_PAYMENT_CHANNEL, STREAM_CHANNEL};
use crate::devnet::Devnet;
use crate::error::DevnetError;
use crate::options::Kind;

/// On a Tempo chain: the escrow of `tempo/session`, version 1. Version 2 is kept in [`crate::RESERVE`].
pub const STREAM_ESCROW: Address = address!("0x5e55100000000000000000000000000000000001");
/// On an EVM chain: the escrow of `evm/session`, with the relayed profile.
pub const EVM_ESCROW: Address = address!("0x5e55100000000000000000000000000000000002");

impl Devnet {
    /// Places what sessions are kept in.
    pub(crate) async fn place_escrows(&self) -> Result<(), DevnetError> {
        match self.kind() {
            Kind::Tempo => {
                self.place(STREAM_ESCROW, STREAM_CHANNEL).await?;
                self.place_reserve().await
            }
            Kind::Evm { .. } | Kind::BaseSepolia => self.place(EVM_ESCROW, EVM_PAYMENT_CHANNEL).await,
        }
    }
}
