//! W-05: whoever stands between a wallet and a gateway and changes what is asked for, or what is paid, moves no
//! money that was not asked for and gets nothing delivered. Both are the program itself.

use crate::support;

use std::process::{Command, Output};
use std::sync::Arc;

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use support::FARTHING;
use support::between::{Between, Changes};
use support::seller::{HONEST_RAIL, Seller, config};
use support::upstream::Upstream;

/// A wallet with a dollar at a gateway behind a stranger.
struct Street {
    between: Between,
    seller: Seller,
    upstream: Upstream,
    folder: tempfile::TempDir,
}

impl Street {
    async fn new() -> Self {
        let (folder, between, upstream) =
            (tempfile::tempdir().unwrap(), Between::start().await, Upstream::start().await);
        let known_as = format!("[gateway]\npublic_url = \"{}\"\n", between.origin);
        let config = config(&upstream.url(), HONEST_RAIL).replace("[gateway]\n", &known_as);
        let seller = Seller::start(folder.path(), &config, &[]);
        between.lead_to(&seller.listen);
        let street = Self { between, seller, upstream, folder };
        street.farthing(&["wallet", "create", "agent"]).await;
        street.farthing(&["policy", "set", "--total", "1 USD", "--per-payment", "0.05 USD"]).await;
        let shown: Value =
            serde_json::from_slice(&street.farthing(&["wallet", "show", "agent", "--json"]).await.stdout).unwrap();
        street.seller.grant(shown["did"].as_str().unwrap(), "1 USD").await;
        street
    }

    async fn farthing(&self, words: &[&str]) -> Output {
        let mut command = Command::new(FARTHING);
        command.args(words).env("FARTHING_HOME", self.folder.path().join("home"));
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }

    async fn pay(&self, path: &str) -> Output {
        self.farthing(&["pay", &format!("{}{path}", self.between.origin)]).await
    }

    /// Pays while this is changed, and asserts that nothing was charged or delivered.
    async fn nothing_comes_of(&self, what: &str, changes: Changes) -> Output {
        let before = (self.upstream.hits(), self.seller.charged());
        self.between.change(changes);
        let output = self.pay(&format!("/paid/{}", what.replace(' ', "-"))).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{what}: {said}");
        assert_eq!((self.upstream.hits(), self.seller.charged()), before, "{what}: {said}");
        output
    }
}

fn unchanged() -> Arc<dyn Fn(&mut HeaderMap) + Send + Sync> {
    Arc::new(|_| {})
}

/// Rewrites the request object of every offer, and leaves the rest of it as the gateway bound it.
fn offers(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Changes {
    let answered = move |headers: &mut HeaderMap| {
        let Some(offer) = headers.get("www-authenticate").map(|offer| offer.to_str().unwrap().to_owned()) else {
            return;
        };
        let encoded = offer.split("request=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let mut request: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(&encoded).unwrap()).unwrap();
        change(&mut request);
        let changed = offer.replace(&encoded, &URL_SAFE_NO_PAD.encode(request.to_string()));
        assert_ne!(changed, offer, "nothing was changed");
        headers.insert("www-authenticate", changed.parse().unwrap());
    };
    Changes { asked: unchanged(), answered: Arc::new(answered) }
}

/// Rewrites every credential on its way to the gateway.
fn credentials(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Changes {
    let asked = move |headers: &mut HeaderMap| {
        let Some(sent) = headers.get("authorization").map(|sent| sent.to_str().unwrap().to_owned()) else { return };
        let encoded = sent.strip_prefix("Payment ").unwrap();
        let mut credential: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(encoded).unwrap()).unwrap();
        change(&mut credential);
        let changed = format!("Payment {}", URL_SAFE_NO_PAD.encode(credential.to_string()));
        assert_ne!(changed, sent, "nothing was changed");
        headers.insert("authorization", changed.parse().unwrap());
    };
    Changes { asked: Arc::new(asked), answered: unchanged() }
}

#[tokio::test(flavor = "multi_thread")]
async fn w_05_an_offer_that_was_changed_on_its_way_buys_nothing_and_costs_nothing() {
    let street = Street::new().await;
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 7] = [
        ("a higher amount", |request| request["amount"] = "10000".into()),
        ("a lower amount", |request| request["amount"] = "1".into()),
        ("another currency", |request| request["currency"] = "usd.2".into()),
        ("another issuer", |request| request["methodDetails"]["issuer"] = "https://elsewhere.example".into()),
        ("another recipient", |request| request["recipient"] = "0x000000000000000000000000000000000000dEaD".into()),
        ("a memo", |request| request["methodDetails"]["memo"] = "for somebody else".into()),
        ("splits", |request| {
            request["methodDetails"]["splits"] = json!([{ "recipient": "elsewhere", "amount": "999" }]);
        }),
    ];
    for (what, change) in changes {
        street.nothing_comes_of(what, offers(change)).await;
    }
    let above =
        street.nothing_comes_of("more than the limit", offers(|request| request["amount"] = "60000".into())).await;
    assert_eq!(above.status.code(), Some(3), "{}", String::from_utf8_lossy(&above.stderr));
    street.between.change(Changes { asked: unchanged(), answered: unchanged() });
    assert!(street.pay("/paid/control").await.status.success(), "what nobody changed is paid");
    assert_eq!((street.seller.charged(), street.upstream.hits()), (1000, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn w_05_a_payment_that_was_changed_on_its_way_buys_nothing_and_costs_nothing() {
    let street = Street::new().await;
    type Change = fn(&mut Value);
    let changes: [(&str, Change); 5] = [
        ("another offer's terms", |credential| {
            let request = json!({ "amount": "1", "currency": "usd.6", "methodDetails": { "issuer": "elsewhere" } });
            credential["challenge"]["request"] = URL_SAFE_NO_PAD.encode(request.to_string()).into();
        }),
        ("another offer", |credential| credential["challenge"]["id"] = "another-id".into()),
        ("another realm", |credential| credential["challenge"]["realm"] = "elsewhere.example".into()),
        ("another payer", |credential| {
            credential["payload"]["payer"] = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK".into();
        }),
        ("another signature", |credential| credential["payload"]["signature"] = URL_SAFE_NO_PAD.encode([7; 64]).into()),
    ];
    for (what, change) in changes {
        street.nothing_comes_of(what, credentials(change)).await;
    }
    let redirected = credentials(|credential| {
        credential["source"] = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK".into();
    });
    street.between.change(redirected);
    street.pay("/paid/source").await;
    let accounts = street.seller.statement().to_string();
    assert!(!accounts.contains("z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"), "nobody else was charged");
}
