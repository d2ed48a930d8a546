//! What a request takes from a session that pays for whole answers.

use farthing_money::Amount;
use http::Response;

use super::drawing::Drawing;
use crate::lifecycle::{Delivery, PaidBody, show_receipt};
use crate::proxy::Body;
use crate::route::SessionTerms;

/// How much must be held before the upstream is asked: one unit. Where the upstream says what the whole of its answer
/// cost, that is the most that it may cost. Not covered, nothing is asked of the upstream.
pub(super) fn first_hold(terms: &SessionTerms) -> Amount {
    terms.unit_price
}

/// The answer with its receipt, charged one unit when it has gone out.
pub(super) fn give(drawing: Drawing, response: Response<Body>) -> Response<Body> {
    let held = drawing.held();
    charge(drawing, held, 1, response)
}

/// The answer with its receipt, charged so much when it has gone out. Dropping the drawing lets go of what it still
/// holds.
pub(super) fn charge(drawing: Drawing, amount: Amount, units: u64, response: Response<Body>) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    // The receipt is for success only (core, section 5.3.1).
    if parts.status.is_success() {
        show_receipt(&mut parts.headers, &drawing.receipt_for(amount, units));
    }
    Response::from_parts(parts, PaidBody::wrap(body, Whole { drawing, amount, units, broken: false }))
}

/// A response on its way of which the price is known. Dropping it charges: the client took what it wanted.
struct Whole {
    drawing: Drawing,
    amount: Amount,
    units: u64,
    broken: bool,
}

impl Delivery for Whole {
    /// Half an answer is none; what is held for it is let go of.
    fn broke_off(mut self, reason: &str) {
        tracing::warn!(reason, "the upstream broke off what a session pays for; nothing is charged");
        self.broken = true;
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        if !self.broken && self.amount > Amount::ZERO {
            self.drawing.deliver(self.amount, self.units);
        }
    }
}
