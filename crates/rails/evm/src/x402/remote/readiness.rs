//! Whether a facilitator settles what we would have it settle, as it last said.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alloy_primitives::Address;
use farthing_dialects::x402::facilitator::{Kind, Supported};
use farthing_dialects::x402::{Network, Version};
use farthing_rail::NotReady;
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::{Facilitator, UPTO};
use crate::evm::wire_address;

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

/// How a facilitator settles what it settles.
#[derive(Clone, Copy)]
struct Terms {
    version: Version,
    /// Its account, which payers of `upto` must name.
    account: Option<Address>,
}

struct Known {
    /// How it settles ours, or why not.
    answer: Result<Terms, String>,
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
        self.0.known().answer.as_ref().ok().map(|terms| terms.version)
    }

    /// The account that payers of `upto` must name, as it last said.
    pub(super) fn account(&self) -> Option<Address> {
        self.0.known().answer.as_ref().ok().and_then(|terms| terms.account)
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

    fn judge(&self, supported: &Supported) -> Result<Terms, String> {
        let (scheme, network) = (self.scheme, &self.network);
        // Version 1 knows no other scheme than exact.
        let versions = if scheme == UPTO { &[Version::V2][..] } else { &[Version::V2, Version::V1] };
        let kind = versions.iter().find_map(|version| supported.kind(*version, scheme, network));
        let kind = kind.ok_or_else(|| format!("it does not settle {scheme} on {network}; see its /supported"))?;
        let account = account(kind);
        if scheme == UPTO && account.is_none() {
            return Err(format!("it names no facilitatorAddress for {scheme} on {network}; see its /supported"));
        }
        Ok(Terms { version: kind.version, account })
    }
}

fn account(kind: &Kind) -> Option<Address> {
    let named = kind.extra.get("facilitatorAddress")?.as_str()?;
    wire_address(named).filter(|account| !account.is_zero())
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
