use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Response};
use serde::Deserialize;
use serde_json::Value;

use super::endpoints::EndpointsError;
use super::questions::Question;
use super::{RefusedBy, RpcError};

/// The longest answer that is read, in bytes: more than any list of logs that is asked for.
const LONGEST_ANSWER: usize = 32 * 1024 * 1024;
/// How much of a node's own words is kept.
const WORDS: usize = 300;

/// One node. Its URL may hold a key and is never shown.
pub(super) struct Node {
    url: reqwest::Url,
    name: String,
    /// Whether it was seen to lack the method that waits for inclusion (EIP-7966).
    cannot_wait: AtomicBool,
}

/// What a node said to one question, or to a batch.
struct Said {
    replies: Vec<Reply>,
    is_batch: bool,
}

#[derive(Deserialize)]
struct Reply {
    id: Option<u64>,
    #[serde(default)]
    result: Value,
    error: Option<ReplyError>,
}

#[derive(Deserialize)]
struct ReplyError {
    code: i64,
    #[serde(default)]
    message: String,
    /// Where some nodes put the reason of a revert.
    #[serde(default)]
    data: Value,
}

impl Node {
    pub(super) fn new(text: &str) -> Result<Self, EndpointsError> {
        let url: reqwest::Url = text.parse().map_err(|_| EndpointsError::NotAUrl)?;
        let host = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https"));
        let host = host.ok_or(EndpointsError::NotAUrl)?;
        let name = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        Ok(Self { url, name, cannot_wait: AtomicBool::new(false) })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is worth asking it to wait for a transaction's inclusion.
    pub(super) fn can_wait(&self) -> bool {
        !self.cannot_wait.load(Ordering::Relaxed)
    }

    pub(super) fn note_that_it_cannot_wait(&self) {
        self.cannot_wait.store(true, Ordering::Relaxed);
    }

    /// Asks several questions in one round trip; the answers come in the order of the questions.
    pub(super) async fn ask(
        &self,
        client: &Client,
        questions: &[Question],
        deadline: Duration,
    ) -> Vec<Result<Value, RpcError>> {
        if let [question] = questions {
            return vec![self.ask_one(client, question, deadline).await];
        }
        let envelopes: Vec<_> = (0..).zip(questions).map(|(id, question)| envelope(id, question)).collect();
        match self.post(client, format!("[{}]", envelopes.join(",")), deadline).await {
            Ok(Said { replies, is_batch: true }) => self.sort(questions.len(), replies),
            // Some nodes take no batches.
            Ok(_) => join_all(questions.iter().map(|question| self.ask_one(client, question, deadline))).await,
            Err(error) => vec![Err(error); questions.len()],
        }
    }

    async fn ask_one(&self, client: &Client, question: &Question, deadline: Duration) -> Result<Value, RpcError> {
        let said = self.post(client, envelope(0, question), deadline).await?;
        self.sort(1, said.replies).pop().unwrap_or_else(|| Err(self.no_answer("no answer".to_owned())))
    }

    async fn post(&self, client: &Client, body: String, deadline: Duration) -> Result<Said, RpcError> {
        let request = client.post(self.url.clone()).timeout(deadline);
        let sent = request.header(CONTENT_TYPE, "application/json").body(body).send().await;
        let response = sent.map_err(|error| {
            let error = error.without_url();
            let why = innermost(&error);
            if error.is_connect() || error.is_builder() { self.not_sent(why) } else { self.no_answer(why) }
        })?;
        let status = response.status();
        let bytes = self.gather(response).await?;
        match Said::read(&bytes) {
            Some(said) => Ok(said),
            // A gateway that answers without the node: what it turned away did not reach the node.
            _ if status.is_client_error() => Err(self.not_sent(format!("HTTP status {status}"))),
            _ => Err(self.no_answer(format!("HTTP status {status} without a JSON-RPC answer"))),
        }
    }

    async fn gather(&self, mut response: Response) -> Result<Vec<u8>, RpcError> {
        let mut bytes = Vec::new();
        let broke_off = |error: reqwest::Error| self.no_answer(innermost(&error.without_url()));
        while let Some(chunk) = response.chunk().await.map_err(broke_off)? {
            if bytes.len() + chunk.len() > LONGEST_ANSWER {
                return Err(self.no_answer(format!("an answer of more than {LONGEST_ANSWER} bytes")));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// Puts replies in the order of the questions. One error without an id answers them all.
    fn sort(&self, count: usize, replies: Vec<Reply>) -> Vec<Result<Value, RpcError>> {
        let mut by_id = HashMap::new();
        let mut for_all = None;
        for reply in replies {
            match (reply.id, reply.error) {
                (Some(id), None) => drop(by_id.insert(id, Ok(reply.result))),
                (Some(id), Some(error)) => drop(by_id.insert(id, Err(self.refused(error)))),
                (None, Some(error)) => for_all = Some(self.refused(error)),
                (None, None) => {}
            }
        }
        let missing =
            || Err(for_all.clone().unwrap_or_else(|| self.no_answer("the answer is not JSON-RPC".to_owned())));
        (0..count as u64).map(|id| by_id.remove(&id).unwrap_or_else(missing)).collect()
    }

    fn refused(&self, error: ReplyError) -> RpcError {
        let message = match &error.data {
            Value::String(data) if data.len() > 2 => format!("{} ({data})", error.message),
            _ => error.message,
        };
        let by = RefusedBy::read(error.code, &message);
        let data = error.data.as_str().and_then(|data| data.parse().ok()).unwrap_or_default();
        let message = message.chars().take(WORDS).collect();
        RpcError::Refused { node: self.name.clone(), code: error.code, message, by, data }
    }

    pub(super) fn no_answer(&self, why: String) -> RpcError {
        RpcError::NoAnswer { node: self.name.clone(), why }
    }

    fn not_sent(&self, why: String) -> RpcError {
        RpcError::NotSent { node: self.name.clone(), why }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Node").field(&self.name).finish()
    }
}

impl Said {
    /// Reads an answer. What is no reply is left out; `None` is no JSON of this kind.
    fn read(bytes: &[u8]) -> Option<Self> {
        if let Ok(replies) = serde_json::from_slice(bytes) {
            return Some(Self { replies, is_batch: true });
        }
        let (values, is_batch) = match serde_json::from_slice(bytes).ok()? {
            Value::Array(values) => (values, true),
            value @ Value::Object(_) => (vec![value], false),
            _ => return None,
        };
        let replies = values.into_iter().filter_map(|value| serde_json::from_value(value).ok());
        Some(Self { replies: replies.collect(), is_batch })
    }
}

fn envelope(id: u64, question: &Question) -> String {
    let Question { method, parameters } = question;
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{parameters}}}"#)
}

/// The cause at the bottom of an error: the rest only says that something was being sent.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string().chars().take(WORDS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    #[tokio::test]
    async fn w_34_an_answer_without_end_is_no_answer() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        // Says how much it could write before nobody listened any more.
        let written = tokio::task::spawn_blocking(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let _ = connection.read(&mut [0; 4096]).unwrap();
            let _ = connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\n");
            (0..10_000_usize).take_while(|_| connection.write_all(&[b' '; 1 << 20]).is_ok()).count() << 20
        });
        let node = Node::new(&url).unwrap();
        let answer = node.ask(&Client::new(), &[Question::chain_id()], Duration::from_secs(120)).await.remove(0);
        let Err(RpcError::NoAnswer { why, .. }) = answer else { panic!("{answer:?}") };
        assert!(why.contains("more than"), "{why}");
        assert!(written.await.unwrap() < 2 * LONGEST_ANSWER);
    }
}
