//! The beginning and the end of a session.

use farthing_money::{Amount, Asset, Price};
use farthing_protocol::{Challenge, Timestamp};
use farthing_rail::{Channel, Origin, SessionQuote};
use farthing_store::{Statements, StoreError};
use rusqlite::params;

use super::purchase::{self, Purchase};
use super::rows::{millionths, stored};
use super::{KeptDeposit, Owner, SessionState, Sessions, SessionsError};

/// A session about to be opened, before anything is reserved for it.
#[derive(Clone, Debug)]
pub(crate) struct NewSession {
    pub(crate) wallet: String,
    pub(crate) origin: Origin,
    pub(crate) method: String,
    pub(crate) terms: String,
    pub(crate) asset: Asset,
    pub(crate) payee: Option<String>,
    pub(crate) unit: Amount,
    pub(crate) unit_cost: Price,
    pub(crate) challenge: Challenge,
    pub(crate) url: String,
    pub(crate) at: Timestamp,
}

impl NewSession {
    pub(crate) fn of(quote: &SessionQuote, wallet: &str, url: &str, at: Timestamp) -> Self {
        let (method, intent) = (quote.challenge.method().as_str(), quote.challenge.intent().as_str());
        Self {
            wallet: wallet.to_owned(),
            origin: quote.origin.clone(),
            method: format!("{method}/{intent}"),
            terms: quote.terms.clone(),
            asset: quote.asset.clone(),
            payee: quote.payee.clone(),
            unit: quote.unit_amount,
            unit_cost: quote.unit_cost,
            challenge: quote.challenge.clone(),
            url: url.to_owned(),
            at,
        }
    }
}

impl Sessions {
    /// Claims the one place for a session on these terms, with the deposit that will be reserved for it.
    /// `None` when it is taken: another is opened or open.
    pub(crate) async fn begin(
        &self,
        new: NewSession,
        deposit: KeptDeposit,
        owner: &Owner,
    ) -> Result<Option<i64>, SessionsError> {
        let owner = owner.name().to_owned();
        self.write(move |file| {
            let nothing = stored(Amount::ZERO);
            let inserted = file.one(
                "INSERT INTO wallet_sessions (wallet, origin, method, terms, asset, payee, unit, unit_cost, currency, \
                 state, owner, kept, deposit, signed, free, spent, challenge, url, opened_at, used_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'opening', ?10, ?16, ?11, ?12, ?12, ?12, ?13, ?14, ?15, \
                 ?15) \
                 ON CONFLICT DO NOTHING RETURNING id",
                params![
                    new.wallet,
                    new.origin.as_str(),
                    new.method,
                    new.terms,
                    new.asset.to_string(),
                    new.payee,
                    stored(new.unit),
                    millionths(new.unit_cost),
                    new.unit_cost.currency().as_str(),
                    owner,
                    stored(deposit.amount),
                    nothing,
                    new.challenge.to_header(),
                    new.url,
                    new.at.unix_millis(),
                    Vec::<u8>::new(),
                ],
                |row| row.get(0),
            )?;
            if let Some(session) = inserted {
                add_deposit(file, session, &deposit)?;
            }
            Ok(inserted)
        })
        .await
    }

    /// Keeps the opening that was signed; durable when this returns. False when the session is this call's no more:
    /// what was signed then never leaves.
    pub(crate) async fn keep_opening(
        &self,
        channel: Channel,
        opening: Purchase,
        owner: &Owner,
    ) -> Result<bool, SessionsError> {
        let owner = owner.name().to_owned();
        self.write(move |file| {
            let sql = "UPDATE wallet_sessions SET channel = ?1, kept = ?2, signed = ?3 \
                WHERE id = ?4 AND state = 'opening' AND channel IS NULL AND owner = ?5";
            let key = params![channel.id, channel.kept, stored(channel.signed), opening.session, owner];
            let is_own = file.execute(sql, key)? == 1;
            if is_own {
                purchase::insert(file, &opening)?;
            }
            Ok(is_own)
        })
        .await
    }

    /// Its deposit is there, and it pays. It is as large as was approved, whatever a seller or a chain's node says.
    pub(crate) async fn opened(&self, session: i64) -> Result<(), SessionsError> {
        self.write(move |file| {
            file.execute(
                "UPDATE wallet_sessions SET state = 'open', owner = NULL WHERE id = ?1 AND state IN ('opening', 'lost')",
                params![session],
            )?;
            file.execute("UPDATE wallet_deposits SET standing = 'in' WHERE session = ?1", params![session]).map(drop)
        })
        .await
    }

    /// Claims the one place for an addition to a session, before anything is reserved for it; false when
    /// another is on its way or the session pays no more.
    pub(crate) async fn begin_top_up(
        &self,
        session: i64,
        deposit: KeptDeposit,
        owner: &Owner,
    ) -> Result<bool, SessionsError> {
        let owner = owner.name().to_owned();
        self.write(move |file| {
            let sql = "UPDATE wallet_sessions SET owner = ?1 WHERE id = ?2 AND state = 'open' AND NOT EXISTS \
                (SELECT 1 FROM wallet_deposits WHERE session = ?2 AND standing = 'pending')";
            let claimed = file.execute(sql, params![owner, session])? == 1;
            if claimed {
                add_deposit(file, session, &deposit)?;
            }
            Ok(claimed)
        })
        .await
    }

    /// Keeps an addition that was signed; durable when this returns. False when it is this call's no more: what was
    /// signed then never leaves.
    pub(crate) async fn keep_top_up(&self, top_up: Purchase, owner: &Owner) -> Result<bool, SessionsError> {
        let owner = owner.name().to_owned();
        self.write(move |file| {
            let sql = "SELECT count(*) FROM wallet_sessions WHERE id = ?1 AND state = 'open' AND owner = ?2 AND EXISTS \
                (SELECT 1 FROM wallet_deposits WHERE session = ?1 AND standing = 'pending')";
            let is_own = file.one(sql, params![top_up.session, owner], |row| row.get::<i64>(0))? == Some(1);
            if is_own {
                purchase::insert(file, &top_up)?;
            }
            Ok(is_own)
        })
        .await
    }

    /// The addition is in.
    pub(crate) async fn topped_up(
        &self,
        session: i64,
        top_up: Option<[u8; 16]>,
        deposit: Amount,
        kept: Vec<u8>,
    ) -> Result<(), SessionsError> {
        self.write(move |file| {
            if let Some(top_up) = top_up {
                file.execute("DELETE FROM wallet_purchases WHERE id = ?1", params![top_up])?;
            }
            file.execute(
                "UPDATE wallet_sessions SET owner = NULL, kept = ?2, \
                 deposit = CASE WHEN deposit < ?1 THEN ?1 ELSE deposit END WHERE id = ?3",
                params![stored(deposit), kept, session],
            )?;
            file.execute("UPDATE wallet_deposits SET standing = 'in' WHERE session = ?1", params![session]).map(drop)
        })
        .await
    }

    /// It has ended, and so much of it was spent.
    pub(crate) async fn ended(&self, session: i64, spent: Amount, reason: &str) -> Result<(), SessionsError> {
        let reason = reason.to_owned();
        self.write(move |file| {
            file.execute(
                "UPDATE wallet_sessions SET state = 'closed', spent = CASE WHEN signed < ?1 THEN signed ELSE ?1 END, \
                 reason = ?2, owner = NULL WHERE id = ?3 AND state != 'closed'",
                params![stored(spent), reason, session],
            )?;
            file.execute("DELETE FROM wallet_purchases WHERE session = ?1", params![session]).map(drop)
        })
        .await
    }

    /// Moves a session on that pays no more.
    pub(crate) async fn stop(
        &self,
        session: i64,
        state: SessionState,
        reason: &str,
        collect_until: Option<Timestamp>,
    ) -> Result<(), SessionsError> {
        let reason = reason.to_owned();
        self.write(move |file| {
            file.execute(
                "UPDATE wallet_sessions SET state = ?1, reason = ?2, owner = NULL, \
                 collect_until = coalesce(?3, collect_until) WHERE id = ?4 AND state != 'closed'",
                params![state.as_str(), reason, collect_until.map(Timestamp::unix_millis), session],
            )?;
            let over = matches!(state, SessionState::Closed | SessionState::Lost);
            if over {
                file.execute("DELETE FROM wallet_purchases WHERE session = ?1", params![session])?;
            }
            Ok(())
        })
        .await
    }
}

fn add_deposit(file: &Statements<'_>, session: i64, deposit: &KeptDeposit) -> Result<(), StoreError> {
    let sql = "INSERT INTO wallet_deposits (reservation, session, amount, fee, cost, standing) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let (amount, fee, cost) = (stored(deposit.amount), stored(deposit.fee), millionths(deposit.cost));
    let standing = if deposit.is_in { "in" } else { "pending" };
    file.execute(sql, params![deposit.reservation, session, amount, fee, cost, standing]).map(drop)
}
