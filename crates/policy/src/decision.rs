use std::fmt;

use farthing_books::budget::BudgetCharge;
use farthing_money::Price;
use farthing_protocol::Timestamp;

/// The answer to a purchase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It may be paid if every one of these counters has room for it.
    Allow {
        /// What counts toward them, in the currency of the policies.
        cost: Price,
        /// What it counts toward; nothing for a voucher, whose deposit was counted.
        charges: Vec<BudgetCharge>,
    },
    /// It may not.
    Deny {
        /// The level that says so.
        level: String,
        /// Its rule.
        rule: Rule,
        /// The reason, with the figures, in one sentence.
        sentence: String,
    },
    /// A person has to approve it first. Everything else allows it.
    Ask {
        /// The level that wants to be asked.
        level: String,
        /// Its rule.
        rule: Rule,
        /// Why, in one sentence.
        sentence: String,
        /// What counts toward the counters, in the currency of the policies.
        cost: Price,
        /// What it counts toward, once it is approved.
        charges: Vec<BudgetCharge>,
        /// Until when an answer counts.
        deadline: Timestamp,
    },
}

/// What can say no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// The wallet has no policy.
    NoPolicy,
    /// The wallet is frozen.
    Frozen,
    /// The cost is in another currency than the policy.
    Currency,
    /// The origin is not on the list.
    Origins,
    /// A redirect led to an origin that the list does not name.
    Redirect,
    /// Somebody else than the origin's `payees` would be paid.
    Payee,
    /// The offer is not signed by the origin's `offer_signer`.
    OfferSigner,
    /// The caller's own limit for this call.
    Max,
    /// `per_payment`.
    PerPayment,
    /// `total`.
    Total,
    /// `per_day`.
    PerDay,
    /// The limit of this origin.
    OriginLimit,
    /// `session_deposit`.
    SessionDeposit,
    /// `prepaid` and `prepaid_in_all`.
    Prepaid,
    /// `recurring`.
    Recurring,
    /// `open_sessions`.
    OpenSessions,
    /// `locked`.
    Locked,
    /// A `[[limit]]`.
    Limit,
    /// `expires`.
    Expired,
    /// `[hours]`.
    Hours,
    /// `methods`.
    Method,
    /// `required_tags`.
    Tags,
    /// There is no `[[rate]]` for the currency that is good now.
    Rate,
    /// `new_payee` of `[ask]`.
    NewPayee,
    /// `price_rise` of `[ask]`.
    PriceRise,
    /// `amount_above` of `[ask]`.
    AmountAbove,
    /// A person has to allow it.
    Approval,
    /// The clock stands before the latest instant that the wallet's counters have seen.
    Clock,
}

impl Rule {
    /// The name that scripts read: `per-payment`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoPolicy => "no-policy",
            Self::Frozen => "frozen",
            Self::Currency => "currency",
            Self::Origins => "origins",
            Self::Redirect => "redirect",
            Self::Payee => "payee",
            Self::OfferSigner => "offer-signer",
            Self::Max => "max",
            Self::PerPayment => "per-payment",
            Self::Total => "total",
            Self::PerDay => "per-day",
            Self::OriginLimit => "origin-limit",
            Self::SessionDeposit => "session-deposit",
            Self::Prepaid => "prepaid",
            Self::Recurring => "recurring",
            Self::OpenSessions => "open-sessions",
            Self::Locked => "locked",
            Self::Limit => "limit",
            Self::Expired => "expired",
            Self::Hours => "hours",
            Self::Method => "method",
            Self::Tags => "tags",
            Self::Rate => "rate",
            Self::NewPayee => "new-payee",
            Self::PriceRise => "price-rise",
            Self::AmountAbove => "amount-above",
            Self::Approval => "approval",
            Self::Clock => "clock",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
