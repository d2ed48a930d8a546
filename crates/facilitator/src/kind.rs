use std::path::Path;
use std::sync::Arc;

use farthing_dialects::x402::{Network, Version};
use farthing_money::Home;
use farthing_protocol::JsonObject;
use farthing_rail::Settler;
use serde_json::{Value, json};

/// What is settled here: one scheme for one asset on one network.
#[derive(Clone)]
pub struct Kind {
    /// Where.
    pub network: Network,
    /// Who settles it. Takes recipient and amount from what is asked; its intent is the scheme.
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

    /// Whether it moves the asset of this name, in any case.
    pub(crate) fn moves(&self, asset: &str) -> bool {
        self.asset().eq_ignore_ascii_case(asset)
    }

    /// Its asset, as x402 names it.
    pub(crate) fn asset(&self) -> &str {
        let asset = &self.settler.terms().asset;
        match asset.home() {
            Home::Chain { token, .. } => token,
            Home::Account(_) | Home::Ledger => asset.code(),
        }
    }

    /// Its entries of `GET /supported`, one for each version that has a name for the network.
    pub(crate) fn entries(&self) -> Vec<Value> {
        let entry = |version: Version, network: &str| {
            let mut entry = json!({ "x402Version": version.number(), "scheme": self.scheme(), "network": network });
            if let (Some(members), false) = (entry.as_object_mut(), self.extra.is_empty()) {
                members.insert("extra".into(), Value::Object(self.extra.clone()));
            }
            entry
        };
        let first = self.network.name().map(|name| entry(Version::V1, name));
        [Some(entry(Version::V2, self.network.as_str())), first].into_iter().flatten().collect()
    }
}
