//! The end of sessions, and finding out how they stand.

use farthing_money::{Amount, Price};
use farthing_protocol::{ProblemType, Timestamp};
use farthing_rail::{ChannelPurpose, ChannelStanding, Reclaim, Sent, SessionPayer, SessionQuote, VoucherQuote};
use http::StatusCode;

use super::answer::Refusal;
use super::gone::Spent;
use super::word::{self, Snapshot};
use super::{Buying, Standing, denied, standing};
use crate::client::concluding::receipt_of;
use crate::client::presenting::Answer;
use crate::client::request::Prepared;
use crate::client::transport::Transport;
use crate::client::{Order, Outcome, PayError, PayingClient};
use crate::policy::{Asking, Call, approve_reclaim, approve_voucher};
use crate::sessions::{KeptSession, SessionState, Told};

/// How often one call asks for a fresh challenge.
const MOST_CHALLENGES: u32 = 3;

/// What was found out of a session.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Synced {
    /// As it is kept now.
    pub session: KeptSession,
    /// What the chain says, where the deposit is on one.
    pub standing: Option<ChannelStanding>,
    /// Why nothing more was found out, in one sentence.
    pub obstacle: Option<String>,
}

/// What became of ending a session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// It has ended, and cost so much; the rest is the wallet's again.
    Closed {
        /// In the owner's currency, fees included.
        cost: Price,
    },
    /// The seller was asked, and settles it; the chain does not show it yet.
    Settling,
    /// The rest can be taken from then on, by the same command.
    Waiting {
        /// When.
        until: Option<Timestamp>,
    },
    /// It has not ended, for this reason.
    Not {
        /// One sentence.
        sentence: String,
    },
}

impl PayingClient {
    /// The sessions of this wallet, the newest first.
    pub async fn sessions(&self) -> Result<Vec<KeptSession>, PayError> {
        Ok(self.wallet.sessions()?.of_wallet(self.wallet.drawer()).await?)
    }

    /// Finds out how a session stands, from where its deposit is, and from the seller for as long as it is open.
    pub async fn sync_session(&self, session: &KeptSession) -> Result<Synced, PayError> {
        self.sync_session_over(&self.http, session).await
    }

    async fn sync_session_over(&self, transport: &dyn Transport, session: &KeptSession) -> Result<Synced, PayError> {
        self.forget_what_was_never_signed().await?;
        let sessions = self.wallet.sessions()?;
        let Some(known) = sessions.session(session.id).await? else {
            return Ok(Synced {
                session: session.clone(),
                standing: None,
                obstacle: Some("it was never signed".into()),
            });
        };
        let Some(payer) = self.session_payer(&known.method).cloned() else {
            let obstacle = Some(format!("{} is no method of this wallet", known.method));
            return Ok(Synced { session: known, standing: None, obstacle });
        };
        let mut obstacle = None;
        let says = match standing(payer.as_ref(), &known, ChannelPurpose::Recover).await {
            Standing::Says(says) => {
                self.believe(&known, &says).await?;
                Some(says)
            }
            Standing::SellersWord => None,
            Standing::Silent => {
                obstacle = Some("where its deposit is does not answer".to_owned());
                None
            }
        };
        let now = sessions.session(session.id).await?.unwrap_or(known);
        if now.state == SessionState::Open {
            self.wallet.unlock().await?;
            obstacle = self.ask_the_seller(transport, &now, payer.as_ref()).await?.or(obstacle);
        }
        let session = sessions.session(session.id).await?.unwrap_or(now);
        Ok(Synced { session, standing: says, obstacle })
    }

    /// What the money's own home says counts.
    async fn believe(&self, session: &KeptSession, says: &ChannelStanding) -> Result<(), PayError> {
        let sessions = self.wallet.sessions()?;
        let was_in = session.deposits.iter().any(|deposit| deposit.is_in);
        let is_there = !says.closed && !says.deposit.is_zero();
        if session.state == SessionState::Closed {
            return Ok(());
        }
        if is_there && !was_in {
            return Ok(sessions.opened(session.id).await?);
        }
        if is_there {
            if session.state == SessionState::Closing {
                sessions.stop(session.id, SessionState::Closing, "it is to end", says.collect_until).await?;
            }
            return Ok(());
        }
        // What is neither there nor over may be a node that lags behind, or an opening still to come.
        if says.closed {
            self.has_ended(session, Spent::Said(says.settled), "its chain says that it has ended").await?;
        }
        Ok(())
    }

    /// Presents the highest total once more, which changes nothing, and reads the receipt. The answer is why
    /// that told nothing.
    async fn ask_the_seller(
        &self,
        transport: &dyn Transport,
        session: &KeptSession,
        payer: &dyn SessionPayer,
    ) -> Result<Option<String>, PayError> {
        let order = Order { by: crate::client::By::Session, ..Order::default() };
        let request = self.request_of(session)?;
        let payer_of = self.session_payer(&session.method).cloned();
        let (Ok(request), Some(shared)) = (request, payer_of) else {
            return Ok(Some("its address cannot be read".into()));
        };
        let buying = self.buying(transport, &request, shared, &order)?;
        let mut quote = session.quote(session.challenge.clone());
        for _ in 0..MOST_CHALLENGES {
            let approved = match self.approve_again(session, &quote, session.signed, false).await? {
                Ok(approved) => approved,
                Err(sentence) => return Ok(Some(sentence)),
            };
            let Some(channel) = session.as_channel() else { return Ok(Some("it has no channel yet".into())) };
            let credential = match payer.voucher(&channel, approved).await {
                Ok(credential) => credential,
                Err(error) => return Ok(Some(error.to_string())),
            };
            match buying.manage(&credential).await?.answer {
                Answer::Success(response) => {
                    let receipt = receipt_of(&response, &credential);
                    let told = receipt.and_then(|receipt| word::told_by(&receipt, &channel.id));
                    return self.hear(session, told).await;
                }
                Answer::Unpaid(demand) => {
                    let Some(next) = buying.same_terms(&quote, &demand) else { break };
                    if let Some(snapshot) = Snapshot::of(&next.challenge, &channel.id) {
                        let told = Told { accepted: snapshot.accepted, spent: snapshot.spent };
                        return self.hear(session, Some(told)).await;
                    }
                    quote = next;
                }
                Answer::Other(response) => return Ok(Some(Refusal::of(response).await.sentence())),
                Answer::Nothing(sentence) => return Ok(Some(sentence)),
            }
        }
        Ok(Some("the seller does not say how it stands".to_owned()))
    }

    async fn hear(&self, session: &KeptSession, told: Option<Told>) -> Result<Option<String>, PayError> {
        let Some(told) = told else { return Ok(Some("the seller does not say how it stands".to_owned())) };
        let sessions = self.wallet.sessions()?;
        // What other calls signed meanwhile, the seller may have seen.
        let Some(session) = sessions.session(session.id).await? else { return Ok(None) };
        match word::checked(told, &session) {
            Ok(told) => {
                sessions.conclude(session.id, None, Some(told), true).await?;
                Ok(None)
            }
            Err(overclaim) => {
                sessions.stop(session.id, SessionState::Lost, &overclaim.to_string(), None).await?;
                Ok(Some(overclaim.to_string()))
            }
        }
    }

    /// Asks the seller to end a session: the last voucher is for what was spent, and the rest comes back.
    pub async fn close_session(&self, session: &KeptSession) -> Result<Ended, PayError> {
        self.close_session_over(&self.http, session).await
    }

    pub(in crate::client) async fn close_session_over(
        &self,
        transport: &dyn Transport,
        session: &KeptSession,
    ) -> Result<Ended, PayError> {
        let synced = self.sync_session_over(transport, session).await?;
        let session = synced.session;
        if session.state == SessionState::Closed {
            return Ok(Ended::Closed { cost: session.worth(session.spent) });
        }
        let Some(channel) = session.as_channel() else {
            return Ok(Ended::Not { sentence: "another call is opening it; try again later".into() });
        };
        let payer = self.session_payer(&session.method).cloned();
        let (Ok(request), Some(payer)) = (self.request_of(&session)?, payer) else {
            return Ok(Ended::Not { sentence: format!("{} is no method of this wallet", session.method) });
        };
        self.wallet.unlock().await?;
        let sessions = self.wallet.sessions()?;
        sessions.stop(session.id, SessionState::Closing, "it is to end", None).await?;
        // Other processes may have signed until just now.
        let session = sessions.session(session.id).await?.unwrap_or(session);
        let order = Order { by: crate::client::By::Session, ..Order::default() };
        let buying = self.buying(transport, &request, std::sync::Arc::clone(&payer), &order)?;
        let (mut quote, mut last) = (session.quote(session.challenge.clone()), session.spent);
        for _ in 0..MOST_CHALLENGES {
            let approved = match self.approve_again(&session, &quote, last, true).await? {
                Ok(approved) => approved,
                Err(sentence) => return Ok(Ended::Not { sentence }),
            };
            let credential = match payer.voucher(&channel, approved).await {
                Ok(credential) => credential,
                Err(error) => return Ok(Ended::Not { sentence: error.to_string() }),
            };
            match buying.manage(&credential).await?.answer {
                Answer::Success(response) => {
                    let receipt = receipt_of(&response, &credential);
                    let told = receipt.and_then(|receipt| word::told_by(&receipt, &channel.id));
                    let spent = told.map_or(last, |told| told.spent);
                    return buying.closed(&session, spent).await;
                }
                Answer::Other(response) if response.status() == StatusCode::GONE => {
                    return buying.was_gone(&session, &Refusal::of(response).await).await;
                }
                Answer::Other(response) => {
                    return Ok(Ended::Not { sentence: Refusal::of(response).await.sentence() });
                }
                Answer::Nothing(sentence) => return Ok(Ended::Not { sentence }),
                Answer::Unpaid(demand) => {
                    let Some(next) = buying.same_terms(&quote, &demand) else {
                        return Ok(Ended::Not { sentence: Refusal::from(&demand).sentence() });
                    };
                    if let Some(snapshot) = Snapshot::of(&next.challenge, &channel.id) {
                        last = last.max(snapshot.spent).min(session.signed);
                    } else if !Refusal::from(&demand).is_of_the_challenge() {
                        // It says no more, and has a voucher for so much anyway.
                        last = session.signed;
                    }
                    quote = next;
                }
            }
        }
        let sentence = "the seller does not close it; farthing sessions close --force takes the rest back by itself";
        Ok(Ended::Not { sentence: sentence.into() })
    }

    /// Takes the rest of a session back without the seller, step by step: asks for it, and once the time is over
    /// in which the seller may still collect, takes it.
    pub async fn reclaim_session(&self, session: &KeptSession) -> Result<Ended, PayError> {
        let Synced { session, standing: says, .. } = self.sync_session(session).await?;
        if session.state == SessionState::Closed {
            return Ok(Ended::Closed { cost: session.worth(session.spent) });
        }
        let (Some(payer), Some(channel)) = (self.session_payer(&session.method).cloned(), session.as_channel()) else {
            return Ok(Ended::Not { sentence: "nothing was signed for it yet".into() });
        };
        self.wallet.unlock().await?;
        let sessions = self.wallet.sessions()?;
        let requested = says.as_ref().and_then(|says| says.close_requested_at);
        let until = says.as_ref().and_then(|says| says.collect_until);
        let now = self.wallet.ambient.now();
        let step = match (requested, until) {
            (None, _) => Reclaim::Request,
            (Some(_), Some(until)) if now < until => return Ok(Ended::Waiting { until: Some(until) }),
            _ => Reclaim::Withdraw,
        };
        sessions.stop(session.id, SessionState::Closing, "its owner takes the rest back", until).await?;
        match payer.reclaim(&channel, step, approve_reclaim(step)).await {
            Sent::Moved => {}
            Sent::Never(sentence) | Sent::Unknown(sentence) => return Ok(Ended::Not { sentence }),
        }
        match standing(payer.as_ref(), &session, ChannelPurpose::Recover).await {
            Standing::Says(says) => {
                self.believe(&session, &says).await?;
                let now = sessions.session(session.id).await?.unwrap_or(session);
                if now.state == SessionState::Closed {
                    return Ok(Ended::Closed { cost: now.worth(now.spent) });
                }
                Ok(Ended::Waiting { until: says.collect_until })
            }
            _ => Ok(Ended::Waiting { until: None }),
        }
    }

    fn request_of(&self, session: &KeptSession) -> Result<Result<Prepared, String>, PayError> {
        let url = session.url.parse().map_err(|_| PayError::Request("the session's address is no URL".into()))?;
        Ok(Prepared::new(reqwest::Request::new(http::Method::POST, url), &self.wallet.ambient)?)
    }

    /// Approves a voucher that adds nothing to what was signed.
    async fn approve_again(
        &self,
        session: &KeptSession,
        quote: &SessionQuote,
        total: Amount,
        closes: bool,
    ) -> Result<Result<farthing_rail::Approved<VoucherQuote>, String>, PayError> {
        // The last voucher of a wallet that takes back what is its own adds nothing to what was signed.
        let takes_back = self.wallet.unwinds() && closes && total <= session.signed;
        if let Some(stopped) = self.wallet.stopped_now().await?.filter(|_| !takes_back) {
            return Ok(Err(stopped.to_string()));
        }
        let nothing = super::price_of_nothing(session);
        let levels = self.wallet.levels().await?;
        let voucher = VoucherQuote {
            challenge: quote.challenge.clone(),
            origin: session.origin.clone(),
            cumulative: total,
            cost: nothing,
            closes,
        };
        let call = Call {
            payee: session.payee.as_deref(),
            asset: &session.asset,
            deposit: session.deposit,
            unit: session.unit_cost,
            cost: nothing,
            streams: true,
        };
        let tags = std::collections::BTreeMap::new();
        let (http_method, path) = ("", "");
        let asking = Asking {
            http_method,
            path,
            digest: [0; 32],
            tags: &tags,
            max: None,
            redirected_from: None,
            offer_signers: &[],
        };
        let sellers = self.wallet.sellers();
        let grounds = &self.grounds(&levels, &sellers);
        match approve_voucher(&self.wallet.budgets, grounds, voucher, &call, &asking).await {
            Ok(approved) => Ok(Ok(approved)),
            Err(refused) => match denied(refused)? {
                Outcome::Refused { sentence, .. } => Ok(Err(sentence)),
                _ => Ok(Err("the policy does not allow it".to_owned())),
            },
        }
    }
}

impl Buying<'_> {
    /// The seller agreed to end it.
    async fn closed(&self, session: &KeptSession, spent: Amount) -> Result<Ended, PayError> {
        match self.standing(session).await {
            Standing::Says(says) if says.closed => {
                let cost = self.client.has_ended(session, Spent::Said(says.settled), "closed").await?;
                Ok(Ended::Closed { cost })
            }
            Standing::SellersWord => {
                let cost = self.client.has_ended(session, Spent::Said(spent), "closed").await?;
                Ok(Ended::Closed { cost })
            }
            _ => Ok(Ended::Settling),
        }
    }

    /// The seller says that it has ended already, or never was.
    async fn was_gone(&self, session: &KeptSession, refusal: &Refusal) -> Result<Ended, PayError> {
        match self.standing(session).await {
            Standing::Says(says) if says.closed => {
                let cost = self.client.has_ended(session, Spent::Said(says.settled), "closed").await?;
                Ok(Ended::Closed { cost })
            }
            Standing::SellersWord if refusal.problem == Some(ProblemType::SessionChannelFinalized) => {
                // All that was signed for counts, since nobody says what of it was delivered.
                let cost = self.client.has_ended(session, Spent::Signed, "the seller has closed it").await?;
                Ok(Ended::Closed { cost })
            }
            _ => Ok(Ended::Not { sentence: format!("the seller does not know it: {}", refusal.sentence()) }),
        }
    }
}
