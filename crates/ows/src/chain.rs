use std::fmt;

use crate::OwsError;

/// What the standard's tools call these chains in short.
const ALIASES: &[(&str, u64)] = &[
    ("ethereum", 1),
    ("evm", 1),
    ("optimism", 10),
    ("bsc", 56),
    ("polygon", 137),
    ("tempo", 4217),
    ("base", 8453),
    ("arbitrum", 42_161),
    ("avalanche", 43_114),
];

/// An EVM chain, by its number (EIP-155).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chain(pub u64);

impl Chain {
    /// Reads a CAIP-2 name, such as `eip155:8453`, or a short name of the standard's tools, such as `base`.
    pub fn parse(text: &str) -> Result<Self, OwsError> {
        if let Some((_, number)) = ALIASES.iter().find(|(alias, _)| *alias == text) {
            return Ok(Self(*number));
        }
        let malformed = || OwsError::CaipParse(text.chars().take(48).collect());
        let (namespace, reference) = text.split_once(':').ok_or_else(malformed)?;
        let of = |part: &str, longest: usize, also: fn(u8) -> bool| {
            (1..=longest).contains(&part.len()) && part.bytes().all(|byte| byte == b'-' || also(byte))
        };
        let lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if namespace.len() < 3 || !of(namespace, 8, lower) {
            return Err(malformed());
        }
        if !of(reference, 32, |byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(malformed());
        }
        if namespace != "eip155" {
            return Err(OwsError::ChainNotSupported(text.to_owned()));
        }
        // One spelling for each chain, so that a list of chains means what it says.
        let number = reference.parse().ok().filter(|number: &u64| number.to_string() == reference);
        number.map(Self).ok_or_else(malformed)
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "eip155:{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_short_names_come_to_their_chains() {
        for (text, number) in [("eip155:1", 1), ("eip155:8453", 8453), ("base", 8453), ("tempo", 4217)] {
            assert_eq!(Chain::parse(text).unwrap(), Chain(number));
        }
        assert_eq!(Chain(1).to_string(), "eip155:1");
    }

    #[test]
    fn other_chains_are_told_from_what_is_no_chain() {
        for text in ["solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp", "bip122:000000000019d6689c085ae165831e93"] {
            assert_eq!(Chain::parse(text).unwrap_err().code(), "CHAIN_NOT_SUPPORTED", "{text}");
        }
        for text in ["", "eip155", "eip155:", "eip155:01", "eip155:1 ", "EIP155:1", "eip155:-1", "eip155:0x1", "a:1"] {
            assert_eq!(Chain::parse(text).unwrap_err().code(), "CAIP_PARSE_ERROR", "{text}");
        }
    }
}
