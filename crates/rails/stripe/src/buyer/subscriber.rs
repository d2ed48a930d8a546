use std::fmt;
use std::sync::Arc;

use farthing_money::Amount;
use farthing_protocol::{Credential, Timestamp};
use farthing_rail::{
    Answer, Approved, NotPayable, Offer, Payer, Quote, SignError, Signed, Signer, end_of, subscribed_message,
};

use super::payer::{FundingSource, cost_of, reads_back};
use crate::METHOD;
use crate::subscription::{SUBSCRIPTION, StripeSubscription, Subscriber};

/// The buyer's half of `stripe/subscription`: names a payment method that the seller's account holds for this payer,
/// and signs for it. What is given away is the first period's price and the right to collect later ones.
#[derive(Clone)]
pub struct SubscriptionPayer {
    signer: Arc<dyn Signer>,
    funding: FundingSource,
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl SubscriptionPayer {
    /// Subscribes with the payment method that this source opens, for this key.
    pub fn new(signer: Arc<dyn Signer>, funding: FundingSource, now: Arc<dyn Fn() -> Timestamp + Send + Sync>) -> Self {
        Self { signer, funding, now }
    }

    fn credential(&self, quote: &Quote) -> Result<Credential, SignError> {
        let challenge = &quote.challenge;
        self.agrees(quote)?;
        let funding = (self.funding)().map_err(SignError::Key)?;
        let subscriber = Subscriber { payment_method: funding.payment_method().to_owned(), customer: None };
        let signature = self.signer.sign(&subscribed_message(challenge, &subscriber.signed()))?;
        let source = self.signer.did().to_owned();
        let credential = Credential::new(challenge.clone(), subscriber.to_object(&signature), Some(source));
        reads_back(&credential)?;
        Ok(credential)
    }

    /// Reads once more, from the challenge that is signed, what the policy approved.
    fn agrees(&self, quote: &Quote) -> Result<(), SignError> {
        let differs = |what: String| SignError::Differs(what);
        let request =
            StripeSubscription::read(quote.challenge.request()).map_err(|error| differs(error.to_string()))?;
        end_of(&quote.challenge, (self.now)()).map_err(|error| differs(error.to_string()))?;
        let cost = cost_of(&request.asset, request.amount).map_err(|error| differs(error.to_string()))?;
        let said = [
            ("the amount", request.amount == quote.amount && quote.fee.is_zero()),
            ("the currency", request.asset == quote.asset),
            ("the cost", cost == quote.cost),
            ("the payee", quote.payee.as_deref() == Some(request.network.as_str())),
        ];
        match said.iter().find(|(_, agrees)| !agrees) {
            Some((what, _)) => Err(differs((*what).to_owned())),
            None => Ok(()),
        }
    }
}

impl Payer for SubscriptionPayer {
    fn pays(&self) -> (&str, &str) {
        (METHOD, SUBSCRIPTION)
    }

    fn quote(&self, offer: &Offer<'_>) -> Result<Quote, NotPayable> {
        let challenge = offer.challenge;
        end_of(challenge, offer.now)?;
        let request = StripeSubscription::read(challenge.request()).map_err(|error| NotPayable(error.to_string()))?;
        if offer.amount.is_some_and(|amount| amount != request.amount) {
            return Err(NotPayable("the amount reads differently in the shared fields".into()));
        }
        if !request.payment_method_types.iter().any(|kind| kind == "card") {
            return Err(NotPayable("the subscription is not paid by card".into()));
        }
        let cost = cost_of(&request.asset, request.amount)?;
        Ok(Quote {
            challenge: challenge.clone(),
            origin: offer.origin.clone(),
            amount: request.amount,
            fee: Amount::ZERO,
            asset: request.asset,
            cost,
            payee: Some(request.network),
            sent_first: false,
            tops_up_for: None,
        })
    }

    /// Whoever holds the credential cannot use it for anything but its challenge; the seller whose challenge it is can.
    fn is_bearer(&self) -> bool {
        true
    }

    fn sign(&self, approved: Approved<Quote>) -> Answer<'_, Result<Signed, SignError>> {
        Box::pin(std::future::ready(self.credential(approved.get()).map(Signed::from)))
    }
}

impl fmt::Debug for SubscriptionPayer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SubscriptionPayer(..)")
    }
}
