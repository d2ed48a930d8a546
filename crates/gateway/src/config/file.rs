//! The configuration file as it is written, before anything in it is believed.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) gateway: Spanned<GatewayTable>,
    #[serde(default)]
    pub(super) rails: BTreeMap<String, Spanned<toml::Table>>,
    #[serde(default, rename = "route")]
    pub(super) routes: Vec<Spanned<RouteTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GatewayTable {
    pub(super) listen: Spanned<String>,
    pub(super) admin: Option<Spanned<String>>,
    pub(super) admin_token: Option<Spanned<SecretSource>>,
    pub(super) realm: Option<Spanned<String>>,
    pub(super) public_url: Option<Spanned<String>>,
    pub(super) tls: Option<TlsTable>,
    #[serde(default)]
    pub(super) tls_terminated_upstream: bool,
    pub(super) secret: Option<Spanned<SecretSource>>,
    pub(super) previous_secret: Option<Spanned<SecretSource>>,
    pub(super) store: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) development: bool,
    pub(super) digest_body: Option<Spanned<String>>,
    pub(super) drain: Option<Spanned<String>>,
    pub(super) reconcile: Option<Spanned<String>>,
    pub(super) keep: Option<Spanned<String>>,
    pub(super) offer_signer: Option<Spanned<toml::Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TlsTable {
    pub(super) cert: std::path::PathBuf,
    pub(super) key: std::path::PathBuf,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a secret is written { env = \"NAME\" } or { file = \"PATH\" }")]
pub(super) enum SecretSource {
    Literal(String),
    Environment(EnvironmentSecret),
    File(FileSecret),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EnvironmentSecret {
    pub(super) env: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileSecret {
    pub(super) file: std::path::PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RouteTable {
    #[serde(rename = "match")]
    pub(super) pattern: Spanned<String>,
    pub(super) host: Option<String>,
    pub(super) upstream: Spanned<String>,
    pub(super) price: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) free: bool,
    #[serde(default)]
    pub(super) allow_loss: bool,
    #[serde(default)]
    pub(super) accept: Vec<Spanned<String>>,
    pub(super) order: Option<Spanned<String>>,
    pub(super) description: Option<String>,
    pub(super) reference: Option<Spanned<String>>,
    pub(super) timeout: Option<Spanned<String>>,
    pub(super) settle_timeout: Option<Spanned<String>>,
    pub(super) max_body: Option<Spanned<String>>,
    pub(super) entitlement: Option<Spanned<String>>,
    pub(super) idempotency_body: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) x402_v1: bool,
    pub(super) payment_identifier: Option<Spanned<String>>,
    pub(super) meter: Option<Spanned<MeterTable>>,
    pub(super) unit: Option<Spanned<String>>,
    pub(super) session: Option<Spanned<SessionTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SessionTable {
    pub(super) deposit: Option<String>,
    pub(super) least_deposit: Option<String>,
    pub(super) least_delta: Option<String>,
    pub(super) slice: Option<String>,
    pub(super) pause: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MeterTable {
    pub(super) header: Option<String>,
    pub(super) trailer: Option<String>,
    pub(super) json: Option<String>,
    pub(super) bytes: Option<bool>,
    pub(super) events: Option<bool>,
    pub(super) tokens: Option<String>,
    pub(super) per: Option<i64>,
    pub(super) unit: Option<String>,
}
