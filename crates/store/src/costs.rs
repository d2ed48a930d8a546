//! What rails cost, out of the payments and the ledger.

use farthing_books::{AccountKind, Booked, RailCosts, Statement};
use farthing_money::{Amount, Asset};
use farthing_protocol::Timestamp;
use rusqlite::params;

use crate::StoreError;
use crate::engine::Connection;
use crate::listing::posted;
use crate::tables::rows::{self, PAYMENT};

/// The fees that no payment explains, and all losses, of a period, on either side of a transfer.
const BOOKED: &str = "SELECT a.name, a.asset, t.amount, t.debit = a.id, p.tops_up FROM transfers t \
     JOIN accounts a ON a.id = t.debit OR a.id = t.credit LEFT JOIN payments p ON p.id = t.payment \
     WHERE t.at >= ?1 AND t.at < ?2 AND (a.name LIKE 'losses/%' OR (a.name LIKE 'fees/%' AND \
     (t.payment IS NULL OR t.credit = a.id)))";

/// The costs of a period: of the payments claimed in it, and of what was posted in it.
pub(crate) fn costs(books: &Connection, since: Timestamp, until: Timestamp) -> Result<RailCosts, StoreError> {
    let fault = |error: farthing_books::costs::NoSum| StoreError::Fault(error.to_string());
    let mut costs = RailCosts::default();
    let sql = format!("SELECT {PAYMENT} FROM payments WHERE claimed_at >= ?1 AND claimed_at < ?2");
    books.each(&sql, params![since.unix_millis(), until.unix_millis()], |row| {
        costs.add(&rows::payment(row)?).map_err(fault)
    })?;
    let mut delivered = Statement::default();
    posted(books, (since, until), &mut delivered)?;
    for (key, totals) in delivered.lines {
        costs.add_delivered(key.rail, key.asset, totals.gross).map_err(fault)?;
    }
    for ((rail, asset, booked), amount) in booked(books, since, until)? {
        costs.add_booked(rail, asset, &booked, amount).map_err(fault)?;
    }
    Ok(costs)
}

/// A rail, an asset, and what was booked.
type Kind = (String, Asset, Booked);

/// What is left of the debits of each kind once its credits are taken away: what was explained later, or given back.
fn booked(books: &Connection, since: Timestamp, until: Timestamp) -> Result<Vec<(Kind, Amount)>, StoreError> {
    let damaged = |what: &str| StoreError::Damaged(format!("a ledger entry has no readable {what}"));
    let mut sums: Vec<(Kind, [Amount; 2])> = Vec::new();
    books.each(BOOKED, params![since.unix_millis(), until.unix_millis()], |row| {
        let text = |column: usize| row.get::<String>(column);
        let kind = text(0)?.parse::<AccountKind>().map_err(|_| damaged("account"))?;
        let asset = text(1)?.parse::<Asset>().map_err(|_| damaged("asset"))?;
        let amount = text(2)?.parse::<Amount>().map_err(|_| damaged("amount"))?;
        let balance = row.get::<Option<String>>(4)?.map(|asset| asset.parse::<Asset>()).transpose();
        let kind = match kind {
            AccountKind::Fees(rail) => (rail, asset, Booked::Fee),
            AccountKind::Losses(rail) => (rail, asset, Booked::Loss(balance.map_err(|_| damaged("balance"))?)),
            _ => return Ok(()),
        };
        let place = sums.iter().position(|(known, _)| *known == kind);
        let place = place.unwrap_or_else(|| {
            sums.push((kind, [Amount::ZERO; 2]));
            sums.len() - 1
        });
        let is_debit = row.get::<bool>(3)?;
        if let Some((_, [debits, credits])) = sums.get_mut(place) {
            let side = if is_debit { debits } else { credits };
            *side = side.checked_add(amount).ok_or_else(|| damaged("sum"))?;
        }
        Ok(())
    })?;
    let left =
        sums.into_iter().map(|(kind, [debits, credits])| (kind, debits.checked_sub(credits).unwrap_or_default()));
    Ok(left.filter(|(_, left)| !left.is_zero()).collect())
}
