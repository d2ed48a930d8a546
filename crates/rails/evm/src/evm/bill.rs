//! What every buyer's half of this crate's EVM methods does alike: it says what a payment comes to,
//! and before anything leaves it checks that this is still so.

use std::time::Duration;

use alloy_primitives::{Address, U256};
use farthing_money::{Amount, Asset, Price};
use farthing_protocol::{Challenge, Credential, JsonObject, Timestamp};
use farthing_rail::{NotPayable, Offer, Quote, Sent, SignError, end_of};

use super::window::{SHORTEST_REST, unix_seconds};
use super::{Authorization, ExpectedAuthorization, payer_id};
use crate::buyer::{Funds, Permission, Trace};
use crate::chain::Token;
use crate::{Account, AccountError};

/// How long a signature that moves money lives at most, however long its challenge does.
const LONGEST_SIGNATURE: Duration = Duration::from_secs(10 * 60);

/// What answering a challenge comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bill {
    amount: Amount,
    fee: Amount,
    asset: Asset,
    cost: Price,
    payee: String,
    sent_first: bool,
}

impl Bill {
    /// An amount of a token for this account, and what paying it costs on top.
    pub(crate) fn new(
        token: &Token,
        amount: Amount,
        fee: Amount,
        payee: &alloy_primitives::Address,
    ) -> Result<Self, NotPayable> {
        let too_much = || NotPayable("the amount is larger than any price this software handles".into());
        let total = amount.checked_add(fee).ok_or_else(too_much)?;
        let cost = token.price(total).map_err(|_| too_much())?;
        Ok(Self { amount, fee, asset: token.asset.clone(), cost, payee: payee.to_checksum(None), sent_first: false })
    }

    /// The same, sent before it is presented.
    pub(crate) fn sent_first(self) -> Self {
        Self { sent_first: true, ..self }
    }

    /// As a quote for this offer.
    pub(crate) fn quote(self, offer: &Offer<'_>) -> Result<Quote, NotPayable> {
        if offer.amount.is_some_and(|amount| amount != self.amount) {
            return Err(NotPayable("the amount reads differently in the shared fields".into()));
        }
        Ok(Quote {
            challenge: offer.challenge.clone(),
            origin: offer.origin.clone(),
            amount: self.amount,
            fee: self.fee,
            asset: self.asset,
            cost: self.cost,
            payee: Some(self.payee),
            sent_first: self.sent_first,
            tops_up_for: None,
        })
    }

    /// Checks that this is what was approved.
    pub(crate) fn agrees(&self, quote: &Quote) -> Result<(), SignError> {
        let differs = |what: &str| Err(SignError::Differs(what.to_owned()));
        if self.amount != quote.amount {
            return differs("the amount");
        }
        if self.sent_first != quote.sent_first {
            return differs("whether it is sent before it is presented");
        }
        if self.fee != quote.fee {
            return differs("the fee");
        }
        if self.asset != quote.asset {
            return differs("the token");
        }
        if self.cost != quote.cost {
            return differs("the cost");
        }
        if quote.payee.as_ref() != Some(&self.payee) {
            return differs("the recipient");
        }
        Ok(())
    }
}

/// Checks that an offer is still good, long enough to be settled and no longer than is decent.
pub(crate) fn alive(challenge: &Challenge, now: Timestamp) -> Result<Timestamp, NotPayable> {
    let expires = end_of(challenge, now)?;
    if unix_seconds(expires) < unix_seconds(now.after(SHORTEST_REST)) {
        let at = expires.to_rfc3339();
        return Err(NotPayable(format!("the offer expires at {at}, too soon to be settled")));
    }
    Ok(expires)
}

/// When a signature that answers a challenge ends, in seconds: with it, or after ten minutes.
pub(crate) fn ends(expires: Timestamp, now: Timestamp) -> U256 {
    U256::from(unix_seconds(expires.min(now.after(LONGEST_SIGNATURE))))
}

/// Signs an authorization and reads it back as a seller would, against what was approved.
pub(crate) async fn authorize(
    account: &Account,
    unsigned: Authorization,
    expected: &ExpectedAuthorization,
) -> Result<Authorization, SignError> {
    let signature = account.sign(&unsigned.message(&expected.separator)).await.map_err(unsigned_because)?;
    let signed = Authorization { signature, ..unsigned };
    signed.check(expected).map_err(|error| SignError::Differs(error.to_string()))?;
    Ok(signed)
}

/// The credential with this payload, read back as it would be received.
pub(crate) fn credential(
    challenge: &Challenge,
    payload: JsonObject,
    chain: u64,
    account: &Account,
) -> Result<Credential, SignError> {
    let source = payer_id(chain, &account.address()).as_str().to_owned();
    let credential = Credential::new(challenge.clone(), payload, Some(source));
    let header = credential.to_header();
    match Credential::from_lines([header.as_bytes()]) {
        Ok(Some(read)) if read == credential => Ok(credential),
        _ => Err(SignError::Differs("the credential does not read back as it was written".into())),
    }
}

/// What an authorization leaves on its chain.
pub(crate) fn trace(authorization: &Authorization, token: Address) -> Trace {
    let Authorization { from: payer, nonce, valid_before, .. } = authorization;
    Trace::Authorization { token, payer: *payer, nonce: *nonce, valid_before: valid_before.saturating_to() }
}

/// Takes back what a credential with this trace lets its holder take.
pub(crate) async fn taking_back(
    funds: Option<&dyn Funds>,
    account: &Account,
    traced: Option<(u64, Trace)>,
    now: Timestamp,
) -> Sent {
    let permission = traced.and_then(|(chain, trace)| Some((chain, Permission::of(&trace)?)));
    match (funds, permission) {
        (Some(funds), Some((chain, permission))) => funds.take_back(account, chain, &permission, now).await,
        (None, _) => Sent::Never("this wallet has no node to send it to".into()),
        (_, None) => Sent::Never("what was signed cannot be taken back; it ends by itself".into()),
    }
}

/// Why an account did not sign, in the words of the seam.
pub(crate) fn unsigned_because(error: AccountError) -> SignError {
    match error {
        AccountError::Key(error) => error,
        other => SignError::Key(other.to_string()),
    }
}
