//! What the SDKs cannot do, and why. A gap that closes fails the run, so that this list stays true.

use super::offer::Offer;

/// Buyers, sellers, what they cannot trade, and why. Names are lists; an empty one means everybody.
type Gap = (&'static [&'static str], &'static [&'static str], Offer, &'static str);

const TWO_NONCES: &str = "The nonce that binds an authorization to its challenge is a hash of the id and the realm, which \
    the draft and mppx join and pympp writes as a JSON list";

/// Every gap; the first that fits a pair is its reason.
const GAPS: &[Gap] = &[
    (
        &["farthing"],
        &["pympp", "mpp-rs"],
        Offer::Push,
        "This seller takes a signed transaction as well, and then our wallet sends none: nothing moves before a seller has \
         agreed",
    ),
    (&["pympp"], &[], Offer::Push, "pympp's client signs and never sends: it has no push"),
    (&["mpp-rs"], &[], Offer::Push, "mpp's client signs and never sends: it has no push"),
    (&["mpp-rs"], &[], Offer::Authorization, "mpp has no method for EVM chains"),
    (&[], &["mpp-rs"], Offer::Authorization, "mpp has no method for EVM chains"),
    (&["pympp"], &["mppx"], Offer::Authorization, TWO_NONCES),
    (&["farthing", "mppx"], &["pympp"], Offer::Authorization, TWO_NONCES),
    (
        &["pympp"],
        &["farthing", "mppx", "mpp-rs"],
        Offer::Proof,
        "pympp's client has no proof: it signs a transfer of nothing, which the seller refuses",
    ),
    (
        &["farthing", "mppx", "mpp-rs"],
        &["pympp"],
        Offer::Proof,
        "pympp's server has no proof: it refuses the payload and wants a transfer of nothing",
    ),
];

/// Why this buyer cannot buy this from this seller.
pub(super) fn reason(buyer: &str, seller: &str, offer: Offer) -> Option<&'static str> {
    let fits = |names: &[&str], name: &str| names.is_empty() || names.contains(&name);
    let found = GAPS.iter().find(|gap| gap.2 == offer && fits(gap.0, buyer) && fits(gap.1, seller));
    found.map(|gap| gap.3)
}
