//! What was begun and never signed, or was refused and is not presented again: whose it is to let go of.
//!
//! Several processes come upon it at the same moment, and one of them lets go. First the file says whose it is, in
//! one piece with the condition that nothing is signed; then the reservation is released; then it is forgotten. Whoever
//! dies in between leaves again what was begun and never signed. Who is dead is found out before the file is asked
//! how far they came: the other way round they come further meanwhile, and what they signed would be released.

use farthing_books::budget::ReservationId;
use farthing_store::{Statements, StoreError};
use rusqlite::params;

use super::{Owner, Sessions, SessionsError};
use crate::failpoint::reach;

/// An opening, or an addition to an open session, of which nothing was signed that is on file.
const NOTHING_SIGNED: &str = "(state = 'opening' AND channel IS NULL OR state = 'open' AND NOT EXISTS \
    (SELECT 1 FROM wallet_purchases WHERE session = wallet_sessions.id AND kind = 'top-up'))";

/// Something that a call had begun and not signed when it was looked at.
#[derive(Clone, Debug)]
pub(crate) struct Begun {
    pub(super) session: i64,
    pub(super) owner: String,
}

/// An opening or an addition that is one call's to let go of, and that nobody presents.
#[derive(Debug)]
pub(crate) struct GivenUp {
    session: i64,
    owner: String,
    is_opening: bool,
    /// What was reserved for it, if it came so far.
    pub(crate) reservations: Vec<ReservationId>,
}

impl Sessions {
    /// What calls of a wallet that are no more had begun and not signed; it may be another's meanwhile.
    pub(crate) async fn never_signed(&self, wallet: &str) -> Result<Vec<Begun>, SessionsError> {
        let wallet = wallet.to_owned();
        let sql = format!(
            "SELECT id, owner FROM wallet_sessions WHERE (wallet = ?1 OR wallet LIKE ?1 || '/%') AND owner IS NOT NULL AND \
             {NOTHING_SIGNED}"
        );
        let found = self.read(move |file| {
            file.many(&sql, params![wallet], |row| Ok(Begun { session: row.get(0)?, owner: row.get(1)? }))
        });
        let mut left = Vec::new();
        for begun in found.await? {
            reach("wallet-after-unsigned-seen");
            if self.is_gone(&Owner::named(begun.owner.clone())).await? {
                left.push(begun);
            }
        }
        Ok(left)
    }

    /// Takes over what a call that is no more had begun; `None` when it had signed it after all, or another was
    /// quicker.
    pub(crate) async fn take_over(&self, begun: Begun, owner: &Owner) -> Result<Option<GivenUp>, SessionsError> {
        let owner = owner.name().to_owned();
        self.write(move |file| {
            let sql =
                format!("UPDATE wallet_sessions SET owner = ?1 WHERE id = ?2 AND owner = ?3 AND {NOTHING_SIGNED}");
            let taken = file.execute(&sql, params![owner, begun.session, begun.owner])? == 1;
            if taken { given_up(file, begun.session, owner) } else { Ok(None) }
        })
        .await
    }

    /// The same of what this very call began.
    pub(crate) async fn take_back(&self, session: i64, owner: &Owner) -> Result<Option<GivenUp>, SessionsError> {
        self.take_over(Begun { session, owner: owner.name().to_owned() }, owner).await
    }

    /// Has an opening or an addition that this call presented, and that was not taken, never be presented again;
    /// `None` when it is this call's no more.
    pub(crate) async fn give_up(
        &self,
        session: i64,
        purchase: [u8; 16],
        owner: &Owner,
    ) -> Result<Option<GivenUp>, SessionsError> {
        let owner = owner.name().to_owned();
        self.write(move |file| {
            let sql = "DELETE FROM wallet_purchases WHERE id = ?1 AND session = ?2 AND owner = ?3 AND kind = \
                (SELECT CASE state WHEN 'opening' THEN 'open' WHEN 'open' THEN 'top-up' END FROM wallet_sessions WHERE id = ?2)";
            if file.execute(sql, params![purchase, session, owner])? == 0 {
                return Ok(None);
            }
            let sql = "UPDATE wallet_sessions SET owner = ?1, channel = CASE state WHEN 'open' THEN channel END WHERE id = ?2";
            file.execute(sql, params![owner, session])?;
            given_up(file, session, owner)
        })
        .await
    }

    /// Its reservations are released: it is gone as if it had never been.
    pub(crate) async fn forget(&self, given_up: GivenUp) -> Result<(), SessionsError> {
        let GivenUp { session, owner, is_opening, reservations } = given_up;
        self.write(move |file| {
            let own = params![session, owner];
            let changed = if is_opening {
                file.execute("DELETE FROM wallet_sessions WHERE id = ?1 AND owner = ?2 AND state = 'opening'", own)?
            } else {
                file.execute("UPDATE wallet_sessions SET owner = NULL WHERE id = ?1 AND owner = ?2", own)?
            };
            for reservation in reservations.iter().filter(|_| changed == 1) {
                file.execute(
                    "DELETE FROM wallet_deposits WHERE reservation = ?1 AND standing = 'pending'",
                    params![reservation],
                )?;
            }
            Ok(())
        })
        .await
    }
}

fn given_up(file: &Statements<'_>, session: i64, owner: String) -> Result<Option<GivenUp>, StoreError> {
    let sql = "SELECT state = 'opening' FROM wallet_sessions WHERE id = ?1";
    let Some(is_opening) = file.one(sql, params![session], |row| row.get(0))? else { return Ok(None) };
    let sql = "SELECT reservation FROM wallet_deposits WHERE session = ?1 AND standing = 'pending'";
    let reservations = file.many(sql, params![session], |row| row.get(0))?;
    Ok(Some(GivenUp { session, owner, is_opening, reservations }))
}
