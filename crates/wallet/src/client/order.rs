use std::collections::BTreeMap;

use farthing_money::Price;

/// What a caller wants of one call, within the policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// The most for this call, on top of the policy; of a stream, for the whole of it.
    pub max: Option<Price>,
    /// What to pay by.
    pub by: By,
    /// The most to deposit in a session now; more than the seller suggests, if that is said.
    pub deposit: Option<Price>,
    /// How many units a voucher signs for ahead of what is asked for, so that a stream pauses less often. The
    /// most that is lost to a seller that takes them and serves nothing.
    pub ahead: u32,
    /// Whether the answer is a stream that is paid by the piece: `per_payment` then limits the price of a unit.
    pub streams: bool,
    /// What it is for, in the words of the policy's limits: `project=atlas`.
    pub tags: BTreeMap<String, String>,
}

/// What a call is paid by, where a server offers charges and sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// What costs less: a session where one is open on its terms or a charge's fee is more than its worth.
    #[default]
    Cheapest,
    /// A session, opened if there is none.
    Session,
    /// A charge.
    Charge,
}
