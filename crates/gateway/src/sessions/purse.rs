//! A session as the purse of a stream.

use farthing_money::Amount;
use farthing_protocol::Receipt;
use farthing_protocol::stream::NeedVoucher;

use super::arrivals::Waiter;
use super::drawing::{Drawing, NoMore};
use crate::metering::{Held, Purse};

/// What a session has signed for, for one stream.
pub(super) struct SessionPurse {
    drawing: Drawing,
    /// Taken before something was tried that came to nothing, so that no news is missed.
    waiter: Option<Waiter>,
}

impl SessionPurse {
    pub(super) fn of(drawing: Drawing) -> Self {
        Self { drawing, waiter: None }
    }

    /// Holds what is wanted; less if no more is signed for, and that is enough.
    async fn try_to_hold(&mut self, least: Amount, wanted: Amount) -> Result<Amount, NoMore> {
        match self.drawing.hold(wanted).await {
            Ok(_) => return Ok(wanted),
            Err(NoMore::Uncovered) => {}
            Err(other) => return Err(other),
        }
        let credit = self.drawing.credit();
        let available = credit.accepted.checked_sub(credit.committed).unwrap_or(Amount::ZERO).min(wanted);
        if available < least {
            return Err(NoMore::Uncovered);
        }
        self.drawing.hold(available).await.map(|_| available)
    }

    /// What is asked for: the least, or better a slice, and no less than a voucher must add. What the deposit does
    /// not cover is asked for only where the least is not covered either, and late. Where a voucher is collected
    /// whole, no more than the least is asked for: what is signed and not delivered would be lost to its payer.
    fn totals(&self, least: Amount) -> Held {
        let (credit, terms) = (self.drawing.credit(), self.drawing.terms());
        let after = |base: Amount, more: Amount| base.checked_add(more).unwrap_or(base);
        let least_total = after(credit.committed, least);
        let in_parts = terms.method.collects_parts();
        let slice = if in_parts { after(credit.committed, terms.slice) } else { least_total };
        let wanted = slice.max(after(credit.accepted, terms.least_delta)).min(credit.deposit).max(least_total);
        Held::Uncovered { least: least_total, wanted, early: in_parts && wanted <= credit.deposit }
    }
}

impl Purse for SessionPurse {
    async fn hold(mut self, least: Amount, wanted: Amount) -> (Self, Held) {
        let waiter = self.drawing.waiter();
        let held = match self.try_to_hold(least, wanted).await {
            Ok(more) => Held::More(more),
            Err(NoMore::Uncovered) => {
                self.waiter = Some(waiter);
                self.totals(least)
            }
            Err(NoMore::Ended) => Held::Ended,
            Err(NoMore::Unknown) => Held::Unknown,
        };
        (self, held)
    }

    async fn news(&mut self) {
        if let Some(waiter) = &mut self.waiter {
            waiter.news().await;
        }
    }

    fn deliver(&mut self, amount: Amount, units: u64) {
        self.drawing.deliver(amount, units);
    }

    fn receipt(&self) -> Receipt {
        self.drawing.receipt_for(Amount::ZERO, 0)
    }

    fn need(&self, required: Amount) -> NeedVoucher {
        let credit = self.drawing.credit();
        NeedVoucher {
            channel_id: self.drawing.channel().to_owned(),
            required_cumulative: required.to_string(),
            accepted_cumulative: credit.accepted.to_string(),
            deposit: credit.deposit.to_string(),
        }
    }
}
