//! A client that pays: sends a request, reads the offers of a 402, decides, reserves, signs, and
//! sends the same request again with the credential.
//!
//! Offers come in the words of two protocols, the Payment scheme and x402, and are one kind of thing from
//! there on: a challenge, quoted by a payer. Only what a credential goes out as, and what a server says in
//! answer, differ again.

mod answered;
mod cancelling;
mod concluding;
mod demand;
mod exchange;
mod explain;
mod layer;
mod middleware;
mod offers;
mod order;
mod outcome;
mod patient;
mod plain;
mod presenting;
mod relay;
mod request;
mod sending;
mod session;
mod settings;
mod settling;
mod signed;
mod stream;
mod subscribing;
mod told;
mod transport;
mod ways;

pub use answered::{NotPaid, Paid, Unconfirmed};
pub use cancelling::Cancelled;
pub use exchange::{Exchange, NoAnswer};
pub use explain::{ExplainedOffer, Explanation, LevelAnswer, LevelSays};
pub use layer::{PayingLayer, PayingService};
pub use middleware::PayingMiddleware;
pub use order::{By, Order};
pub use outcome::{Outcome, PayError};
pub use plain::plain;
pub use relay::{Demanded, Relayed};
pub(crate) use request::is_this_machine;
pub use session::{Ended, InSession, Synced};
pub use settings::Settings;
pub use settling::Settled;
pub use stream::{Ending, PaidStream, Piece, Streamed};

use std::sync::Arc;
use std::time::Duration;

use farthing_books::budget::ReservationId;
use farthing_money::Price;
use farthing_rail::{Approved, Payer, Quote, SessionPayer};
use http::StatusCode;

use self::demand::Demand;
use self::offers::Quoted;
use self::request::Prepared;
use self::transport::Transport;
use self::ways::Ways;
use crate::failpoint::reach;
use crate::outgoing::{self, Orphan, Record, Sendable};
use crate::policy::{Asking, Grounds, Level, Refused, Rule, approve};
use crate::sellers::Sellers;
use crate::{RunLimit, Wallet};

/// A client that pays for its requests out of one wallet.
#[derive(Clone)]
pub struct PayingClient {
    wallet: Wallet,
    payers: Vec<Arc<dyn Payer>>,
    session_payers: Vec<Arc<dyn SessionPayer>>,
    http: Ways,
    settings: Settings,
    remembered: session::Remembered,
}

/// A kept credential is sent again for this long after it was made; of an older one it is only found
/// out what became of it.
const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// What came of one 402.
enum Round {
    Over(Outcome),
    /// The server proved that it took nothing, and names new offers.
    Again(Demand),
}

impl PayingClient {
    /// A client that pays out of this wallet with these methods.
    pub fn new(wallet: Wallet, payers: Vec<Arc<dyn Payer>>) -> Result<Self, PayError> {
        Self::with_settings(wallet, payers, Settings::default())
    }

    /// The same, with other patience.
    pub fn with_settings(wallet: Wallet, payers: Vec<Arc<dyn Payer>>, settings: Settings) -> Result<Self, PayError> {
        let http = Ways::anywhere(settings.silence)?;
        Ok(Self {
            wallet,
            payers,
            session_payers: Vec::new(),
            http,
            settings,
            remembered: session::Remembered::default(),
        })
    }

    /// The same, paying by sessions of these methods too.
    #[must_use]
    pub fn with_session_payers(mut self, payers: Vec<Arc<dyn SessionPayer>>) -> Self {
        self.session_payers = payers;
        self
    }

    /// The same, within the limit of a run besides its own: every payment counts toward both, and a deposit of the
    /// run is its own.
    #[must_use]
    pub fn within(self, run: &RunLimit) -> Self {
        Self { wallet: self.wallet.within(run), remembered: session::Remembered::default(), ..self }
    }

    /// The wallet it pays out of.
    pub fn wallet(&self) -> &Wallet {
        &self.wallet
    }

    /// Sends a request and pays for it if it must and may. `max` is the most for this call, on top
    /// of the policy.
    ///
    /// The same call again after [`Outcome::Unknown`], an error or a crash sends the same credential
    /// again, and does not pay anew.
    pub async fn pay(&self, request: reqwest::Request, max: Option<Price>) -> Result<Outcome, PayError> {
        self.pay_over(&self.http, request, &Order { max, ..Order::default() }).await
    }

    /// The same, with more to say about it.
    pub async fn pay_as(&self, request: reqwest::Request, order: &Order) -> Result<Outcome, PayError> {
        self.pay_over(&self.http, request, order).await
    }

    async fn pay_over(
        &self,
        transport: &dyn Transport,
        request: reqwest::Request,
        order: &Order,
    ) -> Result<Outcome, PayError> {
        match Prepared::new(request, &self.wallet.ambient)? {
            Ok(mut request) => self.pay_for(transport, &mut request, order, &mut None).await,
            Err(sentence) => Ok(Outcome::refused(sentence)),
        }
    }

    /// The same. `request` becomes the one that was answered, and `unpaid` the last 402, if one was answered.
    async fn pay_for(
        &self,
        transport: &dyn Transport,
        request: &mut Prepared,
        order: &Order,
        unpaid: &mut Option<Demand>,
    ) -> Result<Outcome, PayError> {
        let taken_up = match self.take_up(transport, request, order.max).await? {
            None => self.take_up_session(transport, request, order).await?,
            taken_up => taken_up,
        };
        let taken_up = match taken_up {
            None => self.buy_at_once(transport, request, order).await?,
            taken_up => taken_up,
        };
        let mut demand = match taken_up {
            Some(Round::Over(outcome)) => return Ok(outcome),
            Some(Round::Again(demand)) => demand,
            None => {
                let response = transport::ask(transport, request, &self.accepts()).await?;
                // Nothing but the status asks for a payment, whatever the headers say.
                if response.status() != StatusCode::PAYMENT_REQUIRED {
                    return Ok(Outcome::Free { response });
                }
                let demand = Demand::read(response).await;
                self.release_what_was_never_sent().await?;
                demand
            }
        };
        for _ in 0..self.settings.rounds {
            match self.answer_or_ask(transport, request, &demand, order).await? {
                Round::Over(outcome) => {
                    *unpaid = Some(demand);
                    return Ok(outcome);
                }
                Round::Again(next) => demand = next,
            }
        }
        *unpaid = Some(demand);
        let sentence =
            format!("the server named a new price {} times and took none of the payments", self.settings.rounds);
        Ok(Outcome::refused(sentence))
    }

    /// Answers one 402: the cheapest offer that there is money for and that the policy allows is paid.
    async fn answer(
        &self,
        transport: &dyn Transport,
        request: &Prepared,
        demand: &Demand,
        order: &Order,
    ) -> Result<Round, PayError> {
        if let Some(round) = self.visit(transport, request, demand).await? {
            return Ok(round);
        }
        let mut offers = match self.offers(transport, request, demand)? {
            Ok(offers) => offers,
            Err(sentence) => return Ok(Round::Over(Outcome::refused(sentence))),
        };
        if let Some((method, intent)) = &demand.short {
            offers.quotes.retain(|offer| offer.payer.pays() != (method, intent));
            offers.reasons.push(presenting::TOO_LITTLE.to_owned());
        }
        // A stream that no session is offered for is paid by a charge.
        if order.by == By::Session && !(order.streams && offers.sessions.is_empty()) {
            offers.quotes.clear();
        }
        if offers.quotes.is_empty() && (offers.sessions.is_empty() || order.by == By::Charge) {
            return Ok(Round::Over(Outcome::NoOffer { reasons: offers.reasons }));
        }
        if let Some(stopped) = self.wallet.stopped_now().await? {
            return Ok(Round::Over(Outcome::frozen(&stopped)));
        }
        self.wallet.unlock().await?;
        if let Some(offer) = self.session_to_pay_by(&offers, order).await? {
            return self.buy(transport, request, offer, order).await;
        }
        self.settle_refused().await?;
        let mut denied = None;
        for Quoted { payer, quote, signers, .. } in offers.quotes.drain(..) {
            if let Some(sentence) = offers::shortage(payer.as_ref(), &quote, self.wallet.name()).await {
                offers.reasons.push(sentence);
                continue;
            }
            let record = self.begin(request, &quote)?;
            match self.approve(request, quote, &signers, record.reservation, order).await {
                Ok(approved) => {
                    reach("wallet-after-reserve");
                    return self.pay_approved(transport, request, payer.as_ref(), approved, record).await;
                }
                // Whoever is asked answers for the whole call: nothing else is tried behind their back.
                Err(Refused::Waits { id, sentence, deadline }) => {
                    record.finish();
                    return Ok(Round::Over(Outcome::AwaitsApproval { id, sentence, deadline }));
                }
                Err(Refused::Rule { rule: rule @ Rule::Approval, sentence }) => {
                    record.finish();
                    return Ok(Round::Over(Outcome::Refused { rule: Some(rule), sentence }));
                }
                Err(Refused::Rule { rule, sentence }) => {
                    denied.get_or_insert(Outcome::Refused { rule: Some(rule), sentence });
                    record.finish();
                }
                Err(Refused::Budgets(error)) => {
                    // The reservation may or may not be there; the record says that nothing was signed.
                    record.abandon();
                    return Err(error.into());
                }
            }
        }
        Ok(Round::Over(denied.unwrap_or(Outcome::NoOffer { reasons: offers.reasons })))
    }

    async fn pay_approved(
        &self,
        transport: &dyn Transport,
        request: &Prepared,
        payer: &dyn Payer,
        approved: Approved<Quote>,
        mut record: Record,
    ) -> Result<Round, PayError> {
        record.signing()?;
        let signed = match payer.sign(approved).await {
            Ok(signed) => signed,
            Err(error) => {
                self.unsigned(record, &error).await?;
                return Ok(Round::Over(Outcome::refused(error.to_string())));
            }
        };
        reach("wallet-after-sign");
        let sendable = Sendable::new(request.method(), request.url(), request.idempotency_key(), &signed);
        if let Err(error) = record.keep(&self.wallet.ambient, &self.wallet.vault.seal()?, &sendable) {
            self.release(record, "the credential could not be kept, and was not sent").await?;
            return Err(PayError::Record(error.to_string()));
        }
        reach("wallet-after-keep");
        let record = match self.send_first(&signed, record).await {
            Ok(record) => record,
            Err(outcome) => return Ok(Round::Over(outcome)),
        };
        let presentation = self.present(transport, request, &signed.credential, false).await;
        self.conclude(&signed.credential, presentation, record).await
    }

    /// Makes room for a payment: what dead calls reserved and never sent.
    async fn release_what_was_never_sent(&self) -> Result<(), PayError> {
        for orphan in outgoing::unsent(&self.wallet.outgoing)? {
            match orphan {
                Orphan::Unsigned(record) => self.release(record, "the call died before it signed").await?,
                Orphan::Lost(record) => record.finish(),
                Orphan::Sealed(..) | Orphan::Refused(..) => {}
            }
        }
        if !self.session_payers.is_empty() && self.wallet.has_sessions() {
            self.forget_what_was_never_signed().await?;
        }
        Ok(())
    }

    /// Takes up what dead calls left behind of this very call: sends again what may have been sent before.
    async fn take_up(
        &self,
        transport: &dyn Transport,
        request: &Prepared,
        max: Option<Price>,
    ) -> Result<Option<Round>, PayError> {
        let mut again = None;
        for orphan in outgoing::orphans(&self.wallet.outgoing, request.fingerprint())? {
            match orphan {
                Orphan::Unsigned(record) => self.release(record, "the call died before it signed").await?,
                Orphan::Lost(record) => record.finish(),
                // What became of these is found out before anything else is paid.
                Orphan::Refused(..) => {}
                Orphan::Sealed(record, _) if self.wallet.ambient.now().since(record.at) > KEPT_FOR => {
                    record.refused()?;
                }
                Orphan::Sealed(record, sealed) => {
                    again.get_or_insert((record, sealed));
                }
            }
        }
        let Some((record, sealed)) = again else { return Ok(None) };
        if let Some(stopped) = self.wallet.stopped_now().await? {
            return Ok(Some(Round::Over(Outcome::frozen(&stopped))));
        }
        if let Some(max) = max.filter(|max| max.millionths() < record.cost.millionths()) {
            let cost = record.cost;
            let sentence =
                format!("a payment of {cost} for this call is under way, and the limit for this call is {max}");
            return Ok(Some(Round::Over(Outcome::Refused { rule: Some(Rule::Max), sentence })));
        }
        self.wallet.unlock().await?;
        let sendable = record.open(&self.wallet.vault.seal()?, &sealed);
        let kept = sendable.as_ref().and_then(|sendable| Some((request.as_kept(sendable)?, sendable.signed()?)));
        let Some((request, signed)) = kept else {
            // Made with a key that is no longer in use: what it paid for stays counted.
            record.finish();
            return Ok(None);
        };
        if self.is_over(&signed).await {
            self.release(record, "it was not taken, and no longer can be").await?;
            return Ok(None);
        }
        let record = match self.send_first(&signed, record).await {
            Ok(record) => record,
            Err(outcome) => return Ok(Some(Round::Over(outcome))),
        };
        let presentation = self.present(transport, &request, &signed.credential, true).await;
        self.conclude(&signed.credential, presentation, record).await.map(Some)
    }

    fn begin(&self, request: &Prepared, quote: &Quote) -> Result<Record, PayError> {
        let reservation: ReservationId = self.wallet.ambient.random()?;
        let now = self.wallet.ambient.now();
        let fee = Some(quote.fee_cost()).filter(|fee| fee.millionths() > 0);
        Ok(Record::begin(&self.wallet.outgoing, request.fingerprint(), reservation, (quote.cost, fee), now)?)
    }

    async fn approve(
        &self,
        request: &Prepared,
        quote: Quote,
        offer_signers: &[String],
        reservation: ReservationId,
        order: &Order,
    ) -> Result<Approved<Quote>, Refused> {
        let levels = self.wallet.levels_to_pay_by().await?;
        let redirected_from = request.redirected_from();
        let asking = Asking { offer_signers, ..request.asking(order, redirected_from.as_ref()) };
        let sellers = self.wallet.sellers();
        let grounds = self.grounds(&levels, &sellers);
        approve(&self.wallet.budgets, &grounds, quote, &asking, reservation, &request.for_the_owner()).await
    }

    fn grounds<'a>(&'a self, levels: &'a [Level], sellers: &'a Sellers) -> Grounds<'a> {
        let (wallet, authority) = (self.wallet.name().as_str(), self.wallet.authority());
        Grounds { wallet, levels, sellers, authority, now: self.wallet.ambient.now() }
    }
}
