//! A running chain.

use std::path::Path;
use std::time::Duration;

use alloy_primitives::{Address, Bytes, U256, address};
use alloy_sol_types::{SolCall, sol};
use serde_json::{Value, json};

use crate::accounts::{ACCOUNTS, DevelopmentAccount, FAUCET};
use crate::base_sepolia::{self, USDC};
use crate::contracts;
use crate::error::{DevnetError, NodeError};
use crate::front::Front;
use crate::node::{Node, unexpected};
use crate::options::{Kind, Options};
use crate::predeployed::{self, MULTICALL3, PERMIT2};
use crate::process::Process;
use crate::source::Source;

/// Tempo's own dollar token, there from the first block.
const PATH_USD: Address = address!("0x20c0000000000000000000000000000000000000");
/// What each development account has of the test USDC: a million dollars.
const MINTED: u64 = 1_000_000_000_000;

sol! {
    function transfer(address to, uint256 value) returns (bool);
    function mint(address to, uint256 value);
    function balanceOf(address account) returns (uint256);
}

/// A state of the chain to come back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot(String);

/// A chain on this machine. Its node dies with it.
#[derive(Debug)]
pub struct Devnet {
    pub(crate) node: Node,
    kind: Kind,
    pub(crate) token: Address,
    permit2: Option<Address>,
    /// Ends before the node does.
    front: Option<Front>,
    _process: Process,
}

impl Devnet {
    /// Starts a chain, fetching anvil first where it is missing, and prepares it: a block is mined, the accounts have
    /// money, the token is there.
    ///
    /// # Errors
    ///
    /// [`DevnetError`] when there is no anvil, when it does not start (a taken port), or refuses its preparation.
    pub async fn start(options: Options) -> Result<Self, DevnetError> {
        let source = options.source.clone();
        let fetched = tokio::task::spawn_blocking(move || source.anvil()).await;
        let binary = fetched.map_err(|stopped| DevnetError::Spawn(stopped.into()))??;
        let process = Process::start(&binary, &options.arguments()).await?;
        let node = Node::at(format!("http://{}", process.address()), options.kind.chain_id());
        // Before the first block a call sees a chain whose clock says 1, and refuses every validity window.
        node.control::<Value>("anvil_mine", json!(["0x1"])).await?;
        let (kind, token, permit2) = (options.kind, PATH_USD, Some(PERMIT2));
        let mut devnet = Self { node, kind, token, permit2, front: None, _process: process };
        if options.kind != Kind::Tempo {
            devnet.prepare(&options.source, &binary).await?;
        }
        if options.sessions {
            devnet.place_escrows().await?;
        }
        if options.has_front() {
            let front = Front::start(options.port, devnet.node.clone()).await;
            devnet.front = Some(front.map_err(|source| DevnetError::Front { port: options.port, source })?);
        }
        Ok(devnet)
    }

    /// Puts on an EVM chain what it lacks, and gives the accounts their money.
    async fn prepare(&mut self, source: &Source, binary: &Path) -> Result<(), DevnetError> {
        let known = predeployed::codes(source, binary, &[PERMIT2, MULTICALL3]).await?;
        self.permit2 = known.iter().any(|(address, _)| *address == PERMIT2).then_some(PERMIT2);
        for (address, code) in &known {
            self.set_code(*address, code).await?;
        }
        if self.kind == Kind::BaseSepolia {
            for (address, contract) in base_sepolia::PLACED {
                self.place(address, contract).await?;
            }
            self.token = USDC;
        } else {
            self.token = self.deploy(contracts::TEST_USDC.creation()?).await?;
        }
        for account in ACCOUNTS {
            self.fund(account.address, U256::from(MINTED)).await?;
        }
        Ok(())
    }

    /// The address of its JSON-RPC, as everybody may use it.
    pub fn rpc(&self) -> &str {
        self.front.as_ref().map_or(self.node.rpc(), Front::url)
    }

    /// Its JSON-RPC, for whatever this type has no method for.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Its chain id.
    pub fn chain_id(&self) -> u64 {
        self.node.chain_id()
    }

    /// What kind of chain it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Ten accounts with money, whose keys everybody knows.
    pub fn accounts(&self) -> &'static [DevelopmentAccount; 10] {
        &ACCOUNTS
    }

    /// The dollar token, 6 decimals: pathUSD on Tempo, USDC where the chain poses as Base Sepolia, elsewhere a test USDC
    /// (EIP-712 name "Test USDC", version "1").
    pub fn token(&self) -> Address {
        self.token
    }

    /// Permit2, unless the chain has none.
    pub fn permit2(&self) -> Option<Address> {
        self.permit2
    }

    /// Gives an address this many base units of [`Devnet::token`].
    ///
    /// # Errors
    ///
    /// [`NodeError`], as every method below, when the node refuses or is not the one started.
    pub async fn fund(&self, to: Address, value: U256) -> Result<(), NodeError> {
        let call = match self.kind {
            Kind::Tempo => transferCall { to, value }.abi_encode(),
            Kind::Evm { .. } | Kind::BaseSepolia => mintCall { to, value }.abi_encode(),
        };
        self.node.send(FAUCET, Some(self.token), call).await.map(drop)
    }

    /// Sets what an address has of the gas coin, in wei. On Tempo fees are paid in tokens, and this buys nothing.
    ///
    /// # Errors
    ///
    /// [`NodeError`].
    pub async fn set_gas(&self, of: Address, wei: U256) -> Result<(), NodeError> {
        self.node.control("anvil_setBalance", json!([of, wei])).await
    }

    /// What an address has of [`Devnet::token`], in base units.
    ///
    /// # Errors
    ///
    /// [`NodeError`].
    pub async fn balance(&self, of: Address) -> Result<U256, NodeError> {
        let answer = self.node.call(self.token, balanceOfCall { account: of }.abi_encode()).await?;
        U256::try_from_be_slice(&answer).ok_or_else(|| unexpected("eth_call", &json!(answer)))
    }

    /// Creates a contract, paid by the faucet.
    ///
    /// # Errors
    ///
    /// [`NodeError`].
    pub async fn deploy(&self, code: Bytes) -> Result<Address, NodeError> {
        self.node.create(FAUCET, code).await
    }

    /// Mines this many blocks.
    ///
    /// # Errors
    ///
    /// [`NodeError`].
    pub async fn mine(&self, blocks: u64) -> Result<(), NodeError> {
        self.node.control("anvil_mine", json!([U256::from(blocks)])).await
    }

    /// Whether each transaction gets a block at once. Without it, transactions wait for [`Devnet::mine`] or the next
    /// block of the interval.
    ///
    /// # Errors
    ///
    /// [`NodeError`].
    pub async fn set_instant(&self, instant: bool) -> Result<(), NodeError> {
        self.node.control("evm_setAutomine", json!([instant])).await
    }

    /// Remembers the state of the chain.
    ///
    /// # Errors
    ///
    /// [`NodeError`].
    pub async fn snapshot(&self) -> Result<Snapshot, NodeError> {
        self.node.control("evm_snapshot", json!([])).await.map(Snapshot)
    }

    /// Goes back to a snapshot, which is used up by it: blocks mined since are gone, as after a deep reorganisation.
    ///
    /// # Errors
    ///
    /// [`NodeError`], also for a snapshot that was used or overtaken.
    pub async fn revert(&self, to: Snapshot) -> Result<(), NodeError> {
        match self.node.control("evm_revert", json!([to.0])).await? {
            true => Ok(()),
            false => Err(unexpected("evm_revert", &json!(false))),
        }
    }

    /// Moves the chain's clock ahead and mines a block. A client that goes by its own clock then finds its credentials
    /// refused as expired, so use a chain of its own for this.
    ///
    /// # Errors
    ///
    /// [`NodeError`].
    pub async fn warp(&self, by: Duration) -> Result<(), NodeError> {
        self.node.control::<Value>("evm_increaseTime", json!([by.as_secs()])).await?;
        self.mine(1).await
    }

    /// Sets the time of the next block, in seconds since 1970, and mines it. It cannot go back.
    ///
    /// # Errors
    ///
    /// [`NodeError`].
    pub async fn set_time(&self, seconds: u64) -> Result<(), NodeError> {
        self.node.control::<Value>("evm_setNextBlockTimestamp", json!([seconds])).await?;
        self.mine(1).await
    }

    pub(crate) async fn set_code(&self, at: Address, code: &Bytes) -> Result<(), NodeError> {
        self.node.control::<Value>("anvil_setCode", json!([at, code])).await.map(drop)
    }
}
