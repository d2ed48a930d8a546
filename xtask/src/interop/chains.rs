use anyhow::Context as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::chain_program::ChainProgram;
use super::node::{Account, Node};

/// Every dollar of Tempo, in any of which an account may pay fees. Prices are in the first, pathUSD.
pub(super) const TEMPO_TOKENS: [&str; 4] = [
    "0x20c0000000000000000000000000000000000000",
    "0x20c0000000000000000000000000000000000001",
    "0x20c0000000000000000000000000000000000002",
    "0x20c0000000000000000000000000000000000003",
];

/// The Tempo chain's id: that of the public test network, which SDKs take for granted.
pub(super) const TEMPO_CHAIN: u64 = 42_431;

/// The EVM chain's id: nobody's.
pub(super) const EVM_CHAIN: u64 = 31_337;

/// A Tempo chain with a shim before it, and an EVM chain; all end when this is dropped.
pub(super) struct Chains {
    tempo: Node,
    evm: Node,
    addresses: Addresses,
    _program: ChainProgram,
}

/// What the program prints when everything listens.
#[derive(Deserialize)]
struct Addresses {
    tempo: TempoAddresses,
    evm: EvmAddresses,
    accounts: Vec<Account>,
}

#[derive(Deserialize)]
struct TempoAddresses {
    rpc: String,
    shim: String,
    escrows: Escrows,
}

/// Where deposits of sessions are held on Tempo.
#[derive(Deserialize)]
struct Escrows {
    /// Version 2: the channel reserve.
    reserve: String,
    /// Version 1: a contract.
    stream: String,
}

#[derive(Deserialize)]
struct EvmAddresses {
    rpc: String,
    token: String,
    escrow: String,
}

impl Chains {
    pub(super) fn start() -> anyhow::Result<Self> {
        let (program, addresses) = ChainProgram::start::<Addresses>("chains")?;
        let tokens = TEMPO_TOKENS.map(str::to_owned).to_vec();
        let tempo = Node::new(addresses.tempo.rpc.clone(), tokens);
        let evm = Node::new(addresses.evm.rpc.clone(), vec![addresses.evm.token.clone()]);
        Ok(Self { tempo, evm, addresses, _program: program })
    }

    /// The Tempo node as the SDKs need it.
    pub(super) fn shim(&self) -> &str {
        &self.addresses.tempo.shim
    }

    /// The test USDC of the EVM chain, as sellers and buyers are told of it.
    pub(super) fn asset(&self) -> Value {
        let EvmAddresses { rpc, token, .. } = &self.addresses.evm;
        json!({ "rpc": rpc, "chain": EVM_CHAIN, "token": token, "name": "Test USDC", "version": "1" })
    }

    /// The address of the test USDC.
    pub(super) fn usdc(&self) -> &str {
        &self.addresses.evm.token
    }

    /// Where the EVM chain's sessions are held.
    pub(super) fn evm_escrow(&self) -> &str {
        &self.addresses.evm.escrow
    }

    /// One of the ten accounts.
    pub(super) fn account(&self, index: usize) -> anyhow::Result<&Account> {
        self.addresses.accounts.get(index).context("the chains have ten accounts")
    }

    pub(super) fn tempo(&self) -> &Node {
        &self.tempo
    }

    pub(super) fn evm(&self) -> &Node {
        &self.evm
    }

    /// Where Tempo's sessions of version 2 are held.
    pub(super) fn reserve(&self) -> &str {
        &self.addresses.tempo.escrows.reserve
    }

    /// Where Tempo's sessions of version 1 are held.
    pub(super) fn stream(&self) -> &str {
        &self.addresses.tempo.escrows.stream
    }
}
