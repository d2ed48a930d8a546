//! What a session may cost: its deposits are counted as payments are, its vouchers stay within them.

use farthing_books::budget::ReservationId;
use farthing_money::{Amount, Asset, Price};
use farthing_rail::{Approved, Deposit, Reclaim, VoucherQuote};
use farthing_store::Books;

use super::approve::{Bought, granted, reserve_decided};
use super::{Asking, Grounds, Held, Refused};

/// What one call has to keep to when it signs vouchers.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// Who is paid, where the method names one.
    pub payee: Option<&'a str>,
    /// Of what.
    pub asset: &'a Asset,
    /// What is deposited, as far as this wallet knows.
    pub deposit: Amount,
    /// What one unit costs.
    pub unit: Price,
    /// What this call signs for in all, with this voucher.
    pub cost: Price,
    /// Whether it buys by the piece, so that `per_payment` limits the piece and not the call.
    pub streams: bool,
}

/// What lies in a wallet's sessions before a deposit.
#[derive(Clone, Debug)]
pub struct Locked {
    /// Unspent, on the same terms.
    pub on_terms: Price,
    /// Unspent, in all sessions of the same currency.
    pub in_all: Price,
    /// How many sessions there are, with the one that is being opened.
    pub sessions: u32,
    /// What levels count that limit it, each with everything under it.
    pub held: Vec<Held>,
}

/// Approves a deposit: where it goes, the price of a unit, what the session would then hold unspent, and the
/// room in every counter. When this returns the approval, the reservation is on disk.
pub async fn approve_deposit(
    books: &Books,
    grounds: &Grounds<'_>,
    deposit: Deposit,
    locked: Locked,
    asking: &Asking<'_>,
    id: ReservationId,
    request: &str,
) -> Result<Approved<Deposit>, Refused> {
    let purchase = asking.deposit(&deposit, locked);
    let challenge = deposit.quote.challenge.id().as_str();
    let (asset, amount, digest) = (&deposit.quote.asset, deposit.amount, asking.digest);
    let bought = Bought { id, request, challenge, asset, amount, digest };
    reserve_decided(books, grounds, &purchase, bought).await?;
    Ok(granted(deposit))
}

/// Approves a voucher: within the deposit, which is reserved already; to where money may still go; for no
/// more than this call may cost. The last voucher of a session asks for nothing new and is always approved.
pub async fn approve_voucher(
    books: &Books,
    grounds: &Grounds<'_>,
    voucher: VoucherQuote,
    call: &Call<'_>,
    asking: &Asking<'_>,
) -> Result<Approved<VoucherQuote>, Refused> {
    grounds.must_allow(books, &asking.voucher(&voucher, call)).await?;
    Ok(granted(voucher))
}

/// Approves taking back what is the wallet's own. Nothing limits that.
pub fn approve_reclaim(step: Reclaim) -> Approved<Reclaim> {
    granted(step)
}
