//! What a person is asked about a payment: one question, one answer, one payment.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

use farthing_books::approval::{Answer, Facts, Question};
use farthing_books::budget::{Reservation, ReserveOutcome};
use farthing_books::testing::MemoryStore;
use farthing_books::testing::questions::{PATIENCE, answer, approved, facts, question};
use farthing_books::testing::samples::{at, price};
use farthing_books::{ApprovalCommand, ApprovalId, ApprovalOutcome, ApprovalRecord, ApprovalState, Command, Outcome};
use farthing_money::{Amount, Asset};

const RESERVED: Outcome = Outcome::Reserve(ReserveOutcome::Reserved);
const NOT_APPROVED: Outcome = Outcome::Reserve(ReserveOutcome::NotApproved);

fn name(number: u64) -> ApprovalId {
    ApprovalId(number.to_be_bytes())
}

fn change(books: &mut MemoryStore, command: ApprovalCommand) -> ApprovalOutcome {
    let outcome = books.batch(&[Command::Approval(command)]).unwrap().remove(0);
    assert_eq!(books.verify().findings, Vec::<String>::new());
    let Outcome::Approval(outcome) = outcome else { panic!("{outcome:?}") };
    outcome
}

fn ask(books: &mut MemoryStore, question: Question) -> ApprovalRecord {
    match change(books, ApprovalCommand::Ask(Box::new(question))) {
        ApprovalOutcome::Asked(record) | ApprovalOutcome::Stands(record) => *record,
        other => panic!("{other:?}"),
    }
}

fn say(books: &mut MemoryStore, number: u64, said: Answer) -> ApprovalOutcome {
    let at = said.at;
    change(books, ApprovalCommand::Answer { id: name(number), answer: Box::new(said), at })
}

fn reserve(books: &mut MemoryStore, wanted: Reservation) -> Outcome {
    books.batch(&[Command::Reserve(Box::new(wanted))]).unwrap().remove(0)
}

fn state(books: &MemoryStore, number: u64) -> ApprovalState {
    books.approvals[&name(number)].state
}

/// Books in which approval 1 for these facts is allowed.
fn allowed(facts: &Facts) -> MemoryStore {
    let mut books = MemoryStore::default();
    ask(&mut books, question(1, facts.clone(), 0));
    assert!(matches!(say(&mut books, 1, answer(true, 1)), ApprovalOutcome::Stands(_)));
    books
}

#[test]
fn what_was_allowed_is_paid_once() {
    let facts = facts(1, 100);
    let mut books = allowed(&facts);
    assert_eq!(reserve(&mut books, approved(1, 1, &facts, 2)), RESERVED);
    assert_eq!((state(&books, 1), reserve(&mut books, approved(1, 1, &facts, 3))), (ApprovalState::Used, RESERVED));
    assert_eq!(reserve(&mut books, approved(2, 1, &facts, 3)), NOT_APPROVED);
    assert_eq!(books.reservations.len(), 1);
}

#[test]
fn two_payments_in_one_batch_do_not_share_an_answer() {
    let facts = facts(1, 100);
    let mut books = allowed(&facts);
    let both = [1, 2].map(|number| Command::Reserve(Box::new(approved(number, 1, &facts, 2))));
    assert_eq!(books.batch(&both).unwrap(), [RESERVED, NOT_APPROVED]);
}

#[test]
fn the_same_question_is_asked_once() {
    let mut books = MemoryStore::default();
    let first = ask(&mut books, question(1, facts(1, 100), 0));
    assert_eq!(ask(&mut books, question(2, facts(1, 100), 5)), first);
    let cheaper = Facts { cost: price(90), ..facts(1, 100) };
    assert_eq!(ask(&mut books, question(2, cheaper, 5)).id, first.id, "an answer is for this much at most");
    let dearer = Facts { cost: price(101), ..facts(1, 100) };
    assert_eq!(ask(&mut books, question(3, dearer, 6)).id, name(3));
    assert_eq!(books.approvals.len(), 2);
}

#[test]
fn w_29_any_other_fact_is_another_question() {
    let asked = facts(1, 100);
    let other_token: Asset = "USDC.6@eip155:8453/0x833589fcd6edb6e08f4c7c32d4f71b54bda02913".parse().unwrap();
    let others = [
        Facts { wallet: "other".to_owned(), ..asked.clone() },
        Facts { request: [9; 32], ..asked.clone() },
        Facts { bought: "POST /v1/weather".to_owned(), ..asked.clone() },
        Facts { origin: "https://api.example.org".to_owned(), ..asked.clone() },
        Facts { payee: Some("0xcd".to_owned()), ..asked.clone() },
        Facts { payee: None, ..asked.clone() },
        Facts { method: "balance/session".to_owned(), ..asked.clone() },
        Facts { asset: other_token, ..asked.clone() },
        Facts { amount: Amount::new(99), ..asked.clone() },
        Facts { cost: price(101), ..asked.clone() },
    ];
    for (other, number) in others.iter().zip(2..) {
        let mut books = allowed(&asked);
        assert_eq!(reserve(&mut books, approved(1, 1, other, 2)), NOT_APPROVED, "{other:?}");
        assert_eq!(ask(&mut books, question(number, other.clone(), 2)).state, ApprovalState::Pending, "{other:?}");
        assert_eq!(reserve(&mut books, approved(1, 1, &asked, 3)), RESERVED);
    }
}

#[test]
fn nothing_is_paid_on_a_question_that_is_not_allowed() {
    let facts = facts(1, 100);
    let mut books = MemoryStore::default();
    assert_eq!(reserve(&mut books, approved(1, 1, &facts, 0)), NOT_APPROVED, "nobody was asked");
    ask(&mut books, question(1, facts.clone(), 0));
    assert_eq!(reserve(&mut books, approved(1, 1, &facts, 0)), NOT_APPROVED);
    say(&mut books, 1, answer(false, 1));
    assert_eq!(reserve(&mut books, approved(1, 1, &facts, 2)), NOT_APPROVED);
    assert!(books.reservations.is_empty() && books.counters.is_empty(), "nothing of it is counted");
}

#[test]
fn a_denial_stands_until_the_deadline_and_an_answer_is_not_turned_round() {
    let facts = facts(1, 100);
    let mut books = MemoryStore::default();
    ask(&mut books, question(1, facts.clone(), 0));
    assert!(matches!(say(&mut books, 1, answer(false, 1)), ApprovalOutcome::Stands(_)));
    assert!(matches!(say(&mut books, 1, answer(true, 2)), ApprovalOutcome::TooLate(_)), "out of order");
    assert_eq!(ask(&mut books, question(2, facts.clone(), 3)).state, ApprovalState::Denied);
    assert_eq!(ask(&mut books, question(2, facts, PATIENCE)).state, ApprovalState::Pending);
    assert!(matches!(say(&mut books, 9, answer(true, 2)), ApprovalOutcome::NotFound));
}

#[test]
fn a_permission_can_be_taken_back_until_it_is_used() {
    let facts = facts(1, 100);
    let mut books = allowed(&facts);
    assert!(matches!(say(&mut books, 1, answer(false, 2)), ApprovalOutcome::Stands(_)));
    assert_eq!(reserve(&mut books, approved(1, 1, &facts, 3)), NOT_APPROVED);
    let mut books = allowed(&facts);
    reserve(&mut books, approved(1, 1, &facts, 2));
    for said in [answer(false, 3), answer(true, 3)] {
        assert!(matches!(say(&mut books, 1, said), ApprovalOutcome::TooLate(_)));
    }
}

#[test]
fn a_deadline_holds_and_no_clock_brings_it_back() {
    let facts = facts(1, 100);
    let mut books = allowed(&facts);
    assert_eq!(reserve(&mut books, approved(1, 1, &facts, PATIENCE)), NOT_APPROVED);
    // Another question is asked after the deadline, and then the clock is set back.
    ask(&mut books, question(2, self::facts(2, 1), PATIENCE));
    assert_eq!(reserve(&mut books, approved(1, 1, &facts, 2)), NOT_APPROVED);
    assert!(matches!(say(&mut books, 1, answer(true, 2)), ApprovalOutcome::TooLate(_)));
    let expire = ApprovalCommand::Expire { id: name(1), at: at(2) };
    let ApprovalOutcome::Stands(record) = change(&mut books, expire) else { panic!() };
    assert_eq!((record.state, state(&books, 1)), (ApprovalState::Expired, ApprovalState::Expired));
}

#[test]
fn w_21_what_was_not_paid_after_all_does_not_cost_the_answer() {
    let facts = facts(1, 100);
    let mut books = allowed(&facts);
    let paid = approved(1, 1, &facts, 2);
    reserve(&mut books, paid.clone());
    let release =
        |millis| Command::Release { reservation: paid.id, reason: "nothing was signed".into(), at: at(millis) };
    books.batch(&[release(3), release(4)]).unwrap();
    assert_eq!(reserve(&mut books, approved(2, 1, &facts, 5)), RESERVED);
    assert_eq!(books.batch(&[release(6)]).unwrap(), [Outcome::Done]);
    assert_eq!(state(&books, 1), ApprovalState::Used, "the second payment has it");
}

#[test]
fn a_payment_without_room_does_not_cost_the_answer() {
    let facts = facts(1, 100);
    let mut books = allowed(&facts);
    let mut wanted = approved(1, 1, &facts, 2);
    wanted.charges[0].limit = 99;
    assert!(matches!(reserve(&mut books, wanted), Outcome::Reserve(ReserveOutcome::Exceeded { .. })));
    assert_eq!(state(&books, 1), ApprovalState::Allowed);
}

#[test]
fn a_name_reads_back() {
    let id = name(0x00ab_cdef_0123_4567);
    assert_eq!((id.to_string().as_str(), id.to_string().parse()), ("00abcdef01234567", Ok(id)));
    for text in ["", "00abcdef0123456", "00abcdef012345670", "+0abcdef01234567", "00abcdef0123456g"] {
        assert!(text.parse::<ApprovalId>().is_err(), "{text}");
    }
}
