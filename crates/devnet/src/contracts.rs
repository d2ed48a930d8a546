//! The contracts of `contracts/`, compiled.

use alloy_primitives::Bytes;
use serde_json::Value;

/// A compiled contract, as `cargo xtask contracts` wrote it.
#[derive(Clone, Copy, Debug)]
pub struct Contract {
    /// Its name in the Solidity source.
    pub name: &'static str,
    json: &'static str,
}

/// The committed JSON of a contract is damaged.
#[derive(Debug, thiserror::Error)]
#[error("the compiled {name} has no {part}; write it anew with `cargo xtask contracts`")]
pub struct BrokenContract {
    name: &'static str,
    part: &'static str,
}

impl Contract {
    /// The code that creates it. Arguments of the constructor go behind it, ABI-encoded.
    ///
    /// # Errors
    ///
    /// [`BrokenContract`] when the committed file is damaged.
    pub fn creation(&self) -> Result<Bytes, BrokenContract> {
        self.bytes("bytecode")
    }

    /// The code that is on the chain once it is created.
    ///
    /// # Errors
    ///
    /// [`BrokenContract`] when the committed file is damaged.
    pub fn runtime(&self) -> Result<Bytes, BrokenContract> {
        self.bytes("runtime")
    }

    /// The whole file: `abi`, `bytecode`, `runtime`, `compiler`, `source`.
    pub const fn json(&self) -> &'static str {
        self.json
    }

    fn bytes(&self, part: &'static str) -> Result<Bytes, BrokenContract> {
        let file: Option<Value> = serde_json::from_str(self.json).ok();
        let code = file.as_ref().and_then(|file| file.get(part)).and_then(Value::as_str);
        let code = code.and_then(|code| code.parse().ok()).filter(|code: &Bytes| !code.is_empty());
        code.ok_or(BrokenContract { name: self.name, part })
    }
}

macro_rules! compiled {
    ($($(#[$meta:meta])* $constant:ident = $name:literal;)*) => {
        $(
            $(#[$meta])*
            pub const $constant: Contract =
                Contract { name: $name, json: include_str!(concat!("../../../contracts/compiled/", $name, ".json")) };
        )*

        /// All of them.
        pub const ALL: &[Contract] = &[$($constant),*];
    };
}

compiled! {
    /// A dollar token with EIP-3009 and EIP-2612 that anybody may mint.
    TEST_USDC = "TestUSDC";
    /// The same under the signing domain of USDC on Base Sepolia.
    BASE_SEPOLIA_USDC = "BaseSepoliaUSDC";
    /// The same again, but it does not keep its word; [`crate::TokenMood`] says how.
    HOSTILE_USDC = "HostileUSDC";
    /// A wallet that is a contract and signs as ERC-1271 says.
    TEST_WALLET = "TestWallet";
    /// Such a wallet whose word depends on what it is asked in; [`crate::WalletMood`] says on what.
    MOODY_WALLET = "MoodyWallet";
    /// Makes [`TEST_WALLET`]s where it said that they would be.
    WALLET_FACTORY = "WalletFactory";
    /// Makes no wallet: it burns the gas of whoever lets it.
    BURNING_FACTORY = "BurningFactory";
    /// Makes no wallet: it takes the tokens of whoever lets it.
    GRABBING_FACTORY = "GrabbingFactory";
    /// x402's way to Permit2 for the scheme `exact`.
    EXACT_PERMIT_PROXY = "ExactPermitProxy";
    /// x402's way to Permit2 for the scheme `upto`.
    UPTO_PERMIT_PROXY = "UptoPermitProxy";
    /// Says whether a signature is somebody's, as ERC-6492 has it.
    SIGNATURE_VALIDATOR = "SignatureValidator";
    /// The escrow of the Tempo session, version 1.
    STREAM_CHANNEL = "StreamChannel";
    /// The escrow of the EVM session, with the relayed profile.
    EVM_PAYMENT_CHANNEL = "EvmPaymentChannel";
    /// Tempo's channel reserve (TIP-1034); [`crate::Devnet::place_reserve`] puts it where it belongs.
    TEST_CHANNEL_RESERVE = "TestChannelReserve";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_contract_is_whole() {
        for contract in ALL {
            assert!(contract.creation().unwrap().len() > contract.runtime().unwrap().len(), "{}", contract.name);
        }
    }
}
