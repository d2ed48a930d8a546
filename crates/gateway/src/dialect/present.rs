//! Whether an x402 payment answers an offer of this route, and the credential that it is. No state is touched.

use farthing_dialects::x402::extension::{EchoMismatch, check_echo, payment_identifier};
use farthing_dialects::x402::{PaymentPayload, Version};
use farthing_protocol::{Credential, JsonObject, ProblemType};
use farthing_rail::Fault;

use crate::denial::Denial;
use crate::quote::{Asked, BodyBinding, Scope};
use crate::route::{Offer, Paid};
use crate::site::Site;

/// A payment for an offer of this route, in our own words.
pub(crate) struct Answering<'a> {
    pub(crate) offer: &'a Offer,
    pub(crate) credential: Credential,
    pub(crate) scope: Scope,
    /// The client's name for it.
    pub(crate) identifier: Option<String>,
}

/// Finds the offer that a payment answers. Price and payee are the route's own, whatever the payment copies.
pub(crate) fn check<'a>(
    site: &Site,
    paid: &'a Paid,
    asked: Asked<'_>,
    payment: &PaymentPayload,
) -> Result<Answering<'a>, Denial> {
    let Some(list) = &paid.x402 else {
        let detail = "This route does not take x402; pay one of the challenges.";
        return Err(Denial::new(ProblemType::InvalidChallenge, detail).in_a_word("unsupported_scheme"));
    };
    if payment.version == Version::V1 && !list.takes_first_version() {
        let detail = "This route takes version 2 of x402 only; pay one of the offers in PAYMENT-REQUIRED.";
        return Err(Denial::new(ProblemType::InvalidChallenge, detail).in_a_word("invalid_x402_version"));
    }
    let answered =
        payment.answered(list.offers()).and_then(|index| Some((list.offers().get(index)?, list.place(index)?)));
    let answered = answered.and_then(|(terms, place)| Some((terms, paid.offers.get(place)?)));
    let Some((terms, offer)) = answered else {
        let detail = "The payment answers an offer that this route does not make, or no longer makes; pay a fresh one.";
        return Err(Denial::new(ProblemType::InvalidChallenge, detail).because(Fault::OfferUnknown));
    };
    if let Err(mismatch) = check_echo(list.extensions(), &payment.extensions) {
        let denial = Denial::new(ProblemType::InvalidChallenge, mismatch.to_string());
        return Err(denial.in_a_word(EchoMismatch::CODE));
    }
    let (digest, resource) = (asked.body.digest(), list.url_of(asked));
    // Of a body that is read only after it is paid, the digest that the client signed for is not known here.
    let is_unread = matches!(asked.body, BodyBinding::Unbound);
    if let Err(elsewhere) = payment.check_binding(asked.method.as_str(), &resource, digest, terms)
        && !is_unread
    {
        return Err(Denial::new(ProblemType::InvalidChallenge, elsewhere.to_string()).because(Fault::OfferUnknown));
    }
    let identifier = identifier(list.extensions(), payment)?;
    let scope = Scope::of(paid, asked);
    let credential = payment.to_credential(terms, &site.realm, scope.as_bytes(), digest).map_err(|_| {
        let detail = "The payment's payload cannot be written canonically; write its numbers as text.";
        Denial::new(ProblemType::InvalidPayload, detail).because(Fault::Malformed)
    })?;
    Ok(Answering { offer, credential, scope, identifier })
}

/// The client's name for its payment, which a route may require.
fn identifier(told: &JsonObject, payment: &PaymentPayload) -> Result<Option<String>, Denial> {
    let refused = |detail: String| Denial::new(ProblemType::BadRequest, detail);
    let id = payment_identifier::id(&payment.extensions).map_err(|error| {
        refused(format!("The extension {}: {error}; nothing was charged.", payment_identifier::NAME))
    })?;
    if id.is_none() && payment_identifier::is_required(told) == Some(true) {
        let name = payment_identifier::NAME;
        return Err(refused(format!("A payment for this has an id in the extension {name}; nothing was charged.")));
    }
    Ok(id.map(str::to_owned))
}
