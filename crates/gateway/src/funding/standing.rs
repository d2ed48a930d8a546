//! Whether the books say of an account what its keeper says.

use farthing_books::bank::StatementRecord;
use farthing_books::{Account, AccountId, AccountKind};
use farthing_money::{Amount, Asset};
use farthing_store::{Books, StoreError};
use serde_json::{Value, json};

/// An account elsewhere: what its last statement closes with, and what the books make of it.
pub(crate) struct BankStanding {
    asset: Asset,
    last: StatementRecord,
    /// What the entries of all statements come to.
    confirmed: i128,
    /// What notifications showed and statements did not yet, and payouts on their way.
    clearing: i128,
    /// Statements between which another is missing.
    gaps: Vec<(String, String)>,
}

impl BankStanding {
    /// Of every account of which there is a statement.
    pub(crate) async fn read(books: &Books) -> Result<Vec<Self>, StoreError> {
        let mut standings = Vec::new();
        for asset in books.bank_accounts().await? {
            let statements = books.bank_statements(&asset).await?;
            let Some(last) = statements.last().cloned() else { continue };
            let confirmed = stands(books, AccountKind::Confirmed(last.rail.clone()), &asset).await?;
            let clearing = stands(books, AccountKind::Clearing(last.rail.clone()), &asset).await?;
            standings.push(Self { asset, last, confirmed, clearing, gaps: gaps(&statements) });
        }
        Ok(standings)
    }

    /// Whether both say the same, to the last unit.
    pub(crate) fn agrees(&self) -> bool {
        self.confirmed == self.last.statement.closing
    }

    /// As scripts read it: amounts in base units.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "rail": self.last.rail,
            "asset": self.asset.to_string(),
            "statement": self.last.statement.id,
            "closing": self.last.statement.closing.to_string(),
            "closing_display": self.shown(self.last.statement.closing),
            "confirmed": self.confirmed.to_string(),
            "confirmed_display": self.shown(self.confirmed),
            "clearing": self.clearing.to_string(),
            "clearing_display": self.shown(self.clearing),
            "agrees": self.agrees(),
            "gaps": self.gaps.iter().map(|(before, after)| json!([before, after])).collect::<Vec<_>>(),
        })
    }

    fn shown(&self, units: i128) -> String {
        let sign = if units < 0 { "-" } else { "" };
        format!("{sign}{}", self.asset.display(Amount::new(units.unsigned_abs())))
    }
}

/// Pairs of statements of which the second does not open with what the first closes with.
fn gaps(statements: &[StatementRecord]) -> Vec<(String, String)> {
    let name = |record: &StatementRecord| record.statement.id.clone();
    let pairs = statements.windows(2).filter_map(|pair| match pair {
        [before, after] if before.statement.closing != after.statement.opening => Some((name(before), name(after))),
        _ => None,
    });
    pairs.collect()
}

async fn stands(books: &Books, kind: AccountKind, asset: &Asset) -> Result<i128, StoreError> {
    let found = books.account(&AccountId::new(kind, asset)).await?;
    let signed = |amount: Amount| i128::try_from(amount.units()).unwrap_or(i128::MAX);
    let balance = |account: Account| signed(account.debits).saturating_sub(signed(account.credits));
    Ok(found.map_or(0, balance))
}
