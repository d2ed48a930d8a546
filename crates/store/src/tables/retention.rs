//! Rows that leave the books after their time, and what is carried forward of them.

use std::collections::HashMap;

use farthing_books::retention::{CarriedForward, Unsound, may_leave, transfers_of};
use farthing_books::touches::Wanted;
use farthing_books::{AccountId, Pruned, Shelf, Store as _, Transfer};
use farthing_money::Amount;
use farthing_protocol::Timestamp;
use farthing_rail::PaymentId;
use rusqlite::params;
use rusqlite::types::Value;

use super::Tables;
use super::rows::{instant, parsed};
use super::write::row_of;
use crate::StoreError;
use crate::engine::lookup::Lookups;
use crate::engine::{Connection, Row};

/// How far back the books go, in the order in which [`pruned`] reads it.
pub(crate) const PRUNED: &str = "SELECT until, payments, transfers FROM pruned";

/// What is carried forward of each account, in the order in which [`carried`] reads it.
pub(super) const CARRIED: &str = "SELECT a.name, a.asset, c.debits, c.credits FROM carried c \
     JOIN accounts a ON a.id = c.account";

/// The horizon alone.
pub(super) const HORIZON: &str = "SELECT until FROM pruned";

/// What one transaction took out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TakenOut {
    pub(crate) payments: u64,
    pub(crate) transfers: u64,
}

pub(crate) fn pruned(row: &Row<'_>) -> Result<Pruned, StoreError> {
    let count = |index| row.get::<i64>(index).map(|count| u64::try_from(count).unwrap_or_default());
    Ok(Pruned { until: Some(instant(row, 0)?), payments: count(1)?, transfers: count(2)? })
}

pub(super) fn carried(row: &Row<'_>) -> Result<(AccountId, Amount, Amount), StoreError> {
    let account = AccountId { kind: parsed(row, 0, "name")?, asset: parsed(row, 1, "asset")? };
    Ok((account, parsed(row, 2, "debits")?, parsed(row, 3, "credits")?))
}

impl Tables {
    /// Sets the horizon, from which on nothing older is claimed, and lets go of what is kept in parts by time. It only
    /// moves ahead.
    pub(crate) fn set_horizon(&mut self, until: Timestamp) -> Result<(), StoreError> {
        let insert = "INSERT INTO pruned (id, until, payments, transfers, is_open) VALUES (?1, ?2, 0, 0, 0) \
             ON CONFLICT (id) DO UPDATE SET until = excluded.until WHERE pruned.until < excluded.until";
        self.connection.begin()?;
        self.connection.write(insert, params![1, until.unix_millis()])?;
        self.connection.drop_parts("responses", until.unix_millis())?;
        self.connection.commit()
    }

    /// Takes those of these payments out that may leave, with their transfers, and the responses of all `answered`
    /// ones; carries forward what the transfers add up to. All of it or nothing.
    pub(crate) fn take_out(
        &mut self,
        payments: &[PaymentId],
        answered: &[PaymentId],
    ) -> Result<Result<TakenOut, Unsound>, StoreError> {
        self.connection.begin()?;
        let Some(before) = self.connection.one(PRUNED, &[], pruned)? else {
            return Err(StoreError::Fault("rows are to leave, and no horizon was set".to_owned()));
        };
        let taken = match self.leaving(payments, before)? {
            Ok((leaving, carried)) => {
                self.write_out(&leaving, &carried, before)?;
                Ok(TakenOut { payments: carried.payments, transfers: carried.transfers })
            }
            Err(unsound) => Err(unsound),
        };
        for payment in answered {
            self.connection.write("DELETE FROM responses WHERE payment = ?1", params![payment.as_bytes()])?;
        }
        self.connection.commit()?;
        Ok(taken)
    }

    /// Which payments leave with which transfers, as they stand now, and what these add up to.
    fn leaving(&mut self, payments: &[PaymentId], before: Pruned) -> Result<Result<Leaving, Unsound>, StoreError> {
        let mut shelf = Shelf::default();
        let mut wanted = Wanted::default();
        wanted.payments.extend(payments);
        wanted.transfers.extend(payments.iter().flat_map(|payment| transfers_of(*payment)));
        if payments.is_empty() {
            return Ok(Ok(Leaving::default()));
        }
        self.load(&wanted, &mut shelf)?;
        // A number that left would be given again, were it the last.
        let newest = "SELECT payment FROM transfers ORDER BY sequence DESC LIMIT 1";
        let newest = self.connection.one(newest, &[], |row| row.get::<Option<[u8; 16]>>(0))?.flatten();
        let newest = newest.map(PaymentId::from_bytes);
        let horizon = before.until.unwrap_or(Timestamp::from_unix_millis(i64::MIN));
        let (mut leaving, mut carried) = (Vec::new(), CarriedForward::default());
        for payment in shelf.payments.present() {
            if !may_leave(payment, horizon) || newest == Some(payment.id) {
                continue;
            }
            let made =
                transfers_of(payment.id).into_iter().filter_map(|id| shelf.transfers.get(&id).ok().flatten().cloned());
            let made: Vec<Transfer> = made.collect();
            if let Err(unsound) = carried.add(payment, &made) {
                return Ok(Err(unsound));
            }
            leaving.push((payment.id, made));
        }
        Ok(Ok((leaving, carried)))
    }

    fn write_out(
        &mut self,
        leaving: &[(PaymentId, Vec<Transfer>)],
        carried: &CarriedForward,
        before: Pruned,
    ) -> Result<(), StoreError> {
        if leaving.is_empty() {
            return Ok(());
        }
        let books = &self.connection;
        books.write("UPDATE pruned SET is_open = 1 WHERE id = ?1", params![1])?;
        let carry = "INSERT INTO carried (account, debits, credits) VALUES (?1, ?2, ?3) \
             ON CONFLICT (account) DO UPDATE SET debits = excluded.debits, credits = excluded.credits";
        for (account, (debits, credits)) in with_those_before(books, carried)? {
            let row = row_of(books, &mut self.account_rows, &account)?;
            books.write(carry, params![row, debits.to_string(), credits.to_string()])?;
        }
        for (payment, transfers) in leaving {
            for transfer in transfers {
                books.write("DELETE FROM transfers WHERE id = ?1", params![transfer.id.0])?;
            }
            books.write("DELETE FROM payments WHERE id = ?1", params![payment.as_bytes()])?;
        }
        let count = |before: u64, more: u64| i64::try_from(before.saturating_add(more)).unwrap_or(i64::MAX);
        let shut = "UPDATE pruned SET payments = ?2, transfers = ?3, is_open = 0 WHERE id = ?1";
        let (payments, transfers) = (before.payments, before.transfers);
        books.write(shut, params![1, count(payments, carried.payments), count(transfers, carried.transfers)])
    }
}

/// What an account was debited and credited with by all that left.
type Sums = (AccountId, (Amount, Amount));
type Leaving = (Vec<(PaymentId, Vec<Transfer>)>, CarriedForward);

/// What is carried forward with what was before, of every account that this changes.
fn with_those_before(books: &Connection, carried: &CarriedForward) -> Result<Vec<Sums>, StoreError> {
    let sql = "SELECT c.debits, c.credits FROM carried c JOIN accounts a ON a.id = c.account \
         WHERE a.name = ?1 AND a.asset = ?2";
    let mut before: HashMap<AccountId, (Amount, Amount)> = HashMap::new();
    let mut lookups = Lookups::default();
    let key = |id: &AccountId| -> Vec<Value> { vec![id.kind.to_string().into(), id.asset.to_string().into()] };
    let read = |row: &Row<'_>| Ok((parsed(row, 0, "debits")?, parsed(row, 1, "credits")?));
    lookups.add(sql, carried.sums.keys().cloned(), key, read, |_, id, found| {
        before.extend(found.into_iter().next().map(|sums| (id, sums)));
        Ok(())
    });
    books.look_up(lookups, &mut Shelf::default())?;
    let too_large = || StoreError::Fault("what is carried forward is more than an account can hold".to_owned());
    let all = carried.sums.iter().map(|(id, (debits, credits))| {
        let (debits_before, credits_before) = before.get(id).copied().unwrap_or_default();
        let debits = debits.checked_add(debits_before).ok_or_else(too_large)?;
        let credits = credits.checked_add(credits_before).ok_or_else(too_large)?;
        Ok((id.clone(), (debits, credits)))
    });
    all.collect()
}
