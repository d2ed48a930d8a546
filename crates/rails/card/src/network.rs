use std::fmt;
use std::str::FromStr;

/// A card network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Network {
    /// Visa.
    Visa,
    /// Mastercard.
    Mastercard,
    /// American Express.
    Amex,
    /// Discover.
    Discover,
}

/// Not a network of the method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a network is one of visa, mastercard, amex and discover")]
pub struct NotANetwork;

impl Network {
    const ALL: [Self; 4] = [Self::Visa, Self::Mastercard, Self::Amex, Self::Discover];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Visa => "visa",
            Self::Mastercard => "mastercard",
            Self::Amex => "amex",
            Self::Discover => "discover",
        }
    }
}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(word: &str) -> Result<Self, NotANetwork> {
        Self::ALL.into_iter().find(|network| network.as_str() == word).ok_or(NotANetwork)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
