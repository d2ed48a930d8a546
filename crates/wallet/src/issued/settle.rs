use farthing_books::Command;
use farthing_books::budget::{BudgetCharge, Reservation, ReservationRecord, ReservationState, ReserveOutcome};
use farthing_keys::PassphraseSource;
use farthing_money::Price;
use farthing_policy::counted_always;

use super::decide::{hashed, reservation_of, short};
use crate::{Wallet, WalletName, Wallets};

/// An authorisation grows at most so often.
const MOST_QUESTIONS: usize = 16;

/// Money that moved by an issued card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// The processor's name of the movement.
    pub id: String,
    /// The authorisation that it is of; none where the card was charged without one.
    pub authorization: Option<String>,
    /// How much.
    pub cost: Price,
    /// The merchant, for the owner's list.
    pub merchant: String,
}

impl Wallets {
    /// What was held for an authorisation and not taken is free again: it was declined elsewhere, reversed, or it ended.
    pub async fn swipe_is_over(&self, name: &WalletName, authorization: &str, reason: &str) -> Result<(), String> {
        let books = self.budgets().map_err(said)?;
        for asked_before in 0..MOST_QUESTIONS {
            let id = reservation_of(authorization, asked_before);
            // A question that was declined left nothing, and another one may have come after it.
            let known = books.reservation(id).await.map_err(said)?;
            if known.is_some_and(|known| known.state == ReservationState::Reserved) {
                let (reason, at) = (reason.to_owned(), self.ambient.now());
                books.submit(Command::Release { reservation: id, reason, at }).await.map_err(said)?;
            }
        }
        tracing::info!(wallet = %name, authorization, reason, "a card's authorisation is over");
        Ok(())
    }

    /// Money moved: it counts whatever was authorised. What was taken beyond that, or without an authorisation, counts
    /// on top of every limit, since it is gone. The same movement counts once.
    pub async fn swipe_was_taken(
        &self,
        name: &WalletName,
        capture: &Capture,
        source: &PassphraseSource,
    ) -> Result<(), String> {
        let wallet = self.open(name, source.clone()).map_err(said)?;
        let held = self.held_for(&wallet, capture).await?;
        // What an earlier message of the same movement came to, before it was cut off.
        let done = held.iter().filter(|known| known.receipt.as_deref() == Some(&capture.id));
        let done: u64 = done.map(|known| known.reservation.cost.millionths()).sum();
        let mut left = capture.cost.millionths().saturating_sub(done);
        let mut parts = Vec::new();
        let is_open = |known: &&ReservationRecord| {
            known.state == ReservationState::Reserved && known.reservation.cost.currency() == capture.cost.currency()
        };
        for known in held.iter().filter(is_open) {
            let part = left.min(known.reservation.cost.millionths());
            left -= part;
            parts.extend((part > 0).then_some((known.reservation.id, part)));
        }
        // First what no limit has room for: a movement that is cut off in between is told again.
        if left > 0 {
            tracing::warn!(wallet = %name, movement = capture.id, "a card was charged for more than was authorised here");
            count_beyond(&wallet, capture, Price::from_millionths(left, capture.cost.currency())).await?;
        }
        for (reservation, part) in parts {
            let cost = Some(Price::from_millionths(part, capture.cost.currency()));
            let (receipt, at) = (Some(capture.id.clone()), self.ambient.now());
            wallet.budgets.submit(Command::Confirm { reservation, receipt, cost, at }).await.map_err(said)?;
        }
        Ok(())
    }

    async fn held_for(&self, wallet: &Wallet, capture: &Capture) -> Result<Vec<ReservationRecord>, String> {
        let mut held = Vec::new();
        let Some(authorization) = &capture.authorization else { return Ok(held) };
        for asked_before in 0..MOST_QUESTIONS {
            let known = wallet.budgets.reservation(reservation_of(authorization, asked_before)).await.map_err(said)?;
            held.extend(known);
        }
        Ok(held)
    }
}

/// Counts what is gone toward every counter that everything counts toward, limit or not.
async fn count_beyond(wallet: &Wallet, capture: &Capture, cost: Price) -> Result<(), String> {
    let levels = wallet.levels_to_pay_by().await.map_err(said)?;
    let at = wallet.ambient.now();
    let counters = levels.iter().flat_map(|level| counted_always(level, at));
    let charges = counters.map(|always| BudgetCharge { limit: u64::MAX, ..always.charge }).collect();
    let id = short(hashed("beyond", &[&capture.id]));
    let reservation = Reservation {
        id,
        wallet: wallet.name().to_string(),
        cost,
        charges,
        origin: capture.merchant.clone(),
        request: "CARD, beyond what was authorised".to_owned(),
        challenge: capture.id.clone(),
        decided: None,
        approval: None,
        at,
    };
    match wallet.budgets.reserve(reservation).await.map_err(said)? {
        // A conflict is a message that came twice.
        ReserveOutcome::Conflict | ReserveOutcome::Reserved => {}
        outcome => return Err(format!("what a card was charged beyond its limit cannot be counted: {outcome:?}")),
    }
    let confirm = Command::Confirm { reservation: id, receipt: Some(capture.id.clone()), cost: None, at };
    wallet.budgets.submit(confirm).await.map_err(said)?;
    Ok(())
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}
