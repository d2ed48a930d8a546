//! How a channel stands, and what taking its rest back comes to in that standing.

use farthing_protocol::Timestamp;
use farthing_rail::{Channel, ChannelStanding, RailError, Reclaim};

use super::held::HeldChannel;
use crate::buyer::{Funds, SoughtChannel};

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing: it is done.
    Done,
    /// Nothing now, for this reason.
    Not(String),
    /// The step is to be sent.
    Send,
}

/// Asks the chain how a channel stands.
pub(super) async fn standing(funds: Option<&dyn Funds>, held: &HeldChannel) -> Result<ChannelStanding, RailError> {
    let HeldChannel { session, lapse } = *held;
    let funds = funds.ok_or_else(|| RailError(format!("there is no node of chain {} to ask", session.vault.chain)))?;
    funds.channel(&SoughtChannel { vault: session.vault, channel: session.channel(), lapse }).await
}

/// What this step comes to now. Asking for a step that was taken already is no second one.
pub(super) fn next(channel: &Channel, standing: &ChannelStanding, step: Reclaim, now: Timestamp) -> Next {
    let id = &channel.id;
    match (step, standing.collect_until) {
        _ if standing.closed => Next::Done,
        _ if standing.deposit.is_zero() => {
            Next::Not(format!("the escrow has no channel {id} yet; what was signed for it may still open it"))
        }
        (Reclaim::Request, Some(_)) => Next::Done,
        (Reclaim::Withdraw, None) => Next::Not(format!("nobody has asked to close {id}; that comes first")),
        (Reclaim::Withdraw, Some(until)) if now < until => {
            Next::Not(format!("the seller may still collect from {id} until {}", until.to_rfc3339()))
        }
        (Reclaim::Request, None) | (Reclaim::Withdraw, Some(_)) => Next::Send,
    }
}
