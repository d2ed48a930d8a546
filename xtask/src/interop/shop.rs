use anyhow::anyhow;
use tiny_http::{Header, Response, Server};

/// Where less is used than was asked for, and how much.
const METERED: &str = "/upto";
const USED: (&str, &str) = ("farthing-charge", "0.03 USD");

/// Starts a server that says "sold" to everything, until this process ends; returns its port on loopback.
pub(super) fn open() -> anyhow::Result<u16> {
    let server = Server::http("127.0.0.1:0").map_err(|error| anyhow!("the upstream cannot listen: {error}"))?;
    let port = server.server_addr().to_ip().map_or(0, |address| address.port());
    std::thread::spawn(move || {
        for request in server.incoming_requests() {
            let mut response = Response::from_string("sold");
            if let (METERED, Ok(used)) = (request.url(), Header::from_bytes(USED.0, USED.1)) {
                response.add_header(used);
            }
            // A client that went away is nothing to the upstream.
            let _ = request.respond(response);
        }
    });
    Ok(port)
}
