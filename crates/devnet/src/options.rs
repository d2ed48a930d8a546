//! What kind of chain to start.

use std::time::Duration;

use crate::base_sepolia;
use crate::source::Source;

/// The chain id of Tempo's public test network, which SDKs take for granted.
pub const TEMPO_CHAIN_ID: u64 = 42_431;

/// What the chain is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Tempo, with its TIP-20 tokens, exchange, account keychain and 0x76 transactions; chain [`TEMPO_CHAIN_ID`].
    Tempo,
    /// An EVM chain with a test USDC and, where it can be had, Permit2.
    Evm {
        /// Any chain id: nothing leaves this machine.
        chain_id: u64,
    },
    /// An EVM chain that poses as Base Sepolia, so that x402's software runs unchanged: its chain id, its USDC, and the
    /// contracts of [`base_sepolia`].
    BaseSepolia,
}

impl Kind {
    /// The chain id of the chain.
    pub const fn chain_id(self) -> u64 {
        match self {
            Self::Tempo => TEMPO_CHAIN_ID,
            Self::Evm { chain_id } => chain_id,
            Self::BaseSepolia => base_sepolia::CHAIN_ID,
        }
    }
}

/// How to start a chain.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which one.
    pub kind: Kind,
    /// Where it listens on loopback; 0 takes a free port.
    pub port: u16,
    /// A block at least this often, so that the chain's clock does not stand still on an idle chain; `None` mines only
    /// when there is a transaction. Validity windows are checked against the last block's time: a chain without
    /// `block_time` refuses credentials as too far ahead after a pause.
    pub block_time: Option<Duration>,
    /// Mines a block for each transaction at once. Without it transactions wait for the next block of `block_time`.
    pub instant: bool,
    /// Whether sessions can be had: their escrows are placed, and on Tempo a server stands before the node that does
    /// for the reserve what a Tempo node would.
    pub sessions: bool,
    /// Where anvil comes from.
    pub source: Source,
}

impl Options {
    /// A Tempo chain on a free port.
    pub fn tempo(source: Source) -> Self {
        Self::new(Kind::Tempo, source)
    }

    /// An EVM chain on a free port.
    pub fn evm(chain_id: u64, source: Source) -> Self {
        Self::new(Kind::Evm { chain_id }, source)
    }

    /// A chain that poses as Base Sepolia, on a free port.
    pub fn base_sepolia(source: Source) -> Self {
        Self::new(Kind::BaseSepolia, source)
    }

    fn new(kind: Kind, source: Source) -> Self {
        Self { kind, port: 0, block_time: Some(Duration::from_secs(1)), instant: true, sessions: false, source }
    }

    /// The same on this port.
    #[must_use]
    pub const fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The same with all that sessions need.
    #[must_use]
    pub const fn with_sessions(mut self) -> Self {
        self.sessions = true;
        self
    }

    /// Whether something stands between the port and the node.
    pub(crate) fn has_front(&self) -> bool {
        self.sessions && self.kind == Kind::Tempo
    }

    /// The arguments of anvil.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let mut arguments = vec!["--host=127.0.0.1".to_owned()];
        arguments.push(format!("--port={}", if self.has_front() { 0 } else { self.port }));
        arguments.push(format!("--chain-id={}", self.kind.chain_id()));
        let network: &[&str] = match self.kind {
            // Before T4 an expiring nonce counts as an ordinary one, and a payer's second payment fails.
            Kind::Tempo => &["--network=tempo", "--hardfork=T4"],
            Kind::Evm { .. } => &[],
            // Gas is cheap there, and payers bound its price accordingly.
            Kind::BaseSepolia => &["--hardfork=prague", "--block-base-fee-per-gas=1000000"],
        };
        arguments.extend(network.iter().map(|argument| (*argument).to_owned()));
        if let Some(time) = self.block_time {
            arguments.push(format!("--block-time={}.{:03}", time.as_secs(), time.subsec_millis()));
            if self.instant {
                arguments.push("--mixed-mining".to_owned());
            }
        } else if !self.instant {
            arguments.push("--no-mining".to_owned());
        }
        arguments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(change: impl FnOnce(&mut Options)) -> String {
        let mut options = Options::tempo(Source::in_cache("cache"));
        change(&mut options);
        options.arguments().join(" ")
    }

    #[test]
    fn tempo_mines_at_once_and_every_second() {
        let plain = arguments(|_| ());
        assert!(plain.ends_with("--network=tempo --hardfork=T4 --block-time=1.000 --mixed-mining"), "{plain}");
    }

    #[test]
    fn base_sepolia_has_its_number_and_its_rules() {
        let arguments = arguments(|options| options.kind = Kind::BaseSepolia);
        assert!(arguments.contains("--chain-id=84532 --hardfork=prague --block-base-fee"), "{arguments}");
    }

    #[test]
    fn a_chain_may_wait_for_its_block_or_for_an_order() {
        assert!(arguments(|options| options.instant = false).ends_with("--block-time=1.000"));
        assert!(
            arguments(|options| {
                options.instant = false;
                options.block_time = None;
            })
            .ends_with("--no-mining")
        );
    }
}
