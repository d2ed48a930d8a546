/// How a token is moved in the scheme `exact`: `extra.assetTransferMethod`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transfer {
    /// By the token itself, on a signed authorization.
    Eip3009,
    /// By Permit2, through x402's proxy contract.
    Permit2,
}

impl Transfer {
    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Eip3009 => "eip3009",
            Self::Permit2 => "permit2",
        }
    }

    /// The one with this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Eip3009, Self::Permit2].into_iter().find(|transfer| transfer.name() == name)
    }
}
