//! Whose turn it is to write, among the processes that share the books of a schema, and who they are.
//!
//! One row is the turn: every batch begins by taking its lock, in the order in which processes came, and ends its
//! transaction with it. So there is one writer at a time, whoever it is, the server itself sees to it, and a process
//! that was held up for long cannot write beside another. The row counts the turns: whoever finds that no other had one
//! since its own may go on with the rows that it remembers.

use tokio_postgres::Row;

use super::link::{Failure, Form, Link};
use super::watch::Listed;

/// Where a process stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its number: never given twice.
    pub(crate) node: i64,
    /// How many batches it wrote.
    pub(crate) batches: i64,
    /// The number of the last turn that it had; -1 where what it remembers is not to be trusted.
    pub(crate) turn: i64,
}

/// What became of a batch whose end nobody heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Became {
    /// It is in the books.
    Durable,
    /// Nothing of it was written.
    Lost,
    /// Nobody can say: the process was taken for dead meanwhile, and whoever did recovered what it was at.
    Unknown,
}

impl Place {
    /// What became of the batch that began here, by how many this process wrote as the books have it now. It wrote no
    /// other since.
    pub(crate) fn became(self, batches: Option<i64>) -> Became {
        match batches {
            Some(batches) if batches == self.batches => Became::Lost,
            Some(_) => Became::Durable,
            None => Became::Unknown,
        }
    }
}

/// A turn that was taken.
pub(super) struct Taken {
    /// Its number.
    pub(super) turn: i64,
    /// How many batches this process wrote before.
    pub(super) batches: i64,
}

/// What a beat finds.
pub(super) struct Watched {
    /// Those that are watched.
    pub(super) nodes: Vec<Listed>,
    /// The server's time of day, in milliseconds since 1970 UTC.
    pub(super) time: Option<i64>,
}

pub(crate) const ENTER: &str = "INSERT INTO nodes (batches, watched) VALUES (0, ?1) RETURNING node";
/// Visitors say nothing when they go: of those that came so long before, the few that still write come in anew.
const FORGET: &str = "DELETE FROM nodes WHERE watched = 0 AND node < ?1";
/// So many that came later, and a visitor is forgotten.
const REMEMBERED: i64 = 10_000;
pub(crate) const TAKE: &str = "UPDATE turn SET number = number + 1 RETURNING number";
pub(crate) const COUNT: &str = "UPDATE nodes SET batches = batches + 1 WHERE node = ?1 RETURNING batches";
const WAIT: &str = "SELECT number FROM turn FOR UPDATE";
pub(crate) const BATCHES: &str = "SELECT batches FROM nodes WHERE node = ?1";
const WATCHED: &str = "SELECT node, batches, stands_back, (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT \
     FROM nodes WHERE watched = 1";
pub(crate) const STAND_BACK: &str = "UPDATE nodes SET stands_back = 1 WHERE node = ?1 AND stands_back = 0";
pub(crate) const LEAVE: &str = "DELETE FROM nodes WHERE node = ?1";

/// Becomes one of those that write; others look whether it lives if it is watched.
pub(super) fn enter(link: &Link, is_watched: bool) -> Result<Place, Failure> {
    let statement = link.prepared(Form::Single, ENTER)?;
    let row = link.wait(link.client.query_one(&statement, &[&i64::from(is_watched)]))?;
    let node: i64 = row.try_get(0)?;
    if !is_watched {
        let statement = link.prepared(Form::Single, FORGET)?;
        link.wait(link.client.execute(&statement, &[&(node - REMEMBERED)]))?;
    }
    Ok(Place { node, batches: 0, turn: -1 })
}

/// Begins a transaction and takes the turn, in one round trip; nothing when there is no such process any more.
pub(super) fn take(link: &Link, place: Place) -> Result<Option<Taken>, Failure> {
    let (take, count) = (link.prepared(Form::Single, TAKE)?, link.prepared(Form::Single, COUNT)?);
    let (begun, turn, counted) = link.wait(async {
        let begin = link.client.batch_execute("BEGIN");
        let turn = link.client.query_one(&take, &[]);
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 1] = [&place.node];
        let counted = link.client.query_opt(&count, &values);
        Ok(tokio::join!(biased; begin, turn, counted))
    })?;
    begun?;
    let turn: i64 = turn?.try_get(0)?;
    let counted = counted?.as_ref().map(first).transpose()?;
    Ok(counted.map(|batches| Taken { turn, batches: batches - 1 }))
}

/// How many batches a process wrote, once nobody is at one; nothing when there is no such process any more.
pub(super) fn batches(link: &Link, place: Place) -> Result<Option<i64>, Failure> {
    let (wait, batches) = (link.prepared(Form::Single, WAIT)?, link.prepared(Form::Single, BATCHES)?);
    let found = link.wait(async {
        link.client.batch_execute("BEGIN").await?;
        link.client.query_one(&wait, &[]).await?;
        let found = link.client.query_opt(&batches, &[&place.node]).await?;
        Ok(found)
    });
    if !matches!(found, Err(Failure::Lost(_))) {
        link.wait(link.client.batch_execute("ROLLBACK"))?;
    }
    found?.as_ref().map(first).transpose()
}

/// Who is watched, and what time it is there.
pub(super) fn watched(link: &Link) -> Result<Watched, Failure> {
    let statement = link.prepared(Form::Single, WATCHED)?;
    let rows = link.wait(link.client.query(&statement, &[]))?;
    let listed = |row: &Row| {
        let stands_back: i64 = row.try_get(2)?;
        Ok(Listed { node: first(row)?, batches: row.try_get(1)?, stands_back: stands_back == 1 })
    };
    let nodes = rows.iter().map(listed).collect::<Result<_, Failure>>()?;
    let time = rows.last().map(|row| row.try_get(3)).transpose()?;
    Ok(Watched { nodes, time })
}

/// Leads no more, and is watched all the same.
pub(super) fn stand_back(link: &Link, node: i64) -> Result<(), Failure> {
    let statement = link.prepared(Form::Single, STAND_BACK)?;
    link.wait(link.client.execute(&statement, &[&node])).map(|_| ())
}

/// Is none of those that write any more, by its own will or not.
pub(super) fn leave(link: &Link, node: i64) -> Result<(), Failure> {
    let statement = link.prepared(Form::Single, LEAVE)?;
    link.wait(link.client.execute(&statement, &[&node])).map(|_| ())
}

fn first(row: &Row) -> Result<i64, Failure> {
    Ok(row.try_get(0)?)
}
