//! Test support: a double of Stripe's API. It proves our logic, and nothing about Stripe; see its README.

mod answer;
mod billing;
mod calendar;
mod call;
mod desk;
mod idempotency;
mod intents;
mod issuing;
mod money;
mod tokens;
mod trouble;
mod webhook;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

pub use billing::Billing;
pub use desk::Desk;
pub use trouble::Trouble;
pub use webhook::{Event, signature};

/// The key of the seller.
pub const SELLER_KEY: &str = "sk_test_seller";
/// The profile that tokens for the seller are issued for.
pub const SELLER_PROFILE: &str = "profile_test_seller";
/// The key of the agent whose money tokens are issued for.
pub const AGENT_KEY: &str = "sk_test_agent";

/// Seconds since the epoch.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// A double that runs until it is dropped.
pub struct Double {
    url: String,
    desk: Arc<Mutex<Desk>>,
    task: tokio::task::JoinHandle<()>,
}

impl Double {
    /// Starts one on this machine, with this clock.
    pub async fn start(now: Clock) -> std::io::Result<Self> {
        Self::start_at("127.0.0.1:0", now).await
    }

    /// The same, at an address.
    pub async fn start_at(address: &str, now: Clock) -> std::io::Result<Self> {
        let listener = tokio::net::TcpListener::bind(address).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let desk = Arc::new(Mutex::new(Desk::new(now)));
        let router = call::router(Arc::clone(&desk));
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { url, desk, task })
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it knows and how it will behave.
    pub fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A token of a payment method for so much, for the seller, valid for an hour.
    pub fn token(&self, payment_method: &str, amount: u64) -> String {
        self.desk().grant(payment_method, amount, "usd", 3_600)
    }

    /// Every PaymentIntent whose money moved.
    pub fn succeeded(&self) -> Vec<Value> {
        let desk = self.desk();
        desk.intents.values().filter(|intent| intent["status"] == "succeeded").cloned().collect()
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        self.task.abort();
    }
}
