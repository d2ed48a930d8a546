//! What a request takes from a session: the seam between sessions and what a route counts.

use farthing_money::Amount;
use http::header::HeaderMap;
use http::{Response, StatusCode};

use super::drawing::Drawing;
use crate::lifecycle::{Delivery, PaidBody, show_receipt};
use crate::proxy::Body;
use crate::route::{Paid, SessionTerms};

/// How much must be held before the upstream is asked. Not covered, nothing is asked of it.
pub(super) fn first_hold(paid: &Paid, terms: &SessionTerms) -> Amount {
    let _ = paid;
    terms.unit_price
}

/// Turns an upstream's success into what goes out, and draws what that costs. Dropping the drawing lets go of what it
/// still holds.
pub(super) fn give(drawing: Drawing, response: Response<Body>) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    acknowledge(&drawing, parts.status, &mut parts.headers);
    Response::from_parts(parts, PaidBody::wrap(body, Whole { drawing, broken: false }))
}

/// The receipt is for success only (core, section 5.3.1).
fn acknowledge(drawing: &Drawing, status: StatusCode, headers: &mut HeaderMap) {
    if status.is_success() {
        show_receipt(headers, &drawing.receipt(1));
    }
}

/// A response of one unit on its way. Dropping it charges: the client took what it wanted.
struct Whole {
    drawing: Drawing,
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
        let held = self.drawing.held();
        if !self.broken && held > Amount::ZERO {
            self.drawing.deliver(held, 1);
        }
    }
}
