//! Whether an offer is made in earnest, and how long what is signed for it is good.

use std::time::Duration;

use farthing_protocol::{Challenge, Timestamp};
use farthing_rail::{NotPayable, end_of};
use tempo_primitives::TempoAddressExt as _;

use crate::tempo::request::TempoRequest;

/// How long a transaction lives: the chain takes no expiring nonce that lasts more than 30 seconds.
const VALIDITY: Duration = Duration::from_secs(25);

/// How long an offer must still live: servers send nothing that is about to expire, and sponsors
/// nothing that has less than 15 seconds left.
const SHORTEST_VALIDITY: Duration = Duration::from_secs(6);
const SHORTEST_SPONSORED: Duration = Duration::from_secs(17);

/// Whether the offer ends, and not too soon to be paid.
pub(super) fn alive(challenge: &Challenge, request: &TempoRequest, now: Timestamp) -> Result<(), NotPayable> {
    let left = end_of(challenge, now)?.since(now);
    let shortest = if request.fee_payer { SHORTEST_SPONSORED } else { SHORTEST_VALIDITY };
    if left < shortest && !request.amount.is_zero() {
        return Err(NotPayable(format!("the offer expires in {left:?}, too soon for a transaction; ask again")));
    }
    Ok(())
}

/// Money sent to a token's contract is lost; nobody asks for it in earnest.
pub(super) fn check_recipients(request: &TempoRequest) -> Result<(), NotPayable> {
    let recipients = std::iter::once(request.recipient).chain(request.splits.iter().map(|split| split.recipient));
    match recipients.into_iter().find(|recipient| recipient.is_zero() || recipient.is_tip20()) {
        Some(nobody) => Err(NotPayable(format!("the recipient {nobody} is nobody's account"))),
        None => Ok(()),
    }
}

/// The second before which the transaction must be included: soon, and not after the offer's end.
pub(crate) fn valid_before(challenge: &Challenge, now: Timestamp) -> u64 {
    let ends = now.after(VALIDITY);
    let ends = challenge.expires().map_or(ends, |expires| expires.min(ends));
    u64::try_from(ends.unix_millis().div_euclid(1000)).unwrap_or_default()
}
