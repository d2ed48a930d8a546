use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::desk::Desk;
use crate::commands::{Run as _, program};

/// The program on the official SDK, and how it reaches the tools.
pub(super) struct Assistant<'a> {
    folder: &'a Path,
    terms: Value,
}

/// What an assistant heard.
#[derive(Deserialize)]
pub(super) struct Heard {
    pub(super) tools: Vec<String>,
    pub(super) resources: Vec<String>,
    pub(super) prompts: Vec<String>,
    /// Of each call.
    pub(super) results: Vec<Value>,
    /// What its person was asked.
    pub(super) asked: Vec<String>,
    /// What the tools wrote to standard error, where the assistant started them.
    pub(super) log: String,
}

impl<'a> Assistant<'a> {
    pub(super) fn new(folder: &'a Path) -> Self {
        Self { folder, terms: json!({}) }
    }

    /// Starts the tools itself, with these words more.
    pub(super) fn over_pipes(mut self, desk: &Desk, more: &[&str]) -> Self {
        self.terms["command"] = json!(desk.command(more));
        self.terms["env"] = desk.environment();
        self
    }

    /// Reaches tools that are served.
    pub(super) fn over_http(mut self, url: &str, token: &str) -> Self {
        self.terms["url"] = url.into();
        self.terms["token"] = token.into();
        self
    }

    /// With a person who answers forms so, one after the other; a further one is closed.
    pub(super) fn answering(mut self, answers: Value) -> Self {
        self.terms["answers"] = answers;
        self
    }

    /// Makes these calls of tools, one after the other.
    pub(super) fn call(self, calls: &[(&str, Value)]) -> anyhow::Result<Heard> {
        let calls = calls.iter().map(|(name, arguments)| json!({ "name": name, "arguments": arguments }));
        self.make(calls.collect())
    }

    /// Makes these calls, as the program reads them.
    pub(super) fn make(mut self, calls: Value) -> anyhow::Result<Heard> {
        self.terms["calls"] = calls;
        let mut client = program("node", [self.folder.join("client.js")]);
        let said = client.arg(self.terms.to_string()).output_text()?;
        serde_json::from_str(&said).with_context(|| format!("the assistant said {said:?}"))
    }
}

impl Heard {
    /// The text of a call's content, its parts in lines.
    pub(super) fn text(&self, index: usize) -> String {
        let parts = self.results[index]["content"].as_array().into_iter().flatten();
        parts.filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n")
    }
}
