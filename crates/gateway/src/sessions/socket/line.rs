//! What is said to a client, by whoever has something to say.

use std::sync::Arc;

use farthing_protocol::Receipt;
use farthing_protocol::stream::{Frame, SessionReceipt};
use futures_util::SinkExt;
use futures_util::stream::SplitSink;
use tokio::sync::Mutex;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::Socket;

/// The longest reason that a close frame holds, in bytes.
const LONGEST_REASON: usize = 120;

/// The way to a client. Clones share it; one frame goes out at a time.
#[derive(Clone)]
pub(super) struct Line(Arc<Mutex<SplitSink<Socket, Message>>>);

/// The client has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gone;

impl Line {
    pub(super) fn new(sink: SplitSink<Socket, Message>) -> Self {
        Self(Arc::new(Mutex::new(sink)))
    }

    /// Says this; it has left when this returns.
    pub(super) async fn say(&self, frame: &Frame) -> Result<(), Gone> {
        self.send(Message::text(frame.to_text())).await
    }

    /// Says how a session stands.
    pub(super) async fn receipt(&self, receipt: Receipt, frame: fn(SessionReceipt) -> Frame) -> Result<(), Gone> {
        match SessionReceipt::from_object(receipt.to_object()) {
            Some(receipt) => self.say(&frame(receipt)).await,
            None => Ok(()),
        }
    }

    /// Passes a message on that is none of the protocol's.
    pub(super) async fn send(&self, message: Message) -> Result<(), Gone> {
        self.0.lock().await.send(message).await.map_err(|_| Gone)
    }

    /// Says what is wrong, and closes.
    pub(super) async fn refuse(&self, status: u16, code: u16, message: &str) {
        if self.say(&Frame::Error { status, message: message.to_owned() }).await.is_ok() {
            self.close(code, message).await;
        }
    }

    /// Closes.
    pub(super) async fn close(&self, code: u16, reason: &str) {
        let reason = (0..=LONGEST_REASON).rev().find_map(|end| reason.get(..end)).unwrap_or(reason);
        let frame = CloseFrame { code: CloseCode::from(code), reason: reason.into() };
        let _ = self.0.lock().await.send(Message::Close(Some(frame))).await;
    }
}
