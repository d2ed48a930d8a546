use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, anyhow, bail};
use serde_json::{Value, json};
use tiny_http::{Header, Response, Server};

/// A server that answers 402 with whatever challenges it is told to: those that no gateway of today issues, written
/// by the binary's own formatter.
pub(crate) struct Paper {
    port: u16,
    challenges: Vec<Value>,
}

/// A description that breaks careless parsers.
const DESCRIPTION: &str = r#"A "quoted" comma, a back\slash, and Payment id="x""#;

impl Paper {
    /// Serves several challenges: on `/lines` each in a header line of its own, on `/list` all in one line.
    pub(crate) fn start(binary: &Path) -> anyhow::Result<Self> {
        let challenges = several();
        let headers = challenges.iter().map(|each| format(binary, each)).collect::<anyhow::Result<Vec<_>>>()?;
        let server = Server::http("127.0.0.1:0").map_err(|error| anyhow!("cannot listen: {error}"))?;
        let port = server.server_addr().to_ip().map_or(0, |address| address.port());
        std::thread::spawn(move || {
            for request in server.incoming_requests() {
                let lines = if request.url() == "/list" { vec![headers.join(", ")] } else { headers.clone() };
                let mut response = Response::from_string("{}").with_status_code(402);
                for line in lines {
                    if let Ok(header) = Header::from_bytes("www-authenticate", line) {
                        response.add_header(header);
                    }
                }
                // A client that went away is nothing to this server.
                let _ = request.respond(response);
            }
        });
        Ok(Self { port, challenges })
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// What every reader must find.
    pub(crate) fn challenges(&self) -> &[Value] {
        &self.challenges
    }
}

/// Three offers; between them they use every parameter.
fn several() -> Vec<Value> {
    let opaque = json!({ "route": "GET /", "price": "1" });
    let offer = |name: &str, amount: &str| {
        json!({
            "id": format!("challenge-{name}"), "realm": "api.example.com", "method": name, "intent": "charge",
            "request": { "amount": amount, "currency": "usd.6", "methodDetails": { "issuer": "https://api.example.com" } },
        })
    };
    let mut described = offer("balance", "1000");
    described["description"] = json!(DESCRIPTION);
    described["expires"] = json!("2099-01-31T12:05:00Z");
    described["digest"] = json!("sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:");
    let mut session = offer("voucher", "0");
    session["intent"] = json!("session");
    session["opaque"] = opaque;
    vec![described, offer("card", "340282366920938463463374607431768211455"), session]
}

/// Has the binary write a challenge as a header.
fn format(binary: &Path, challenge: &Value) -> anyhow::Result<String> {
    let mut process = Command::new(binary)
        .arg("conformance")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start farthing conformance")?;
    let question = json!({ "schema": 1, "op": "challenge.format", "input": challenge });
    process.stdin.take().context("no standard input")?.write_all(question.to_string().as_bytes())?;
    let answer: Value = serde_json::from_slice(&process.wait_with_output()?.stdout)?;
    match answer["value"]["header"].as_str() {
        Some(header) => Ok(header.to_owned()),
        None => bail!("farthing conformance did not write a challenge: {answer}"),
    }
}
