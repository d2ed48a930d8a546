//! An assistant at the other end of a pipe.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::path::Path;

use farthing_mcp::Server;
use farthing_wallet::PayingClient;
use rmcp::model::{CallToolRequestParams, CallToolResult};
use rmcp::service::RunningService;
use rmcp::{ClientHandler, RoleClient, ServiceExt as _};
use serde_json::Value;

use crate::double;

/// The tools of a wallet, whose owner listed this machine, where sellers' doubles are.
pub(crate) fn server(home: &Path, client: PayingClient) -> Server {
    server_listing(home, client, &["127.0.0.1"])
}

/// The same, with these hosts listed.
pub(crate) fn server_listing(home: &Path, client: PayingClient, listed: &[&str]) -> Server {
    let listed: Vec<_> = listed.iter().map(|host| host.parse().unwrap()).collect();
    Server::new(client, double::wallets(home), &listed).unwrap()
}

/// A client connected to this server; both end when it is dropped.
pub(crate) async fn connect<H: ClientHandler>(server: Server, client: H) -> RunningService<RoleClient, H> {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    tokio::spawn(async move {
        let running = server.serve(ours).await.unwrap();
        running.waiting().await
    });
    client.serve(theirs).await.unwrap()
}

/// Calls a tool as an assistant does.
pub(crate) async fn call<H: ClientHandler>(
    assistant: &RunningService<RoleClient, H>,
    tool: &str,
    arguments: Value,
) -> CallToolResult {
    let arguments = arguments.as_object().unwrap().clone();
    assistant.call_tool(CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments)).await.unwrap()
}

/// What a result says in its structured part.
pub(crate) fn facts(result: &CallToolResult) -> &Value {
    result.structured_content.as_ref().unwrap()
}

/// The text of one part of a result's content.
pub(crate) fn text(result: &CallToolResult, part: usize) -> &str {
    &result.content[part].as_text().unwrap().text
}
