use std::time::Duration;

use farthing_money::{Currency, Price};
use farthing_protocol::Timestamp;
use farthing_rail::Origin;

use crate::{Hours, Limit, RecordedRate};

/// What an owner says that may be paid. Every rule is optional, but a limit that adds up must be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The currency that limits are counted in; what is offered in another is converted by a recorded rate,
    /// or refused.
    pub currency: Currency,
    /// The group whose policy has to allow it too.
    pub parent: Option<String>,
    /// The most that is ever spent.
    pub total: Option<Price>,
    /// The most for one payment.
    pub per_payment: Option<Price>,
    /// The most in one calendar day, UTC.
    pub per_day: Option<Price>,
    /// The most that one session may hold unspent; `None` is what `per_payment` says.
    pub session_deposit: Option<Price>,
    /// The most that balances at one seller are ever topped up with; `None` is nothing. What is topped up counts toward
    /// this and toward nothing else: what is paid out of it counts when it is paid.
    pub prepaid: Option<Price>,
    /// The same over all sellers; `None` is what `prepaid` says.
    pub prepaid_in_all: Option<Price>,
    /// The most that one period of all subscriptions together ever costs, those that ended included; `None` is nothing.
    /// What begins one counts as a payment besides. Later periods are collected by the seller's rail and count no more.
    pub recurring: Option<Price>,
    /// How many sessions may be open at a time.
    pub open_sessions: Option<u32>,
    /// The most that all sessions together may hold unspent.
    pub locked: Option<Price>,
    /// Nothing is paid from this instant on.
    pub expires: Option<Timestamp>,
    /// The methods that money may come by, `tempo` or `tempo/charge`; `None` is every one there is.
    pub methods: Option<Vec<String>>,
    /// The tags that every payment has to have.
    pub required_tags: Vec<String>,
    /// When payments may be made.
    pub hours: Option<Hours>,
    /// What happens to origins and payees that no list names; see [`Unmatched`].
    pub unmatched: Option<Unmatched>,
    /// Where money may go; `None` is anywhere, an empty list is nowhere.
    pub origins: Option<Vec<OriginLimit>>,
    /// Who may be paid, wherever it is.
    pub payees: Vec<PayeeRule>,
    /// Limits that add up, besides `total` and `per_day`.
    pub limits: Vec<Limit>,
    /// When a person has to be asked.
    pub ask: Option<Ask>,
    /// What other currencies are worth.
    pub rates: Vec<RecordedRate>,
    /// How long a recorded rate is good for.
    pub rates_valid: Duration,
}

/// What is done with what no list names. Without it, a list that allows anything refuses what it does not
/// name, and a list that only denies allows the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmatched {
    /// It may be paid, whatever the lists allow.
    Allow,
    /// It may not, even where a list only denies or there is none.
    Deny,
}

/// A server, and what holds for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginLimit {
    /// Which.
    pub origin: Origin,
    /// Whether it is never paid.
    pub deny: bool,
    /// What it sells, in the owner's words, for limits by category.
    pub category: Option<String>,
    /// The most it ever gets.
    pub limit: Option<Price>,
    /// Who may be paid there, as methods name payees; `None` is whoever it names.
    pub payees: Option<Vec<String>>,
    /// The account that must have signed whatever is offered there (x402's signed offers); `None` takes
    /// offers that nobody signed.
    pub offer_signer: Option<String>,
}

/// An account, and whether it may be paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayeeRule {
    /// As methods name payees; upper and lower case are one.
    pub account: String,
    /// Whether it is never paid.
    pub deny: bool,
}

/// When a person has to be asked first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Before somebody is paid for the first time.
    pub new_payee: bool,
    /// When something costs so many percent more than when it was first paid.
    pub price_rise: Option<u32>,
    /// When a payment or a deposit costs more.
    pub amount_above: Option<Price>,
    /// How long an answer is waited for.
    pub deadline: Duration,
}

impl Ask {
    /// How long an answer is waited for where the policy does not say.
    pub const USUAL_DEADLINE: Duration = Duration::from_secs(600);
}

impl OriginLimit {
    /// An origin that may be paid, without more to say of it.
    pub const fn new(origin: Origin) -> Self {
        Self { origin, deny: false, category: None, limit: None, payees: None, offer_signer: None }
    }
}

impl Policy {
    /// How long a recorded rate is good for where the policy does not say.
    pub const USUAL_RATES_VALID: Duration = Duration::from_secs(7 * 86_400);

    /// A policy in a currency that says nothing yet.
    pub const fn new(currency: Currency) -> Self {
        Self {
            currency,
            parent: None,
            total: None,
            per_payment: None,
            per_day: None,
            session_deposit: None,
            prepaid: None,
            prepaid_in_all: None,
            recurring: None,
            open_sessions: None,
            locked: None,
            expires: None,
            methods: None,
            required_tags: Vec::new(),
            hours: None,
            unmatched: None,
            origins: None,
            payees: Vec::new(),
            limits: Vec::new(),
            ask: None,
            rates: Vec::new(),
            rates_valid: Self::USUAL_RATES_VALID,
        }
    }

    /// The most that one session may hold unspent.
    pub fn most_in_a_session(&self) -> Option<Price> {
        self.session_deposit.or(self.per_payment)
    }

    /// The rules of an origin, if the list names it.
    pub(crate) fn listed(&self, origin: &Origin) -> Option<&OriginLimit> {
        self.origins.as_ref()?.iter().find(|listed| listed.origin == *origin)
    }

    /// The rule of a payee, if the list names it.
    pub(crate) fn payee_rule(&self, payee: &str) -> Option<&PayeeRule> {
        self.payees.iter().find(|rule| rule.account.eq_ignore_ascii_case(payee))
    }
}
