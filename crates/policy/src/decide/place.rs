use super::Denial;
use crate::{Level, Purchase, Rule};

/// Where the money would go: to an origin on the list, if there is one; after a redirect to another origin
/// only to one that the list names; there only for an offer that its pinned account signed; and to nobody but
/// its pinned payees.
pub(super) fn denied(level: &Level, purchase: &Purchase) -> Option<Denial> {
    let (origin, name) = (&purchase.origin, &level.name);
    let listed = level.policy.listed(origin);
    if level.policy.origins.is_some() && listed.is_none() {
        return Some((Rule::Origins, format!("{origin} is not on the list of origins that {name} may pay")));
    }
    if let Some(from) = purchase.redirected_from.as_ref().filter(|_| listed.is_none()) {
        let sentence = format!(
            "{from} sent the request on to {origin}, which asks for the payment; call {origin} itself, or put it on \
             the list of origins that {name} may pay"
        );
        return Some((Rule::Redirect, sentence));
    }
    let listed = listed?;
    if let Some(pinned) = &listed.offer_signer
        && !purchase.offer_signers.iter().any(|signer| signer.eq_ignore_ascii_case(pinned))
    {
        let sentence = format!("the offer is not signed by {pinned}, whose word {name} wants for what {origin} offers");
        return Some((Rule::OfferSigner, sentence));
    }
    let payees = listed.payees.as_ref()?;
    let payee = purchase.payee.as_deref()?;
    let is_pinned = payees.iter().any(|pinned| pinned.eq_ignore_ascii_case(payee));
    (!is_pinned).then(|| {
        let payee = shown(payee);
        (Rule::Payee, format!("it would pay {payee}, and {name} pays at {origin} only those its policy names"))
    })
}

/// A seller's word as a sentence may hold it.
fn shown(word: &str) -> String {
    word.chars().take(128).filter(|letter| !letter.is_control()).collect()
}
