//! Whether a presented credential is ours, alive, and for this very request. No state is touched.

use farthing_protocol::{Credential, ProblemType, Timestamp};

use crate::denial::Denial;
use crate::quote::{Asked, Scope};
use crate::route::{Offer, Paid};
use crate::site::Site;

/// An authentic credential for this request.
pub(crate) struct Authentic<'a> {
    /// The offer it answers.
    pub(crate) offer: &'a Offer,
    /// Whether its time is over: it pays for nothing new then, but a payment on record is honoured.
    pub(crate) expired: bool,
    /// What it was issued for.
    pub(crate) scope: Scope,
}

/// Checks everything about a credential that its payment method need not know.
pub(crate) fn check<'a>(
    site: &Site,
    paid: &'a Paid,
    asked: Asked<'_>,
    credential: &Credential,
    now: Timestamp,
) -> Result<Authentic<'a>, Denial> {
    let challenge = credential.challenge();
    let invalid = |detail: &str| Denial::new(ProblemType::InvalidChallenge, detail).about(challenge.id());
    if site.binder.verify(challenge).is_err() || *challenge.realm() != site.realm {
        return Err(invalid("The challenge was not issued here or was changed; pay the fresh one."));
    }
    let scope = Scope::of(paid, asked);
    if !scope.is_of(challenge) {
        return Err(invalid(
            "The challenge was issued for another request (method, host, path, query, body or price); pay the fresh one.",
        ));
    }
    let named = (challenge.method().as_str(), challenge.intent().as_str());
    // One method may be offered several times, over several rails: what the challenge asks for says which.
    let challenges = paid.offers.iter().filter_map(|offer| Some((offer, offer.template()?)));
    let mut offered = challenges.filter(|(offer, _)| (&*offer.method, &*offer.intent) == named).peekable();
    if offered.peek().is_none() {
        let detail = format!("This route does not take {}/{}; ask again for what it takes.", named.0, named.1);
        return Err(Denial::new(ProblemType::MethodUnsupported, detail));
    }
    let Some((offer, _)) = offered.find(|(_, template)| template.check_echo(challenge).is_ok()) else {
        return Err(invalid("What this route asks for has changed since the challenge was issued; pay the fresh one."));
    };
    if challenge.digest() != asked.body.digest() {
        return Err(invalid(
            "The body is not the one the challenge was issued for; send that body or pay the fresh one.",
        ));
    }
    Ok(Authentic { offer, expired: challenge.is_expired(now), scope })
}
