use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;

use super::*;

const BOOKS: &str = "FARTHING_TEST_BOOKS";

impl Turns {
    fn with_patience(books: &Path, patience: Duration) -> Self {
        let mut turns = Self::at(books).unwrap();
        turns.patience = patience;
        turns
    }
}

/// Returns when a process waits for a turn that another has: nobody else can become next then.
fn until_one_waits(books: &Path) {
    let next = private(&beside(books, ".next")).unwrap();
    while taken(next.try_lock()).unwrap() {
        next.unlock().unwrap();
        thread::yield_now();
    }
}

#[test]
fn a_turn_that_nobody_has_is_taken_without_waiting_and_one_that_somebody_has_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let books = folder.path().join("books.db");
    let patience = Duration::from_millis(20);
    let [mut one, mut two] = [(); 2].map(|()| Turns::with_patience(&books, patience));
    for _ in 0..3 {
        drop(one.take().unwrap());
        drop(two.take().unwrap());
    }
    let held = one.take().unwrap();
    let refused = two.take().err().unwrap();
    assert!(matches!(refused, StoreError::Held { .. }), "{refused}");
    drop(held);
    two.patience = PATIENCE;
    drop(two.take().unwrap());
}

#[test]
fn whoever_was_served_comes_after_whoever_waits() {
    let folder = tempfile::tempdir().unwrap();
    let books = folder.path().join("books.db");
    let (served, order) = channel();
    let mut greedy = Turns::at(&books).unwrap();
    let first = greedy.take().unwrap();
    let patient = {
        let (mut turns, served) = (Turns::at(&books).unwrap(), served.clone());
        thread::spawn(move || {
            let turn = turns.take().unwrap();
            served.send("patient").unwrap();
            drop(turn);
        })
    };
    until_one_waits(&books);
    drop(first);
    let second = greedy.take().unwrap();
    served.send("greedy").unwrap();
    drop(second);
    patient.join().unwrap();
    assert_eq!(order.try_iter().collect::<Vec<_>>(), ["patient", "greedy"]);
}

#[test]
fn a_turn_that_comes_after_patience_ended_goes_to_whoever_wants_it() {
    let folder = tempfile::tempdir().unwrap();
    let books = folder.path().join("books.db");
    let [mut holder, mut third] = [(); 2].map(|()| Turns::at(&books).unwrap());
    let mut hasty = Turns::with_patience(&books, Duration::from_millis(20));
    let held = holder.take().unwrap();
    assert!(hasty.take().is_err());
    drop(held);
    drop(third.take().unwrap());
    // It left the queue, and can come back to it.
    hasty.patience = PATIENCE;
    drop(hasty.take().unwrap());
    drop(hasty);
    drop(third.take().unwrap());
}

/// Not a test: takes its turn and keeps it until it is killed.
#[test]
#[ignore = "the body of a child process"]
#[allow(clippy::disallowed_methods, reason = "a child process is told what to do by its environment")]
fn child_that_keeps_its_turn() {
    let _turn = Turns::at(Path::new(&std::env::var_os(BOOKS).unwrap())).unwrap().take().unwrap();
    println!("has it");
    loop {
        thread::park();
    }
}

#[test]
fn a_killed_process_passes_its_turn_on() {
    let folder = tempfile::tempdir().unwrap();
    let books = folder.path().join("books.db");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["engine::sqlite::turns::tests::child_that_keeps_its_turn", "--exact", "--ignored", "--nocapture"])
        .env(BOOKS, &books)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(said.any(|line| line.contains("has it")));
    let waiting = {
        let mut turns = Turns::at(&books).unwrap();
        thread::spawn(move || turns.take().map(drop))
    };
    until_one_waits(&books);
    child.kill().unwrap();
    child.wait().unwrap();
    waiting.join().unwrap().unwrap();
}
