//! A server that writes whatever bytes a test wants: what no honest library would send.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the server does next on a connection; after the last it hangs up.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Say(Vec<u8>),
    /// Says this again and again, with a pause after each, until nobody listens any more.
    Forever(Vec<u8>, Duration),
    /// Says nothing until nobody listens any more.
    Silence,
}

/// One answer to everything, by the head of the request.
type Answer = dyn Fn(&Raw, &str) -> Vec<Piece> + Send + Sync;

#[derive(Clone)]
pub(crate) struct Raw {
    pub(crate) origin: String,
    answer: Arc<Answer>,
    heads: Arc<Mutex<Vec<String>>>,
    written: Arc<AtomicU64>,
    ended: Arc<watch::Sender<usize>>,
}

impl Raw {
    pub(crate) async fn start(answer: impl Fn(&Raw, &str) -> Vec<Piece> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let (answer, ended) = (Arc::new(answer), Arc::new(watch::Sender::new(0)));
        let server = Self { origin, answer, heads: Arc::default(), written: Arc::default(), ended };
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let server = serving.clone();
                tokio::spawn(async move {
                    server.serve(connection).await;
                    server.ended.send_modify(|ended| *ended += 1);
                });
            }
        });
        server
    }

    /// One that answers everything with these bytes.
    pub(crate) async fn saying(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::start(move |_, _| vec![Piece::Say(bytes.clone())]).await
    }

    pub(crate) fn get(&self, path: &str) -> reqwest::Request {
        reqwest::Request::new(reqwest::Method::GET, format!("{}{path}", self.origin).parse().unwrap())
    }

    /// The heads of all requests.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    /// How many of them carried anything that could be money.
    pub(crate) fn credentials(&self) -> usize {
        self.heads().iter().filter(|head| has_credential(head)).count()
    }

    /// How many bytes went into connections.
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::SeqCst)
    }

    /// Waits until so many connections were given up by the other side.
    pub(crate) async fn until_ended(&self, connections: usize) {
        self.ended.subscribe().wait_for(|ended| *ended >= connections).await.unwrap();
    }

    async fn serve(&self, mut connection: TcpStream) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match connection.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return,
            }
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        self.heads.lock().unwrap().push(head.clone());
        for piece in (self.answer)(self, &head) {
            let said = match piece {
                Piece::Say(bytes) => self.say(&mut connection, &bytes).await,
                Piece::Forever(bytes, pause) => loop {
                    if self.say(&mut connection, &bytes).await.is_none() {
                        break None;
                    }
                    tokio::time::sleep(pause).await;
                },
                Piece::Silence => {
                    let _ = connection.read_u8().await;
                    None
                }
            };
            if said.is_none() {
                return;
            }
        }
        let _ = connection.shutdown().await;
        // Hanging up with something unread would take back what was said.
        let mut rest = [0; 1024];
        while connection.read(&mut rest).await.is_ok_and(|read| read > 0) {}
    }

    async fn say(&self, connection: &mut TcpStream, bytes: &[u8]) -> Option<()> {
        connection.write_all(bytes).await.ok()?;
        self.written.fetch_add(bytes.len() as u64, Ordering::SeqCst);
        Some(())
    }
}

/// Whether a request's head carries anything that could be money.
pub(crate) fn has_credential(head: &str) -> bool {
    let fields = ["authorization:", "payment-authorization:", "payment-signature:", "x-payment:"];
    let names = head.lines().map(str::to_ascii_lowercase);
    names.into_iter().any(|line| fields.iter().any(|field| line.starts_with(field)))
}

/// A head with these fields, and no body.
pub(crate) fn head(status: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let lines: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("HTTP/1.1 {status}\r\n{lines}content-length: 0\r\n\r\n").into_bytes()
}

/// The parameters of an offer of a tenth of a cent, each with its value in quotes; `change` makes of them what it
/// likes.
pub(crate) fn offer(origin: &str, change: impl FnOnce(&mut Vec<(&'static str, String)>)) -> String {
    let request = serde_json::json!({ "amount": "1000", "currency": "usd.6", "methodDetails": { "issuer": origin } });
    let mut parameters = vec![
        ("id", "\"an-id\"".to_owned()),
        ("realm", "\"seller.test\"".to_owned()),
        ("method", "\"balance\"".to_owned()),
        ("intent", "\"charge\"".to_owned()),
        ("request", format!("\"{}\"", URL_SAFE_NO_PAD.encode(request.to_string()))),
        ("expires", "\"2026-11-21T12:05:00Z\"".to_owned()),
    ];
    change(&mut parameters);
    let written: Vec<_> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("Payment {}", written.join(", "))
}

/// The same, as it should be.
pub(crate) fn honest_offer(origin: &str) -> String {
    offer(origin, |_| {})
}
