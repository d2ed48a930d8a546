use std::time::Duration;

/// A chain on file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Chain {
    /// Its EIP-155 id.
    pub id: u64,
    /// Its name, as configurations may write it.
    pub name: &'static str,
    /// Which rules its transactions follow.
    pub kind: Kind,
    /// About how long a block takes.
    pub block_time: Duration,
    /// How many blocks, the including one counted, a payment of everyday size waits for.
    pub confirmations: u64,
    /// About how long until a block can no longer be taken back, by the chain's own rules.
    pub finality: Duration,
    /// Whether its coins are worth nothing.
    pub test: bool,
}

/// Which rules a chain's transactions follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Tempo: fees in tokens, batched and sponsored transactions, memos.
    Tempo,
    /// Any other EVM chain.
    Evm,
}

/// The chains on file. Finality is the chain's own: on a rollup it is that of the layer below.
static CHAINS: &[Chain] = &[
    evm(1, "ethereum", 12_000, 3, 15 * 60),
    evm(10, "optimism", 2_000, 3, 20 * 60),
    evm(137, "polygon", 2_000, 5, 10),
    evm(196, "x-layer", 1_000, 3, 30 * 60),
    evm(1329, "sei", 400, 1, 1),
    evm(4326, "megaeth", 1_000, 3, 20 * 60),
    evm(5042, "arc", 500, 1, 1),
    evm(8453, "base", 2_000, 3, 20 * 60),
    evm(42_161, "arbitrum", 250, 4, 20 * 60),
    evm(42_220, "celo", 1_000, 3, 20 * 60),
    evm(43_114, "avalanche", 1_500, 1, 2),
    test(84_532, "base-sepolia", 2_000, 3, 20 * 60),
    test(5_042_002, "arc-testnet", 500, 1, 1),
    Chain { kind: Kind::Tempo, ..evm(4217, "tempo", 500, 1, 1) },
    Chain { kind: Kind::Tempo, ..test(42_431, "tempo-moderato", 500, 1, 1) },
    Chain { kind: Kind::Tempo, ..test(1337, "tempo-localnet", 500, 1, 1) },
    test(31_337, "anvil", 1_000, 1, 1),
];

const fn evm(id: u64, name: &'static str, block_ms: u64, confirmations: u64, finality_seconds: u64) -> Chain {
    Chain {
        id,
        name,
        kind: Kind::Evm,
        block_time: Duration::from_millis(block_ms),
        confirmations,
        finality: Duration::from_secs(finality_seconds),
        test: false,
    }
}

const fn test(id: u64, name: &'static str, block_ms: u64, confirmations: u64, finality_seconds: u64) -> Chain {
    Chain { test: true, ..evm(id, name, block_ms, confirmations, finality_seconds) }
}

/// Every chain on file.
pub fn all() -> &'static [Chain] {
    CHAINS
}

/// The chain with this EIP-155 id.
pub fn by_id(id: u64) -> Option<&'static Chain> {
    CHAINS.iter().find(|chain| chain.id == id)
}

/// The chain with this name.
pub fn by_name(name: &str) -> Option<&'static Chain> {
    CHAINS.iter().find(|chain| chain.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chain_is_found_by_its_id_and_its_name_and_only_by_them() {
        for chain in all() {
            assert_eq!(by_id(chain.id), Some(chain));
            assert_eq!(by_name(chain.name), Some(chain));
            assert!(chain.confirmations > 0 && !chain.block_time.is_zero());
        }
        assert_eq!(by_id(0), None);
        assert_eq!(by_id(4217).map(|chain| chain.kind), Some(Kind::Tempo));
        assert_eq!(by_id(8453).map(|chain| chain.kind), Some(Kind::Evm));
    }
}
