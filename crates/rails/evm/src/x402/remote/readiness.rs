//! Whether a facilitator settles what we would have it settle, as it last said.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use farthing_dialects::x402::facilitator::Supported;
use farthing_dialects::x402::{Network, Version};
use farthing_rail::NotReady;
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::Facilitator;

/// How long an answer holds: less when it keeps offers from being made.
const WHILE_GOOD: Duration = Duration::from_secs(60);
const WHILE_BAD: Duration = Duration::from_secs(3);

/// What is known; cheap to clone.
#[derive(Clone)]
pub(super) struct Readiness(Arc<Shared>);

struct Shared {
    facilitator: Facilitator,
    scheme: &'static str,
    network: Network,
    known: Mutex<Known>,
}

struct Known {
    /// In which version it settles ours, or why not.
    answer: Result<Version, String>,
    seen: Option<Instant>,
    is_asking: bool,
}

impl Readiness {
    pub(super) fn new(facilitator: Facilitator, scheme: &'static str, network: Network) -> Self {
        let answer = Err(format!("{} has not said yet what it settles", facilitator.name()));
        let known = Mutex::new(Known { answer, seen: None, is_asking: false });
        Self(Arc::new(Shared { facilitator, scheme, network, known }))
    }

    /// Ready once the facilitator has said that it settles ours. It is asked again from time to time, in the
    /// background.
    pub(super) fn current(&self) -> Result<(), NotReady> {
        let mut known = self.0.known();
        let holds = if known.answer.is_ok() { WHILE_GOOD } else { WHILE_BAD };
        let is_stale = known.seen.is_none_or(|seen| seen.elapsed() >= holds);
        if is_stale
            && !known.is_asking
            && let Ok(runtime) = Handle::try_current()
        {
            known.is_asking = true;
            runtime.spawn(ask(self.clone()));
        }
        known.answer.as_ref().map(drop).map_err(|reason| NotReady(reason.clone()))
    }

    /// In which version it settles ours.
    pub(super) fn version(&self) -> Option<Version> {
        self.0.known().answer.as_ref().ok().copied()
    }

    /// It was not there when it was needed.
    pub(super) fn lost(&self, why: &str) {
        let mut known = self.0.known();
        known.answer = Err(format!("{}: {why}", self.0.facilitator.name()));
        known.seen = Some(Instant::now());
    }
}

impl Shared {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn judge(&self, supported: &Supported) -> Result<Version, String> {
        let settles = |version: &Version| supported.kind(*version, self.scheme, &self.network).is_some();
        [Version::V2, Version::V1].into_iter().find(settles).ok_or_else(|| {
            let (scheme, network) = (self.scheme, &self.network);
            format!("it does not settle {scheme} on {network}; see its /supported")
        })
    }
}

async fn ask(readiness: Readiness) {
    let shared = &readiness.0;
    let answer = shared.facilitator.supported().await.and_then(|supported| shared.judge(&supported));
    let answer = answer.map_err(|why| format!("{}: {why}", shared.facilitator.name()));
    let mut known = shared.known();
    if let (Err(why), true) = (&answer, known.answer.is_ok() || known.seen.is_none()) {
        tracing::warn!(why, "payments are not offered that a facilitator would have to settle");
    }
    *known = Known { answer, seen: Some(Instant::now()), is_asking: false };
}
