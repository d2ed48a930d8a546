use std::fmt;

/// A network by its CAIP-2 name, such as `eip155:8453`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(Box<str>);

/// The names that version 1 gives to networks, with their CAIP-2 names.
const NAMED: &[(&str, &str)] = &[
    ("base", "eip155:8453"),
    ("base-sepolia", "eip155:84532"),
    ("polygon", "eip155:137"),
    ("avalanche", "eip155:43114"),
];

impl Network {
    /// An EVM chain by its EIP-155 number.
    pub fn evm(chain: u64) -> Self {
        Self(format!("eip155:{chain}").into())
    }

    /// Reads a CAIP-2 name, or one of the names of version 1.
    pub fn read(text: &str) -> Option<Self> {
        if let Some((_, name)) = NAMED.iter().find(|(name, _)| *name == text) {
            return Some(Self((*name).into()));
        }
        let (namespace, reference) = text.split_once(':')?;
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        let fits = (3..=8).contains(&namespace.len()) && (1..=32).contains(&reference.len());
        (fits && plain(namespace) && plain(reference)).then(|| Self(text.into()))
    }

    /// Its CAIP-2 name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its name in version 1, if it has one.
    pub fn name(&self) -> Option<&'static str> {
        NAMED.iter().find(|(_, name)| *name == &*self.0).map(|(name, _)| *name)
    }

    /// The EIP-155 number of an EVM chain.
    pub fn evm_chain(&self) -> Option<u64> {
        self.0.strip_prefix("eip155:").and_then(|number| number.parse().ok())
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
