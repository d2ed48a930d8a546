use alloy_primitives::{Address, address};

/// The published escrow of Tempo sessions, version 1, on a chain that has one.
pub const fn stream_channel(chain: u64) -> Option<Address> {
    match chain {
        4217 => Some(address!("0x33b901018174ddabe4841042ab76ba85d4e24f25")),
        42_431 => Some(address!("0xe1c4d3dce17bc111181ddf716f75bae49e61a336")),
        _ => None,
    }
}
