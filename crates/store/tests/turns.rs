//! Several processes over one file: each comes to its end, and nobody waits for the dead. In which order they have their
//! turns is tested beside the code. The children are this very test program, started again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]
#![allow(clippy::disallowed_methods, reason = "its child processes are told what to do by their environment")]

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use farthing_books::budget::{Reservation, ReserveOutcome};
use farthing_books::testing::samples::reservation;
use farthing_store::{AuditFilter, Books, Sharing};

const BOOKS: &str = "FARTHING_TEST_BOOKS";
const NUMBER: &str = "FARTHING_TEST_NUMBER";

/// How many reservations each process makes, one after the other.
const EACH: u32 = 200;

struct Process {
    child: Child,
    said: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// One that has the file open and waits to be told.
    fn start(books: &Path, number: u32) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["child_that_reserves", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
            .env(BOOKS, books)
            .env(NUMBER, number.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut started = Self { child, said };
        started.until("ready");
        started
    }

    fn go(&mut self) {
        writeln!(self.child.stdin.as_mut().unwrap(), "go").unwrap();
    }

    fn until(&mut self, word: &str) {
        assert!(self.said.by_ref().map_while(Result::ok).any(|line| line == word), "it never said {word}");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "the body of a child process"]
fn child_that_reserves() {
    let number: u32 = std::env::var(NUMBER).unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let books = Books::open(Path::new(&std::env::var_os(BOOKS).unwrap()), Sharing::Shared).unwrap();
        println!("\nready");
        std::io::stdin().read_line(&mut String::new()).unwrap();
        for made in 0..EACH {
            let wanted = reservation(number * EACH + made, 1, &[("all/total", u64::MAX)]);
            let wanted = Reservation { wallet: format!("process-{number}"), ..wanted };
            assert_eq!(books.reserve(wanted).await.unwrap(), ReserveOutcome::Reserved);
            if made == 10 {
                println!("under way");
            }
        }
        println!("done");
    });
}

#[test]
fn processes_that_write_at_once_all_come_to_their_end_and_a_killed_one_holds_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("budgets.db");
    let mut processes: Vec<_> = (0..4).map(|number| Process::start(&path, number)).collect();
    processes.iter_mut().for_each(Process::go);
    let mut doomed = processes.pop().unwrap();
    doomed.until("under way");
    drop(doomed);
    for process in &mut processes {
        process.until("done");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let wallets: Vec<String> = runtime.block_on(async {
        let books = Books::open(&path, Sharing::ReadOnly).unwrap();
        assert_eq!(books.verify().await.unwrap().findings, Vec::<String>::new());
        let records = books.audit(AuditFilter { limit: u32::MAX, ..AuditFilter::default() }).await.unwrap();
        records.into_iter().map(|record| record.wallet).collect()
    });
    let made = |number: u32| {
        let name = format!("process-{number}");
        wallets.iter().filter(|wallet| **wallet == name).count()
    };
    assert_eq!([0, 1, 2].map(made), [usize::try_from(EACH).unwrap(); 3]);
    assert!(made(3) > 10, "what the killed one was told is there");
}
