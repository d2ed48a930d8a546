//! The console's API: who gets in, and what it shows and does.

use crate::desk;

use desk::Home;
use farthing_store::AuditFilter;
use farthing_wallet::console::{Console, ConsoleToken};
use farthing_wallet::{ApprovalState, PassphraseSource};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

struct Stage {
    home: Home,
    address: String,
    token: String,
    http: reqwest::Client,
}

impl Stage {
    async fn new() -> Self {
        let home = Home::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let token = ConsoleToken::of(home.wallets.home(), &home.ambient).unwrap();
        let console = Console::new(home.wallets.clone(), home.desk.clone(), token, vec![address.clone()]);
        tokio::spawn(async move { console.serve(listener, std::future::pending()).await });
        let token = std::fs::read_to_string(ConsoleToken::path(home.wallets.home())).unwrap();
        Self { home, address, token, http: reqwest::Client::new() }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("http://{}{path}", self.address))
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let mut request = self.request(method, path).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        assert!(!response.headers().keys().any(|name| name.as_str().starts_with("access-control")));
        (response.status(), response.json().await.unwrap())
    }
}

#[tokio::test]
async fn w_32_only_the_token_opens_it() {
    let stage = Stage::new().await;
    let with = async |authorization: Option<String>| {
        let mut request = stage.request(Method::GET, "/approvals");
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        request.send().await.unwrap().status()
    };
    assert_eq!(with(Some(format!("Bearer {}", stage.token))).await, StatusCode::OK);
    let short = stage.token[..stage.token.len() - 1].to_owned();
    for wrong in [None, Some(String::new()), Some(format!("Bearer {short}")), Some(stage.token.clone())] {
        assert_eq!(with(wrong).await, StatusCode::UNAUTHORIZED);
    }
    let posted = stage.request(Method::POST, "/freeze").send().await.unwrap().status();
    assert_eq!(posted, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn w_32_a_name_that_resolves_to_this_machine_does_not_reach_it() {
    let stage = Stage::new().await;
    let port = stage.address.rsplit_once(':').unwrap().1;
    for host in ["evil.example", &format!("evil.example:{port}"), "127.0.0.1", &format!("127.0.0.1.nip.io:{port}")] {
        let request = stage.request(Method::GET, "/approvals").bearer_auth(&stage.token).header("host", host);
        assert_eq!(request.send().await.unwrap().status(), StatusCode::MISDIRECTED_REQUEST, "{host}");
    }
}

#[tokio::test]
async fn w_32_a_page_of_another_origin_does_not_use_it() {
    let stage = Stage::new().await;
    for (origin, expected) in [
        (format!("http://{}", stage.address), StatusCode::OK),
        ("http://evil.example".to_owned(), StatusCode::FORBIDDEN),
        ("null".to_owned(), StatusCode::FORBIDDEN),
        (format!("http://{}.evil.example", stage.address), StatusCode::FORBIDDEN),
    ] {
        let request = stage.request(Method::GET, "/wallets").bearer_auth(&stage.token).header("origin", &origin);
        assert_eq!(request.send().await.unwrap().status(), expected, "{origin}");
    }
    let preflight = stage.request(Method::OPTIONS, "/freeze").header("origin", "http://evil.example");
    assert_eq!(preflight.send().await.unwrap().status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_question_is_shown_and_denied() {
    let stage = Stage::new().await;
    let asked = stage.home.ask(1).await;
    let (status, listed) = stage.call(Method::GET, "/approvals", None).await;
    assert_eq!((status, listed["approvals"][0]["id"].as_str()), (StatusCode::OK, Some(asked.id.to_string().as_str())));
    assert_eq!(listed["approvals"][0]["payee"], "0xab");
    let path = format!("/approvals/{}", asked.id);
    let (status, denied) =
        stage.call(Method::POST, &format!("{path}/deny"), Some(json!({ "reason": "too dear" }))).await;
    assert_eq!(
        (status, &denied["state"], &denied["answer"]["by"]),
        (StatusCode::OK, &json!("denied"), &json!("console"))
    );
    assert_eq!(stage.call(Method::POST, &format!("{path}/allow"), None).await.0, StatusCode::CONFLICT);
    assert_eq!(stage.home.desk.one(asked.id).await.unwrap().state, ApprovalState::Denied);
    assert_eq!(stage.call(Method::GET, "/approvals/00000000000000ff", None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(stage.call(Method::GET, "/approvals", None).await.1, json!({ "approvals": [] }));
}

#[tokio::test]
async fn wallets_are_shown_frozen_and_thawed() {
    let stage = Stage::new().await;
    let source = PassphraseSource::KeyFile;
    stage.home.wallets.create(&"agent".parse().unwrap(), &source).unwrap();
    let frozen = async || stage.call(Method::GET, "/wallets", None).await.1["wallets"][0]["frozen"].clone();
    assert_eq!(frozen().await, json!(false));
    for (path, body, expected) in [
        ("/freeze", None, true),
        ("/thaw", None, false),
        ("/freeze", Some(json!({ "wallet": "agent" })), true),
        ("/thaw", Some(json!({ "wallet": "agent" })), false),
    ] {
        assert_eq!(stage.call(Method::POST, path, body).await.0, StatusCode::OK);
        assert_eq!(frozen().await, json!(expected), "{path}");
    }
    let (status, _) = stage.call(Method::POST, "/freeze", Some(json!({ "wallet": "nobody" }))).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let log = stage.home.wallets.audit(AuditFilter { wallet: None, since: None, after: 0, limit: 10 }).await.unwrap();
    let event = |text: &str| serde_json::from_str::<Value>(text).unwrap()["event"].clone();
    let logged: Vec<(String, Value)> = log.iter().map(|record| (record.wallet.clone(), event(&record.text))).collect();
    let expected = [("", "frozen"), ("", "thawed"), ("agent", "frozen"), ("agent", "thawed")];
    assert_eq!(logged, expected.map(|(wallet, event)| (wallet.to_owned(), json!(event))));
    let (_, payments) = stage.call(Method::GET, "/payments?wallet=agent", None).await;
    assert_eq!(payments, json!({ "payments": [] }));
}

#[tokio::test]
async fn the_log_of_decisions_is_shown_a_page_at_a_time_as_it_was_written() {
    let stage = Stage::new().await;
    stage.home.wallets.create(&"agent".parse().unwrap(), &PassphraseSource::KeyFile).unwrap();
    for path in ["/freeze", "/thaw", "/freeze", "/thaw", "/freeze"] {
        let whose = (path == "/thaw").then(|| json!({ "wallet": "agent" }));
        assert_eq!(stage.call(Method::POST, path, whose).await.0, StatusCode::OK);
    }
    let (mut seen, mut after, mut pages) = (Vec::new(), 0, 0);
    loop {
        let (status, page) = stage.call(Method::GET, &format!("/audit?limit=2&after={after}"), None).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        seen.extend(page["records"].as_array().unwrap().clone());
        pages += 1;
        match page["next"].as_u64() {
            Some(next) => after = next,
            None => break,
        }
    }
    assert_eq!((pages, seen.len()), (3, 5));
    let filter = AuditFilter { wallet: None, since: None, after: 0, limit: 10 };
    let written = stage.home.wallets.audit(filter).await.unwrap();
    for (shown, written) in seen.iter().zip(&written) {
        assert_eq!(shown["hash"], json!(written.hash.to_string()));
        let mut text: Value = serde_json::from_str(&written.text).unwrap();
        text["hash"] = json!(written.hash.to_string());
        assert_eq!(*shown, text);
    }
    let of = async |query: &str| stage.call(Method::GET, &format!("/audit?{query}"), None).await;
    assert_eq!(of("wallet=other").await.1["records"].as_array().unwrap().len(), 3, "what is of all is of each");
    assert_eq!(of("since=2999-01-01T00:00:00Z").await.1, json!({ "records": [], "next": null }));
    for wrong in ["since=yesterday", "limit=0", "limit=1001", "nonsense=1"] {
        assert_eq!(
            stage
                .request(Method::GET, &format!("/audit?{wrong}"))
                .bearer_auth(&stage.token)
                .send()
                .await
                .unwrap()
                .status(),
            StatusCode::BAD_REQUEST,
            "{wrong}"
        );
    }
}
