use std::path::Path;
use std::sync::Arc;

use farthing_dialects::x402::facilitator as supported;
use farthing_dialects::x402::{Network, Version};
use farthing_protocol::JsonObject;
use farthing_rail::Settler;

/// What is settled here: one scheme on one network.
#[derive(Clone)]
pub struct Kind {
    /// Where.
    pub network: Network,
    /// Who settles it. Takes recipient, asset and amount from what is asked; its intent is the scheme.
    pub settler: Arc<dyn Settler>,
    /// What sellers must copy into their offers.
    pub extra: JsonObject,
    /// The accounts that submit.
    pub signers: Vec<String>,
}

/// What a chain may know about the facilitator it is built for.
#[derive(Clone, Copy)]
pub struct ChainContext<'a> {
    /// NAME of `[chains.NAME]`.
    pub name: &'a str,
    /// The folder of the facilitator's own files.
    pub data: &'a Path,
    /// The folder of the configuration, for paths in it.
    pub directory: &'a Path,
}

/// Builds what is settled on a chain from its `[chains.NAME]` table, or says in one sentence what to
/// write instead. Must be called within the runtime.
pub type ChainFactory = Arc<dyn Fn(&toml::Table, &ChainContext<'_>) -> Result<Vec<Kind>, String> + Send + Sync>;

impl Kind {
    /// Its scheme.
    pub fn scheme(&self) -> &str {
        self.settler.terms().intent.as_str()
    }

    /// Its entries of `GET /supported`, one for each version.
    pub(crate) fn entries(&self) -> impl Iterator<Item = supported::Kind> {
        [Version::V2, Version::V1].into_iter().map(|version| supported::Kind {
            version,
            scheme: self.scheme().to_owned(),
            network: self.network.clone(),
            extra: self.extra.clone(),
        })
    }
}
