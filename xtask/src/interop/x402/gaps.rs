//! What cannot be traded, and why. A gap that closes fails the run, so that this list stays true.

use super::offer::Offer;

/// Buyers, sellers, facilitators, what they cannot trade, and why. Names are lists; an empty one means everybody.
struct Gap {
    buyers: &'static [&'static str],
    sellers: &'static [&'static str],
    facilitators: &'static [&'static str],
    offers: &'static [Offer],
    reason: &'static str,
}

/// Every gap; the first that fits is the reason.
const GAPS: &[Gap] = &[
    Gap {
        buyers: &[],
        sellers: &["@x402/express"],
        facilitators: &[],
        offers: &[Offer::V1],
        reason: "@x402/express sells by version 2",
    },
    Gap {
        buyers: &[],
        sellers: &["mppx"],
        facilitators: &[],
        offers: &[Offer::Permit2, Offer::Upto, Offer::V1],
        reason: "What mppx sells by x402 is what it sells by evm/charge: version 2, scheme exact, EIP-3009",
    },
];

/// Why this cannot be traded.
pub(super) fn reason(buyer: &str, seller: &str, facilitator: &str, offer: Offer) -> Option<&'static str> {
    let fits = |names: &[&str], name: &str| names.is_empty() || names.contains(&name);
    let found = GAPS.iter().find(|gap| {
        gap.offers.contains(&offer)
            && fits(gap.buyers, buyer)
            && fits(gap.sellers, seller)
            && fits(gap.facilitators, facilitator)
    });
    found.map(|gap| gap.reason)
}
