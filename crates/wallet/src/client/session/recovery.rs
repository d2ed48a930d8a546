//! What calls that are no more left behind.

use farthing_rail::{Offer, SessionQuote, Signed};

use super::{Buying, Step};
use crate::client::request::Prepared;
use crate::client::transport::Transport;
use crate::client::{KEPT_FOR, Order, Outcome, PayError, PayingClient, Round};
use crate::failpoint::reach;
use crate::outgoing::Sendable;
use crate::policy::Rule;
use crate::sessions::{GivenUp, KeptSession, Kind, Purchase, SessionState, Sessions, SessionsError};

impl PayingClient {
    /// Presents again what this very call signed and does not know the outcome of.
    pub(in crate::client) async fn take_up_session(
        &self,
        transport: &dyn Transport,
        request: &Prepared,
        order: &Order,
    ) -> Result<Option<Round>, PayError> {
        if self.session_payers.is_empty() || !self.wallet.has_sessions() {
            return Ok(None);
        }
        let sessions = self.wallet.sessions()?;
        let left = sessions.left_behind(self.wallet.drawer(), request.fingerprint()).await?;
        for purchase in left.into_iter().filter(|purchase| purchase.kind != Kind::TopUp) {
            if let Some(stopped) = self.wallet.stopped_now().await? {
                return Ok(Some(Round::Over(Outcome::frozen(&stopped))));
            }
            let Some(session) = sessions.session(purchase.session).await? else { continue };
            // Another time, with its method at hand, it can be presented again.
            let Some(payer) = self.session_payer(&session.method).cloned() else { continue };
            if self.wallet.ambient.now().since(purchase.at) > KEPT_FOR {
                give_up(&sessions, &session, &purchase, "nobody knows what became of its opening").await?;
                continue;
            }
            let cost = session.worth(purchase.added);
            if let Some(max) = order.max.filter(|max| max.millionths() < cost.millionths()) {
                let sentence =
                    format!("a payment of {cost} for this call is under way, and the limit for this call is {max}");
                return Ok(Some(Round::Over(Outcome::Refused { rule: Some(Rule::Max), sentence })));
            }
            self.wallet.unlock().await?;
            let unsealed = self.unsealed(&purchase)?;
            let Some((sendable, signed)) = unsealed else {
                give_up(&sessions, &session, &purchase, "its opening was signed with a key that is no longer in use")
                    .await?;
                continue;
            };
            let Some(request) = request.as_kept(&sendable) else { continue };
            let challenge = signed.credential.challenge();
            let offer = Offer { challenge, origin: &session.origin, amount: None, now: self.wallet.ambient.now() };
            // The challenge may be over; what it offered is on file then.
            let quote = payer.quote(&offer).unwrap_or_else(|_| session.quote(challenge.clone()));
            let mut buying = self.buying(transport, &request, payer, order)?;
            if !sessions.adopt(&purchase, (request.fingerprint(), purchase.sealed.clone()), &buying.owner).await? {
                continue;
            }
            buying.added = purchase.added;
            let step = buying.present_kept(purchase, session, &quote, &signed).await?;
            match step {
                Step::Over(outcome) => return Ok(Some(Round::Over(outcome))),
                // It buys nothing any more; the call goes on as any other.
                Step::Again(..) => continue,
            }
        }
        Ok(None)
    }

    /// Lets go of what was reserved by calls that died before they signed.
    pub(in crate::client) async fn forget_what_was_never_signed(&self) -> Result<(), PayError> {
        let sessions = self.wallet.sessions()?;
        for begun in sessions.never_signed(self.wallet.drawer()).await? {
            let owner = sessions.owner(&self.wallet.ambient)?;
            if let Some(given_up) = sessions.take_over(begun, &owner).await? {
                self.let_go_of(&sessions, given_up, "the call died before it signed").await?;
            }
        }
        Ok(())
    }

    /// Releases what was reserved for something that is not presented again, and forgets it.
    pub(super) async fn let_go_of(&self, sessions: &Sessions, given_up: GivenUp, reason: &str) -> Result<(), PayError> {
        for reservation in &given_up.reservations {
            self.let_go(*reservation, reason).await?;
            reach("wallet-after-release");
        }
        Ok(sessions.forget(given_up).await?)
    }

    pub(super) fn sealed(&self, id: &[u8; 16], sendable: &Sendable) -> Result<Vec<u8>, PayError> {
        let plain = serde_json::to_vec(sendable).map_err(|error| PayError::Record(error.to_string()))?;
        let plain = zeroize::Zeroizing::new(plain);
        Ok(self.wallet.vault.seal()?.close(&self.wallet.ambient, &name_of(id), &plain)?)
    }

    /// What was kept of a purchase; `None` when it was made with a key that is no longer in use.
    pub(super) fn unsealed(&self, purchase: &Purchase) -> Result<Option<(Sendable, Signed)>, PayError> {
        let plain = self.wallet.vault.seal()?.open(&name_of(&purchase.id), &purchase.sealed);
        let sendable: Option<Sendable> = plain.ok().and_then(|plain| serde_json::from_slice(&plain).ok());
        Ok(sendable.and_then(|sendable| {
            let signed = sendable.signed()?;
            Some((sendable, signed))
        }))
    }
}

impl Buying<'_> {
    async fn present_kept(
        &mut self,
        purchase: Purchase,
        session: KeptSession,
        quote: &SessionQuote,
        signed: &Signed,
    ) -> Result<Step, PayError> {
        if let Some(step) = self.send_first(signed, purchase.id, session.id).await? {
            return Ok(step);
        }
        let presentation = self.client.present(self.transport, self.request, &signed.credential, true).await;
        match purchase.kind {
            Kind::Open => self.conclude_opening(session.id, purchase.id, quote, &signed.credential, presentation).await,
            _ => self.conclude_voucher(session, purchase.id, quote, &signed.credential, presentation).await,
        }
    }
}

/// A purchase is presented no more. A deposit that was signed for may be there all the same: it stays counted.
async fn give_up(
    sessions: &Sessions,
    session: &KeptSession,
    purchase: &Purchase,
    reason: &str,
) -> Result<(), SessionsError> {
    if session.state == SessionState::Opening {
        return sessions.stop(session.id, SessionState::Lost, reason, None).await;
    }
    sessions.conclude(session.id, Some(purchase.id), None, false).await
}

fn name_of(id: &[u8; 16]) -> String {
    format!("session-{:032x}", u128::from_be_bytes(*id))
}
