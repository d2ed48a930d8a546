//! Whether a session's credential is ours and for this route, and what it asks for. No state is touched.

use std::sync::Arc;

use farthing_protocol::{ChallengeId, Credential, ProblemType, Timestamp};
use farthing_rail::{Presented, SessionAction};

use super::known::SNAPSHOT;
use crate::denial::Denial;
use crate::lifecycle::Sale;
use crate::quote::Scope;
use crate::route::{Offer, Paid, SessionTerms};
use crate::site::Site;

/// An authentic credential of a session.
pub(super) struct Read<'a> {
    /// The offer it answers.
    pub(super) offer: &'a Offer,
    pub(super) terms: &'a Arc<SessionTerms>,
    /// The challenge that it echoes.
    pub(super) challenge: ChallengeId,
    /// Whether that is over. It opens nothing then. Vouchers for a session that is there stay good: clients keep one
    /// challenge for a whole stream, the price is bound by its HMAC, and a total only grows, so that an old voucher
    /// moves nothing.
    pub(super) expired: bool,
}

/// Whether a challenge was issued here, for this route at this price.
pub(super) fn is_for(site: &Site, paid: &Paid, credential: &Credential) -> bool {
    let challenge = credential.challenge();
    *challenge.realm() == site.realm && Scope::of_route(paid).is_of(challenge) && site.binder.verify(challenge).is_ok()
}

/// Checks everything that bytes alone can say, signatures last. Who signed the voucher in what is asked for is known.
pub(super) fn read<'a>(
    sale: Sale<'a>,
    credential: &Credential,
    now: Timestamp,
) -> Result<(Read<'a>, SessionAction), Denial> {
    let challenge = credential.challenge();
    let invalid = |detail: &str| Denial::new(ProblemType::InvalidChallenge, detail).about(challenge.id());
    let method = challenge.method().as_str();
    let sessions =
        sale.paid.offers.iter().filter_map(|offer| Some((offer, offer.session.as_ref()?, offer.template()?)));
    let mut offered = sessions.filter(|(offer, ..)| offer.method == method).peekable();
    if offered.peek().is_none() {
        let detail = format!("This route takes no sessions of {method}; ask again for what it takes.");
        return Err(Denial::new(ProblemType::MethodUnsupported, detail));
    }
    if !is_for(sale.site, sale.paid, credential) {
        return Err(invalid(
            "The challenge was not issued for this route at its present price, or was changed; answer the fresh one.",
        ));
    }
    let echoes = |(.., template): &(_, _, &farthing_protocol::ChallengeTemplate)| {
        template.check_echo_but_hint(challenge, SNAPSHOT).is_ok()
    };
    let Some((offer, terms, _)) = offered.find(echoes) else {
        return Err(invalid("What this route asks for has changed since; answer the fresh challenge."));
    };
    let presented = Presented { credential, request: &offer.request, now };
    let action = terms.method.read(&presented).map_err(|refusal| Denial::of(refusal).about(challenge.id()))?;
    Ok((Read { offer, terms, challenge: challenge.id().clone(), expired: challenge.is_expired(now) }, action))
}
