//! One user of the server: the connection it has just now, and the batch it is in.

mod beside;
mod reading;

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rusqlite::ToSql;
use rusqlite::types::Value;

use super::address::Address;
use super::link::{ANSWER, Failure, Form, Link, Role};
use super::senders::{self, Senders};
use super::turn::{self, Became, Place, Watched};
use super::value::Given;
use super::watch::{Seen, TRUST, Watch};
use crate::StoreError;
use crate::engine::lookup::owned;

/// How long it is tried to find out what became of a commit whose answer was lost.
const INQUIRY: Duration = Duration::from_secs(4);
const PAUSE: Duration = Duration::from_millis(50);
/// How long a server that could not be reached is not asked again: whoever waited for it meanwhile is refused at once,
/// and not one after the other.
const BREATH: Duration = Duration::from_millis(500);
/// How much older than its answer a time of the server's may be to be worth anything.
const FRESH: Duration = Duration::from_secs(1);

/// One user of the server.
pub(crate) struct Session {
    address: Address,
    role: Role,
    link: RefCell<Option<Link>>,
    /// Where this process stands among those that write.
    place: Cell<Option<Place>>,
    /// Where the last batch began, when nobody heard what became of it.
    unheard: Cell<Option<Place>>,
    /// Whether others had a turn since the last batch that asked.
    others_wrote: Cell<bool>,
    watch: RefCell<Watch>,
    in_transaction: Cell<bool>,
    queue: RefCell<Vec<Alike>>,
    /// When no connection could be had, and why.
    unreached: RefCell<Option<(Instant, StoreError)>>,
    /// When the last batch that was made durable was on its way: until then others had it in their list.
    seen_alive: Cell<Option<Instant>>,
    senders: Senders,
}

/// Rows to be written by the same statement.
struct Alike {
    sql: String,
    rows: Vec<Vec<Value>>,
}

/// An array for each place of a statement.
type Columns<'a> = Vec<Vec<Given<'a>>>;

impl Session {
    /// Connects.
    pub(crate) fn open(address: &Address, role: Role) -> Result<Self, StoreError> {
        let session = Self {
            address: address.clone(),
            role,
            link: RefCell::new(None),
            place: Cell::new(None),
            unheard: Cell::new(None),
            others_wrote: Cell::new(false),
            watch: RefCell::default(),
            in_transaction: Cell::new(false),
            queue: RefCell::default(),
            unreached: RefCell::default(),
            seen_alive: Cell::new(None),
            senders: Senders::default(),
        };
        session.with_link(|_| Ok(()))?;
        Ok(session)
    }

    /// Starts a batch, when it is this process's turn. A connection that was lost meanwhile is replaced.
    pub(crate) fn begin(&self) -> Result<(), StoreError> {
        self.queue.borrow_mut().clear();
        self.unheard.set(None);
        match self.take_turn() {
            Err(Failure::Lost(_)) => self.take_turn(),
            taken => taken,
        }
        .map_err(StoreError::from)
    }

    fn take_turn(&self) -> Result<(), Failure> {
        if let Some(account) = self.senders.displaced() {
            return Err(Failure::Displaced(account));
        }
        self.using(|link| {
            let place = match self.place.get() {
                Some(place) => place,
                None => turn::enter(link, self.role == Role::Node)?,
            };
            self.in_transaction.set(true);
            let (taken, place) = match turn::take(link, place)? {
                Some(taken) => (taken, place),
                None => {
                    tracing::warn!("this process was taken for dead by others that share the books; it goes on anew");
                    link.wait(link.client.batch_execute("ROLLBACK"))?;
                    let place = turn::enter(link, self.role == Role::Node)?;
                    let taken = turn::take(link, place)?;
                    (taken.ok_or_else(|| Failure::Lost("a new process is unknown".to_owned()))?, place)
                }
            };
            if let Err(failure) = self.senders.follow(link, place.node) {
                link.wait(link.client.batch_execute("ROLLBACK"))?;
                self.in_transaction.set(false);
                turn::leave(link, place.node)?;
                return Err(failure);
            }
            // Its own count differs where it never heard what became of a batch.
            let as_left = taken.turn == place.turn + 1 && taken.batches == place.batches;
            self.others_wrote.set(self.others_wrote.get() || !as_left);
            self.place.set(Some(Place { turn: taken.turn, batches: taken.batches, ..place }));
            Ok(())
        })
    }

    /// Whether another process had its turn since this was asked before.
    pub(crate) fn others_wrote(&self) -> bool {
        self.others_wrote.replace(false)
    }

    /// A batch of nothing: others see that this process lives, and whether it stands back, and it sees who else does.
    pub(crate) fn beat(&self, stands_back: bool) -> Result<Seen, StoreError> {
        let began = Instant::now();
        let seen = self.begin().and_then(|()| {
            if stands_back {
                self.using(|link| turn::stand_back(link, self.node()))?;
            }
            let asked = Instant::now();
            let Watched { nodes, time } = self.using(turn::watched)?;
            let time = time.filter(|_| asked.elapsed() < FRESH).map(|time| (time, Instant::now()));
            self.commit()?;
            Ok((nodes, time))
        });
        match seen {
            Ok((nodes, time)) => {
                let seen = self.watch.borrow_mut().look(&nodes, self.node(), began);
                Ok(Seen { time, ..seen })
            }
            Err(error) => {
                self.abandon()?;
                Err(error)
            }
        }
    }

    pub(crate) fn bury_the_dead(&self) -> Result<bool, StoreError> {
        let dead = self.watch.borrow().dead();
        self.using(|link| dead.iter().try_for_each(|node| turn::leave(link, *node)))?;
        Ok(!dead.is_empty())
    }

    /// The number of this process among those that ever wrote; 0 before its first batch.
    pub(crate) fn node(&self) -> i64 {
        self.place.get().map_or(0, |place| place.node)
    }

    /// Until when nobody can have taken this process for dead.
    pub(crate) fn lives_until(&self) -> Option<Instant> {
        self.seen_alive.get().map(|seen| seen + TRUST)
    }

    /// Keeps a row to be written with the batch.
    pub(crate) fn write(&self, sql: &str, values: &[&dyn ToSql]) -> Result<(), StoreError> {
        let row = values.iter().map(|value| owned(*value)).collect::<Result<Vec<_>, _>>()?;
        let mut queue = self.queue.borrow_mut();
        match queue.iter_mut().find(|alike| alike.sql == sql) {
            Some(alike) => alike.rows.push(row),
            None => queue.push(Alike { sql: sql.to_owned(), rows: vec![row] }),
        }
        Ok(())
    }

    /// Sends what was written so far.
    pub(crate) fn flush(&self) -> Result<(), StoreError> {
        let queue = self.queue.take();
        Ok(self.using(|link| send(link, &queue, None))?)
    }

    /// Sends what the batch writes and makes it durable, in one round trip. When the answer is lost, it is found out
    /// what became of it.
    pub(crate) fn commit(&self) -> Result<(), StoreError> {
        let queue = self.queue.take();
        let Some(place) = self.place.get() else {
            return Err(StoreError::Fault("a batch that never began".to_owned()));
        };
        let sent = Instant::now();
        match self.using(|link| send(link, &queue, Some("COMMIT"))) {
            Ok(()) => self.seen_alive.set(Some(sent)),
            Err(Failure::Lost(why)) => self.inquire(place, &why)?,
            Err(refused) => return Err(refused.into()),
        }
        self.in_transaction.set(false);
        self.senders.committed(place.node);
        self.place.set(Some(Place { batches: place.batches + 1, ..place }));
        Ok(())
    }

    /// Finds out whether a batch whose end nobody heard of is in the books, unless that takes too long.
    fn inquire(&self, place: Place, why: &str) -> Result<(), StoreError> {
        tracing::warn!(why, "the answer to a commit is lost; the database is asked what became of it");
        self.unheard.set(Some(place));
        let started = Instant::now();
        let became = loop {
            match self.became() {
                Err(error) if started.elapsed() > INQUIRY => return Err(error),
                Err(_) => std::thread::sleep(PAUSE),
                Ok(became) => break became,
            }
        };
        match became {
            Became::Durable => {
                // Others may have had their turn.
                self.place.set(Some(Place { turn: -1, ..place }));
                Ok(())
            }
            Became::Lost => Err(StoreError::Interrupted(format!("the connection was lost before the commit: {why}"))),
            Became::Unknown => Err(StoreError::Unavailable(format!("the end of a batch is not known: {why}"))),
        }
    }

    /// What became of the last batch, which failed. Taking the turn waits until a lost connection's transaction has
    /// ended in one way or the other.
    pub(crate) fn became(&self) -> Result<Became, StoreError> {
        match self.unheard.get() {
            Some(place) => Ok(place.became(self.using(|link| turn::batches(link, place))?)),
            None => Ok(Became::Lost),
        }
    }

    /// A batch that takes accounts to send from, all or none, for as long as this process is known to the others.
    pub(crate) fn send_from(&self, names: &[String]) -> Result<(), StoreError> {
        self.begin()?;
        if let Some(taken) = self.using(|link| senders::take(link, names, self.node()))? {
            return Err(StoreError::AccountTaken(taken));
        }
        self.commit()?;
        self.senders.keep(names);
        Ok(())
    }

    /// An account that another sends from by now: this process was taken for dead, and is over.
    pub(crate) fn displaced(&self) -> Option<String> {
        self.senders.displaced()
    }

    /// Ends a transaction without a trace.
    pub(crate) fn abandon(&self) -> Result<(), StoreError> {
        self.queue.borrow_mut().clear();
        // The turn was taken and given back without a change of the books.
        self.place.set(self.place.get().map(|place| Place { turn: -1, ..place }));
        let had_begun = self.in_transaction.replace(false);
        if self.link.borrow().is_none() || !had_begun {
            return Ok(());
        }
        match self.using(|link| link.wait(link.client.batch_execute("ROLLBACK"))) {
            // What is lost is rolled back.
            Ok(()) | Err(Failure::Lost(_) | Failure::Unreached(_)) => Ok(()),
            Err(refused) => Err(refused.into()),
        }
    }

    /// Says that this process writes no more, so that nobody waits for it.
    pub(crate) fn finish(&self) -> Result<(), StoreError> {
        let Some(place) = self.place.take() else {
            return Ok(());
        };
        Ok(self.using(|link| turn::leave(link, place.node))?)
    }

    /// Several statements at once, without values.
    pub(crate) fn run(&self, statements: &str) -> Result<(), StoreError> {
        self.with_link(|link| link.wait_long(link.client.batch_execute(statements)))
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    fn with_link<T>(&self, work: impl FnOnce(&Link) -> Result<T, Failure>) -> Result<T, StoreError> {
        Ok(self.using(work)?)
    }

    /// Works with the connection, or a new one; one that turns out to be lost is thrown away.
    fn using<T>(&self, work: impl FnOnce(&Link) -> Result<T, Failure>) -> Result<T, Failure> {
        let mut held = self.link.borrow_mut();
        let is_lost = held.as_ref().is_none_or(|link| link.client.is_closed());
        if is_lost {
            *held = None;
            if self.in_transaction.replace(false) {
                return Err(Failure::Lost("the server closed it".to_owned()));
            }
        }
        let link = match held.take() {
            Some(link) => link,
            None => self.connect()?,
        };
        let asked = Instant::now();
        let done = work(&link);
        match &done {
            Err(Failure::Lost(why)) => {
                self.in_transaction.set(false);
                if asked.elapsed() >= ANSWER {
                    *self.unreached.borrow_mut() = Some((Instant::now(), StoreError::Unavailable(why.clone())));
                }
            }
            _ => *held = Some(link),
        }
        done
    }

    /// A new connection. Where none could be had a moment ago, none is tried for.
    fn connect(&self) -> Result<Link, Failure> {
        if let Some((when, why)) = &*self.unreached.borrow()
            && when.elapsed() < BREATH
        {
            return Err(Failure::Unreached(why.clone()));
        }
        let opened = Link::open(&self.address, self.role);
        *self.unreached.borrow_mut() = opened.as_ref().err().map(|error| (Instant::now(), error.clone()));
        opened.map_err(Failure::Unreached)
    }
}

/// All that a batch writes, and its end, without waiting in between. After an error the server ignores what follows,
/// and the commit with it.
fn send(link: &Link, queue: &[Alike], end: Option<&str>) -> Result<(), Failure> {
    let mut statements = Vec::with_capacity(queue.len());
    for alike in queue {
        statements.push(link.prepared(Form::Write, &alike.sql)?);
    }
    let columns: Vec<_> = queue.iter().map(|alike| columns(&alike.rows)).collect();
    link.wait(async {
        let writes = statements.iter().zip(&columns).map(|(statement, columns)| {
            let given: Vec<&(dyn tokio_postgres::types::ToSql + Sync)> =
                columns.iter().map(|column| column as _).collect();
            async move { link.client.execute(statement, &given).await }
        });
        let end = async {
            match end {
                Some(end) => link.client.batch_execute(end).await,
                None => Ok(()),
            }
        };
        let (written, ended) = tokio::join!(biased; join_all(writes), end);
        for write in written {
            write?;
        }
        ended
    })
}

fn columns(rows: &[Vec<Value>]) -> Columns<'_> {
    let width = rows.first().map_or(0, Vec::len);
    (0..width).map(|place| rows.iter().filter_map(|row| row.get(place)).map(Given).collect()).collect()
}
