//! The end of a proxy whose deposits are its own.

use std::sync::Arc;
use std::time::Duration;

use farthing_money::Price;
use farthing_wallet::WalletName;
use farthing_wallet::client::Ended;
use farthing_wallet::sessions::{KeptSession, SessionState};
use url::Url;

use crate::agents::Agent;
use crate::proxy::Shared;

/// How long a seller may take to end a session.
const PATIENCE: Duration = Duration::from_secs(15);

/// Ends the sessions of a proxy's agents once it has served.
pub struct Closer(pub(crate) Arc<Shared>);

/// A session that has not ended: what lies in it is still to come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOpen {
    /// Whose it is.
    pub wallet: WalletName,
    /// Where.
    pub origin: String,
    /// Its channel, if it has one by now.
    pub channel: Option<String>,
    /// What lies in it unspent.
    pub unspent: Price,
    /// Why, in one sentence.
    pub sentence: String,
}

impl Closer {
    /// Asks each seller to end what the agents opened there. What it does not come to is told, and can be ended later.
    pub async fn close(&self) -> Vec<LeftOpen> {
        let mut left = Vec::new();
        for agent in self.0.agents.opened() {
            let sessions = match agent.client.sessions().await {
                Ok(sessions) => sessions,
                Err(error) => {
                    tracing::warn!(wallet = %agent.wallet, %error, "sessions cannot be looked at");
                    continue;
                }
            };
            for session in sessions.iter().filter(|session| session.state != SessionState::Closed) {
                left.extend(self.end(&agent, session).await);
            }
        }
        left
    }

    async fn end(&self, agent: &Agent, session: &KeptSession) -> Option<LeftOpen> {
        let not = |sentence: String| LeftOpen {
            wallet: agent.wallet.clone(),
            origin: session.origin.to_string(),
            channel: session.channel.clone(),
            unspent: session.locked(),
            sentence,
        };
        let url = Url::parse(session.origin.as_str()).ok();
        let Some(trust) = url.and_then(|url| self.0.reach.of(&url).ok()) else {
            return Some(not("it is where this proxy does not go".to_owned()));
        };
        let client = agent.client.clone().through(self.0.clients.of(trust).clone());
        match tokio::time::timeout(PATIENCE, client.close_session(session)).await {
            Ok(Ok(Ended::Closed { .. })) => None,
            Ok(Ok(Ended::Settling)) => Some(not("the seller is settling it".to_owned())),
            Ok(Ok(Ended::Not { sentence })) => Some(not(sentence)),
            Ok(Ok(_)) => Some(not("it has not ended yet".to_owned())),
            Ok(Err(error)) => Some(not(error.to_string())),
            Err(_) => Some(not("the seller did not answer in time".to_owned())),
        }
    }
}
