//! Taking back what is out: the second half of `farthing freeze --all`.
//!
//! Every step asks first how things stand and does what is missing, so that the same command goes on where one
//! that died stopped.

use std::time::Duration;

use farthing_books::audit::Event;
use farthing_wallet::client::Ended;
use farthing_wallet::sessions::{KeptSession, SessionState};
use farthing_wallet::{PayingClient, WalletName, Wallets};
use serde_json::{Value, json};

use super::permissions;
use crate::commands::home::Home;
use crate::failure::Failure;
use crate::terminal;

/// How long a seller may take to end a session before it is ended without the seller.
const PATIENCE: Duration = Duration::from_secs(15);

/// One thing that was out.
pub(super) struct Step {
    pub(super) wallet: WalletName,
    /// `session`, `signature`, `allowance`, `key`, `cards`.
    pub(super) kind: &'static str,
    /// What it is, in words.
    pub(super) what: String,
    /// Why it is still out, or until when; nothing when it is back.
    pub(super) obstacle: Option<String>,
}

impl Step {
    pub(super) fn say(&self) {
        let Self { wallet, what, obstacle, .. } = self;
        match obstacle {
            None => terminal::note(&format!("{wallet}: {what}: done")),
            Some(obstacle) => terminal::note(&format!("{wallet}: {what}: {obstacle}")),
        }
    }

    pub(super) fn to_json(&self) -> Value {
        let Self { wallet, kind, what, obstacle } = self;
        json!({ "wallet": wallet.as_str(), "kind": kind, "what": what, "back": obstacle.is_none(), "sentence": obstacle })
    }
}

/// Takes back what is out of one wallet, cards first, since they need no key.
pub(super) async fn wallet(home: &Home, wallets: &Wallets, name: &WalletName) -> Result<Vec<Step>, Failure> {
    let mut taken = Taken { wallet: name.clone(), steps: Vec::new() };
    let cards = wallets.revoke_cards(name).map_err(said)?;
    if cards > 0 {
        let revoked = format!("{cards} of its cards revoked");
        super::note(wallets, Event::Revoked, Some(name), &revoked).await;
        taken.step("cards", revoked, None);
    }
    let wallet = wallets.open_to_unwind(name, home.passphrase()?).map_err(said)?;
    if let Err(error) = wallet.unlock().await {
        taken.step("keys", "opening its keys".into(), Some(error.to_string()));
        return Ok(taken.steps);
    }
    let account = wallet.account();
    let client = home.client_of(wallet).await?;
    taken.sessions(&client).await?;
    for cancelled in client.cancel_signed().await.map_err(said)? {
        let what = format!("a signature for {} by {}", cancelled.cost, cancelled.method);
        taken.step("signature", what, cancelled.obstacle);
    }
    client.settle().await.map_err(said)?;
    if let Some(account) = account {
        permissions::take_back(home, wallets, client.wallet(), account, &mut taken).await?;
    }
    Ok(taken.steps)
}

/// What was taken back so far.
pub(super) struct Taken {
    pub(super) wallet: WalletName,
    steps: Vec<Step>,
}

impl Taken {
    /// Says that a step was taken, as soon as it is.
    pub(super) fn step(&mut self, kind: &'static str, what: String, obstacle: Option<String>) {
        let step = Step { wallet: self.wallet.clone(), kind, what, obstacle };
        step.say();
        self.steps.push(step);
    }

    async fn sessions(&mut self, client: &PayingClient) -> Result<(), Failure> {
        for session in client.sessions().await.map_err(said)? {
            if session.state == SessionState::Closed {
                continue;
            }
            let channel = session.channel.as_deref().and_then(|channel| channel.get(..10)).unwrap_or("a new one");
            let what = format!("session {channel} at {}, with {} in it", session.origin, session.locked());
            let obstacle = end(client, &session).await?;
            self.step("session", what, obstacle);
        }
        Ok(())
    }
}

/// Ends a session with its seller, or without one that does not answer or does not agree; why it has not ended.
async fn end(client: &PayingClient, session: &KeptSession) -> Result<Option<String>, Failure> {
    let asked = tokio::time::timeout(PATIENCE, client.close_session(session)).await;
    let with_seller = match asked {
        Ok(Ok(Ended::Closed { .. })) => return Ok(None),
        Ok(Ok(Ended::Settling)) => return Ok(Some("the seller is settling it; the chain does not show it yet".into())),
        Ok(Ok(Ended::Not { sentence })) => sentence,
        Ok(Ok(_)) => "the seller did not end it".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("the seller did not answer within {} seconds", PATIENCE.as_secs()),
    };
    let forced = client.reclaim_session(session).await.map_err(said)?;
    Ok(match forced {
        Ended::Closed { .. } => None,
        Ended::Waiting { until: Some(until) } => {
            Some(format!("the rest can be taken back from {} on, by the same command", until.to_rfc3339()))
        }
        Ended::Waiting { until: None } => Some("the rest can be taken back later, by the same command".into()),
        Ended::Not { sentence } => Some(format!("{with_seller}; without the seller: {sentence}")),
        _ => Some(with_seller),
    })
}

fn said(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}
