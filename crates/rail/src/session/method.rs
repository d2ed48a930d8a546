use std::fmt;
use std::sync::Arc;

use farthing_money::{Amount, Price};
use farthing_protocol::{JsonObject, Timestamp};

use super::{Escrow, SessionAction};
use crate::{Method, Presented, Refusal, Unpriceable};

/// What a route sells by the unit, before it is put in a method's words.
#[derive(Clone, Debug)]
pub struct SessionOrder {
    /// The price of one unit.
    pub price: Price,
    /// What a unit is: `request`, `token`, `event`, `byte`.
    pub unit: String,
    /// What a payer is advised to deposit.
    pub suggested_deposit: Price,
    /// The least that a voucher must add; nothing for any.
    pub least_delta: Option<Price>,
    /// Display text for people; binds nothing.
    pub description: Option<String>,
}

/// How a session stands at the seller, for what a method tells a payer of it.
#[derive(Clone, Copy, Debug)]
pub struct SessionView<'a> {
    /// Its name on the wire.
    pub channel: &'a str,
    /// What the rail keeps of it.
    pub kept: &'a [u8],
    /// What is deposited.
    pub deposit: Amount,
    /// The highest voucher's total, and what was kept of it.
    pub accepted: Amount,
    /// See [`super::Voucher::kept`].
    pub voucher: Option<&'a [u8]>,
    /// What has been delivered or is being delivered.
    pub spent: Amount,
    /// What has been collected.
    pub settled: Amount,
    /// What must be signed for before the next unit.
    pub required: Amount,
    /// How many units were delivered.
    pub units: u64,
    /// When the payer asked to close it by force, if ever.
    pub close_requested_at: Option<Timestamp>,
}

/// The seller's half of a session method that needs no I/O.
///
/// It is a [`Method`] whose intent is `session`; its [`Method::verify`] is never asked.
pub trait SessionMethod: Method {
    /// The `request` of a challenge for this order. Prepared once per route and price.
    fn session_request(&self, order: &SessionOrder) -> Result<JsonObject, Unpriceable>;

    /// Reads a credential's payload against the request it answers, and recovers who signed. No state is
    /// touched.
    fn read(&self, presented: &Presented<'_>) -> Result<SessionAction, Refusal>;

    /// Whether less than a voucher's total can be collected with it. Where it cannot, what was signed for and not
    /// delivered is the payer's loss, unless it signs a lower total to close with.
    fn collects_parts(&self) -> bool {
        true
    }

    /// What a challenge's `methodDetails` tell of a session, so that its payer can go on with it.
    fn snapshot(&self, session: &SessionView<'_>) -> JsonObject {
        let _ = session;
        JsonObject::new()
    }
}

/// Where the deposits of a session method are.
#[derive(Clone)]
pub enum Deposits {
    /// In the seller's own books: a part of the payer's balance, set aside.
    InBooks,
    /// In an escrow that the rail asks.
    InEscrow(Arc<dyn Escrow>),
}

impl fmt::Debug for Deposits {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::InBooks => "InBooks",
            Self::InEscrow(_) => "InEscrow(..)",
        })
    }
}
