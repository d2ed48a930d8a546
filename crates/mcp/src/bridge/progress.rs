//! How far calls of another server are, told to the assistant in the order in which the server said it, and before the
//! answer.
//!
//! The protocol's library handles every notification in a task of its own, in no order. So they are heard here where
//! messages come in, one after the other, and one task tells them on. What is said of a call before it is known who
//! wants to hear it is kept until then.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use rmcp::RoleClient;
use rmcp::model::{JsonRpcMessage, ProgressNotificationParam, ProgressToken, ServerNotification};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use tokio::sync::{mpsc, oneshot};

use super::connection::Upstream;

/// What may wait to be told; of a server that says more, some is not heard.
const MOST_WAITING: usize = 1024;
/// What is kept of calls that nobody is known to follow.
const MOST_EARLY: usize = 64;
/// How long an assistant may take to hear one thing.
const PATIENCE: Duration = Duration::from_secs(1);

/// The line on which one connection's progress is told.
#[derive(Clone)]
pub(super) struct Progress(mpsc::Sender<Event>);

enum Event {
    /// The server said how far a call is.
    Said(ProgressNotificationParam),
    /// Somebody follows a call.
    Follows(ProgressToken, Upstream),
    /// The call is over; whoever waits is told that nothing is left to tell.
    Over(ProgressToken, Option<oneshot::Sender<()>>),
}

/// A call that somebody follows, until it is dropped.
pub(super) struct Following {
    progress: Progress,
    token: ProgressToken,
}

impl Progress {
    pub(super) fn start() -> Self {
        let (events, heard) = mpsc::channel(MOST_WAITING);
        tokio::spawn(tell_on(heard));
        Self(events)
    }

    /// Tells this assistant how far the call is, from its beginning.
    pub(super) async fn follow(&self, token: ProgressToken, upstream: Upstream) -> Following {
        // The line ends with the connection, and then so does the call.
        let _ = self.0.send(Event::Follows(token.clone(), upstream)).await;
        Following { progress: self.clone(), token }
    }

    fn hear(&self, said: ProgressNotificationParam) {
        // Whatever is too much is let go: a later word says more than an earlier one.
        let _ = self.0.try_send(Event::Said(said));
    }
}

impl Following {
    /// Waits until all was told that the server said so far.
    pub(super) async fn catch_up(&self) {
        let (all_told, told) = oneshot::channel();
        if self.progress.0.send(Event::Over(self.token.clone(), Some(all_told))).await.is_ok() {
            let _ = told.await;
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.progress.0.try_send(Event::Over(self.token.clone(), None));
    }
}

async fn tell_on(mut events: mpsc::Receiver<Event>) {
    let mut followed: HashMap<ProgressToken, Upstream> = HashMap::new();
    let mut early: VecDeque<ProgressNotificationParam> = VecDeque::new();
    while let Some(event) = events.recv().await {
        match event {
            Event::Said(said) => match followed.get(&said.progress_token) {
                Some(upstream) => tell(upstream, said).await,
                None => {
                    if early.len() >= MOST_EARLY {
                        early.pop_front();
                    }
                    early.push_back(said);
                }
            },
            Event::Follows(token, upstream) => {
                let (of_it, others): (VecDeque<_>, _) =
                    early.into_iter().partition(|said| said.progress_token == token);
                early = others;
                for said in of_it {
                    tell(&upstream, said).await;
                }
                followed.insert(token, upstream);
            }
            Event::Over(token, all_told) => {
                followed.remove(&token);
                early.retain(|said| said.progress_token != token);
                if let Some(all_told) = all_told {
                    let _ = all_told.send(());
                }
            }
        }
    }
}

async fn tell(upstream: &Upstream, mut said: ProgressNotificationParam) {
    let Some(token) = &upstream.progress else { return };
    said.progress_token = token.clone();
    // Whoever no longer listens does not want to know.
    let _ = tokio::time::timeout(PATIENCE, upstream.peer.notify_progress(said)).await;
}

/// A transport on which progress is heard as it comes in.
pub(super) struct Hearing<T> {
    pub(super) transport: T,
    pub(super) progress: Progress,
}

impl<T: Transport<RoleClient>> Transport<RoleClient> for Hearing<T> {
    type Error = T::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        self.transport.send(item)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        let message = self.transport.receive().await?;
        if let JsonRpcMessage::Notification(notification) = &message
            && let ServerNotification::ProgressNotification(progress) = &notification.notification
        {
            self.progress.hear(progress.params.clone());
        }
        Some(message)
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.transport.close().await
    }
}
