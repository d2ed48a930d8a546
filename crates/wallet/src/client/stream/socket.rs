//! Streams over WebSocket. For the rest of the client a socket is a transport: a request with a credential is an
//! authorization frame, and the frame that answers it is the response; what was bought waits meanwhile.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use farthing_protocol::Receipt;
use farthing_protocol::stream::{Event, Frame, SessionReceipt};
use futures_util::{SinkExt as _, StreamExt as _};
use http::header::{AUTHORIZATION, CONNECTION, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderValue, Method, StatusCode};
use reqwest::{Request, Response, ResponseBuilderExt as _, Upgraded, Url};
use tokio::sync::Mutex;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::client::transport::{Lost, Transport};
use crate::client::ways::Ways;

/// The longest message that is read, in bytes.
const LONGEST_MESSAGE: usize = 4 * 1024 * 1024;
/// How long a server may take to answer a frame about money.
const PATIENCE: Duration = Duration::from_secs(60);
/// How much of what was bought is kept, in bytes, while such an answer is waited for.
const MOST_WAITING: usize = 4 * LONGEST_MESSAGE;
/// How long it may take to say what a stream came to that is stopped.
const PARTING: Duration = Duration::from_secs(5);

/// What comes out of a socket.
#[derive(Debug)]
pub(super) enum Said {
    Event(Event),
    /// The stream is over, and came to this.
    Over(Box<SessionReceipt>),
    /// The server refused something, and ends it.
    Refused(u16, String),
}

impl Said {
    /// Roughly how much memory it takes, in bytes.
    fn size(&self) -> usize {
        match self {
            Self::Event(Event::Message(data)) => size_of::<Self>() + data.len(),
            _ => size_of::<Self>(),
        }
    }
}

/// One stream over a socket, opened when its first credential is presented.
#[derive(Clone)]
pub(super) struct SocketTransport {
    http: Ways,
    /// How long a server may take to answer over HTTP.
    silence: Duration,
    line: Arc<Mutex<Line>>,
}

#[derive(Default)]
struct Line {
    socket: Option<WebSocketStream<Upgraded>>,
    waiting: VecDeque<Said>,
}

/// The address of a socket as that of a page: its offers are asked for there.
pub(super) fn as_http(url: &Url) -> Option<Url> {
    let scheme = match url.scheme() {
        "ws" => "http",
        "wss" => "https",
        _ => return None,
    };
    // A URL does not change between these kinds of schemes by itself.
    let (_, rest) = url.as_str().split_once(':')?;
    format!("{scheme}:{rest}").parse().ok()
}

impl SocketTransport {
    pub(super) fn new(http: Ways, silence: Duration) -> Self {
        Self { http, silence, line: Arc::default() }
    }

    /// What comes next; nothing once the socket is closed.
    pub(super) async fn next(&self) -> Option<Said> {
        self.line.lock().await.next().await
    }

    /// Ends the stream, and reads what it came to.
    pub(super) async fn stop(&self) -> Option<Box<SessionReceipt>> {
        let mut line = self.line.lock().await;
        line.say(&Frame::CloseRequest).await.ok()?;
        let last = tokio::time::timeout(PARTING, async {
            while let Some(said) = line.next().await {
                if let Said::Over(receipt) = said {
                    return Some(receipt);
                }
            }
            None
        });
        let receipt = last.await.ok().flatten();
        line.socket = None;
        receipt
    }

    /// The client sets no limit, as its sockets may stay silent for as long as they like.
    async fn ask(&self, request: Request) -> Result<Response, Lost> {
        let asked = tokio::time::timeout(self.silence, self.http.send(request)).await;
        asked.map_err(|_| lost("it did not answer in time"))?
    }

    async fn authorize(&self, request: Request, credential: String) -> Result<Response, Lost> {
        let url = request.url().clone();
        let mut line = self.line.lock().await;
        if line.socket.is_none()
            && let Some(refused) = line.open(self, request).await?
        {
            return Ok(refused);
        }
        line.say(&Frame::Authorization(credential)).await?;
        match tokio::time::timeout(PATIENCE, line.answer()).await {
            Ok(Ok(Answer::Receipt(receipt))) => answered(&url, StatusCode::OK, Some(&receipt), String::new()),
            Ok(Ok(Answer::Refused(status, message))) => {
                line.socket = None;
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
                if status == StatusCode::PAYMENT_REQUIRED {
                    // What it wants instead is said to whoever asks without paying.
                    return self.ask(Request::new(Method::GET, url)).await;
                }
                answered(&url, status, None, message)
            }
            Ok(Err(lost)) => Err(lost),
            Err(_) => Err(lost("it did not answer in time")),
        }
    }
}

enum Answer {
    Receipt(Box<SessionReceipt>),
    Refused(u16, String),
}

impl Line {
    /// Opens the socket; an answer of HTTP where there is to be none.
    async fn open(&mut self, over: &SocketTransport, mut request: Request) -> Result<Option<Response>, Lost> {
        let headers = request.headers_mut();
        headers.remove(AUTHORIZATION);
        let key = HeaderValue::try_from(generate_key()).map_err(|_| lost("no key for the socket"))?;
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        headers.insert(SEC_WEBSOCKET_KEY, key);
        let response = over.ask(request).await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(Some(response));
        }
        let upgraded = response.upgrade().await.map_err(|error| Lost::from(&error))?;
        let mut config = WebSocketConfig::default();
        config.max_message_size = Some(LONGEST_MESSAGE);
        config.max_frame_size = Some(LONGEST_MESSAGE);
        self.socket = Some(WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config)).await);
        Ok(None)
    }

    async fn say(&mut self, frame: &Frame) -> Result<(), Lost> {
        let Some(socket) = &mut self.socket else { return Err(lost("the socket was closed")) };
        let sent = tokio::time::timeout(PATIENCE, socket.send(Message::text(frame.to_text()))).await;
        sent.map_err(|_| lost("it does not read what it is sent"))?.map_err(|_| lost("the socket broke off"))
    }

    /// The answer to an authorization; what comes before it waits.
    async fn answer(&mut self) -> Result<Answer, Lost> {
        let mut room = MOST_WAITING;
        loop {
            let said = self.read().await.ok_or_else(|| lost("the socket was closed"))?;
            match said {
                Said::Event(Event::Receipt(receipt)) => return Ok(Answer::Receipt(Box::new(receipt))),
                Said::Refused(status, message) => return Ok(Answer::Refused(status, message)),
                other => {
                    let left = room.checked_sub(other.size());
                    room = left.ok_or_else(|| lost("it sent more than is kept and no answer"))?;
                    self.waiting.push_back(other);
                }
            }
        }
    }

    async fn next(&mut self) -> Option<Said> {
        match self.waiting.pop_front() {
            Some(said) => Some(said),
            None => self.read().await,
        }
    }

    async fn read(&mut self) -> Option<Said> {
        loop {
            let message = self.socket.as_mut()?.next().await?.ok()?;
            let said = match message {
                Message::Text(text) => match Frame::parse(text.as_str()) {
                    Some(Frame::Message(data)) => Said::Event(Event::Message(data)),
                    Some(Frame::NeedVoucher(need)) => Said::Event(Event::NeedVoucher(need)),
                    Some(Frame::Receipt(receipt)) => Said::Event(Event::Receipt(receipt)),
                    Some(Frame::CloseReady(receipt)) => Said::Over(Box::new(receipt)),
                    Some(Frame::Error { status, message }) => Said::Refused(status, message),
                    // Whatever is none of the protocol's is what was bought.
                    _ => Said::Event(Event::Message(text.as_str().to_owned())),
                },
                Message::Binary(bytes) => Said::Event(Event::Message(String::from_utf8_lossy(&bytes).into_owned())),
                Message::Close(_) => return None,
                _ => continue,
            };
            return Some(said);
        }
    }
}

#[async_trait]
impl Transport for SocketTransport {
    async fn send(&self, request: Request) -> Result<Response, Lost> {
        let credential = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
        match credential {
            Some(credential) => self.authorize(request, credential).await,
            None => self.ask(request).await,
        }
    }

    fn may_redirect(&self) -> bool {
        false
    }
}

/// A frame as the response that it is over HTTP.
fn answered(url: &Url, status: StatusCode, receipt: Option<&SessionReceipt>, body: String) -> Result<Response, Lost> {
    let mut response = http::Response::builder().status(status).url(url.clone());
    if let Some(receipt) = receipt.and_then(|receipt| Receipt::from_object(receipt.object().clone()).ok()) {
        response = response.header("payment-receipt", receipt.to_header());
    }
    response.body(body).map(Response::from).map_err(|_| lost("its answer cannot be read"))
}

fn lost(reason: &str) -> Lost {
    Lost::after(reason)
}
