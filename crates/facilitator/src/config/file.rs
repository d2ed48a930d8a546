//! The file as it is written, before anything in it is believed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(default)]
    pub(super) facilitator: FacilitatorTable,
    #[serde(default)]
    pub(super) chains: BTreeMap<String, toml::Table>,
    #[serde(default)]
    pub(super) callers: BTreeMap<String, CallerTable>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FacilitatorTable {
    pub(super) listen: Option<SocketAddr>,
    pub(super) admin: Option<SocketAddr>,
    pub(super) data: Option<PathBuf>,
    pub(super) tls: Option<TlsTable>,
    pub(super) drain_seconds: Option<u32>,
    pub(super) catalogue: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TlsTable {
    pub(super) cert: PathBuf,
    pub(super) key: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CallerTable {
    pub(super) token: Secret,
    pub(super) per_minute: Option<u32>,
    pub(super) settlements_per_day: Option<u32>,
    #[serde(default)]
    pub(super) payees: Vec<String>,
}

/// A secret is named and does not stand in the file.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a secret is written { env = \"NAME\" } or { file = \"PATH\" }")]
pub(super) enum Secret {
    Environment(FromEnvironment),
    File(FromFile),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FromEnvironment {
    pub(super) env: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FromFile {
    pub(super) file: PathBuf,
}
