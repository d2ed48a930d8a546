//! What is bought with a session, from before its credential leaves until the server's answer is known.

use farthing_money::Amount;
use farthing_protocol::{Challenge, Timestamp};
use farthing_store::{Found, Statements, StoreError};
use rusqlite::types::Value;
use rusqlite::{ToSql, params};

use super::rows::{amount, stored, unreadable};
use super::{KeptSession, Owner, Sessions, SessionsError};
use crate::outgoing::Fingerprint;

/// What a credential does with its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Opens it, and pays for the request that carries it.
    Open,
    /// Adds to its deposit.
    TopUp,
    /// Pays for a request.
    Voucher,
}

/// One credential that may have left.
#[derive(Clone, Debug)]
pub(crate) struct Purchase {
    pub(crate) id: [u8; 16],
    pub(crate) session: i64,
    pub(crate) kind: Kind,
    pub(crate) fingerprint: Fingerprint,
    /// Whose it is; nobody's once its outcome is unknown, so that the same call takes it up again.
    pub(crate) owner: Option<Owner>,
    /// The total that it signs for; of a top-up, what it adds to the deposit.
    pub(crate) total: Amount,
    /// What it adds to what was signed for.
    pub(crate) added: Amount,
    /// What would be sent again, under the wallet's seal.
    pub(crate) sealed: Vec<u8>,
    pub(crate) at: Timestamp,
}

/// A total about to be signed for, counted from what the file said when it was computed.
#[derive(Clone, Debug)]
pub(crate) struct Raise {
    pub(crate) session: i64,
    /// What was signed for and free by then; whoever finds something else computes again.
    pub(crate) from: (Amount, Amount),
    pub(crate) total: Amount,
    pub(crate) challenge: Challenge,
    pub(crate) url: String,
    pub(crate) at: Timestamp,
}

/// What a server said of a session, as far as it can be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) accepted: Amount,
    pub(crate) spent: Amount,
}

const COLUMNS: &str = "id, session, kind, fingerprint, owner, total, added, sealed, at";

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::TopUp => "top-up",
            Self::Voucher => "voucher",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::Open, Self::TopUp, Self::Voucher].into_iter().find(|kind| kind.as_str() == word)
    }
}

impl Sessions {
    /// Writes a total down, with the purchase it is for; durable when this returns. False when the session has
    /// moved on meanwhile: what was signed then never leaves, and is signed anew for another total.
    pub(crate) async fn raise(&self, raise: Raise, purchase: Option<Purchase>) -> Result<bool, SessionsError> {
        self.write(move |file| {
            let (signed, free) = raise.from;
            let raised = file.execute(
                "UPDATE wallet_sessions SET signed = ?1, free = ?2, challenge = ?3, url = ?4, used_at = ?5 \
                 WHERE id = ?6 AND signed = ?7 AND free = ?8 AND state = 'open' AND deposit >= ?1",
                params![
                    stored(raise.total),
                    stored(Amount::ZERO),
                    raise.challenge.to_header(),
                    raise.url,
                    raise.at.unix_millis(),
                    raise.session,
                    stored(signed),
                    stored(free),
                ],
            )?;
            if let Some(purchase) = purchase.filter(|_| raised == 1) {
                insert(file, &purchase)?;
            }
            Ok(raised == 1)
        })
        .await
    }

    /// The purchases of a call that nobody is at work on any more, the oldest first.
    pub(crate) async fn left_behind(
        &self,
        wallet: &str,
        fingerprint: Fingerprint,
    ) -> Result<Vec<Purchase>, SessionsError> {
        let key = vec![wallet.to_owned().into(), fingerprint.0.to_vec().into()];
        self.abandoned("wallet = ?1 AND fingerprint = ?2 ORDER BY at", key).await
    }

    /// The openings and top-ups of a session that nobody is at work on any more.
    pub(crate) async fn half_done(&self, session: i64) -> Result<Vec<Purchase>, SessionsError> {
        self.abandoned("session = ?1 AND kind != 'voucher' ORDER BY at", vec![session.into()]).await
    }

    async fn abandoned(&self, of: &'static str, key: Vec<Value>) -> Result<Vec<Purchase>, SessionsError> {
        let found = self.read(move |file| {
            let key: Vec<&dyn ToSql> = key.iter().map(|value| value as _).collect();
            file.many(&format!("SELECT {COLUMNS} FROM wallet_purchases WHERE {of}"), &key, read)
        });
        let mut abandoned = Vec::new();
        for purchase in found.await? {
            let is_nobodys = match &purchase.owner {
                Some(owner) => self.is_gone(owner).await?,
                None => true,
            };
            if is_nobodys {
                abandoned.push(purchase);
            }
        }
        Ok(abandoned)
    }

    /// Takes over a purchase that nobody is at work on, for a call; false when another was quicker.
    pub(crate) async fn adopt(
        &self,
        purchase: &Purchase,
        (fingerprint, sealed): (Fingerprint, Vec<u8>),
        owner: &Owner,
    ) -> Result<bool, SessionsError> {
        let (id, before) = (purchase.id, purchase.owner.as_ref().map(|owner| owner.name().to_owned()));
        let now = owner.name().to_owned();
        self.write(move |file| {
            let sql = "UPDATE wallet_purchases SET owner = ?1, fingerprint = ?2, sealed = ?3 \
                 WHERE id = ?4 AND owner IS NOT DISTINCT FROM ?5";
            Ok(file.execute(sql, params![now, fingerprint.0, sealed, id, before])? == 1)
        })
        .await
    }

    /// Says that nobody knows what became of a purchase: the same call takes it up again.
    pub(crate) async fn leave(&self, purchase: [u8; 16]) -> Result<(), SessionsError> {
        self.write(move |file| {
            file.execute("UPDATE wallet_purchases SET owner = NULL WHERE id = ?1", params![purchase]).map(drop)
        })
        .await
    }

    /// A purchase is over. What the server said of the session is kept; what it says is free can pay for the
    /// next purchase, unless others are under way or `keep_free` is false.
    pub(crate) async fn conclude(
        &self,
        session: i64,
        purchase: Option<[u8; 16]>,
        told: Option<Told>,
        keep_free: bool,
    ) -> Result<(), SessionsError> {
        self.write(move |file| {
            if let Some(purchase) = purchase {
                file.execute("DELETE FROM wallet_purchases WHERE id = ?1", params![purchase])?;
            }
            let Some(told) = told else { return Ok(()) };
            let known =
                file.one("SELECT spent FROM wallet_sessions WHERE id = ?1", params![session], |row| row.get(0))?;
            let known: String =
                known.ok_or_else(|| StoreError::Unavailable(format!("there is no session {session}")))?;
            // Answers of calls at once may overtake each other, and what an older one shows as free is spent by now.
            let is_overtaken = purchase.is_some() && stored(told.spent) < known;
            // Whoever has seen the newest total knows best, also that less was delivered than was held.
            file.execute(
                "UPDATE wallet_sessions SET spent = CASE WHEN signed = ?3 OR spent < ?1 THEN ?1 ELSE spent END \
                 WHERE id = ?2 AND signed >= ?1 AND state != 'closed'",
                params![stored(told.spent), session, stored(told.accepted)],
            )?;
            let others = "SELECT count(*) FROM wallet_purchases WHERE session = ?1";
            let others = file.one(others, params![session], |row| row.get::<i64>(0))?;
            if keep_free && others == Some(0) && !is_overtaken {
                set_free(file, session, told)?;
            }
            Ok(())
        })
        .await
    }
}

/// Only a server that has the newest total knows what of it is free.
fn set_free(file: &Statements<'_>, session: i64, told: Told) -> Result<(), StoreError> {
    let free = told.accepted.checked_sub(told.spent).unwrap_or(Amount::ZERO);
    let sql = "UPDATE wallet_sessions SET free = ?1 WHERE id = ?2 AND signed = ?3 AND spent = ?4";
    let key = params![stored(free), session, stored(told.accepted), stored(told.spent)];
    file.execute(sql, key).map(drop)
}

pub(super) fn insert(file: &Statements<'_>, purchase: &Purchase) -> Result<(), StoreError> {
    let sql = "INSERT INTO wallet_purchases (id, session, wallet, kind, fingerprint, owner, total, added, sealed, at) \
        VALUES (?1, ?2, (SELECT wallet FROM wallet_sessions WHERE id = ?2), ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    file.execute(
        sql,
        params![
            purchase.id,
            purchase.session,
            purchase.kind.as_str(),
            purchase.fingerprint.0,
            purchase.owner.as_ref().map(Owner::name),
            stored(purchase.total),
            stored(purchase.added),
            purchase.sealed,
            purchase.at.unix_millis(),
        ],
    )
    .map(drop)
}

fn read(row: &Found<'_>) -> Result<Purchase, StoreError> {
    let kind: String = row.get(2)?;
    Ok(Purchase {
        id: row.get(0)?,
        session: row.get(1)?,
        kind: Kind::from_word(&kind).ok_or_else(|| unreadable(2, "a kind"))?,
        fingerprint: Fingerprint(row.get(3)?),
        owner: row.get::<Option<String>>(4)?.map(Owner::named),
        total: amount(row, 5)?,
        added: amount(row, 6)?,
        sealed: row.get(7)?,
        at: Timestamp::from_unix_millis(row.get(8)?),
    })
}

impl KeptSession {
    /// The next total that pays so much more, and what of it is new: what the server said is free is used first.
    /// `least` is the least that a total may add, if it adds anything. `None` when no total is that large.
    pub(crate) fn next_total(&self, needed: Amount, least: Amount) -> Option<(Amount, Amount)> {
        let added = needed.checked_sub(self.free).unwrap_or(Amount::ZERO);
        let added = if added.is_zero() { added } else { added.max(least) };
        Some((self.signed.checked_add(added)?, added))
    }
}
