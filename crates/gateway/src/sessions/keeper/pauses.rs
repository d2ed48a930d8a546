//! When a session with which something went wrong is looked at again: each time after twice as long.

use std::collections::HashMap;
use std::time::Duration;

use farthing_protocol::Timestamp;
use farthing_rail::SessionId;

const FIRST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(120);

#[derive(Default)]
pub(super) struct Pauses(HashMap<SessionId, (Timestamp, Duration)>);

impl Pauses {
    pub(super) fn holds(&self, session: SessionId, now: Timestamp) -> bool {
        // No pause is longer than that, so a clock was turned back if one seems to be.
        self.0.get(&session).is_some_and(|(until, _)| now < *until && *until <= now.after(LONGEST))
    }

    pub(super) fn extend(&mut self, session: SessionId, now: Timestamp) {
        let last = self.0.get(&session).map_or(FIRST, |(_, last)| *last);
        self.0.insert(session, (now.after(last), (last * 2).min(LONGEST)));
    }

    pub(super) fn end(&mut self, session: SessionId) {
        self.0.remove(&session);
    }
}
