//! Requests that a session paid for and that come again under the same `Idempotency-Key`.
//!
//! Within [`WINDOW`], and in one process, a request under a name is charged once: a repetition gets the answer that was
//! kept, or hears that it was given and is not kept. What a process that dies had held is let go of, and what it had
//! delivered it does not know by name any more. Requests without a name pay nothing for this.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use farthing_books::StoredResponse;
use farthing_protocol::Timestamp;
use farthing_rail::SessionId;
use sha2::{Digest, Sha256};

use crate::lifecycle::Said;
use crate::quote::Asked;

/// How long a name is remembered.
const WINDOW: Duration = Duration::from_secs(600);
/// What may be kept of answers in all, in bytes; beyond it the oldest are forgotten first.
const MOST_BYTES: usize = 64 << 20;
/// What a name takes beside its answer, in bytes, about.
const NAME_BYTES: usize = 256;

/// A request under its client's name, of one session: another request has another key.
type Key = [u8; 32];

/// The requests under names that this process serves or has served.
#[derive(Default)]
pub(crate) struct Repeats(Mutex<Known>);

#[derive(Default)]
struct Known {
    requests: HashMap<Key, Request>,
    /// In the order in which they came.
    order: VecDeque<(Key, Timestamp)>,
    bytes: usize,
}

struct Request {
    /// When it came; the entry in the order that says the same is its own.
    at: Timestamp,
    state: State,
}

enum State {
    Serving,
    /// Charged; with the answer, where it is kept.
    Served(Option<Arc<StoredResponse>>),
}

/// What is known of a request under a name.
pub(super) enum Before {
    /// Nothing: it is this one's turn.
    Nothing(Arc<Turn>),
    /// It is being served.
    Serving,
    /// It was served, and this was the answer, if that is kept.
    Served(Option<Arc<StoredResponse>>),
}

/// The right to serve a request under its name. Dropped before anything was charged, it passes to the next.
pub(crate) struct Turn {
    repeats: Arc<Repeats>,
    key: Key,
}

/// The key of a request to a session.
pub(super) fn key_of(said: &Said, session: SessionId, asked: Asked<'_>) -> Key {
    let mut hasher = Sha256::new();
    let parts = [
        b"farthing/session-request/1".as_slice(),
        session.as_bytes(),
        asked.method.as_str().as_bytes(),
        asked.target.authority().as_bytes(),
        asked.target.path_and_query().as_str().as_bytes(),
        asked.body.digest().map_or("", farthing_protocol::BodyDigest::as_str).as_bytes(),
        said.as_bytes(),
    ];
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

impl Repeats {
    /// Takes the turn to serve a request, unless it was taken.
    pub(super) fn begin(self: &Arc<Self>, key: Key, now: Timestamp) -> Before {
        let mut known = self.lock();
        known.forget_before(now);
        match known.requests.get(&key).map(|request| &request.state) {
            Some(State::Serving) => return Before::Serving,
            Some(State::Served(kept)) => return Before::Served(kept.clone()),
            None => {}
        }
        known.requests.insert(key, Request { at: now, state: State::Serving });
        known.order.push_back((key, now));
        known.bytes += NAME_BYTES;
        Before::Nothing(Arc::new(Turn { repeats: Arc::clone(self), key }))
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// Something of it was charged.
    pub(super) fn served(&self) {
        let mut known = self.repeats.lock();
        if let Some(Request { state: state @ State::Serving, .. }) = known.requests.get_mut(&self.key) {
            *state = State::Served(None);
        }
    }

    /// The answer, to be given again.
    pub(super) fn keep(&self, response: StoredResponse) {
        let length = response.body.len();
        let mut known = self.repeats.lock();
        if let Some(request) = known.requests.get_mut(&self.key) {
            request.state = State::Served(Some(Arc::new(response)));
            known.bytes += length;
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut known = self.repeats.lock();
        if known.requests.get(&self.key).is_some_and(|request| matches!(request.state, State::Serving)) {
            known.requests.remove(&self.key);
        }
    }
}

impl Known {
    /// Forgets what is older than the window, and the oldest where there is too much. What is being served stays.
    fn forget_before(&mut self, now: Timestamp) {
        for _ in 0..self.order.len() {
            let Some((key, at)) = self.order.front().copied() else { return };
            if at.after(WINDOW) > now && self.bytes <= MOST_BYTES {
                return;
            }
            self.order.pop_front();
            let own = self.requests.get_mut(&key).filter(|request| request.at == at);
            if let Some(request @ Request { state: State::Serving, .. }) = own {
                request.at = now;
                self.order.push_back((key, now));
                continue;
            }
            let kept = own.is_some().then(|| self.requests.remove(&key)).flatten();
            let length = kept.map_or(0, |request| match request.state {
                State::Served(Some(kept)) => kept.body.len(),
                _ => 0,
            });
            self.bytes = self.bytes.saturating_sub(NAME_BYTES + length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_millis(seconds * 1000)
    }

    fn answer(length: usize) -> StoredResponse {
        StoredResponse { status: 200, headers: Vec::new(), body: vec![0; length] }
    }

    fn turn(repeats: &Arc<Repeats>, key: u8, now: Timestamp) -> Option<Arc<Turn>> {
        match repeats.begin([key; 32], now) {
            Before::Nothing(turn) => Some(turn),
            Before::Serving | Before::Served(_) => None,
        }
    }

    #[test]
    fn a_turn_that_charged_nothing_passes_on_and_one_that_did_does_not() {
        let repeats = Arc::new(Repeats::default());
        let first = turn(&repeats, 1, at(0)).unwrap();
        assert!(matches!(repeats.begin([1; 32], at(0)), Before::Serving));
        drop(first);
        let second = turn(&repeats, 1, at(1)).unwrap();
        second.served();
        drop(second);
        assert!(matches!(repeats.begin([1; 32], at(2)), Before::Served(None)));
        assert!(turn(&repeats, 1, at(602)).is_some(), "until the window is over");
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let repeats = Arc::new(Repeats::default());
        for key in 0..=255 {
            turn(&repeats, key, at(i64::from(key))).unwrap().keep(answer(1 << 20));
        }
        let known = repeats.lock();
        assert!(known.bytes <= MOST_BYTES + (2 << 20));
        drop(known);
        assert!(matches!(repeats.begin([255; 32], at(256)), Before::Served(Some(_))), "the newest is kept");
        assert!(turn(&repeats, 0, at(600)).is_some(), "the oldest is forgotten");
    }
}
