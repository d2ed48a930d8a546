use rmcp::model::{Prompt, Resource, Tool, ToolAnnotations};

use super::Bridges;
use super::connection::Connection;

impl Bridges {
    /// The tools of all other servers that answer, each under its server's name.
    pub(crate) async fn tools(&self) -> Vec<Tool> {
        let mut all = Vec::new();
        for (name, connection) in &self.by_name {
            let listed = match connection.peer().await {
                Ok(peer) => peer.list_all_tools().await.map_err(|_| "its tools cannot be listed".to_owned()),
                Err(sentence) => Err(sentence),
            };
            match listed {
                Ok(tools) => all.extend(tools.into_iter().map(|tool| prefixed(name, tool))),
                Err(sentence) => tracing::warn!(server = name, "{sentence}"),
            }
        }
        all
    }

    /// The resources of all other servers that have some, each under its server's name.
    pub(crate) async fn resources(&self) -> Vec<Resource> {
        let mut all = Vec::new();
        for (name, connection) in &self.by_name {
            let Some(peer) = having(connection, |can| can.resources.is_some()).await else { continue };
            for mut resource in peer.list_all_resources().await.unwrap_or_default() {
                resource.uri = format!("{name}+{}", resource.uri);
                all.push(resource);
            }
        }
        all
    }

    /// The prompts of all other servers that have some, each under its server's name.
    pub(crate) async fn prompts(&self) -> Vec<Prompt> {
        let mut all = Vec::new();
        for (name, connection) in &self.by_name {
            let Some(peer) = having(connection, |can| can.prompts.is_some()).await else { continue };
            for mut prompt in peer.list_all_prompts().await.unwrap_or_default() {
                prompt.name = format!("{name}_{}", prompt.name);
                all.push(prompt);
            }
        }
        all
    }
}

async fn having(
    connection: &Connection,
    can: impl Fn(&rmcp::model::ServerCapabilities) -> bool,
) -> Option<rmcp::service::Peer<rmcp::RoleClient>> {
    let peer = connection.peer().await.ok()?;
    peer.peer_info().is_some_and(|info| can(&info.capabilities)).then_some(peer)
}

/// A tool under its server's name. It may cost something, whatever it says of itself: calling it is no mere
/// reading, nor is calling it twice the same as once.
fn prefixed(name: &str, mut tool: Tool) -> Tool {
    tool.name = format!("{name}_{}", tool.name).into();
    let own = tool.annotations.take().unwrap_or_default();
    tool.annotations =
        Some(ToolAnnotations::from_raw(own.title, Some(false), own.destructive_hint, Some(false), Some(true)));
    tool
}
