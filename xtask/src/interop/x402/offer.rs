//! What is sold, by its way of payment.

/// One thing for sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offer {
    /// Version 2, scheme exact, by EIP-3009; those who also speak MPP offer `evm/charge` beside it.
    Exact,
    /// The same to buyers who speak both, and choose.
    Either,
    /// The same without the choice, where a seller leaves it.
    Alone,
    /// Version 2, scheme exact, by Permit2.
    Permit2,
    /// Version 2, scheme upto: the seller takes less than was permitted.
    Upto,
    /// Version 1, scheme exact.
    V1,
}

impl Offer {
    /// What a buyer by x402 is asked to buy.
    pub(super) const X402: &[Self] = &[Self::Exact, Self::Permit2, Self::Upto, Self::V1];
    /// What a buyer by MPP and x402 is asked to buy.
    pub(super) const BOTH: &[Self] = &[Self::Alone, Self::Either, Self::Permit2, Self::Upto, Self::V1];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Exact | Self::Alone => "exact",
            Self::Either => "exact or evm/charge",
            Self::Permit2 => "exact, Permit2",
            Self::Upto => "upto",
            Self::V1 => "exact, version 1",
        }
    }

    /// Where this seller sells it. Those who speak both have a route of its own for what is offered alone.
    pub(super) fn path(self, seller: &str) -> &'static str {
        match self {
            Self::Alone if ["farthing", "mppx"].contains(&seller) => "/alone",
            Self::Exact | Self::Either | Self::Alone => "/exact",
            Self::Permit2 => "/permit2",
            Self::Upto => "/upto",
            Self::V1 => "/v1",
        }
    }

    /// What this seller takes, in base units. All ask for 0.05 of `upto`, and x402-axum takes what it asks for.
    pub(super) fn price(self, seller: &str) -> u128 {
        match self {
            Self::Exact | Self::Either | Self::Alone => 10_000,
            Self::Permit2 => 20_000,
            Self::Upto if seller == "x402-axum" => 50_000,
            Self::Upto => 30_000,
            Self::V1 => 40_000,
        }
    }
}
