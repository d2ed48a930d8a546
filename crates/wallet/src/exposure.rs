//! How much can still leave a wallet: one number per currency, and what it is made of.
//!
//! It bounds what is lost from now on if whoever drives the wallet means ill and every seller takes all it was
//! given: the limits hold, because the same counters decide. What was delivered for is not in it, and neither
//! is what somebody with the keys themselves could do; see the card's and the wallet's own pages.

mod room;

use std::sync::Arc;

use farthing_money::{Currency, Price};

use self::room::Room;
use crate::policy::Level;
use crate::sessions::{KeptSession, SessionState};
use crate::wallets::Policies;
use crate::{WalletName, Wallets, WalletsError};

/// What can still leave one wallet in one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// What it is counted in.
    pub currency: Currency,
    /// What the limits leave room for now; nothing while it is frozen.
    pub room: Price,
    /// Whether that comes back with time, because no limit is for ever.
    pub renews: bool,
    /// What balances at sellers could still be topped up with; nothing while it is frozen. What is paid out of them
    /// is in `room`.
    pub prepaid: Price,
    /// What lies undelivered in sessions.
    pub deposits: Price,
    /// What is signed and not known to be used.
    pub signed: Price,
    /// What contracts may move of what is there, and keys on chains that were granted.
    pub allowed: Price,
    /// What of the room could be spent through cards. It is a part of it and adds nothing.
    pub through_cards: Price,
}

impl Exposure {
    /// Nothing in this currency.
    pub fn none(currency: Currency) -> Self {
        let none = Price::from_millionths(0, currency);
        Self {
            currency,
            room: none,
            renews: false,
            prepaid: none,
            deposits: none,
            signed: none,
            allowed: none,
            through_cards: none,
        }
    }

    /// The one number.
    pub fn total(&self) -> Price {
        let parts = [self.room, self.prepaid, self.deposits, self.signed, self.allowed];
        let sum = parts.into_iter().map(Price::millionths).fold(0, u64::saturating_add);
        Price::from_millionths(sum, self.currency)
    }

    /// Of a wallet, by what its limits leave, what is reserved of them, and what lies in its sessions.
    ///
    /// `sessions` are its prices deposited and what of them is undelivered.
    fn of_limits(room: Room, reserved: Price, sessions: &[(Price, Price)], frozen: bool) -> Self {
        let currency = reserved.currency();
        let of_currency = |price: &Price| (price.currency() == currency).then_some(price.millionths());
        let sum =
            |prices: &mut dyn Iterator<Item = &Price>| prices.filter_map(of_currency).fold(0_u64, u64::saturating_add);
        let deposited = sum(&mut sessions.iter().map(|(whole, _)| whole));
        let undelivered = sum(&mut sessions.iter().map(|(_, undelivered)| undelivered));
        let price = |millionths| Price::from_millionths(millionths, currency);
        Self {
            room: price(if frozen { 0 } else { room.millionths }),
            renews: room.renews,
            prepaid: price(if frozen { 0 } else { room.prepaid }),
            deposits: price(undelivered),
            // What is reserved is what is deposited, and what is signed besides.
            signed: price(reserved.millionths().saturating_sub(deposited)),
            ..Self::none(currency)
        }
    }

    /// Says what could leave through cards with so much room: no more than all of it.
    fn with_cards(self, rooms: u64) -> Self {
        let through = rooms.min(self.room.millionths());
        Self { through_cards: Price::from_millionths(through, self.currency), ..self }
    }

    /// Adds what may be moved without another signature.
    #[must_use]
    pub fn with_allowed(mut self, allowed: Price) -> Self {
        let sum = self.allowed.millionths().saturating_add(allowed.millionths());
        self.allowed = Price::from_millionths(sum, self.currency);
        self
    }
}

impl Wallets {
    /// What can still leave a wallet, as far as this machine knows; what chains say is the caller's to add. One
    /// for each currency, the policy's first.
    pub async fn exposure(&self, name: &WalletName) -> Result<Vec<Exposure>, WalletsError> {
        let (policy, spending) = (self.policy(name)?, self.spending(name).await?);
        let open = |session: &&KeptSession| session.state != SessionState::Closed;
        let whole = |session: &KeptSession| {
            let deposits = session.deposits.iter().map(|deposit| deposit.cost.millionths());
            Price::from_millionths(deposits.fold(0, u64::saturating_add), session.unit_cost.currency())
        };
        let sessions = self.sessions(name).await?;
        let sessions: Vec<(Price, Price)> =
            sessions.iter().filter(open).map(|session| (whole(session), session.locked())).collect();
        let mut exposures = Vec::new();
        if let (Some(policy), Some(spending)) = (&policy, &spending) {
            let room = self.room_of(&self.levels_of(name)?).await?;
            let frozen = self.stopped(name).is_some();
            let exposure = Exposure::of_limits(room, spending.total.reserved, &sessions, frozen);
            exposures.push(exposure.with_cards(self.room_of_cards(name, policy.currency).await?));
        }
        for (_, undelivered) in sessions {
            let currency = undelivered.currency();
            if policy.as_ref().is_some_and(|policy| policy.currency == currency) {
                continue;
            }
            // A policy that was changed to another currency left these behind.
            let known = exposures.iter_mut().find(|exposure| exposure.currency == currency);
            match known {
                Some(known) => {
                    let sum = known.deposits.millionths().saturating_add(undelivered.millionths());
                    known.deposits = Price::from_millionths(sum, currency);
                }
                None => exposures.push(Exposure { deposits: undelivered, ..Exposure::none(currency) }),
            }
        }
        Ok(exposures)
    }

    /// What a wallet's live cards have room for by their own limits, in millionths.
    async fn room_of_cards(&self, name: &WalletName, currency: Currency) -> Result<u64, WalletsError> {
        let mut room = 0_u64;
        for card in self.cards(name)? {
            let has_ended = card.expires_at.is_some_and(|end| end < self.ambient.now());
            if let Some(policy) = card.policy.as_ref().filter(|policy| policy.currency == currency)
                && !has_ended
                && card.stopped.is_none()
            {
                let level = Level { name: card.level(), policy: Arc::new(policy.clone()) };
                room = room.saturating_add(self.room_of(&[level]).await?.millionths);
            }
        }
        Ok(room)
    }

    /// Every policy that a payment of this wallet has to satisfy, the groups' among them.
    fn levels_of(&self, name: &WalletName) -> Result<Vec<Level>, WalletsError> {
        let (owner, path) = (self.owner_of(&self.key_in_use(name)?)?, self.path(name, "policy.toml"));
        Policies::default().levels(&self.home, owner, None, (name.as_str(), &path))
    }
}

#[cfg(test)]
mod tests;
