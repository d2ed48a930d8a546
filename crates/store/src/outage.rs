//! Tells whoever runs this that the books do not answer: once when it begins, and once when it is over.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::StoreError;

/// Whether the books answer, as the last attempts showed; cheap to clone.
#[derive(Clone)]
pub(crate) struct Outage {
    /// What is tried.
    doing: &'static str,
    state: Arc<Mutex<Option<Out>>>,
}

struct Out {
    since: Instant,
    refused: u64,
    /// Whether not even a beat came through: then the first that does is the end of it.
    is_complete: bool,
}

impl Outage {
    /// None so far. `doing` is for the log: "written", "read".
    pub(crate) fn none(doing: &'static str) -> Self {
        Self { doing, state: Arc::default() }
    }

    /// Something was tried in vain.
    pub(crate) fn failed(&self, error: &StoreError) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let doing = self.doing;
        match &mut *state {
            Some(out) => {
                out.refused = out.refused.saturating_add(1);
                tracing::debug!(%error, "the books still cannot be {doing}");
            }
            None => {
                *state = Some(Out { since: Instant::now(), refused: 1, is_complete: false });
                tracing::error!(%error, "the books cannot be {doing}; what needs them is refused until they can");
            }
        }
    }

    /// Not even an empty batch came through.
    pub(crate) fn beat_failed(&self, error: &StoreError) {
        self.failed(error);
        if let Some(out) = &mut *self.state.lock().unwrap_or_else(PoisonError::into_inner) {
            out.is_complete = true;
        }
    }

    /// Something worked.
    pub(crate) fn worked(&self) {
        self.end(|_| true);
    }

    /// An empty batch came through. One that is not empty may still be refused, when there is no room.
    pub(crate) fn beat_worked(&self) {
        self.end(|out| out.is_complete);
    }

    fn end(&self, is_over: impl Fn(&Out) -> bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(out) = state.take_if(|out| is_over(out)) {
            let (seconds, refused) = (out.since.elapsed().as_secs(), out.refused);
            tracing::warn!(seconds, refused, "the books can be {} again", self.doing);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_out(outage: &Outage) -> bool {
        outage.state.lock().unwrap().is_some()
    }

    #[test]
    fn a_beat_ends_only_what_stopped_beats_too() {
        let (outage, error) = (Outage::none("written"), StoreError::Unavailable("no room".to_owned()));
        outage.failed(&error);
        outage.beat_worked();
        assert!(is_out(&outage), "there is still no room");
        outage.worked();
        assert!(!is_out(&outage));
        outage.beat_failed(&error);
        outage.failed(&error);
        outage.beat_worked();
        assert!(!is_out(&outage), "the server is back");
    }
}
