use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use farthing_protocol::jsonrpc::Capabilities;
use rmcp::model::{ClientCapabilities, ClientConfig, Implementation, ProgressToken};
use rmcp::service::{Peer, RoleClient, RoleServer, RunningService};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::transport::{StreamableHttpClientTransport, TokioChildProcess};
use rmcp::{ClientHandler, ServiceExt as _};
use serde_json::Value;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use super::place::{Place, Way};
use super::progress::{Hearing, Progress};
use super::wire::Told;

/// What opens wallets, and is none of another program's business.
const OURS: [&str; 5] =
    ["FARTHING_PASSPHRASE", "FARTHING_OWNER_PASSPHRASE", "FARTHING_CARD", "FARTHING_MCP_TOKEN", "FARTHING_SECRET"];

/// The call of an assistant that a call of another server is made for.
#[derive(Clone, Debug)]
pub(super) struct Upstream {
    pub(super) peer: Peer<RoleServer>,
    /// Under which the assistant wants to hear how far it is.
    pub(super) progress: Option<ProgressToken>,
    pub(super) cancelled: CancellationToken,
}

/// A connection to another server, opened when it is first needed and again when it broke.
pub(super) struct Connection {
    pub(super) place: Place,
    open: tokio::sync::Mutex<Option<Open>>,
    ear: Ear,
    told: Mutex<Told>,
}

struct Open {
    running: RunningService<RoleClient, Ear>,
    progress: Progress,
}

/// What a bridge hears from another server besides answers. It offers that server nothing: no model, no
/// person to ask, no files.
#[derive(Clone)]
pub(super) struct Ear {
    about: Arc<ClientConfig>,
}

impl Connection {
    pub(super) fn new(place: Place, pays: &Capabilities) -> Self {
        let mut can = ClientCapabilities::default();
        if let Value::Object(methods) = pays.to_value() {
            can.experimental = Some([("payment".to_owned(), methods)].into());
        }
        let about = ClientConfig::new(can, Implementation::new("farthing", env!("CARGO_PKG_VERSION")));
        let ear = Ear { about: Arc::new(about) };
        Self { place, open: tokio::sync::Mutex::default(), ear, told: Mutex::default() }
    }

    /// The server at the other end, or in one sentence why there is none.
    pub(super) async fn peer(&self) -> Result<Peer<RoleClient>, String> {
        self.line().await.map(|(peer, _)| peer)
    }

    /// The same, with what it says of how far calls are.
    pub(super) async fn line(&self) -> Result<(Peer<RoleClient>, Progress), String> {
        let mut open = self.open.lock().await;
        let is_open = |open: &&Open| !open.running.is_closed() && !open.running.is_transport_closed();
        if let Some(open) = open.as_ref().filter(is_open) {
            return Ok((open.running.peer().clone(), open.progress.clone()));
        }
        let progress = Progress::start();
        let running = self.connect(progress.clone()).await?;
        let open = open.insert(Open { running, progress });
        Ok((open.running.peer().clone(), open.progress.clone()))
    }

    /// Reads or adds to what the server told of its challenges.
    pub(super) fn told<T>(&self, with: impl FnOnce(&mut Told) -> T) -> T {
        with(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn connect(&self, progress: Progress) -> Result<RunningService<RoleClient, Ear>, String> {
        let name = &self.place.name;
        let ear = self.ear.clone();
        match &self.place.way {
            Way::Http(url) => {
                let config = StreamableHttpClientTransportConfig::with_uri(url.as_str());
                let transport = StreamableHttpClientTransport::from_config(config);
                let hearing = Hearing { transport, progress };
                ear.serve(hearing).await.map_err(|_| format!("the server {name} cannot be reached"))
            }
            Way::Command(words) => {
                let (program, arguments) = words.split_first().ok_or_else(|| format!("{name} has no command"))?;
                let mut command = Command::new(program);
                command.args(arguments).stderr(Stdio::inherit());
                for variable in OURS {
                    command.env_remove(variable);
                }
                let child = TokioChildProcess::new(command);
                let child = child.map_err(|error| format!("the server {name} cannot be started: {error}"))?;
                let hearing = Hearing { transport: child, progress };
                ear.serve(hearing).await.map_err(|_| format!("the server {name} was started and does not answer"))
            }
        }
    }
}

impl ClientHandler for Ear {
    fn get_info(&self) -> ClientConfig {
        ClientConfig::clone(&self.about)
    }
}
