//! Looking after sessions in the background: what was delivered is collected in time, what ends is ended, and
//! nobody takes back a deposit that is owed.
//!
//! Sessions in progress are read page by page, all of them within half a minute, and each is taken the steps that
//! its [`policy`] asks for. What a request finds urgent (so much is owed, a limit is reached) is done at once.

mod limits;
mod pauses;
mod policy;
mod rails;
mod risk;
mod work;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use farthing_books::SessionRecord;
use farthing_books::session::SessionFilter;
use farthing_protocol::Timestamp;
use farthing_rail::SessionId;
use farthing_store::StoreError;
use futures_util::StreamExt;
use futures_util::stream;
use tokio::sync::watch;

pub(crate) use limits::{Barred, admit};
pub(crate) use rails::SessionRail;
pub(crate) use risk::{Limit, Risk};
pub(crate) use work::Went;

use crate::seller::Seller;
use pauses::Pauses;
use policy::Known;

const PERIOD: Duration = Duration::from_secs(1);
/// All sessions are read within so many rounds.
const ROUNDS: usize = 24;
/// The fewest and the most that are read in one round.
const PAGE: (usize, usize) = (256, 4_096);
/// So many sessions are seen to at a time: one slow rail does not hold up the others.
const AT_A_TIME: usize = 16;

/// What the keeper remembers from one round to the next.
#[derive(Default)]
pub(crate) struct Keeper {
    /// The last session of the page before; nothing at the beginning.
    after: Option<SessionId>,
    /// How many were read since the beginning, and how many there were the last time.
    read: usize,
    count: usize,
    /// The same of each rail.
    open: HashMap<String, u32>,
    pauses: Pauses,
    /// When each session with something to post was last posted, or first seen so.
    posted: HashMap<SessionId, Timestamp>,
}

/// Runs until `stop` turns true.
pub(crate) async fn run(seller: Arc<Seller>, mut stop: watch::Receiver<bool>) {
    let mut keeper = Keeper::default();
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
        if !seller.books.leads() {
            continue;
        }
        if let Err(error) = keeper.round(&seller, &stop).await {
            seller.books_failed(&error, "no session is looked after");
        }
    }
}

/// Does what is to be done about one session now, and collects what was delivered whatever the policy.
pub(crate) async fn settle(seller: &Arc<Seller>, session: SessionRecord) -> Result<Went, StoreError> {
    let rails = seller.site.load_full();
    let known =
        Known { owed_since: None, posted_at: Timestamp::from_unix_millis(0), pressed: true, deposit_asked: false };
    work::visit(seller, &rails.session_rails, session, known).await.map(|(went, _)| went)
}

/// Serves nothing more from a session, and ends it if that can be done now.
pub(crate) async fn close(seller: &Arc<Seller>, session: SessionId, reason: &str) -> Result<Went, StoreError> {
    if work::close(seller, session, reason).await? == Went::Badly {
        return Ok(Went::Badly);
    }
    match seller.books.session(session).await? {
        Some(record) => settle(seller, record).await,
        None => Ok(Went::Badly),
    }
}

impl Keeper {
    async fn round(&mut self, seller: &Arc<Seller>, stop: &watch::Receiver<bool>) -> Result<(), StoreError> {
        let site = seller.site.load_full();
        let now = seller.now();
        let mut work: Vec<(SessionRecord, Known)> = Vec::new();
        for (id, pressed) in seller.sessions.risk.take_urgent() {
            if let Some(session) = seller.books.session(id).await? {
                let known = self.known(seller, &session, pressed, now);
                work.push((session, known));
            }
        }
        for session in self.page(seller).await? {
            *self.open.entry(session.rail.clone()).or_default() += 1;
            seller.sessions.risk.stands(&session, now);
            let known = self.known(seller, &session, false, now);
            let is_urgent = work.iter().any(|(urgent, _)| urgent.id == session.id);
            if !is_urgent && !self.pauses.holds(session.id, now) {
                work.push((session, known));
            }
        }
        let rails = &site.session_rails;
        let failed = OnceLock::new();
        let mut seen = stream::iter(work)
            .take_while(|_| std::future::ready(failed.get().is_none() && !*stop.borrow()))
            .map(|(session, known)| async move { (session.id, work::visit(seller, rails, session, known).await) })
            .buffer_unordered(AT_A_TIME);
        // What was begun is ended even where the books failed another.
        while let Some((id, went)) = seen.next().await {
            match went {
                Ok((went, posted)) => {
                    match went {
                        Went::Well => self.pauses.end(id),
                        Went::Badly => self.pauses.extend(id, now),
                    }
                    if posted {
                        self.posted.remove(&id);
                    }
                }
                Err(error) => drop(failed.set(error)),
            }
        }
        drop(seen);
        if let Some(error) = failed.into_inner() {
            return Err(error);
        }
        if self.after.is_none() {
            publish(seller, rails, &std::mem::take(&mut self.open));
        }
        Ok(())
    }

    /// The next sessions in progress; the first ones again after the last.
    async fn page(&mut self, seller: &Seller) -> Result<Vec<SessionRecord>, StoreError> {
        let (least, most) = PAGE;
        let size = (self.count / ROUNDS).clamp(least, most);
        let limit = u32::try_from(size).unwrap_or(u32::MAX);
        let filter = SessionFilter { in_progress: true, after: self.after, limit, ..SessionFilter::default() };
        let page = seller.books.sessions(filter).await?;
        self.read += page.len();
        self.after = page.last().map(|session| session.id).filter(|_| page.len() == size);
        if self.after.is_none() {
            self.count = std::mem::take(&mut self.read);
        }
        Ok(page)
    }

    fn known(&mut self, seller: &Seller, session: &SessionRecord, pressed: bool, now: Timestamp) -> Known {
        let owed_since = seller.sessions.risk.owed_since(session.id);
        if session.unposted.is_empty() || session.state.is_final() {
            self.posted.remove(&session.id);
            return Known { owed_since, posted_at: now, pressed, deposit_asked: false };
        }
        let posted_at = *self.posted.entry(session.id).or_insert(now);
        Known { owed_since, posted_at, pressed, deposit_asked: false }
    }
}

fn publish(seller: &Seller, rails: &[SessionRail], open: &HashMap<String, u32>) {
    for rail in rails {
        let (name, asset) = (rail.tender.rail.as_str(), &rail.tender.asset);
        let sums = seller.sessions.risk.sums(name);
        let meters = seller.metrics.sessions(name);
        meters.open.set(f64::from(open.get(name).copied().unwrap_or_default()));
        meters.unsettled.set(shown(sums.unsettled.to_decimal(asset.decimals())));
        meters.highest.set(shown(sums.highest.to_decimal(asset.decimals())));
    }
}

/// A figure for a dashboard; nothing is decided with it.
fn shown(decimal: String) -> f64 {
    decimal.parse().unwrap_or(f64::MAX)
}
