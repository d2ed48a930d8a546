//! Streams that are paid by the piece: what was bought comes out, and what is asked for meanwhile is signed,
//! within `--max`, the deposit and the policy.

pub(super) mod events;

use std::collections::VecDeque;

use farthing_money::{Amount, Price};
use farthing_protocol::Receipt;
use farthing_rail::SessionQuote;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use reqwest::Response;

use self::events::{Event, Events, NeedVoucher};
use super::demand::Demand;
use super::plain::plain;
use super::presenting::Answer;
use super::request::Prepared;
use super::session::{Buying, Need, Step, word};
use super::{InSession, Order, Outcome, PayError, PayingClient};
use crate::policy::Rule;
use crate::sessions::{KeptSession, SessionState};

/// How often a stream may ask without sending anything that was bought in between.
const MOST_IN_A_ROW: u32 = 3;
/// The part of a deposit that one question may ask for, and how many units at least.
const PART_OF_DEPOSIT: u128 = 4;
const UNITS_AT_ONCE: u128 = 100;
/// How often one voucher is presented for fresh challenges.
const MOST_CHALLENGES: u32 = 3;

/// A stream under way.
pub struct PaidStream {
    client: PayingClient,
    /// Nothing once it is not read on.
    response: Option<Response>,
    request: Prepared,
    order: Order,
    session: InSession,
    /// Nothing for an answer that is no stream of events: its bytes come out as they are.
    events: Option<Events>,
    waiting: VecDeque<Event>,
    asked_in_a_row: u32,
    receipt: Option<Receipt>,
}

/// What came of asking for a stream.
pub enum Streamed {
    /// It is under way.
    Stream(Box<PaidStream>),
    /// It was not paid from a session: free, paid by a charge, or not paid.
    Other(Box<Outcome>),
}

/// The next thing of a stream.
#[derive(Debug)]
pub enum Piece {
    /// What was bought: the data of an event, or bytes as they are.
    Data(Vec<u8>),
    /// It is over.
    End(Box<Ending>),
}

/// How a stream ended.
#[derive(Debug)]
pub struct Ending {
    /// What it cost, as the server said and this wallet signed; what was signed for, where it did not say.
    pub cost: Price,
    /// The last receipt, if it is of this session and claims no more than was signed for.
    pub receipt: Option<Receipt>,
    /// Why it ended before its end, if it did.
    pub stopped: Option<Outcome>,
}

impl PayingClient {
    /// Asks for a stream and pays for it by the piece.
    pub async fn stream(&self, request: reqwest::Request, order: &Order) -> Result<Streamed, PayError> {
        let order = Order { streams: true, ..*order };
        let prepared =
            match Prepared::new(request.try_clone().unwrap_or_else(|| empty(&request)), &self.wallet.ambient)? {
                Ok(prepared) => prepared,
                Err(sentence) => return Ok(Streamed::Other(Box::new(Outcome::refused(sentence)))),
            };
        match self.pay_as(request, &order).await? {
            Outcome::Paid { response, receipt, session: Some(session), .. } => {
                let is_events = response.headers().get(CONTENT_TYPE).is_some_and(is_event_stream);
                let mut prepared = prepared;
                prepared.redirect_to(response.url().clone());
                Ok(Streamed::Stream(Box::new(PaidStream {
                    client: self.clone(),
                    response: Some(response),
                    request: prepared,
                    order,
                    session: *session,
                    events: is_events.then(Events::default),
                    waiting: VecDeque::new(),
                    asked_in_a_row: 0,
                    receipt,
                })))
            }
            outcome => Ok(Streamed::Other(Box::new(outcome))),
        }
    }
}

impl PaidStream {
    /// The next piece. What the stream asks for meanwhile is signed and presented.
    pub async fn next(&mut self) -> Result<Piece, PayError> {
        loop {
            match self.waiting.pop_front() {
                Some(Event::Data(data)) => {
                    self.asked_in_a_row = 0;
                    return Ok(Piece::Data(data.into_bytes()));
                }
                Some(Event::Receipt(receipt)) => self.receipt = Some(*receipt),
                Some(Event::NeedVoucher(need)) => {
                    if let Some(stopped) = self.answer(&need).await? {
                        return self.over(Some(stopped)).await;
                    }
                }
                None => match self.chunk().await {
                    Ok(Some(chunk)) => match &mut self.events {
                        None => return Ok(Piece::Data(chunk.to_vec())),
                        Some(events) => match events.push(&chunk) {
                            Ok(events) => self.waiting.extend(events),
                            Err(error) => {
                                let stopped = Outcome::refused(error.to_string());
                                return self.over(Some(stopped)).await;
                            }
                        },
                    },
                    Ok(None) => return self.over(None).await,
                    Err(_) => {
                        let cost = self.worth(self.session.added).await?;
                        let sentence = "the stream broke off".to_owned();
                        let stopped = Outcome::Unknown { cost, sentence, repeatable: true };
                        return self.over(Some(stopped)).await;
                    }
                },
            }
        }
    }

    async fn chunk(&mut self) -> reqwest::Result<Option<bytes::Bytes>> {
        match &mut self.response {
            Some(response) => response.chunk().await,
            None => Ok(None),
        }
    }

    /// Whether it is a stream of events; else its bytes come out as they are.
    pub fn is_of_events(&self) -> bool {
        self.events.is_some()
    }

    /// Reads no more, and finds out what it cost.
    pub async fn stop(mut self) -> Result<Ending, PayError> {
        self.end(None).await
    }

    async fn kept(&self) -> Result<KeptSession, PayError> {
        let found = self.client.wallet.sessions()?.session(self.session.id).await?;
        found.ok_or_else(|| PayError::Record("a session was removed by another process".to_owned()))
    }

    async fn worth(&self, amount: Amount) -> Result<Price, PayError> {
        Ok(self.kept().await?.worth(amount))
    }

    /// Signs what the stream asks for and presents it. The answer is why it is not signed.
    async fn answer(&mut self, need: &NeedVoucher) -> Result<Option<Outcome>, PayError> {
        let session = self.kept().await?;
        if let Some(sentence) = self.objection(need, &session) {
            return Ok(Some(Outcome::Refused { rule: Some(Rule::Max), sentence }));
        }
        self.asked_in_a_row += 1;
        let ahead = self.session.quote.unit_amount.checked_mul(u128::from(self.order.ahead));
        let generous = ahead.and_then(|ahead| need.required.checked_add(ahead)).unwrap_or(need.required);
        let total = self.affordable(need.required, generous, &session);
        let (client, request, order) = (self.client.clone(), self.request.clone(), self.order);
        let mut buying = client.buying(&client.http, &request, self.session.payer.clone(), &order)?;
        buying.added = self.session.added;
        let answered = voucher(&mut buying, session, &mut self.session.quote, total).await;
        self.session.added = buying.added;
        answered
    }

    /// What is asked for and what is ahead of it. What is ahead of need is no reason to deposit more, and a server
    /// that asks for a slice at a time may do with the part of it that `--max` leaves.
    fn affordable(&self, required: Amount, generous: Amount, session: &KeptSession) -> Amount {
        let fits = |total: Amount| {
            let added = total.checked_sub(session.signed).and_then(|more| more.checked_add(self.session.added));
            let cost = session.worth(added.unwrap_or(self.session.added));
            self.order.max.is_none_or(|max| cost.currency() == max.currency() && cost.millionths() <= max.millionths())
        };
        if required > session.deposit {
            return required;
        }
        let generous = generous.min(session.deposit);
        let unit = self.session.quote.unit_amount;
        let mut part = required;
        while !fits(part) && part > session.signed {
            part = part.checked_sub(unit).unwrap_or(Amount::ZERO);
        }
        match (fits(generous), fits(required)) {
            (true, _) => generous,
            (false, true) => required,
            (false, false) if part > session.signed => part,
            // Nothing more fits; the policy says so.
            (false, false) => required,
        }
    }

    /// Why nothing is signed for a question, if so.
    fn objection(&self, need: &NeedVoucher, session: &KeptSession) -> Option<String> {
        if !need.channel.eq_ignore_ascii_case(&self.session.channel) {
            return Some(format!(
                "the stream asks for a voucher of another session, {}; it gets none",
                plain(&need.channel)
            ));
        }
        if self.asked_in_a_row >= MOST_IN_A_ROW {
            return Some("the stream asks for voucher after voucher and sends nothing for them".to_owned());
        }
        let more = need.required.checked_sub(session.signed).unwrap_or(Amount::ZERO);
        let units = UNITS_AT_ONCE.max(u128::from(self.order.ahead));
        let at_least = self.session.quote.unit_amount.checked_mul(units).unwrap_or(Amount::ZERO);
        let most = at_least.max(Amount::new(session.deposit.units() / PART_OF_DEPOSIT));
        (more > most).then(|| {
            let (more, most) = (session.asset.display(more), session.asset.display(most));
            format!("the stream asks for {more} at once, and at most {most} is signed for ahead of what it sends")
        })
    }

    async fn over(&mut self, stopped: Option<Outcome>) -> Result<Piece, PayError> {
        Ok(Piece::End(Box::new(self.end(stopped).await?)))
    }

    /// What it came to. Where the stream itself did not say, the seller is asked once more.
    async fn end(&mut self, stopped: Option<Outcome>) -> Result<Ending, PayError> {
        // Whoever sends it learns first that nobody reads it any more.
        self.response = None;
        let session = self.kept().await?;
        let told = self.receipt.as_ref().and_then(|receipt| word::told_by(receipt, &self.session.channel));
        let sessions = self.client.wallet.sessions()?;
        let mut stopped = stopped;
        match told.map(|told| word::checked(told, &session)) {
            Some(Ok(told)) => sessions.conclude(session.id, None, Some(told), true).await?,
            Some(Err(overclaim)) => {
                self.receipt = None;
                sessions.stop(session.id, SessionState::Lost, &overclaim.to_string(), None).await?;
                stopped.get_or_insert(Outcome::NoOffer {
                    reasons: vec![format!("{overclaim}; the session pays no more")],
                });
            }
            None => self.receipt = None,
        }
        let session = if stopped.is_some() || self.receipt.is_none() {
            self.client.sync_session(&session).await?.session
        } else {
            self.kept().await?
        };
        let spent = session.spent.checked_sub(self.session.spent_before).unwrap_or(Amount::ZERO);
        let cost = session.worth(if spent.is_zero() { self.session.added } else { spent });
        Ok(Ending { cost, receipt: self.receipt.take(), stopped })
    }
}

/// A total, signed and presented by itself, for a fresh challenge where the one at hand is over.
async fn voucher(
    buying: &mut Buying<'_>,
    session: KeptSession,
    quote: &mut SessionQuote,
    total: Amount,
) -> Result<Option<Outcome>, PayError> {
    let mut session = session;
    for round in 0..MOST_CHALLENGES {
        if total > session.deposit {
            // A deposit answers a challenge that no other deposit has answered.
            match fresh(buying, quote).await? {
                Some(next) => *quote = next,
                None => return Ok(Some(Outcome::refused("the server no longer offers this session".to_owned()))),
            }
        }
        let need = if round == 0 { Need::Total(total) } else { Need::Total(session.signed.max(total)) };
        let kept = match buying.sign(session, quote, need, None).await? {
            Ok(kept) => kept,
            Err(Step::Over(outcome)) => return Ok(Some(outcome)),
            Err(Step::Again(..)) => return Ok(Some(Outcome::refused("the session has ended".to_owned()))),
        };
        session = kept.session;
        match buying.manage(&kept.credential).await?.answer {
            Answer::Success(_) => return Ok(None),
            Answer::Unpaid(demand) => match buying.same_terms(quote, &demand) {
                Some(next) => *quote = next,
                None => return Ok(Some(refused(&demand))),
            },
            Answer::Other(response) if response.status() == StatusCode::GONE => {
                return Ok(Some(Outcome::refused("the seller says that the session has ended".to_owned())));
            }
            Answer::Other(response) => {
                let cost = session.worth(buying.added);
                return Ok(Some(Outcome::ServerError { response, cost }));
            }
            Answer::Nothing(sentence) => {
                let cost = session.worth(buying.added);
                return Ok(Some(Outcome::Unknown { cost, sentence, repeatable: true }));
            }
        }
    }
    Ok(Some(Outcome::refused("the server takes no voucher of this session".to_owned())))
}

/// The offer as it is made now.
async fn fresh(buying: &Buying<'_>, quote: &SessionQuote) -> Result<Option<SessionQuote>, PayError> {
    let unpaid = buying.request.unpaid("")?;
    let Ok(response) = buying.transport.send(unpaid).await else { return Ok(None) };
    if response.status() != StatusCode::PAYMENT_REQUIRED {
        return Ok(None);
    }
    Ok(buying.same_terms(quote, &Demand::read(response).await))
}

fn refused(demand: &Demand) -> Outcome {
    let reason = demand.problem().map_or_else(|| "without a reason".to_owned(), |problem| problem.slug().to_owned());
    Outcome::NoOffer { reasons: vec![format!("the server refused a voucher: {reason}")] }
}

fn is_event_stream(value: &http::HeaderValue) -> bool {
    let text = value.to_str().unwrap_or_default();
    text.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/event-stream"))
}

/// A request whose body can be read only once is refused before it is sent; its place is held until then.
fn empty(request: &reqwest::Request) -> reqwest::Request {
    reqwest::Request::new(request.method().clone(), request.url().clone())
}
