use std::fmt;

/// The forms in which an EVM charge may be paid (draft-evm-charge, "Credential Type Negotiation").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CredentialKind {
    /// A signed EIP-3009 authorization; the seller submits it and pays the fee.
    Authorization,
    /// A signed Permit2 transfer; the seller submits it and pays the fee.
    Permit2,
    /// A signed transaction; the seller sends it, the payer pays the fee.
    Transaction,
    /// The hash of a transaction that the payer has sent.
    Hash,
}

impl CredentialKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Authorization, Self::Permit2, Self::Transaction, Self::Hash];

    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authorization => "authorization",
            Self::Permit2 => "permit2",
            Self::Transaction => "transaction",
            Self::Hash => "hash",
        }
    }

    /// The kind with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for CredentialKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
