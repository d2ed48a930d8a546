use std::fmt;

/// A network by its CAIP-2 name, such as `eip155:8453`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(Box<str>);

/// The names that version 1 gives to EVM chains, with their EIP-155 numbers: those that deployed clients know.
const NAMED: &[(&str, u64)] = &[
    ("base", 8453),
    ("base-sepolia", 84_532),
    ("ethereum", 1),
    ("sepolia", 11_155_111),
    ("polygon", 137),
    ("polygon-amoy", 80_002),
    ("avalanche", 43_114),
    ("avalanche-fuji", 43_113),
    ("abstract", 2741),
    ("abstract-testnet", 11_124),
    ("celo", 42_220),
    ("educhain", 41_923),
    ("flare", 14),
    ("iotex", 4689),
    ("megaeth", 4326),
    ("monad", 143),
    ("peaq", 3338),
    ("sei", 1329),
    ("sei-testnet", 1328),
    ("skale-base-sepolia", 324_705_682),
    ("stable", 988),
    ("stable-testnet", 2201),
    ("story", 1514),
];

/// How the CAIP-2 name of an EVM chain begins.
const EVM: &str = "eip155:";

impl Network {
    /// An EVM chain by its EIP-155 number.
    pub fn evm(chain: u64) -> Self {
        Self(format!("{EVM}{chain}").into())
    }

    /// Reads a CAIP-2 name, or one of the names of version 1.
    pub fn read(text: &str) -> Option<Self> {
        if let Some((_, chain)) = NAMED.iter().find(|(name, _)| *name == text) {
            return Some(Self::evm(*chain));
        }
        let (namespace, reference) = text.split_once(':')?;
        let named = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let fits = (3..=8).contains(&namespace.len()) && (1..=32).contains(&reference.len());
        if !fits || !namespace.bytes().all(named) || !reference.bytes().all(plain) {
            return None;
        }
        let network = Self(text.into());
        // One chain has one name: a number in its one spelling.
        (!text.starts_with(EVM) || network.evm_chain().is_some()).then_some(network)
    }

    /// Its CAIP-2 name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its name in version 1, if it has one.
    pub fn name(&self) -> Option<&'static str> {
        let number = self.evm_chain()?;
        NAMED.iter().find(|(_, chain)| *chain == number).map(|(name, _)| *name)
    }

    /// The EIP-155 number of an EVM chain.
    pub fn evm_chain(&self) -> Option<u64> {
        let number = self.0.strip_prefix(EVM)?;
        let spelled_once = !number.starts_with(['0', '+']);
        spelled_once.then(|| number.parse().ok()).flatten()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_has_one_name_in_each_version() {
        for (name, chain) in NAMED {
            let network = Network::read(name).unwrap();
            assert_eq!(network, Network::evm(*chain));
            assert_eq!((network.name(), network.evm_chain()), (Some(*name), Some(*chain)));
            assert_eq!(Network::read(network.as_str()), Some(network));
        }
        let solana = Network::read("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp").unwrap();
        assert_eq!((solana.name(), solana.evm_chain()), (None, None));
    }

    #[test]
    fn what_could_name_a_chain_twice_is_no_name() {
        for text in [
            "",
            ":",
            "base ",
            "Base",
            "eip155",
            "eip155:",
            "eip155:08453",
            "eip155:+1",
            "eip155:0x1",
            "eip155:1 ",
            "EIP155:1",
            "eip155:18446744073709551616",
            "eip155:1:2",
            "ab:c",
            "eip155:\u{661}",
        ] {
            assert_eq!(Network::read(text), None, "{text:?}");
        }
    }
}
