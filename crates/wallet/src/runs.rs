//! What one run of a program may spend: a level of limits for as long as the run lasts.
//!
//! Every wallet and card that the run pays out of counts toward the same counter, beside its own limits, durably and
//! before anything is signed. Deposits of a run are drawn from by nobody else, so that what lies in a session that was
//! there before is not spent past the limit; whoever ends the run closes them.

use std::sync::Arc;

use farthing_keys::{Ambient, NoRandomness};
use farthing_money::Price;
use farthing_policy::{Level, Policy};

/// The most that one run may spend. Clones are the same run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunLimit {
    level: Level,
    max: Price,
}

impl RunLimit {
    /// A limit for a run that begins now.
    ///
    /// # Errors
    ///
    /// [`NoRandomness`].
    pub fn new(max: Price, ambient: &Ambient) -> Result<Self, NoRandomness> {
        let id = u64::from_be_bytes(ambient.random()?);
        let policy = Policy { total: Some(max), session_deposit: Some(max), ..Policy::new(max.currency()) };
        Ok(Self { level: Level { name: format!("run/{id:016x}"), policy: Arc::new(policy) }, max })
    }

    /// The most, fees included.
    pub fn max(&self) -> Price {
        self.max
    }

    /// What its counters are named by.
    pub fn name(&self) -> &str {
        &self.level.name
    }

    pub(crate) fn level(&self) -> &Level {
        &self.level
    }

    /// What sessions of the run are kept under, that would else be kept under `drawer`.
    pub(crate) fn drawer(&self, drawer: &str) -> String {
        format!("{drawer}/{}", self.level.name)
    }
}
