use super::{Denial, shown};
use crate::{Level, OriginLimit, Policy, Purchase, Rule, Unmatched};

/// Where the money would go: nowhere that is denied, and where a list allows something, to what it allows;
/// after a redirect to another origin only to one that the list allows; there only for an offer that its pinned
/// account signed; and to nobody but its pinned payees.
pub(super) fn denied(level: &Level, purchase: &Purchase) -> Option<Denial> {
    let listed = level.policy.listed(&purchase.origin);
    let allowed = listed.filter(|listed| !listed.deny);
    denied_origin(level, purchase, listed)
        .or_else(|| denied_payee(level, purchase, allowed))
        .or_else(|| redirected(level, purchase, allowed))
        .or_else(|| unsigned(level, purchase, allowed?))
        .or_else(|| not_pinned(level, purchase, allowed?))
}

fn denied_origin(level: &Level, purchase: &Purchase, listed: Option<&OriginLimit>) -> Option<Denial> {
    let (policy, origin, name): (&Policy, _, _) = (&level.policy, &purchase.origin, &level.name);
    match listed {
        Some(listed) if listed.deny => Some((Rule::Origins, format!("{origin} is one that {name} may not pay"))),
        Some(_) => None,
        None => {
            let origins = policy.origins.as_ref();
            let is_closed = origins.is_some_and(|list| list.is_empty() || list.iter().any(|origin| !origin.deny));
            let is_refused = match policy.unmatched {
                Some(Unmatched::Allow) => false,
                // An allowed payee is enough where no list of origins allows any.
                Some(Unmatched::Deny) => is_closed || !is_payee_allowed(policy, purchase),
                None => is_closed,
            };
            let sentence = || format!("{origin} is not on the list of origins that {name} may pay");
            is_refused.then(|| (Rule::Origins, sentence()))
        }
    }
}

fn is_payee_allowed(policy: &Policy, purchase: &Purchase) -> bool {
    let rule = purchase.payee.as_deref().and_then(|payee| policy.payee_rule(payee));
    rule.is_some_and(|rule| !rule.deny)
}

fn denied_payee(level: &Level, purchase: &Purchase, allowed: Option<&OriginLimit>) -> Option<Denial> {
    let (policy, name): (&Policy, _) = (&level.policy, &level.name);
    let is_closed = policy.payees.iter().any(|rule| !rule.deny) && policy.unmatched != Some(Unmatched::Allow);
    let Some(payee) = purchase.payee.as_deref() else {
        // A method that names nobody pays the server itself, so the list of origins has to name that.
        let sentence = || format!("it names no payee, and {name} pays only those that its policy names");
        return (is_closed && allowed.is_none()).then(|| (Rule::Payee, sentence()));
    };
    match policy.payee_rule(payee) {
        Some(rule) if rule.deny => Some((Rule::Payee, format!("{} is one that {name} may not pay", shown(payee)))),
        None if is_closed => {
            Some((Rule::Payee, format!("it would pay {}, and {name} pays only those its policy names", shown(payee))))
        }
        _ => None,
    }
}

fn redirected(level: &Level, purchase: &Purchase, allowed: Option<&OriginLimit>) -> Option<Denial> {
    let from = purchase.redirected_from.as_ref().filter(|_| allowed.is_none())?;
    let (origin, name) = (&purchase.origin, &level.name);
    let sentence = format!(
        "{from} sent the request on to {origin}, which asks for the payment; call {origin} itself, or put it on the \
         list of origins that {name} may pay"
    );
    Some((Rule::Redirect, sentence))
}

fn unsigned(level: &Level, purchase: &Purchase, allowed: &OriginLimit) -> Option<Denial> {
    let pinned = allowed.offer_signer.as_ref()?;
    let is_signed = purchase.offer_signers.iter().any(|signer| signer.eq_ignore_ascii_case(pinned));
    let (origin, name) = (&purchase.origin, &level.name);
    (!is_signed).then(|| {
        let sentence = format!("the offer is not signed by {pinned}, whose word {name} wants for what {origin} offers");
        (Rule::OfferSigner, sentence)
    })
}

fn not_pinned(level: &Level, purchase: &Purchase, allowed: &OriginLimit) -> Option<Denial> {
    let (payees, payee) = (allowed.payees.as_ref()?, purchase.payee.as_deref()?);
    let is_pinned = payees.iter().any(|pinned| pinned.eq_ignore_ascii_case(payee));
    let (origin, name) = (&purchase.origin, &level.name);
    (!is_pinned).then(|| {
        let payee = shown(payee);
        (Rule::Payee, format!("it would pay {payee}, and {name} pays at {origin} only those its policy names"))
    })
}
