//! Whether an offer is made in earnest, and how long what is signed for it is good.

use std::time::Duration;

use farthing_protocol::{Challenge, Timestamp};
use farthing_rail::{NotPayable, end_of};
use tempo_primitives::TempoAddressExt as _;

use crate::evm::unix_seconds;
use crate::tempo::request::TempoRequest;

/// How long a transaction lives: the chain takes no expiring nonce that lasts more than 30 seconds.
const VALIDITY: Duration = Duration::from_secs(25);

/// How long an offer must still live: servers send nothing that is about to expire, and sponsors
/// nothing that has less than 15 seconds left.
const SHORTEST_VALIDITY: Duration = Duration::from_secs(6);
const SHORTEST_SPONSORED: Duration = Duration::from_secs(17);

/// Whether the offer ends, and not too soon to be paid.
pub(super) fn alive(challenge: &Challenge, request: &TempoRequest, now: Timestamp) -> Result<(), NotPayable> {
    match request.amount.is_zero() {
        true => end_of(challenge, now).map(drop),
        false => check_life(challenge, request.fee_payer, now),
    }
}

/// Whether an offer lives long enough for a transaction that answers it.
pub(crate) fn check_life(challenge: &Challenge, sponsored: bool, now: Timestamp) -> Result<(), NotPayable> {
    let left = end_of(challenge, now)?.since(now);
    let shortest = if sponsored { SHORTEST_SPONSORED } else { SHORTEST_VALIDITY };
    if left < shortest {
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
    let soon = valid_until(now);
    challenge.expires().map_or(soon, |expires| soon.min(unix_seconds(expires)))
}

/// The same for a transaction that answers no offer.
pub(crate) fn valid_until(now: Timestamp) -> u64 {
    unix_seconds(now.after(VALIDITY))
}
