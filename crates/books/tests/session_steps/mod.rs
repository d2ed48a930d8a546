//! Books with a session, taken step by step; after each one they are added up again.

#![allow(dead_code, unreachable_pub, reason = "a module of several tests")]

use farthing_books::session::Credit;
use farthing_books::testing::MemoryStore;
use farthing_books::testing::samples::{at, grant, payer, usd};
use farthing_books::testing::sessions::{collection, deposit, id, opening, standing};
use farthing_books::{
    AccountId, AccountKind, Command, Outcome, SessionCommand, SessionOutcome, SessionRecord, SessionRefusal,
};
use farthing_rail::{ChannelStanding, ProofKey};

pub const PREPAID: u32 = 0;
pub const ESCROW: u32 = 1;

pub fn submit(books: &mut MemoryStore, command: Command) -> Outcome {
    let outcome = books.batch(&[command]).unwrap().remove(0);
    assert_eq!(books.verify().findings, Vec::<String>::new());
    outcome
}

pub fn change(books: &mut MemoryStore, command: SessionCommand) -> SessionOutcome {
    match submit(books, Command::Session(command)) {
        Outcome::Session(outcome) => outcome,
        other => panic!("{other:?}"),
    }
}

pub fn done(books: &mut MemoryStore, command: SessionCommand) -> SessionRecord {
    match change(books, command) {
        SessionOutcome::Done(record) => *record,
        other => panic!("{other:?}"),
    }
}

pub fn refusal(books: &mut MemoryStore, command: SessionCommand) -> SessionRefusal {
    match change(books, command) {
        SessionOutcome::Refused(refusal, _) => refusal,
        other => panic!("{other:?}"),
    }
}

pub fn credit(books: &mut MemoryStore, command: SessionCommand) -> Credit {
    match change(books, command) {
        SessionOutcome::Drawn(credit) => credit,
        other => panic!("{other:?}"),
    }
}

pub fn balance(books: &MemoryStore, kind: AccountKind) -> String {
    books.accounts.get(&AccountId::new(kind, &usd())).map_or("0".to_owned(), |account| account.balance())
}

pub fn units(books: &MemoryStore, kind: AccountKind) -> i128 {
    let account = books.accounts.get(&AccountId::new(kind, &usd()));
    account.map_or(0, |account| {
        i128::try_from(account.credits.units()).unwrap() - i128::try_from(account.debits.units()).unwrap()
    })
}

/// A session of 100 that serves.
pub fn open(number: u32) -> MemoryStore {
    let mut books = MemoryStore::default();
    submit(&mut books, grant(1, number, 1_000));
    done(&mut books, SessionCommand::Open(Box::new(opening(number, 100))));
    if number == ESCROW {
        let key = ProofKey::new("open/1");
        done(&mut books, SessionCommand::Deposited { session: id(ESCROW), key, standing: standing(100, 0), at: at(1) });
    }
    books
}

pub fn top_up(number: u32, key: &str, amount: u128) -> SessionCommand {
    let deposit = Box::new(deposit(key, amount));
    SessionCommand::TopUp { session: id(number), payer: Some(payer(number)), deposit, at: at(2) }
}

pub fn observe(standing: ChannelStanding) -> SessionCommand {
    SessionCommand::Observe { session: id(ESCROW), standing, at: at(6) }
}

pub fn end(number: u32) -> SessionCommand {
    SessionCommand::End { session: id(number), reason: "closed".to_owned(), at: at(9) }
}

pub fn collect(payment: u32, amount: u128) -> SessionCommand {
    SessionCommand::Collect { session: id(ESCROW), payment: Box::new(collection(payment, amount)) }
}
