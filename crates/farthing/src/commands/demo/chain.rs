//! The demo's chain: a Tempo node on this machine that dies with the demo.

use std::path::Path;

use alloy_primitives::{Address, U256, keccak256};
use farthing_devnet::{ACCOUNTS, DevelopmentAccount, Devnet, Options};
use farthing_keys::private_file;
use serde_json::{Value, json};

use crate::commands::devnet::anvil_source;
use crate::failure::{Failure, OrFail};

/// Who is paid, and who pays the fees of those who pay.
const SELLER: DevelopmentAccount = ACCOUNTS[1];
const SPONSOR: DevelopmentAccount = ACCOUNTS[2];
/// The file of the key that pays the fees, beside the gateway's configuration.
const FEES: &str = "fees.key";

/// A chain, and what was there when it started.
pub(super) struct Chain {
    devnet: Devnet,
    seller_had: U256,
    sponsor_had: U256,
}

/// Transactions, and what they took of the chain's room.
#[derive(Clone, Copy, Default)]
pub(super) struct Transactions {
    pub(super) count: u64,
    pub(super) gas: u64,
}

/// What the chain says of the demo.
pub(super) struct OnChain {
    /// What came to the seller, in millionths of a dollar.
    pub(super) received: U256,
    /// In how many transfers.
    pub(super) transfers: usize,
    /// What the fees came to, in millionths of a dollar.
    pub(super) fees: U256,
}

impl Chain {
    pub(super) async fn start() -> Result<Self, Failure> {
        let devnet =
            Devnet::start(Options::tempo(anvil_source()?).with_sessions()).await.or_fail("the chain did not start")?;
        let mut chain = Self { devnet, seller_had: U256::ZERO, sponsor_had: U256::ZERO };
        chain.seller_had = chain.balance(SELLER.address).await?;
        chain.sponsor_had = chain.balance(SPONSOR.address).await?;
        Ok(chain)
    }

    /// Where it is.
    pub(super) fn rpc(&self) -> &str {
        self.devnet.rpc()
    }

    /// The gateway's rail. The seller pays the fees, so that what the agent pays is the price and nothing else.
    pub(super) fn rail(&self) -> String {
        format!(
            "[rails.tempo]\nrpc = \"{}\"\nchain = {}\nrecipient = \"{}\"\nasset = \"pathUSD\"\n\
             fee_payer = true\nsigner = {{ key = {{ file = \"{FEES}\" }} }}\n",
            self.devnet.rpc(),
            self.devnet.chain_id(),
            SELLER.address,
        )
    }

    /// Writes the key that pays the fees, which everybody knows, where the gateway's rail looks for it.
    pub(super) fn write_key(&self, directory: &Path) -> Result<(), Failure> {
        let key = SPONSOR.publicly_known_key.to_string();
        private_file::write(&directory.join(FEES), key.as_bytes()).or_fail("the key for fees cannot be written")
    }

    /// The agents' chains.
    pub(super) fn chains(&self) -> String {
        format!("[chain.devnet]\nchain = {}\nrpc = \"{}\"\n", self.devnet.chain_id(), self.devnet.rpc())
    }

    /// The payer's name in the books.
    pub(super) fn payer(&self, account: Address) -> String {
        format!("did:pkh:eip155:{}:{account}", self.devnet.chain_id())
    }

    /// Gives an agent money.
    pub(super) async fn fund(&self, account: Address, millionths: u64) -> Result<(), Failure> {
        self.devnet.fund(account, U256::from(millionths)).await.or_fail("the agent was not funded")
    }

    /// What an account has, in millionths of a dollar.
    pub(super) async fn balance(&self, account: Address) -> Result<U256, Failure> {
        self.devnet.balance(account).await.or_fail("the chain does not answer")
    }

    /// The number of the newest block.
    pub(super) async fn height(&self) -> Result<u64, Failure> {
        let height: U256 =
            self.devnet.node().request("eth_blockNumber", json!([])).await.or_fail("the chain does not answer")?;
        height.try_into().or_fail("the chain is too long")
    }

    /// The transactions after a block.
    pub(super) async fn transactions_after(&self, height: u64) -> Result<Transactions, Failure> {
        let mut all = Transactions::default();
        for block in height + 1..=self.height().await? {
            let block = json!([format!("{block:#x}")]);
            let receipts: Vec<Value> = self
                .devnet
                .node()
                .request("eth_getBlockReceipts", block)
                .await
                .or_fail("the chain does not show its receipts")?;
            for receipt in receipts {
                let gas = receipt.get("gasUsed").and_then(Value::as_str).and_then(|gas| gas.parse::<U256>().ok());
                all.count += 1;
                all.gas += u64::try_from(gas.unwrap_or_default()).unwrap_or(0);
            }
        }
        Ok(all)
    }

    /// What came to the seller, and what it cost.
    pub(super) async fn counted(&self) -> Result<OnChain, Failure> {
        let received = self.balance(SELLER.address).await?.saturating_sub(self.seller_had);
        let fees = self.sponsor_had.saturating_sub(self.balance(SPONSOR.address).await?);
        let filter = json!([{
            "fromBlock": "0x0",
            "address": self.devnet.token(),
            "topics": [keccak256("Transfer(address,address,uint256)"), null, SELLER.address.into_word()],
        }]);
        let logs: Vec<Value> =
            self.devnet.node().request("eth_getLogs", filter).await.or_fail("the chain does not answer")?;
        Ok(OnChain { received, transfers: logs.len(), fees })
    }
}
