//! What a client says.

use farthing_protocol::stream::{CLOSE_POLICY, Frame};
use futures_util::StreamExt;
use futures_util::stream::SplitStream;
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;
use tokio_tungstenite::tungstenite::Message;

use super::Socket;
use super::line::Line;

/// The longest credential that is queued, in bytes.
const LONGEST_CREDENTIAL: usize = 64 << 10;

/// What a client wants done about the money.
pub(super) enum Order {
    /// Take this credential.
    Authorization(String),
    /// End the stream.
    Close,
}

/// Sorts what a client says until it leaves: what is about money goes to one place, everything else to the upstream,
/// which is waited for. Whoever asks for more than is queued is refused, and so is whoever has something to say to the
/// upstream before there is a credential: nobody has paid for keeping it. What comes after that, or after the end, is
/// read for nobody: a connection that is closed on unread bytes takes the last words to the client with it.
pub(super) async fn read(mut socket: SplitStream<Socket>, line: Line, orders: Sender<Order>, others: Sender<Message>) {
    let (mut orders, mut is_first) = (Some(orders), true);
    while let Some(Ok(message)) = socket.next().await {
        let frame = match &message {
            Message::Text(text) => Frame::parse(text.as_str()),
            Message::Binary(_) => None,
            Message::Close(_) => return,
            _ => continue,
        };
        let Some(queue) = orders.as_ref().filter(|queue| !queue.is_closed()) else { continue };
        let order = match frame {
            Some(Frame::Authorization(credential)) if credential.len() <= LONGEST_CREDENTIAL => {
                is_first = false;
                Order::Authorization(credential)
            }
            Some(Frame::Authorization(_)) => {
                line.refuse(413, CLOSE_POLICY, "the credential is too long").await;
                orders = None;
                continue;
            }
            Some(Frame::CloseRequest) => Order::Close,
            _ if is_first => {
                line.refuse(400, CLOSE_POLICY, "the first message must bring a credential").await;
                orders = None;
                continue;
            }
            _ => {
                // Without an upstream any more it goes nowhere, and what is about money is still heard.
                let _ = others.send(message).await;
                continue;
            }
        };
        if let Err(TrySendError::Full(_)) = queue.try_send(order) {
            line.refuse(429, CLOSE_POLICY, "too many queued payment messages").await;
            orders = None;
        }
    }
}
