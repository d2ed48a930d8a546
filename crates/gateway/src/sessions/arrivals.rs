//! Waking whoever waits for a voucher.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use farthing_rail::SessionId;
use tokio::sync::watch;

/// How often the books are looked at for vouchers that came in through another process.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Streams of this process that wait for news of a session.
#[derive(Default)]
pub(crate) struct Arrivals(Mutex<HashMap<SessionId, Waiting>>);

struct Waiting {
    news: watch::Sender<()>,
    waiters: usize,
}

/// A place among those who wait for news of a session.
pub(crate) struct Waiter {
    arrivals: Arc<Arrivals>,
    session: SessionId,
    news: watch::Receiver<()>,
}

impl Arrivals {
    /// A voucher came, or a deposit, or the end.
    pub(super) fn announce(&self, session: SessionId) {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = waiting.get(&session) {
            waiting.news.send_replace(());
        }
    }

    /// A place that hears everything from now on.
    pub(super) fn wait_for(self: &Arc<Self>, session: SessionId) -> Waiter {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || Waiting { news: watch::Sender::new(()), waiters: 0 };
        let waiting = all.entry(session).or_insert_with(fresh);
        waiting.waiters += 1;
        Waiter { arrivals: Arc::clone(self), session, news: waiting.news.subscribe() }
    }
}

impl Waiter {
    /// Until something may have changed: at once in this process, after a look's time in another.
    pub(crate) async fn news(&mut self) {
        let _ = tokio::time::timeout(LOOK_AGAIN, self.news.changed()).await;
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut all = self.arrivals.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut waiting) = all.entry(self.session) {
            waiting.get_mut().waiters -= 1;
            if waiting.get().waiters == 0 {
                waiting.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_came_between_a_look_and_the_wait_is_heard() {
        let (arrivals, session) = (Arc::new(Arrivals::default()), SessionId::of("a"));
        let started = tokio::time::Instant::now();
        let mut waiter = arrivals.wait_for(session);
        arrivals.announce(SessionId::of("b"));
        arrivals.announce(session);
        waiter.news().await;
        assert_eq!(started.elapsed(), Duration::ZERO);
        waiter.news().await;
        assert_eq!(started.elapsed(), LOOK_AGAIN, "heard once; another process may have news");
        drop(waiter);
        assert!(arrivals.0.lock().unwrap().is_empty(), "nothing is remembered of a session that nobody waits for");
    }
}
