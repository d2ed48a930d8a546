use anyhow::Context as _;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::interop::chain_program::ChainProgram;
use crate::interop::node::{Account, Node};

/// Base Sepolia's id, and its name in version 2 of x402.
pub(super) const CHAIN: u64 = 84_532;
pub(super) const NETWORK: &str = "eip155:84532";

/// A chain that poses as Base Sepolia, as x402's software takes it for granted; it ends when this is dropped.
pub(super) struct Chain {
    pub(super) node: Node,
    pub(super) usdc: String,
    accounts: Vec<Account>,
    _program: ChainProgram,
}

#[derive(Deserialize)]
struct Addresses {
    rpc: String,
    token: String,
    accounts: Vec<Account>,
}

impl Chain {
    pub(super) fn start() -> anyhow::Result<Self> {
        let (program, Addresses { rpc, token, accounts }) = ChainProgram::start("base-sepolia")?;
        Ok(Self { node: Node::new(rpc, vec![token.clone()]), usdc: token, accounts, _program: program })
    }

    /// One of the ten accounts, all of which let Permit2 move their USDC.
    pub(super) fn account(&self, index: usize) -> anyhow::Result<&Account> {
        self.accounts.get(index).context("the chain has ten accounts")
    }

    /// USDC, as programs are told of it that do not know it.
    pub(super) fn asset(&self) -> Value {
        json!({ "rpc": self.node.rpc(), "chain": CHAIN, "token": self.usdc, "name": "USDC", "version": "2" })
    }
}
