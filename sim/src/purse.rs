//! A payer of sessions whose key is watched, and how a wallet's sessions end.

use std::sync::Arc;

use farthing_money::Amount;
use farthing_rail::{
    Answer, Approved, Channel, ChannelPurpose, ChannelStanding, Deposit, NotPayable, Offer, OpenedChannel, RailError,
    SessionPayer, SessionQuote, SignError, VoucherQuote,
};
use farthing_rail_balance::BalanceSessionPayer;
use farthing_wallet::client::Ended;
use farthing_wallet::sessions::SessionState;
use farthing_wallet::{PayingClient, PayingLayer};
use tower::Layer as _;

use crate::line::Line;
use crate::world::{Life, World};

/// How often one life of a process tries to end a session.
const TRIES: usize = 3;

/// A payer of sessions whose key is watched.
pub struct Purse {
    /// Where it happens.
    pub world: Arc<World>,
    /// Whose life.
    pub life: Life,
    /// Who signs.
    pub inner: BalanceSessionPayer,
}

impl Purse {
    async fn signs(&self, channel: &str, total: Amount) {
        let short = channel.get(..10).unwrap_or(channel);
        self.world.effect(&self.life, format!("signs for {total} in the session {short}")).await;
        self.world.audit(|auditor| auditor.signed_in_session(channel, total));
    }
}

impl SessionPayer for Purse {
    fn pays(&self) -> (&str, &str) {
        self.inner.pays()
    }

    fn quote(&self, offer: &Offer<'_>) -> Result<SessionQuote, NotPayable> {
        self.inner.quote(offer)
    }

    fn deposit(&self, quote: &SessionQuote, amount: Amount, first: Amount) -> Result<Deposit, NotPayable> {
        self.inner.deposit(quote, amount, first)
    }

    fn open(&self, approved: Approved<Deposit>) -> Answer<'_, Result<OpenedChannel, SignError>> {
        Box::pin(async move {
            let opened = self.inner.open(approved).await?;
            self.signs(&opened.channel.id, opened.channel.signed).await;
            Ok(opened)
        })
    }

    fn top_up<'a>(
        &'a self,
        channel: &'a Channel,
        approved: Approved<Deposit>,
    ) -> Answer<'a, Result<OpenedChannel, SignError>> {
        Box::pin(async move {
            self.world.effect(&self.life, format!("adds {} to a session", approved.get().amount)).await;
            self.inner.top_up(channel, approved).await
        })
    }

    fn voucher<'a>(
        &'a self,
        channel: &'a Channel,
        approved: Approved<VoucherQuote>,
    ) -> Answer<'a, Result<farthing_protocol::Credential, SignError>> {
        Box::pin(async move {
            self.signs(&channel.id, approved.get().cumulative).await;
            self.inner.voucher(channel, approved).await
        })
    }

    fn standing<'a>(
        &'a self,
        channel: &'a Channel,
        purpose: ChannelPurpose,
    ) -> Answer<'a, Result<Option<ChannelStanding>, RailError>> {
        self.inner.standing(channel, purpose)
    }
}

/// Ends the sessions of a wallet that are open. What cannot be ended in a few tries stays as it is.
pub async fn end_sessions(client: &PayingClient, line: &Line) {
    for _ in 0..TRIES {
        let Ok(sessions) = client.sessions().await else { return };
        let open = sessions.into_iter().filter(|session| session.state == SessionState::Open);
        let mut left = false;
        for session in open {
            let service = PayingLayer::without_redirects(client.clone()).layer(line.clone());
            let ended = service.close_session(&session).await;
            line.life.gate().await;
            line.world.note(line.life.node, format_args!("ends a session: {ended:?}"));
            left |= !matches!(ended, Ok(Ended::Closed { .. }));
        }
        if !left {
            return;
        }
    }
}
