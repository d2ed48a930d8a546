use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior};

use super::transaction::{self, Intent, Signed};
use super::{Market, Order, SendError, Submitted, Surroundings, Terms};
use crate::Account;
use crate::rpc::{At, Receipt, RpcError};
use crate::settle::journal::{Purpose, State, Submission};

/// So many orders get their nonces in one commit.
const MOST_AT_ONCE: usize = 256;
/// How often what is not included is looked at.
const TENDING: Duration = Duration::from_secs(1);

type Answer = oneshot::Sender<Result<Submitted, SendError>>;

pub(super) enum Request {
    Submit(Box<Order>, Answer),
    Fence(oneshot::Sender<()>),
    Adopt(Box<Terms>),
}

/// What a node said to a broadcast.
pub(super) struct Said {
    pub(super) nonce: u64,
    /// Whether the answer was a receipt, or why there was none.
    pub(super) answer: Result<bool, RpcError>,
}

/// A nonce that was given out.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) purpose: Purpose,
    pub(super) intent: Intent,
    /// What stands at this nonce now; earlier versions are in the journal.
    pub(super) signed: Signed,
    pub(super) valid_before: Option<u64>,
    pub(super) sent_at: Instant,
    /// How often it was sent as it stands.
    pub(super) times: u32,
    /// How often nodes refused it for a reason that does not pass.
    pub(super) refusals: u32,
    /// Whether the chain was seen to include it, so that its gas is paid.
    pub(super) is_included: bool,
}

/// The one task that gives out an account's nonces.
pub(super) struct Desk {
    pub(super) account: Account,
    pub(super) around: Surroundings,
    /// The nonce to give out next; `None` until the chain and the journal have been asked.
    pub(super) next: Option<u64>,
    /// What was given out and may still matter.
    pub(super) places: BTreeMap<u64, Place>,
    /// Until when nothing needs tending, if nothing happens before.
    pub(super) quiet_until: Option<Instant>,
    /// The last seen market, for replacements.
    pub(super) market: Option<Market>,
    pub(super) said: mpsc::UnboundedSender<Said>,
    hearing: mpsc::UnboundedReceiver<Said>,
}

impl Desk {
    pub(super) fn new(account: Account, around: Surroundings) -> Self {
        let (said, hearing) = mpsc::unbounded_channel();
        Self { account, around, next: None, places: BTreeMap::new(), quiet_until: None, market: None, said, hearing }
    }

    /// Works until the last handle is gone.
    pub(super) async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        if let Err(error) = self.synchronise().await {
            tracing::warn!(signer = %self.account.address(), %error, "cannot yet find the signer's next nonce");
        }
        let mut tick = tokio::time::interval(TENDING);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut waiting = Vec::new();
        loop {
            tokio::select! {
                taken = requests.recv_many(&mut waiting, MOST_AT_ONCE) => {
                    if taken == 0 {
                        return;
                    }
                    self.serve(std::mem::take(&mut waiting)).await;
                }
                Some(said) = self.hearing.recv() => self.hear(&said),
                _ = tick.tick(), if !self.is_quiet() => self.tend().await,
            }
        }
    }

    fn is_quiet(&self) -> bool {
        self.places.is_empty() || self.quiet_until.is_some_and(|until| Instant::now() < until)
    }

    /// Finds the next nonce and what is still open: from the chain, and from the journal, which
    /// knows of transactions that no node has seen.
    pub(super) async fn synchronise(&mut self) -> Result<u64, SendError> {
        if let Some(next) = self.next {
            return Ok(next);
        }
        let (chain, signer) = (self.around.chain, self.account.address());
        let on_chain = self.around.terms.endpoints.transaction_count(signer, At::Pending).await?;
        let written = self.around.journal.last_of(chain, signer).await?.and_then(|last| last.nonce);
        let mut open = BTreeMap::new();
        for submission in self.around.journal.open_of(chain, signer).await? {
            let Some((intent, signed)) = transaction::read(&submission.raw) else { continue };
            // The journal lists replacements after what they replace.
            open.insert(intent.nonce, self.found(submission, intent, signed));
        }
        for (nonce, place) in open {
            self.places.entry(nonce).or_insert(place);
        }
        let next = written.map_or(on_chain, |written| on_chain.max(written.saturating_add(1)));
        self.next = Some(next);
        Ok(next)
    }

    /// What an earlier process left behind, due to be sent again at once.
    fn found(&self, submission: Submission, intent: Intent, signed: Signed) -> Place {
        let resend_after = self.around.terms.resend_after;
        let sent_at = Instant::now().checked_sub(resend_after).unwrap_or_else(Instant::now);
        let (purpose, valid_before) = (submission.purpose, submission.valid_before);
        Place { purpose, intent, signed, valid_before, sent_at, times: 0, refusals: 0, is_included: false }
    }

    async fn serve(&mut self, requests: Vec<Request>) {
        // An order brings work, and whoever puts up a fence is looking for something.
        self.quiet_until = None;
        let (mut orders, mut fences) = (Vec::new(), Vec::new());
        for request in requests {
            match request {
                Request::Submit(order, answer) if !answer.is_closed() => orders.push((*order, answer)),
                Request::Submit(..) => {}
                Request::Fence(answer) => fences.push(answer),
                Request::Adopt(terms) => self.around.terms = *terms,
            }
        }
        if !orders.is_empty() {
            self.submit(orders).await;
        }
        for fence in fences {
            // Whoever waited may have gone.
            let _ = fence.send(());
        }
    }

    /// Numbers, signs and writes down a group of orders, then broadcasts it.
    async fn submit(&mut self, orders: Vec<(Order, Answer)>) {
        let mut next = match self.synchronise().await {
            Ok(next) => next,
            Err(error) => return refuse_all(orders, &error),
        };
        let mut group: Vec<(Place, Answer)> = Vec::new();
        let mut promised = self.promised();
        for (order, answer) in orders {
            let mut purposes = self.places.values().chain(group.iter().map(|(place, _)| place));
            if purposes.any(|place| place.purpose == order.purpose) {
                let _ = answer.send(Err(SendError::OnItsWay));
                continue;
            }
            match self.prepare(&order, next, promised).await {
                Ok(place) => {
                    promised = promised.saturating_add(place.intent.cost(&place.signed.offer));
                    next = next.saturating_add(1);
                    self.market = Some(order.market);
                    group.push((place, answer));
                }
                Err(error) => drop(answer.send(Err(error))),
            }
        }
        if !self.around.licence.holds() {
            for (_, answer) in group {
                let _ = answer.send(Err(SendError::Suspended));
            }
            return;
        }
        let written = group.iter().map(|(place, _)| self.submission(place)).collect();
        if let Err(error) = self.around.journal.append(written).await {
            // Whether the group is on disk is not known: ask again before any nonce is given out.
            self.next = None;
            for (_, answer) in group {
                let _ = answer.send(Err(SendError::Journal(error.clone())));
            }
            return;
        }
        self.next = Some(next);
        for (place, answer) in group {
            let _ = answer.send(Ok(self.broadcast(&place)));
            self.places.insert(place.intent.nonce, place);
        }
    }

    /// What the gas of everything that is on its way may cost.
    fn promised(&self) -> u128 {
        let on_its_way = self.places.values().filter(|place| !place.is_included);
        on_its_way.fold(0, |sum, place| sum.saturating_add(place.intent.cost(&place.signed.offer)))
    }

    async fn prepare(&self, order: &Order, nonce: u64, promised: u128) -> Result<Place, SendError> {
        let signer = self.account.address();
        let offer = self.around.terms.fees.offer(&order.market)?;
        let intent = Intent { chain: self.around.chain, nonce, to: order.to, data: order.data.clone(), gas: order.gas };
        let (needed, balance) = (intent.cost(&offer), order.market.balance.saturating_sub(promised));
        if needed > balance {
            return Err(SendError::Starved { signer, balance, needed });
        }
        let signed = intent.sign(&self.account, offer).await?;
        let (purpose, valid_before) = (order.purpose.clone(), order.valid_before);
        Ok(Place {
            purpose,
            intent,
            signed,
            valid_before,
            sent_at: Instant::now(),
            times: 1,
            refusals: 0,
            is_included: false,
        })
    }

    pub(super) fn submission(&self, place: &Place) -> Submission {
        Submission {
            purpose: place.purpose.clone(),
            chain: self.around.chain,
            signer: self.account.address(),
            nonce: Some(place.intent.nonce),
            hash: place.signed.hash,
            raw: place.signed.raw.clone(),
            valid_before: place.valid_before,
            state: State::Open,
            at: (self.around.now)(),
        }
    }

    /// Sends it in a task of its own, which outlives whoever ordered it.
    fn broadcast(&self, place: &Place) -> Submitted {
        let (answer, receiver) = oneshot::channel::<Result<Option<Receipt>, RpcError>>();
        let (endpoints, said) = (self.around.terms.endpoints.clone(), self.said.clone());
        let (raw, nonce) = (place.signed.raw.clone(), place.intent.nonce);
        tokio::spawn(async move {
            let result = endpoints.send(&raw).await;
            let _ = said.send(Said { nonce, answer: result.as_ref().map(Option::is_some).map_err(Clone::clone) });
            let _ = answer.send(result);
        });
        Submitted { hash: place.signed.hash, answer: receiver }
    }
}

fn refuse_all(orders: Vec<(Order, Answer)>, error: &SendError) {
    for (_, answer) in orders {
        let _ = answer.send(Err(error.clone()));
    }
}
