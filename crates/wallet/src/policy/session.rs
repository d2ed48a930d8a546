//! What a session may cost: its deposits are counted as payments are, its vouchers stay within them.

use farthing_books::budget::{Reservation, ReservationId};
use farthing_money::{Amount, Price};
use farthing_rail::{Approved, Deposit, Reclaim, VoucherQuote};
use farthing_store::Books;

use super::approve::{granted, no_policy, reserve};
use super::decide::{Place, above, charges, denied_currency, denied_place, origin_limit};
use super::{Policy, Refused, Rule, Subject};

/// What one call has to keep to when it signs vouchers.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// Who is paid, where the method names one.
    pub payee: Option<&'a str>,
    /// What is deposited, as far as this wallet knows.
    pub deposit: Amount,
    /// What one unit costs.
    pub unit: Price,
    /// What this call signs for in all, with this voucher.
    pub cost: Price,
    /// Whether it buys by the piece, so that `per_payment` limits the piece and not the call.
    pub streams: bool,
}

/// Approves a deposit: where it goes, the price of a unit, what the session would then hold unspent, and the
/// room in every counter. When this returns the approval, the reservation is on disk.
///
/// `locked` is what the wallet has unspent in sessions on the same terms already.
pub async fn approve_deposit(
    books: &Books,
    policy: Option<&Policy>,
    deposit: Deposit,
    locked: Price,
    subject: &Subject<'_>,
    id: ReservationId,
    request: &str,
) -> Result<Approved<Deposit>, Refused> {
    let policy = policy.ok_or_else(|| no_policy(subject.wallet))?;
    if let Some((rule, sentence)) = denied_deposit(policy, &deposit, locked, subject) {
        return Err(Refused::Rule { rule, sentence });
    }
    let reservation = Reservation {
        id,
        wallet: subject.wallet.to_owned(),
        cost: deposit.cost,
        charges: charges(policy, &deposit.quote.origin, subject),
        decided: None,
        approval: None,
        origin: deposit.quote.origin.to_string(),
        request: request.to_owned(),
        challenge: deposit.quote.challenge.id().as_str().to_owned(),
        at: subject.now,
    };
    reserve(books, reservation).await?;
    Ok(granted(deposit))
}

fn denied_deposit(policy: &Policy, deposit: &Deposit, locked: Price, subject: &Subject<'_>) -> Option<(Rule, String)> {
    let quote = &deposit.quote;
    let place = Place { origin: &quote.origin, payee: quote.payee.as_deref() };
    let held =
        Price::from_millionths(deposit.cost.millionths().saturating_add(locked.millionths()), deposit.cost.currency());
    let limits = [
        (Rule::PerPayment, policy.per_payment, "the limit per payment", quote.unit_cost),
        (Rule::Max, subject.max, "the limit for this call", quote.unit_cost),
        (Rule::SessionDeposit, policy.most_in_a_session(), "the most that may lie in a session", held),
        (Rule::PerDay, policy.per_day, "the limit per day", deposit.cost),
        (Rule::Total, policy.total, "the total limit", deposit.cost),
        (Rule::OriginLimit, origin_limit(policy, &quote.origin), "the limit for this origin", deposit.cost),
    ];
    denied_currency(policy, deposit.cost, subject)
        .or_else(|| denied_place(policy, place, subject))
        .or_else(|| limits.into_iter().find_map(|(rule, limit, name, cost)| above(rule, name, limit?, cost, subject)))
}

/// Approves a voucher: within the deposit, which is reserved already; to where money may still go; for no
/// more than this call may cost. The last voucher of a session asks for nothing new and is always approved.
pub fn approve_voucher(
    policy: Option<&Policy>,
    voucher: VoucherQuote,
    call: &Call<'_>,
    subject: &Subject<'_>,
) -> Result<Approved<VoucherQuote>, Refused> {
    let policy = policy.ok_or_else(|| no_policy(subject.wallet))?;
    match denied_voucher(policy, &voucher, call, subject) {
        Some((rule, sentence)) => Err(Refused::Rule { rule, sentence }),
        None => Ok(granted(voucher)),
    }
}

fn denied_voucher(
    policy: &Policy,
    voucher: &VoucherQuote,
    call: &Call<'_>,
    subject: &Subject<'_>,
) -> Option<(Rule, String)> {
    if voucher.cumulative > call.deposit {
        let sentence = "the voucher would be for more than is deposited in the session".to_owned();
        return Some((Rule::SessionDeposit, sentence));
    }
    if voucher.closes {
        return None;
    }
    let place = Place { origin: &voucher.origin, payee: call.payee };
    let piece = if call.streams { call.unit } else { call.cost };
    denied_currency(policy, call.unit, subject)
        .or_else(|| denied_place(policy, place, subject))
        .or_else(|| above(Rule::PerPayment, "the limit per payment", policy.per_payment?, piece, subject))
        .or_else(|| above(Rule::Max, "the limit for this call", subject.max?, call.cost, subject))
}

/// Approves taking back what is the wallet's own. Nothing limits that.
pub fn approve_reclaim(step: Reclaim) -> Approved<Reclaim> {
    granted(step)
}

impl Policy {
    /// The most that one session may hold unspent.
    pub fn most_in_a_session(&self) -> Option<Price> {
        self.session_deposit.or(self.per_payment)
    }
}

#[cfg(test)]
mod tests;
