//! The seller's own server, behind the gateway: it writes down what reaches it and from which process, and fails when
//! the name of what is asked for says so.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// Part of a path that is never answered with success: what is paid for it is owed, and paid back.
pub const DOOMED: &str = "doomed";

/// One request that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Which gateway process sent it, counted from 1.
    pub generation: u32,
    /// Whether it was answered with success.
    pub is_served: bool,
}

/// What arrived, by path.
pub type Log = BTreeMap<String, Vec<Arrival>>;

/// The server, with one address for each gateway process, so that its log tells them apart.
#[derive(Clone, Default)]
pub struct Upstream(Arc<Inner>);

#[derive(Default)]
struct Inner {
    log: Mutex<Log>,
    arrived: AtomicU64,
    is_forgetful: bool,
}

impl Upstream {
    /// One that counts and writes nothing down, for hours of requests.
    pub fn forgetful() -> Self {
        Self(Arc::new(Inner { is_forgetful: true, ..Inner::default() }))
    }

    /// Opens an address for this gateway process.
    pub async fn open(&self, generation: u32) -> anyhow::Result<String> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let router = Router::new().fallback(answer).with_state((self.clone(), generation));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(format!("http://{address}"))
    }

    /// What has arrived so far.
    pub fn log(&self) -> Log {
        self.0.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many requests have arrived so far.
    pub fn arrived(&self) -> u64 {
        self.0.arrived.load(Ordering::SeqCst)
    }

    fn is_served(&self, path: &str, generation: u32) -> bool {
        self.0.arrived.fetch_add(1, Ordering::SeqCst);
        if self.0.is_forgetful {
            return !path.contains(DOOMED);
        }
        let mut log = self.0.log.lock().unwrap_or_else(PoisonError::into_inner);
        let arrivals = log.entry(path.to_owned()).or_default();
        // The first attempt at some fails.
        let fails_once = path.ends_with('7') && arrivals.is_empty();
        let is_served = !path.contains(DOOMED) && !fails_once;
        arrivals.push(Arrival { generation, is_served });
        is_served
    }
}

async fn answer(State((upstream, generation)): State<(Upstream, u32)>, request: Request) -> Response {
    let path = request.uri().path();
    if upstream.is_served(path, generation) {
        (StatusCode::OK, format!("{generation} {path}")).into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the server behind is down").into_response()
    }
}
