//! Never two requests out of one: whatever a client sends, the upstream sees the requests the gateway saw.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail loudly")]

mod proxy_support;

use farthing_gateway::proxy::{Body, Version};
use http::{HeaderValue, Request};
use http_body_util::BodyExt;
use proxy_support::{Gateway, echo, get, http2, hyper_upstream, raw, statuses, upstream_at};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

struct Case {
    name: &'static str,
    sent: &'static str,
    answers: &'static [u16],
}

const SMUGGLED: &str = "/smuggled";

#[rustfmt::skip]
const CORPUS: &[Case] = &[
    Case { name: "length and chunked, length first", answers: &[400],
        sent: "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 42\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "length and chunked, chunked first", answers: &[400],
        sent: "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n2c\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n\r\n0\r\n\r\n" },
    Case { name: "two codings", answers: &[400],
        sent: "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "chunked not last", answers: &[400],
        sent: "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "chunked twice", answers: &[400],
        sent: "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "chunked in quotes", answers: &[400],
        sent: "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "vertical tab before chunked", answers: &[400],
        sent: "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "space before the colon", answers: &[400],
        sent: "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "folded header", answers: &[400],
        sent: "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "folded value", answers: &[400],
        sent: "GET /a HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "HTTP/1.0 with chunked", answers: &[400],
        sent: "POST /a HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "two lengths", answers: &[400],
        sent: "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 40\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "a list of lengths", answers: &[400],
        sent: "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0, 40\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "a signed length", answers: &[400],
        sent: "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: +0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "a length beyond 64 bits", answers: &[400],
        sent: "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551617\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "a bare carriage return in a value", answers: &[400],
        sent: "GET /a HTTP/1.1\r\nHost: a\r\nX: y\rContent-Length: 40\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "a zero byte in a value", answers: &[400],
        sent: "GET /a HTTP/1.1\r\nHost: a\r\nX: y\0z\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "a host that disagrees with an absolute target", answers: &[400, 200],
        sent: "GET http://b/smuggled HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "two hosts", answers: &[400, 200],
        sent: "GET /smuggled HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "an absolute target", answers: &[200],
        sent: "GET http://a/absolute HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "CONNECT", answers: &[400],
        sent: "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n" },
    // The upstream does not switch: what follows is the next request of this client, and passes the gateway as such.
    Case { name: "bytes behind an upgrade that does not happen", answers: &[200, 200],
        sent: "GET /a HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "bytes behind an upgrade to something else", answers: &[200, 200],
        sent: "GET /a HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "a chunk size that overflows", answers: &[400],
        sent: "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff1\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "a connection field that names the length", answers: &[200, 200],
        sent: "POST /a HTTP/1.1\r\nHost: a\r\nConnection: content-length\r\nContent-Length: 36\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n" },
    Case { name: "two honest requests in one packet", answers: &[200, 200],
        sent: "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcPOST /next HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" },
];

/// Runs the corpus; `seen` tells the upstream's requests since the last call.
async fn run(gateway: &Gateway, mut seen: impl FnMut() -> Vec<String>) {
    for case in CORPUS {
        gateway.forwarded.lock().unwrap().clear();
        let received = raw(gateway.address, case.sent.as_bytes()).await;
        let (forwarded, seen) = (gateway.forwarded.lock().unwrap().clone(), seen());
        assert_eq!(statuses(&received), case.answers, "{}: {received}", case.name);
        assert!(!seen.iter().any(|line| line.contains(SMUGGLED)), "{}: the upstream saw {seen:?}", case.name);
        assert!(seen.len() <= forwarded.len(), "{}: {forwarded:?} became {seen:?}", case.name);
        assert!(seen.iter().all(|line| forwarded.contains(line)), "{}: {forwarded:?} became {seen:?}", case.name);
    }
}

#[tokio::test]
async fn hyper_sees_only_what_the_gateway_saw() {
    let (address, seen) = hyper_upstream(echo).await;
    let gateway = Gateway::before(upstream_at(address, Version::Auto)).await;
    run(&gateway, || std::mem::take(&mut *seen.lock().unwrap())).await;
}

struct Nginx {
    directory: tempfile::TempDir,
    address: SocketAddr,
    read: usize,
}

impl Nginx {
    /// `None`, said loudly, where nginx is not installed; continuous integration must have it.
    #[allow(clippy::disallowed_methods, reason = "a test asks its own environment")]
    fn start() -> Option<Self> {
        let Some(program) = ["/usr/sbin/nginx", "/usr/bin/nginx"].into_iter().find(|path| Path::new(path).exists())
        else {
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "install the package nginx to run this test");
            eprintln!("SKIPPED, NOT TESTED: smuggling against nginx; install the package nginx");
            return None;
        };
        let directory = tempfile::tempdir().unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let at = directory.path().display();
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {at}/{kind};"))
            .join(" ");
        let config = format!(
            "worker_processes 1; pid {at}/pid; error_log {at}/error.log; daemon on; events {{}}\n\
             http {{ {temporary} log_format line '$request_method $request_uri'; access_log {at}/access.log line;\n\
             server {{ listen {address}; location / {{ return 200 'seen'; }} }} }}"
        );
        let file = directory.path().join("nginx.conf");
        std::fs::write(&file, config).unwrap();
        let log = directory.path().join("error.log");
        assert!(Command::new(program).arg("-e").arg(log).arg("-c").arg(&file).status().unwrap().success());
        Some(Self { directory, address, read: 0 })
    }

    fn seen(&mut self) -> Vec<String> {
        std::thread::sleep(Duration::from_millis(20));
        let log = std::fs::read_to_string(self.directory.path().join("access.log")).unwrap_or_default();
        let lines: Vec<String> = log.lines().skip(self.read).map(str::to_owned).collect();
        self.read += lines.len();
        lines
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        if let Ok(pid) = std::fs::read_to_string(self.directory.path().join("pid")) {
            drop(Command::new("kill").arg(pid.trim()).status());
        }
    }
}

#[tokio::test]
async fn nginx_sees_only_what_the_gateway_saw() {
    let Some(mut nginx) = Nginx::start() else { return };
    let gateway = Gateway::before(upstream_at(nginx.address, Version::Auto)).await;
    run(&gateway, || nginx.seen()).await;
}

#[tokio::test]
async fn http2_headers_cannot_reframe_an_http1_request() {
    let (address, seen) = hyper_upstream(echo).await;
    let gateway = Gateway::before(upstream_at(address, Version::Http1)).await;
    for (name, value) in [
        ("transfer-encoding", "chunked"),
        ("connection", "keep-alive"),
        ("upgrade", "websocket"),
        ("keep-alive", "5"),
        ("proxy-connection", "close"),
        ("content-length", "4"),
        ("content-length", "5, 5"),
    ] {
        let answer = h2_request(&gateway, name, value).await;
        assert!(answer.is_none_or(|status| status == 400 || status == 200), "{name}: {answer:?}");
    }
    let seen = seen.lock().unwrap().clone();
    assert!(seen.iter().all(|line| line == "POST /a"), "{seen:?}");
    let mut sender = http2(gateway.address).await;
    let answer = sender.send_request(get(&format!("http://{}/a%0d%0aGET%20/smuggled", gateway.address))).await;
    assert!(answer.is_ok_and(|answer| answer.status() == 400) || seen.iter().all(|line| !line.contains(SMUGGLED)));
}

/// Sends a request with one odd header through an own HTTP/2 encoder that refuses nothing.
async fn h2_request(gateway: &Gateway, name: &'static str, value: &'static str) -> Option<u16> {
    let mut sender = http2(gateway.address).await;
    let mut request = Request::post(format!("http://{}/a", gateway.address))
        .body(Body::full("GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"))
        .unwrap();
    request.headers_mut().insert(name, HeaderValue::from_static(value));
    let response = sender.send_request(request).await.ok()?;
    let status = response.status().as_u16();
    drop(response.into_body().collect().await);
    Some(status)
}
