use farthing_money::Price;
use farthing_protocol::Timestamp;
use farthing_rail::Origin;

use super::CardError;
use crate::Policy;
use farthing_policy::{Limit, Only, OriginLimit, PayeeRule, Window};

/// What a card is made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardTerms {
    /// What its owner calls it.
    pub name: Option<String>,
    /// The most that it ever pays, fees included.
    pub amount: Price,
    /// Where it pays; anywhere if empty.
    pub origins: Vec<Origin>,
    /// Whom it pays, as methods name payees; whoever a seller names if empty.
    pub payees: Vec<String>,
    /// How often it pays.
    pub payments: Option<u64>,
    /// The last second in which it pays.
    pub expires: Option<Timestamp>,
    /// The methods that it pays by; every one there is if empty.
    pub methods: Vec<String>,
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
        if self.payments == Some(0) {
            return refused("a card that never pays is none; give it one payment at least");
        }
        let often = |payments| Limit {
            name: Some("payments".into()),
            amount: None,
            payments: Some(payments),
            window: Window::Ever,
            of: None,
            only: Only::default(),
        };
        let payee = |account: &String| PayeeRule { account: account.clone(), deny: false };
        let policy = Policy {
            total: Some(self.amount),
            per_payment: Some(self.amount),
            origins: (!self.origins.is_empty()).then(|| self.origins.iter().cloned().map(OriginLimit::new).collect()),
            methods: (!self.methods.is_empty()).then(|| self.methods.clone()),
            payees: self.payees.iter().map(payee).collect(),
            limits: self.payments.map(often).into_iter().collect(),
            ..Policy::new(self.amount.currency())
        };
        policy.check().map_err(|error| CardError::Terms(error.to_string()))?;
        Ok(policy)
    }
}
