//! A client that speaks x402, with payments of a scripted chain.

use std::time::Duration;

use farthing_books::{PaymentFilter, PaymentRecord, PaymentState};
use farthing_dialects::x402::{PaymentRequired, Settled};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::chain::{LIFETIME, authorization};
use super::{Answer, Client, Setup, World};

/// A route that takes both protocols.
pub const BOTH: &str = r#"
[[route]]
match = "GET,POST /paid/{name}"
upstream = "UPSTREAM"
price = "0.001 USD"
accept = ["evm/charge", "x402/exact"]
x402_v1 = true
"#;

pub const PAYER: &str = "0x857b06519E91e3A54538791bDbb0E22373e36b66";

/// The rail's table, to stand before the routes.
pub const CHAIN: &str = "[rails.base]\nmethod = \"evm\"\n";

pub async fn world(routes: &str) -> World {
    Setup { gateway: CHAIN.to_owned(), ..Setup::with_routes(routes) }.start().await
}

impl World {
    /// The one payment in the books.
    pub async fn only_payment(&self) -> PaymentRecord {
        let all = self.books.payments(PaymentFilter { limit: 10, ..PaymentFilter::default() }).await.unwrap();
        assert_eq!(all.len(), 1, "{all:?}");
        all.into_iter().next().unwrap()
    }

    /// Waits until the one payment stands as wanted.
    pub async fn until_it_is(&self, wanted: PaymentState) {
        for _ in 0..200 {
            if self.only_payment().await.state == wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{:?}", self.only_payment().await);
    }

    pub async fn until_closed(&self) {
        self.until_it_is(PaymentState::Closed).await;
    }
}

impl Answer {
    /// The price list in the header.
    pub fn required(&self) -> PaymentRequired {
        PaymentRequired::from_header(self.header("payment-required").expect("a price list").as_bytes()).unwrap()
    }

    /// The reason in the price list.
    pub fn error(&self) -> Option<String> {
        self.required().error
    }

    /// What became of the payment.
    pub fn outcome(&self) -> Settled {
        Settled::from_header(self.header("payment-response").expect("an outcome").as_bytes()).unwrap()
    }

    /// A 402 that says this to x402 clients, with everything offered afresh.
    pub fn refused_with(&self, code: &str) {
        assert_eq!(self.status, StatusCode::PAYMENT_REQUIRED, "{self:?}");
        assert_eq!(self.error().as_deref(), Some(code), "{self:?}");
        assert_eq!(self.header("cache-control"), Some("no-store"));
        assert!(!self.required().accepts.is_empty());
        assert!(self.receipt().is_none());
        assert!(!self.text().contains("hit"), "{self:?}");
    }
}

/// A payment of version 2 for the first offer of an answer, before it is encoded.
pub fn payment(world: &World, asked: &Answer, nonce: &str) -> Value {
    let object = decoded(asked.header("payment-required").unwrap());
    let accepted = object["accepts"][0].clone();
    let value = accepted["amount"].as_str().unwrap();
    let payload = authorization(PAYER, nonce, value, valid_before(world));
    json!({
        "x402Version": 2, "resource": object["resource"], "accepted": accepted, "payload": payload,
        "extensions": object.get("extensions").cloned().unwrap_or_else(|| json!({})),
    })
}

/// The same authorization as version 1 writes it.
pub fn first_version(payment: &Value) -> Value {
    json!({
        "x402Version": 1, "scheme": payment["accepted"]["scheme"], "network": "base-sepolia",
        "payload": payment["payload"],
    })
}

pub fn valid_before(world: &World) -> i64 {
    farthing_gateway::Clock::now(&world.clock).unix_millis() / 1000 + i64::try_from(LIFETIME).unwrap()
}

pub fn encoded(object: &Value) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(object.to_string())
}

pub fn decoded(text: &str) -> Value {
    use base64::Engine as _;
    serde_json::from_slice(&base64::engine::general_purpose::STANDARD.decode(text).unwrap()).unwrap()
}

impl Client {
    /// GET with a payment of version 2.
    pub async fn get_paying(&self, path: &str, payment: &Value) -> Answer {
        self.send(Method::GET, path, &[("payment-signature", &encoded(payment))], "").await
    }

    /// GET with a payment of version 1.
    pub async fn get_paying_first(&self, path: &str, payment: &Value) -> Answer {
        self.send(Method::GET, path, &[("x-payment", &encoded(&first_version(payment)))], "").await
    }
}
