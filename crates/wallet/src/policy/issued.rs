use farthing_books::budget::ReservationId;
use farthing_money::{Amount, Asset};
use farthing_policy::Purchase;
use farthing_store::Books;

use super::approve::{Bought, reserve_decided};
use super::{Grounds, Refused};

/// What a use of a card that a processor issued is counted by.
pub(crate) struct Use<'a> {
    pub(crate) id: ReservationId,
    /// The processor's own name of it.
    pub(crate) name: &'a str,
    /// What is bought, for the owner's list.
    pub(crate) bought: &'a str,
    pub(crate) asset: &'a Asset,
    pub(crate) amount: Amount,
    /// What a person's answer would be bound to: the card, the merchant and the amount.
    pub(crate) digest: [u8; 32],
}

/// Decides about a use of such a card, and counts it. Nothing is signed for it: when this returns, the reservation is
/// on disk, and the processor may be told yes.
pub(crate) async fn allow_use(
    books: &Books,
    grounds: &Grounds<'_>,
    purchase: &Purchase,
    used: &Use<'_>,
) -> Result<(), Refused> {
    let Use { id, name, bought, asset, amount, digest } = *used;
    reserve_decided(books, grounds, purchase, Bought { id, request: bought, challenge: name, asset, amount, digest })
        .await
}
