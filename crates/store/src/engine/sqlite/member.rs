//! What a server does for the processes that share it, done for a simulation of them on one SQLite database.
//!
//! The statements that keep the list of processes, the turn and the counts are those of the server, and so is the watch
//! over who lives. What a server does by itself is not simulated: here nobody waits for a turn.

use std::cell::{Cell, RefCell};
use std::time::Instant;

use rusqlite::{Connection, OptionalExtension as _, ToSql};

use crate::StoreError;
use crate::engine::postgres::turn::{BATCHES, Became, COUNT, ENTER, LEAVE, Place, STAND_BACK, TAKE};
use crate::engine::postgres::watch::{Listed, Seen, TRUST, Watch};

const LIST: &str = "
    CREATE TABLE IF NOT EXISTS nodes (
        node INTEGER PRIMARY KEY AUTOINCREMENT, batches INTEGER NOT NULL, watched INTEGER NOT NULL,
        stands_back INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE IF NOT EXISTS turn (number INTEGER NOT NULL);
    INSERT INTO turn (number) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM turn);";

/// Those that are watched, without the time of day that a server adds.
const WATCHED: &str = "SELECT node, batches, stands_back FROM nodes WHERE watched = 1";

/// One process among several.
#[derive(Default)]
pub(super) struct Member {
    place: Cell<Option<Place>>,
    others_wrote: Cell<bool>,
    watch: RefCell<Watch>,
    /// When the batch under way began, and the last one that was made durable.
    began: Cell<Option<Instant>>,
    seen_alive: Cell<Option<Instant>>,
}

impl Member {
    /// A process that has not written yet.
    pub(super) fn of(rows: &Connection) -> Result<Self, StoreError> {
        rows.execute_batch(LIST)?;
        Ok(Self::default())
    }

    pub(super) fn node(&self) -> i64 {
        self.place.get().map_or(0, |place| place.node)
    }

    /// Takes the turn: as a new process, where others took this one for dead meanwhile.
    pub(super) fn begin(&self, rows: &Connection) -> Result<(), StoreError> {
        self.began.set(Some(now()));
        let place = self.place.get().map_or_else(|| enter(rows), Ok)?;
        let (taken, place) = match take(rows, place)? {
            Some(taken) => (taken, place),
            None => {
                rows.execute_batch("ROLLBACK")?;
                let place = enter(rows)?;
                let taken = take(rows, place)?;
                (taken.ok_or_else(|| StoreError::Fault("a new process is unknown".to_owned()))?, place)
            }
        };
        let (turn, batches) = taken;
        let as_left = turn == place.turn + 1 && batches == place.batches;
        self.others_wrote.set(self.others_wrote.get() || !as_left);
        self.place.set(Some(Place { turn, batches, ..place }));
        Ok(())
    }

    /// Until when nobody can have taken this process for dead.
    pub(super) fn lives_until(&self) -> Option<Instant> {
        self.seen_alive.get().map(|seen| seen + TRUST)
    }

    pub(super) fn committed(&self) {
        self.seen_alive.set(self.began.get());
        self.place.set(self.place.get().map(|place| Place { batches: place.batches + 1, ..place }));
    }

    /// What became of the last batch, which was not heard of.
    pub(super) fn became(&self, rows: &Connection) -> Result<Became, StoreError> {
        match self.place.get() {
            Some(place) => Ok(place.became(number(rows, BATCHES, &[&place.node])?)),
            None => Ok(Became::Lost),
        }
    }

    pub(super) fn abandoned(&self) {
        self.place.set(self.place.get().map(|place| Place { turn: -1, ..place }));
    }

    pub(super) fn others_wrote(&self) -> bool {
        self.others_wrote.replace(false)
    }

    /// A batch of nothing, and a look at the others.
    pub(super) fn beat(&self, rows: &Connection, stands_back: bool) -> Result<Seen, StoreError> {
        let began = now();
        self.begin(rows)?;
        if stands_back {
            rows.prepare_cached(STAND_BACK)?.execute([self.node()])?;
        }
        let nodes = watched(rows)?;
        rows.execute_batch("COMMIT")?;
        self.committed();
        Ok(self.watch.borrow_mut().look(&nodes, self.node(), began))
    }

    pub(super) fn bury_the_dead(&self, rows: &Connection) -> Result<bool, StoreError> {
        let dead = self.watch.borrow().dead();
        for node in &dead {
            rows.prepare_cached(LEAVE)?.execute([node])?;
        }
        Ok(!dead.is_empty())
    }
}

/// The time of whatever runtime there is: a simulation's passes as it likes.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

fn enter(rows: &Connection) -> Result<Place, StoreError> {
    let node = number(rows, ENTER, &[&1])?.ok_or_else(|| StoreError::Fault("no number for a process".to_owned()))?;
    Ok(Place { node, batches: 0, turn: -1 })
}

/// The turn that began, and how many batches this process wrote before; nothing when it is none of the list.
fn take(rows: &Connection, place: Place) -> Result<Option<(i64, i64)>, StoreError> {
    rows.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let turn = number(rows, TAKE, &[])?.ok_or_else(|| StoreError::Fault("there is no turn".to_owned()))?;
    Ok(number(rows, COUNT, &[&place.node])?.map(|batches| (turn, batches - 1)))
}

fn watched(rows: &Connection) -> Result<Vec<Listed>, StoreError> {
    let mut statement = rows.prepare_cached(WATCHED)?;
    let listed =
        |row: &rusqlite::Row<'_>| Ok(Listed { node: row.get(0)?, batches: row.get(1)?, stands_back: row.get(2)? });
    let found = statement.query_map([], listed)?;
    Ok(found.collect::<Result<_, _>>()?)
}

fn number(rows: &Connection, sql: &str, values: &[&dyn ToSql]) -> Result<Option<i64>, StoreError> {
    Ok(rows.prepare_cached(sql)?.query_row(values, |row| row.get(0)).optional()?)
}
