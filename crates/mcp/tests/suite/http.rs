//! Streamable HTTP: who is answered, and who is not.

use crate::double;
use crate::support;

use double::Seller;
use farthing_mcp::{Access, serve_http};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN};
use reqwest::{Client, RequestBuilder, StatusCode};
use rmcp::ServiceExt as _;
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use serde_json::json;
use support::{call, facts, text};
use tempfile::TempDir;

const TOKEN: &str = "correct horse battery staple";
const PAGE: &str = "https://desk.example:8443";

struct Scene {
    url: String,
    seller: Seller,
    _home: TempDir,
}

async fn scene() -> Scene {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path().join("home");
    double::create(&home, Some("total = \"0.1 USD\""));
    let server = support::server(&home, double::client(&home));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let access = Access { hosts: vec!["wallet.example".into()], origins: vec![PAGE.into()], token: TOKEN.into() };
    tokio::spawn(serve_http(server, listener, access, std::future::pending()));
    Scene { url, seller: Seller::start().await, _home: directory }
}

impl Scene {
    /// What opens a conversation, with the token.
    fn hello(&self) -> RequestBuilder {
        self.hello_without_token().header(AUTHORIZATION, format!("Bearer {TOKEN}"))
    }

    fn hello_without_token(&self) -> RequestBuilder {
        let body = json!({
            "jsonrpc": "2.0", "id": 1, "method": "initialize",
            "params": {
                "protocolVersion": "2025-06-18", "capabilities": {},
                "clientInfo": { "name": "test", "version": "1" }
            }
        });
        Client::new()
            .post(&self.url)
            .header(ACCEPT, "application/json, text/event-stream")
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_string())
    }
}

async fn status(request: RequestBuilder) -> StatusCode {
    request.send().await.unwrap().status()
}

#[tokio::test]
async fn w_32_a_foreign_host_or_origin_is_not_answered() {
    let scene = scene().await;
    assert_eq!(status(scene.hello()).await, StatusCode::OK);
    assert_eq!(status(scene.hello().header(HOST, "wallet.example")).await, StatusCode::OK);
    assert_eq!(status(scene.hello().header(ORIGIN, PAGE)).await, StatusCode::OK);
    for host in ["attacker.example", "attacker.example:4040", "127.0.0.1.attacker.example", "wallet.example.attacker"] {
        assert_eq!(status(scene.hello().header(HOST, host)).await, StatusCode::FORBIDDEN, "{host}");
    }
    let foreign =
        ["https://attacker.example", "http://desk.example:8443", "https://desk.example", "http://localhost:1", "null"];
    for origin in foreign {
        assert_eq!(status(scene.hello().header(ORIGIN, origin)).await, StatusCode::FORBIDDEN, "{origin}");
    }
    // A page whose name was made to mean this machine: both fields name the attacker.
    let rebound = scene.hello().header(HOST, "attacker.example").header(ORIGIN, "http://attacker.example");
    assert_eq!(status(rebound).await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn w_32_nobody_without_the_token_is_answered() {
    let scene = scene().await;
    assert_eq!(status(scene.hello_without_token()).await, StatusCode::UNAUTHORIZED);
    for shown in ["Bearer wrong", "Bearer ", "correct horse battery staple", "Basic correct horse battery staple"] {
        let request = scene.hello_without_token().header(AUTHORIZATION, shown);
        assert_eq!(status(request).await, StatusCode::UNAUTHORIZED, "{shown}");
    }
    let twice = scene.hello().header(AUTHORIZATION, "Bearer wrong");
    assert_eq!(status(twice).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_client_with_the_token_pays() {
    let scene = scene().await;
    let config = StreamableHttpClientTransportConfig::with_uri(scene.url.as_str()).auth_header(TOKEN);
    let assistant = ().serve(StreamableHttpClientTransport::from_config(config)).await.unwrap();
    let fetched = call(&assistant, "fetch", json!({ "url": scene.seller.url("/v1/forecast").as_str() })).await;
    assert_eq!((text(&fetched, 0), &facts(&fetched)["paid"]), ("goods", &json!("0.001 USD")));
    assistant.cancel().await.unwrap();
}
