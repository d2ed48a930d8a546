use std::sync::{Arc, Mutex, PoisonError};

use anyhow::anyhow;
use tiny_http::{Header, Response, Server};

/// A real HTTP server that answers with what it was asked and remembers it.
pub(crate) struct Upstream {
    port: u16,
    served: Arc<Mutex<Vec<Served>>>,
}

/// One request that reached the upstream.
#[derive(Clone)]
pub(crate) struct Served {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Whether a payment's credential came with it; it must not.
    pub(crate) had_credential: bool,
}

impl Upstream {
    /// Listens on a free loopback port until the process ends.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let server = Server::http("127.0.0.1:0").map_err(|error| anyhow!("the upstream cannot listen: {error}"))?;
        let port = server.server_addr().to_ip().map_or(0, |address| address.port());
        let served = Arc::new(Mutex::new(Vec::new()));
        let remembered = Arc::clone(&served);
        std::thread::spawn(move || {
            for request in server.incoming_requests() {
                answer(request, &remembered);
            }
        });
        Ok(Self { port, served })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Everything that reached it, in order.
    pub(crate) fn served(&self) -> Vec<Served> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn answer(mut request: tiny_http::Request, remembered: &Mutex<Vec<Served>>) {
    let mut body = String::new();
    let is_readable = request.as_reader().read_to_string(&mut body).is_ok();
    let served = Served {
        method: request.method().to_string(),
        path: request.url().to_owned(),
        had_credential: request.headers().iter().any(is_credential),
    };
    let echo = serde_json::json!({ "method": served.method, "path": served.path, "body": body });
    remembered.lock().unwrap_or_else(PoisonError::into_inner).push(served);
    let status = if is_readable { 200 } else { 400 };
    let mut response = Response::from_string(echo.to_string()).with_status_code(status);
    if let Ok(json) = Header::from_bytes("content-type", "application/json") {
        response.add_header(json);
    }
    // A client that went away is nothing to the upstream.
    let _ = request.respond(response);
}

fn is_credential(header: &Header) -> bool {
    let name = header.field.as_str().as_str();
    name.eq_ignore_ascii_case("payment-authorization")
        || name.eq_ignore_ascii_case("authorization")
            && header.value.as_str().to_ascii_lowercase().starts_with("payment ")
}
