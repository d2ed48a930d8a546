//! What every seller offers, and what must be true when it was bought.

use crate::interop::chains::Chains;
use crate::interop::node::Node;

/// One thing for sale, by its way of payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offer {
    /// The payer signs, the seller sends.
    Pull,
    /// The payer sends and shows the hash.
    Push,
    /// The payer signs, the sponsor pays the fee.
    Sponsored,
    /// A price of nothing: a signature that moves nothing.
    Proof,
    /// A part of the price goes to a second recipient.
    Splits,
    /// On an EVM chain: the payer authorizes (EIP-3009), the seller sends.
    Authorization,
}

impl Offer {
    pub(super) const ALL: [Self; 6] =
        [Self::Pull, Self::Push, Self::Sponsored, Self::Proof, Self::Splits, Self::Authorization];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Sponsored => "sponsored",
            Self::Proof => "proof",
            Self::Splits => "splits",
            Self::Authorization => "authorization",
        }
    }

    /// Where every seller sells it.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Pull => "/charge",
            Self::Push => "/push",
            Self::Sponsored => "/sponsored",
            Self::Proof => "/proof",
            Self::Splits => "/splits",
            Self::Authorization => "/authorization",
        }
    }

    /// What the recipient gets and what the second recipient gets, in base units.
    pub(super) fn price(self) -> (u128, u128) {
        match self {
            Self::Pull => (10_000, 0),
            Self::Push => (20_000, 0),
            Self::Sponsored => (30_000, 0),
            Self::Proof => (0, 0),
            Self::Splits => (30_000, 20_000),
            Self::Authorization => (40_000, 0),
        }
    }

    /// The chain on which this is paid.
    pub(super) fn chain(self, chains: &Chains) -> &Node {
        if self == Self::Authorization { chains.evm() } else { chains.tempo() }
    }

    /// The payment method.
    pub(super) fn method(self) -> &'static str {
        if self == Self::Authorization { "evm" } else { "tempo" }
    }

    /// Who is to send the transaction.
    pub(super) fn mode(self) -> &'static str {
        if self == Self::Push { "push" } else { "pull" }
    }
}
