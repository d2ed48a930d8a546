use std::io::Cursor;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use tempfile::TempDir;
use tiny_http::{Header, Method, Request, Response, Server, StatusCode};

use crate::gateway::{Beside, Gateway};

/// A gateway that sells a few things, in clear or over TLS.
pub(super) struct Seller {
    gateway: Gateway,
    url: String,
    host: String,
    certificates: Option<TempDir>,
}

impl Seller {
    pub(super) fn start(binary: &Path, is_secure: bool) -> anyhow::Result<Self> {
        let upstream = format!("http://127.0.0.1:{}", upstream()?);
        let certificates = is_secure.then(super::certificates).transpose()?;
        let beside = Beside { certificate: certificates.as_ref().map(TempDir::path), ..Beside::default() };
        let gateway = Gateway::start_beside(&[], binary, &routes(&upstream), beside)?;
        let address = gateway.url("");
        let host = address.split_once("://").context("a gateway has a URL")?.1;
        // As its certificate names it, and its offers.
        let host = if is_secure { host.replace("127.0.0.1", "localhost") } else { host.to_owned() };
        let scheme = if is_secure { "https" } else { "http" };
        Ok(Self { url: format!("{scheme}://{host}"), gateway, host, certificates })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// The authority that its certificate is of, where it has one.
    pub(super) fn authority(&self) -> Option<PathBuf> {
        self.certificates.as_ref().map(|folder| folder.path().join("client.pem"))
    }

    pub(super) fn grant(&self, payer: &str, amount: &str) -> anyhow::Result<()> {
        self.gateway.grant(payer, amount)
    }

    pub(super) fn stop_and_verify(self, binary: &Path) -> anyhow::Result<()> {
        self.gateway.stop_and_verify(binary)
    }
}

fn routes(upstream: &str) -> String {
    let route = |pattern: &str, price: &str| {
        format!(
            "[[route]]\nmatch = \"{pattern}\"\nupstream = \"{upstream}\"\nprice = \"{price}\"\naccept = [\"balance/charge\"]\n"
        )
    };
    [("* /goods", "0.001 USD"), ("GET /events", "0.001 USD"), ("GET /dear", "0.05 USD")]
        .map(|(pattern, price)| route(pattern, price))
        .join("\n")
}

/// Starts what is sold, until this process ends; returns its port on loopback.
fn upstream() -> anyhow::Result<u16> {
    let server = Server::http("127.0.0.1:0").map_err(|error| anyhow!("the upstream cannot listen: {error}"))?;
    let port = server.server_addr().to_ip().map_or(0, |address| address.port());
    std::thread::spawn(move || server.incoming_requests().for_each(answer));
    Ok(port)
}

fn answer(mut request: Request) {
    let (mut body, mut headers) = (String::new(), Vec::new());
    let _ = request.as_reader().read_to_string(&mut body);
    let text = match (request.url(), request.method()) {
        ("/events", _) => {
            headers.extend(Header::from_bytes("content-type", "text/event-stream"));
            "data: one\n\ndata: two\n\n".to_owned()
        }
        (_, Method::Post) => format!("sold for {body}"),
        _ => "sold".to_owned(),
    };
    // No length: what is sold is a stream.
    let response = Response::new(StatusCode(200), headers, Cursor::new(text), None, None);
    // A client that went away is nothing to the upstream.
    let _ = request.respond(response);
}
