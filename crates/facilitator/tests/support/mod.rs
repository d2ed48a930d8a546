//! A facilitator around the simulated rail, and what its sellers send.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)] // no test uses all of it

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use farthing_dialects::x402::Network;
use farthing_facilitator::{ChainFactory, Config, Facilitator, Kind, Running};
use farthing_protocol::Timestamp;
use farthing_rail::simulated::{Behaviour, Memory, Script, SimulatedRail, Surroundings};
use farthing_serve::Limits;
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const TOKEN: &str = "the token of the shop";
pub(crate) const OTHER_TOKEN: &str = "the token of the other";

/// One chain, everybody on this machine.
pub(crate) const OPEN: &str = "[facilitator]\nlisten = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n[chains.simulated]\n";

/// A facilitator that serves.
pub(crate) struct Stage {
    pub(crate) running: Running,
    pub(crate) memory: Arc<Memory>,
    pub(crate) folder: TempDir,
    config: String,
    client: reqwest::Client,
}

/// What came back.
pub(crate) struct Told {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Stage {
    /// With a configuration and what the rail does with each payment.
    pub(crate) async fn new(config: &str, behaviours: Vec<Behaviour>) -> Self {
        Self::within(config, behaviours, None).await
    }

    pub(crate) async fn within(config: &str, behaviours: Vec<Behaviour>, limits: Option<Limits>) -> Self {
        let (folder, memory) = (tempfile::tempdir().unwrap(), Arc::new(Memory::default()));
        let running = serve(config, folder.path(), &memory, behaviours, limits).await;
        Self { running, memory, folder, config: config.to_owned(), client: reqwest::Client::new() }
    }

    /// The same after its process ended and another began.
    pub(crate) async fn restarted(self, behaviours: Vec<Behaviour>) -> Self {
        let Self { running, memory, folder, config, client } = self;
        running.shutdown().await;
        let running = serve(&config, folder.path(), &memory, behaviours, None).await;
        Self { running, memory, folder, config, client }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.running.addresses().public)
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Told {
        self.send(path, body.to_string().into_bytes(), None).await
    }

    pub(crate) async fn post_as(&self, token: &str, path: &str, body: &Value) -> Told {
        self.send(path, body.to_string().into_bytes(), Some(token)).await
    }

    /// Settles under this `Idempotency-Key`.
    pub(crate) async fn post_under(&self, key: &str, body: &Value) -> Told {
        let request = self.client.post(self.url("/settle")).header("idempotency-key", key);
        told(request.body(body.to_string()).send().await.unwrap()).await
    }

    pub(crate) async fn send(&self, path: &str, body: Vec<u8>, token: Option<&str>) -> Told {
        let mut request = self.client.post(self.url(path)).body(body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        told(request.send().await.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Told {
        told(self.client.get(self.url(path)).send().await.unwrap()).await
    }

    pub(crate) async fn metrics(&self) -> String {
        let url = format!("http://{}/metrics", self.running.addresses().admin.unwrap());
        self.client.get(url).send().await.unwrap().text().await.unwrap()
    }
}

async fn told(response: reqwest::Response) -> Told {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap();
    Told { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
}

async fn serve(
    config: &str,
    folder: &Path,
    memory: &Arc<Memory>,
    behaviours: Vec<Behaviour>,
    limits: Option<Limits>,
) -> Running {
    let environment = |name: &str| match name {
        "SHOP" => Some(TOKEN.to_owned()),
        "OTHER" => Some(OTHER_TOKEN.to_owned()),
        _ => None,
    };
    let memory = Arc::clone(memory);
    let chains: ChainFactory = Arc::new(move |_, _| {
        let surroundings = Surroundings {
            now: Box::new(now),
            sleep: Box::new(|duration| Box::pin(tokio::time::sleep(duration))),
            late_by: Duration::from_secs(1),
        };
        let rail = SimulatedRail::new(Script::cycle(behaviours.clone()), Arc::clone(&memory), surroundings);
        let settler = Arc::new(rail.map_err(|error| error.to_string())?);
        let (network, extra, signers) = (Network::evm(84532), serde_json::Map::new(), vec!["0xsigner".to_owned()]);
        Ok(vec![Kind { network, settler, extra, signers }])
    });
    // A register is closed a moment after its last user.
    for _ in 0..200 {
        let config = Config::read(config, &folder.join("facilitator.toml"), &environment).unwrap();
        let mut facilitator = Facilitator::new(config, Arc::clone(&chains), Arc::new(now));
        if let Some(limits) = limits {
            facilitator = facilitator.limits(limits);
        }
        match facilitator.run().await {
            Ok(running) => return running,
            Err(error) if error.to_string().contains("locked") => tokio::time::sleep(Duration::from_millis(10)).await,
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the register stays locked");
}

#[allow(clippy::disallowed_methods)] // a test has nobody who hands it a clock
pub(crate) fn now() -> Timestamp {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp::from_unix_millis(i64::try_from(since_epoch.as_millis()).unwrap())
}

/// What is asked for; the simulated rail's scheme is its intent.
pub(crate) fn requirements() -> Value {
    json!({
        "scheme": "charge", "network": "eip155:84532", "amount": "10000", "asset": "simulated-usd.6",
        "payTo": "0xShop", "maxTimeoutSeconds": 60, "extra": {},
    })
}

/// A request of version 2 with this payment.
pub(crate) fn request(token: &str) -> Value {
    json!({
        "x402Version": 2,
        "paymentPayload": { "x402Version": 2, "accepted": requirements(), "payload": { "token": token } },
        "paymentRequirements": requirements(),
    })
}

/// The same in version 1.
pub(crate) fn first_version(token: &str) -> Value {
    json!({
        "x402Version": 1,
        "paymentPayload": {
            "x402Version": 1, "scheme": "charge", "network": "base-sepolia", "payload": { "token": token },
        },
        "paymentRequirements": {
            "scheme": "charge", "network": "base-sepolia", "maxAmountRequired": "10000", "asset": "simulated-usd.6",
            "payTo": "0xShop", "maxTimeoutSeconds": 60, "extra": {}, "resource": "https://shop.example/a",
            "description": "", "mimeType": "",
        },
    })
}
