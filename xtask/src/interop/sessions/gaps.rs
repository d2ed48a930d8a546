//! What the SDKs cannot do, and why. A gap that closes fails the run, so that this list stays true.

use super::offer::{Offer, Rail, Way};

/// Buyers, sellers, rails, ways, and why these cannot trade. An empty list means everybody or everything.
struct Gap {
    buyers: &'static [&'static str],
    sellers: &'static [&'static str],
    rails: &'static [Rail],
    ways: &'static [Way],
    reason: &'static str,
}

/// Every gap; the first that fits a trade is its reason.
const GAPS: &[Gap] = &[
    Gap {
        buyers: &[],
        sellers: &["mppx", "mpp-rs"],
        rails: &[Rail::Evm],
        ways: &[],
        reason: "No SDK has sessions of the method evm, to sell by or to buy by",
    },
    Gap {
        buyers: &[],
        sellers: &["mppx"],
        rails: &[Rail::TempoV1],
        ways: &[],
        reason: "mppx's server sells by version 2",
    },
    Gap {
        buyers: &[],
        sellers: &["mpp-rs"],
        rails: &[],
        ways: &[Way::Socket],
        reason: "mpp's server has frames of its own for WebSockets, not those of the documentation",
    },
    Gap {
        buyers: &[],
        sellers: &["mpp-rs"],
        rails: &[],
        ways: &[Way::Sponsored],
        reason: "mpp's server pays no fees of sessions",
    },
    Gap {
        buyers: &["mppx"],
        sellers: &["mpp-rs"],
        rails: &[Rail::TempoV2],
        ways: &[],
        reason: "mpp's challenge names its version by the escrow alone; mppx's client goes by `sessionProtocol`, which it lacks",
    },
    Gap {
        buyers: &["mppx", "mpp-rs"],
        sellers: &[],
        rails: &[Rail::TempoV1],
        ways: &[Way::TopUp, Way::Sponsored],
        reason: "The SDKs' clients top up channels of version 2",
    },
];

/// Why this buyer cannot buy this from this seller.
pub(super) fn reason(buyer: &str, seller: &str, offer: Offer) -> Option<&'static str> {
    let fits = |gap: &&Gap| {
        named(gap.buyers, buyer)
            && named(gap.sellers, seller)
            && (gap.rails.is_empty() || gap.rails.contains(&offer.rail))
            && (gap.ways.is_empty() || gap.ways.contains(&offer.way))
    };
    GAPS.iter().find(fits).map(|gap| gap.reason)
}

fn named(names: &[&str], name: &str) -> bool {
    names.is_empty() || names.contains(&name)
}
