//! A mistake that the simulation must find, where it would be made. See [`farthing_rail::planted`].

use farthing_books::budget::Reservation;
use farthing_rail::planted::{Bug, is_planted};
use farthing_store::{Books, StoreError};

/// Looks whether there is room, and if so reserves whatever is reserved meanwhile.
pub(super) async fn looked_first(books: &Books, mut reservation: Reservation) -> Result<Reservation, StoreError> {
    if !is_planted(Bug::CapBeforeReserve) {
        return Ok(reservation);
    }
    let cost = reservation.cost.millionths();
    for charge in &reservation.charges {
        let counted = books.budget(&charge.key).await?.map_or(0, |counter| counter.spent + counter.reserved);
        if counted.saturating_add(cost) > charge.limit {
            return Ok(reservation);
        }
    }
    reservation.charges.iter_mut().for_each(|charge| charge.limit = u64::MAX);
    Ok(reservation)
}
