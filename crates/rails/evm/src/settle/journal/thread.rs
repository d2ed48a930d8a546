use std::path::Path;
use std::thread;

use alloy_primitives::{Address, B256};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::{JournalError, Purpose, Submission, rows};

/// So much is made durable at once.
const MOST_AT_ONCE: usize = 1024;

/// An answer that waits.
type Answer<T> = oneshot::Sender<Result<T, JournalError>>;

#[derive(Debug)]
pub(super) enum Job {
    Append(Vec<Submission>, Answer<()>),
    CloseBelow { chain: u64, signer: Address, nonce: u64, answer: Answer<()> },
    Read(Read, Answer<Vec<Submission>>),
}

#[derive(Debug)]
pub(super) enum Read {
    Purpose(u64, Purpose),
    Open(u64, Address),
    Last(u64, Address),
    Hash(u64, B256),
}

impl From<rusqlite::Error> for JournalError {
    fn from(error: rusqlite::Error) -> Self {
        Self(error.to_string())
    }
}

/// Opens the file and starts the thread that owns it, until the last handle is gone.
pub(super) fn start(path: &Path) -> Result<mpsc::UnboundedSender<Job>, JournalError> {
    let connection = rows::open(path)?;
    let (sender, receiver) = mpsc::unbounded_channel();
    let builder = thread::Builder::new().name("evm-journal".to_owned());
    builder.spawn(move || run(connection, receiver)).map_err(|error| JournalError(error.to_string()))?;
    Ok(sender)
}

fn run(mut connection: Connection, mut jobs: mpsc::UnboundedReceiver<Job>) {
    let mut waiting = Vec::new();
    while jobs.blocking_recv_many(&mut waiting, MOST_AT_ONCE) > 0 {
        serve(&mut connection, waiting.drain(..));
    }
}

/// Writes in one commit and answers after it; what is read sees everything asked before it.
fn serve(connection: &mut Connection, jobs: impl Iterator<Item = Job>) {
    let mut written: Vec<Answer<()>> = Vec::new();
    let mut reads = Vec::new();
    let result = commit(connection, jobs, &mut written, &mut reads);
    for answer in written {
        // Whoever asked may have gone; what is written stays written.
        let _ = answer.send(result.clone());
    }
    for (read, answer) in reads {
        let _ = answer.send(rows::find(connection, &read).map_err(JournalError::from));
    }
}

fn commit(
    connection: &mut Connection,
    jobs: impl Iterator<Item = Job>,
    written: &mut Vec<Answer<()>>,
    reads: &mut Vec<(Read, Answer<Vec<Submission>>)>,
) -> Result<(), JournalError> {
    let mut writes = Vec::new();
    for job in jobs {
        match job {
            Job::Append(submissions, answer) => {
                writes.push(rows::Write::Append(submissions));
                written.push(answer);
            }
            Job::CloseBelow { chain, signer, nonce, answer } => {
                writes.push(rows::Write::CloseBelow(chain, signer, nonce));
                written.push(answer);
            }
            Job::Read(read, answer) => reads.push((read, answer)),
        }
    }
    if writes.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction()?;
    for write in &writes {
        rows::apply(&transaction, write)?;
    }
    Ok(transaction.commit()?)
}
