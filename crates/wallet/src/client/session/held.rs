//! What lies in sessions before a deposit, as each level counts it.

use farthing_money::Price;

use super::Buying;
use crate::client::PayError;
use crate::policy::{Held, Level, Locked};
use crate::sessions::KeptSession;

impl Buying<'_> {
    /// What lies in sessions, those that are being opened among them, but not the deposit that is about to be reserved
    /// and is written down there already. A wallet's level counts those of its cards and runs too, a group's those of
    /// all of its wallets.
    pub(super) async fn locked(&self, levels: &[Level], on_terms: Price, deposit: Price) -> Result<Locked, PayError> {
        let (living, wallet) = (self.sessions.all_living().await?, &self.client.wallet);
        let (own, sessions) = sum(living.iter().filter(|session| session.wallet == wallet.drawer()), deposit);
        let same = own.into_iter().find(|sum| sum.currency() == on_terms.currency());
        let in_all = same.unwrap_or(Price::from_millionths(0, on_terms.currency()));
        let limits = |level: &&Level| level.policy.locked.is_some() || level.policy.open_sessions.is_some();
        let mut held = Vec::new();
        for level in levels.iter().filter(limits) {
            let under = wallet.wallets_under(&level.name)?;
            let counted = living.iter().filter(|session| under.iter().any(|name| is_of(session, name)));
            let (locked, sessions) = sum(counted, deposit);
            held.push(Held { level: level.name.clone(), locked, sessions });
        }
        Ok(Locked { on_terms, in_all, sessions, held })
    }
}

/// Whether a session is a wallet's, or that of one of its cards or runs.
fn is_of(session: &KeptSession, wallet: &str) -> bool {
    let rest = session.wallet.strip_prefix(wallet);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// One sum for each currency, without the deposit; and how many sessions there are.
fn sum<'a>(sessions: impl Iterator<Item = &'a KeptSession>, deposit: Price) -> (Vec<Price>, u32) {
    let (mut sums, mut count): (Vec<Price>, u32) = (Vec::new(), 0);
    for price in sessions.map(KeptSession::locked) {
        count = count.saturating_add(1);
        let with = |known: u64| Price::from_millionths(known.saturating_add(price.millionths()), price.currency());
        match sums.iter_mut().find(|known| known.currency() == price.currency()) {
            Some(known) => *known = with(known.millionths()),
            None => sums.push(price),
        }
    }
    for known in sums.iter_mut().filter(|known| known.currency() == deposit.currency()) {
        *known = Price::from_millionths(known.millionths().saturating_sub(deposit.millionths()), deposit.currency());
    }
    (sums, count)
}
