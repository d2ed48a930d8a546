use alloy_primitives::{Address, address};

/// Tempo's channel reserve (TIP-1034), which is part of the node: at this address on every Tempo chain.
pub const CHANNEL_RESERVE: Address = address!("0x4D50500000000000000000000000000000000000");

/// The published escrow of Tempo sessions, version 1, on a chain that has one.
pub const fn stream_channel(chain: u64) -> Option<Address> {
    match chain {
        4217 => Some(address!("0x33b901018174ddabe4841042ab76ba85d4e24f25")),
        42_431 => Some(address!("0xe1c4d3dce17bc111181ddf716f75bae49e61a336")),
        _ => None,
    }
}
