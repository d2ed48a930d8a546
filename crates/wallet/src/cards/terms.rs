use farthing_money::Price;
use farthing_protocol::Timestamp;
use farthing_rail::Origin;

use super::CardError;
use crate::Policy;
use crate::policy::OriginLimit;

/// What a card is made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardTerms {
    /// What its owner calls it.
    pub name: Option<String>,
    /// The most that it ever pays, fees included.
    pub amount: Price,
    /// Where it pays; anywhere if empty.
    pub origins: Vec<Origin>,
    /// Whom it pays there, as methods name payees; whoever the origin names if empty.
    pub payees: Vec<String>,
    /// The last second in which it pays.
    pub expires: Option<Timestamp>,
}

impl CardTerms {
    /// The card's level of limits.
    pub(super) fn policy(&self, now: Timestamp) -> Result<Policy, CardError> {
        let refused = |sentence: &str| Err(CardError::Terms(sentence.to_owned()));
        if self.amount.millionths() == 0 {
            return refused("a card of nothing pays nothing; give it an amount, such as --amount \"1 USD\"");
        }
        if self.expires.is_some_and(|expires| expires <= now) {
            return refused("the card's end is past; give it a time to come");
        }
        if !self.payees.is_empty() && self.origins.is_empty() {
            return refused("a payee is somebody at an origin; name the origin too with --origin URL");
        }
        let payees = (!self.payees.is_empty()).then(|| self.payees.clone());
        let limit = |origin: &Origin| OriginLimit { payees: payees.clone(), ..OriginLimit::new(origin.clone()) };
        let policy = Policy {
            total: Some(self.amount),
            per_payment: Some(self.amount),
            origins: (!self.origins.is_empty()).then(|| self.origins.iter().map(limit).collect()),
            ..Policy::new(self.amount.currency())
        };
        policy.check().map_err(|error| CardError::Terms(error.to_string()))?;
        Ok(policy)
    }
}
