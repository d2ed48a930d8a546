use farthing_money::{Currency, Price};
use farthing_rail::Origin;

/// The limits of one level. Every limit is optional, but one that adds up (`total` or `per_day`)
/// must be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The currency that limits are counted in; offers in another are refused.
    pub currency: Currency,
    /// The most that is ever spent.
    pub total: Option<Price>,
    /// The most for one payment.
    pub per_payment: Option<Price>,
    /// The most in one calendar day, UTC.
    pub per_day: Option<Price>,
    /// The most that one session may hold unspent; `None` is what `per_payment` says.
    pub session_deposit: Option<Price>,
    /// Where money may go; `None` is anywhere, an empty list is nowhere.
    pub origins: Option<Vec<OriginLimit>>,
}

/// A server that may be paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginLimit {
    /// Which.
    pub origin: Origin,
    /// The most it ever gets.
    pub limit: Option<Price>,
    /// Who may be paid there, as methods name payees; `None` is whoever it names.
    pub payees: Option<Vec<String>>,
    /// The account that must have signed whatever is offered there (x402's signed offers); `None` takes
    /// offers that nobody signed.
    pub offer_signer: Option<String>,
}

impl Policy {
    /// The most that one session may hold unspent.
    pub fn most_in_a_session(&self) -> Option<Price> {
        self.session_deposit.or(self.per_payment)
    }

    /// The rules of an origin, if the list names it.
    pub(crate) fn listed(&self, origin: &Origin) -> Option<&OriginLimit> {
        self.origins.as_ref()?.iter().find(|listed| listed.origin == *origin)
    }
}
