use farthing_money::Amount;
use farthing_rail::{Channel, RailError, SignError, VoucherQuote};
use serde::{Deserialize, Serialize};

use super::asked::Asked;
use crate::buyer::Lapse;
use crate::session::KeptSession;

/// What a payer keeps of a channel, so that it can go on with it and get its money back. Nothing in it is
/// secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HeldChannel {
    /// Where the deposit is, and what names the channel.
    pub(super) session: KeptSession,
    /// From when on a channel that is not there will never be.
    pub(super) lapse: Lapse,
}

impl HeldChannel {
    /// The channel as its payer keeps it, when so much is deposited and signed for.
    pub(super) fn to_channel(self, asked: &Asked, deposit: Amount, signed: Amount) -> Channel {
        Channel {
            id: format!("{:#x}", self.session.channel()),
            terms: asked.terms(self.session.terms.payer),
            deposit,
            signed,
            asset: asked.token.asset.clone(),
            // Strings and numbers in maps with text keys: there is nothing that JSON cannot carry.
            kept: serde_json::to_vec(&self).unwrap_or_default(),
        }
    }

    /// From the wallet's store.
    pub(super) fn read(channel: &Channel) -> Result<Self, RailError> {
        let held: Self = serde_json::from_slice(&channel.kept)
            .map_err(|error| RailError(format!("what was kept of the session cannot be read: {error}")))?;
        if format!("{:#x}", held.session.channel()) != channel.id {
            return Err(RailError(format!("what was kept of the session is not that of the channel {}", channel.id)));
        }
        Ok(held)
    }

    /// The same, where something is to be signed for an offer that this channel must be able to pay.
    pub(super) fn for_offer(channel: &Channel, asked: &Asked) -> Result<Self, SignError> {
        let held = Self::read(channel).map_err(|error| SignError::Differs(error.0))?;
        if asked.terms(held.session.terms.payer) != channel.terms {
            return Err(SignError::Differs("the offer is not one that this channel can pay".into()));
        }
        Ok(held)
    }
}

/// Never more than is deposited, and never less than was signed before, but for the last one: it says what was
/// really spent, where more was signed for ahead.
pub(super) fn check_total(channel: &Channel, quote: &VoucherQuote) -> Result<(), SignError> {
    let (total, Channel { signed, deposit, .. }) = (quote.cumulative, channel);
    if total < *signed && !quote.closes {
        return Err(SignError::Differs(format!("a total of {total} is less than the {signed} signed for before")));
    }
    if total > *deposit {
        return Err(SignError::Differs(format!("a total of {total} is more than the {deposit} deposited")));
    }
    Ok(())
}
