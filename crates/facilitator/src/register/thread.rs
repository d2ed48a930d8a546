use std::path::Path;
use std::thread;

use farthing_dialects::x402::facilitator::CatalogueItem;
use farthing_rail::ProofKey;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::{End, Entry, Found, RegisterError, rows};

/// So much is made durable at once.
const MOST_AT_ONCE: usize = 1024;

pub(super) type Answer<T> = oneshot::Sender<Result<T, RegisterError>>;

#[derive(Debug)]
pub(super) enum Job {
    Begin(Entry, Answer<Found>),
    End(ProofKey, End, Answer<()>),
    Tell(ProofKey, String, Answer<bool>),
    List(CatalogueItem, Answer<()>),
    Listed(Answer<Vec<CatalogueItem>>),
}

impl From<rusqlite::Error> for RegisterError {
    fn from(error: rusqlite::Error) -> Self {
        Self(error.to_string())
    }
}

/// Opens the file and starts the thread that owns it, until the last handle is gone.
pub(super) fn start(path: &Path) -> Result<mpsc::UnboundedSender<Job>, RegisterError> {
    let connection = rows::open(path)?;
    let (sender, receiver) = mpsc::unbounded_channel();
    let builder = thread::Builder::new().name("facilitator-register".to_owned());
    builder.spawn(move || run(connection, receiver)).map_err(|error| RegisterError(error.to_string()))?;
    Ok(sender)
}

fn run(mut connection: Connection, mut jobs: mpsc::UnboundedReceiver<Job>) {
    let mut waiting = Vec::new();
    while jobs.blocking_recv_many(&mut waiting, MOST_AT_ONCE) > 0 {
        let mut answers = Vec::with_capacity(waiting.len());
        let committed = commit(&mut connection, waiting.drain(..), &mut answers);
        for answer in answers {
            answer(committed.clone());
        }
    }
}

/// Tells one job's outcome, once it is known whether it is durable.
type Telling = Box<dyn FnOnce(Result<(), RegisterError>)>;

fn commit(
    connection: &mut Connection,
    jobs: impl Iterator<Item = Job>,
    answers: &mut Vec<Telling>,
) -> Result<(), RegisterError> {
    let transaction = connection.transaction()?;
    for job in jobs {
        answers.push(match job {
            Job::Begin(entry, answer) => telling(answer, rows::begin(&transaction, &entry)),
            Job::End(proof, end, answer) => telling(answer, rows::end(&transaction, &proof, &end)),
            Job::Tell(proof, name, answer) => telling(answer, rows::tell(&transaction, &proof, &name)),
            Job::List(item, answer) => telling(answer, rows::list(&transaction, &item)),
            Job::Listed(answer) => telling(answer, rows::listed(&transaction)),
        });
    }
    Ok(transaction.commit()?)
}

fn telling<T: 'static>(answer: Answer<T>, done: rusqlite::Result<T>) -> Telling {
    Box::new(move |committed| {
        // Whoever asked may have gone; what is written stays written.
        let _ = answer.send(committed.and_then(|()| Ok(done?)));
    })
}
