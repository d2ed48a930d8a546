//! Streams that are paid by the piece: what was bought comes out, and what is asked for meanwhile is signed,
//! within `--max`, the deposit and the policy.

mod part;
mod socket;
mod source;

use std::collections::VecDeque;

use farthing_money::{Amount, Price};
use farthing_protocol::Receipt;
use farthing_protocol::stream::{NeedVoucher, SessionReceipt};
use farthing_rail::SessionQuote;
use http::StatusCode;
use reqwest::Response;

use self::part::largest_part;
use self::socket::{SocketTransport, as_http};
pub(super) use self::source::is_of_events;
use self::source::{Item, Read, Source};
use super::demand::Demand;
use super::plain::plain;
use super::presenting::Answer;
use super::request::Prepared;
use super::session::{Buying, Need, Step, word};
use super::transport::Transport;
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
    source: Source,
    request: Prepared,
    order: Order,
    session: InSession,
    waiting: VecDeque<Item>,
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
    /// What was bought: the data of an event, or bytes as they are; of a stream that is passed on, whole events.
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
    /// Asks for a stream and pays for it by the piece; over WebSocket where the address says so.
    pub async fn stream(&self, mut request: reqwest::Request, order: &Order) -> Result<Streamed, PayError> {
        let order = Order { streams: true, ..order.clone() };
        let socket = match as_http(request.url()) {
            Some(url) => {
                *request.url_mut() = url;
                Some(SocketTransport::new(self.http.for_sockets()?, self.settings.silence))
            }
            None => None,
        };
        let mut prepared = match Prepared::new(request, &self.wallet.ambient)? {
            Ok(prepared) => prepared,
            Err(sentence) => return Ok(Streamed::Other(Box::new(Outcome::refused(sentence)))),
        };
        let outcome = match &socket {
            Some(socket) => self.pay_for(socket, &mut prepared, &order, &mut None).await?,
            None => self.pay_for(&self.http, &mut prepared, &order, &mut None).await?,
        };
        let Outcome::Paid { response, receipt, session: Some(session), .. } = outcome else {
            return Ok(Streamed::Other(Box::new(outcome)));
        };
        prepared.redirect_to(response.url().clone());
        let source = match socket {
            Some(socket) => Source::Socket(socket),
            None => Source::of(response),
        };
        Ok(Streamed::Stream(Box::new(PaidStream::new(self.clone(), source, prepared, order, *session, receipt))))
    }

    /// A stream of events that was paid for and is to be passed on as it came, less what it asks for meanwhile.
    /// Vouchers go out through `http`.
    pub(super) fn follow(
        &self,
        http: &reqwest::Client,
        response: Response,
        (request, order): (Prepared, Order),
        (session, receipt): (InSession, Option<Receipt>),
    ) -> PaidStream {
        let client = self.clone().through(http.clone());
        PaidStream::new(client, Source::passed_on(response), request, order, session, receipt)
    }
}

impl PaidStream {
    fn new(
        client: PayingClient,
        source: Source,
        request: Prepared,
        order: Order,
        session: InSession,
        receipt: Option<Receipt>,
    ) -> Self {
        Self { client, source, request, order, session, waiting: VecDeque::new(), asked_in_a_row: 0, receipt }
    }

    /// The next piece. What the stream asks for meanwhile is signed and presented.
    pub async fn next(&mut self) -> Result<Piece, PayError> {
        loop {
            while let Some(item) = self.waiting.pop_front() {
                match item {
                    Item::Bought(data) => {
                        self.asked_in_a_row = 0;
                        return Ok(Piece::Data(data));
                    }
                    Item::Aside(data) => return Ok(Piece::Data(data)),
                    Item::Receipt(receipt) => self.keep(&receipt),
                    Item::NeedVoucher(need) => {
                        if let Some(stopped) = self.answer(&need).await? {
                            return self.over(Some(stopped)).await;
                        }
                    }
                }
            }
            match self.source.read().await {
                Ok(Read::Items(items)) => self.waiting.extend(items),
                Ok(Read::Over(receipt)) => {
                    if let Some(receipt) = receipt {
                        self.keep(&receipt);
                    }
                    return self.over(None).await;
                }
                Ok(Read::Refused(status, message)) => {
                    let reason = format!("the server ended the stream with {status}: {}", plain(&message));
                    return self.over(Some(Outcome::NoOffer { reasons: vec![reason] })).await;
                }
                Err(_) => {
                    let cost = self.worth(self.session.added).await?;
                    let sentence = "the stream broke off".to_owned();
                    return self.over(Some(Outcome::Unknown { cost, sentence, repeatable: true })).await;
                }
            }
        }
    }

    fn keep(&mut self, receipt: &SessionReceipt) {
        self.receipt = Receipt::from_object(receipt.object().clone()).ok().or(self.receipt.take());
    }

    /// Whether what comes out is pieces of their own; else it is bytes as they are.
    pub fn is_of_events(&self) -> bool {
        matches!(self.source, Source::Events(..) | Source::Socket(_))
    }

    /// Reads no more, and finds out what it cost.
    pub async fn stop(mut self) -> Result<Ending, PayError> {
        if let Source::Socket(socket) = &self.source
            && let Some(receipt) = socket.stop().await
        {
            self.keep(&receipt);
        }
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
        let Ok(required) = need.required_cumulative.parse::<Amount>() else {
            return Ok(Some(Outcome::refused("the stream asks for a total that is no number".to_owned())));
        };
        if let Some(sentence) = self.objection(&need.channel_id, required, &session) {
            return Ok(Some(Outcome::Refused { rule: Some(Rule::Max), sentence }));
        }
        self.asked_in_a_row += 1;
        let ahead = self.session.quote.unit_amount.checked_mul(u128::from(self.order.ahead));
        let generous = ahead.and_then(|ahead| required.checked_add(ahead)).unwrap_or(required);
        let total = self.affordable(required, generous, &session);
        let (client, request, order) = (self.client.clone(), self.request.clone(), self.order.clone());
        let over: &dyn Transport = match &self.source {
            Source::Socket(socket) => socket,
            _ => &client.http,
        };
        let mut buying = client.buying(over, &request, self.session.payer.clone(), &order)?;
        (buying.added, buying.follows) = (self.session.added, true);
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
        let part = largest_part(required, unit, session.signed, fits);
        match (fits(generous), fits(required)) {
            (true, _) => generous,
            (false, true) => required,
            (false, false) if part > session.signed => part,
            // Nothing more fits; the policy says so.
            (false, false) => required,
        }
    }

    /// Why nothing is signed for a question, if so.
    fn objection(&self, channel: &str, required: Amount, session: &KeptSession) -> Option<String> {
        if !channel.eq_ignore_ascii_case(&self.session.channel) {
            return Some(format!("the stream asks for a voucher of another session, {}; it gets none", plain(channel)));
        }
        if self.asked_in_a_row >= MOST_IN_A_ROW {
            return Some("the stream asks for voucher after voucher and sends nothing for them".to_owned());
        }
        let more = required.checked_sub(session.signed).unwrap_or(Amount::ZERO);
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
        self.source = Source::Nothing;
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
            match buying.ask_anew(quote).await? {
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

fn refused(demand: &Demand) -> Outcome {
    let reason = demand.problem().map_or_else(|| "without a reason".to_owned(), |problem| problem.slug().to_owned());
    Outcome::NoOffer { reasons: vec![format!("the server refused a voucher: {reason}")] }
}
