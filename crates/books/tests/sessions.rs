//! A session's deposit and its vouchers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

mod session_steps;

use std::sync::Arc;

use farthing_books::testing::MemoryStore;
use farthing_books::testing::samples::{at, external, grant, payer};
use farthing_books::testing::sessions::{close, deliver, deposit, draw, id, opening, standing, tender, voucher};
use farthing_books::{
    AccountKind, ClaimOutcome, Command, NewSession, Outcome, SessionCommand, SessionOutcome, SessionRefusal,
    SessionState, Tender,
};
use farthing_money::Amount;
use farthing_rail::ProofKey;
use session_steps::{ESCROW, PREPAID, change, credit, done, end, open, refusal, submit, top_up, units};

#[test]
fn a_prepaid_session_takes_its_deposit_and_gives_the_rest_back() {
    let mut books = open(PREPAID);
    assert_eq!(units(&books, AccountKind::Payer(payer(PREPAID))), 900);
    assert_eq!(units(&books, AccountKind::Deposit(id(PREPAID))), 100);
    assert_eq!(credit(&mut books, draw(PREPAID, Some(50), 30)).committed, Amount::new(30));
    let after = credit(&mut books, deliver(PREPAID, 30, 20));
    assert_eq!((after.accepted, after.committed, after.units), (Amount::new(50), Amount::new(20), 1));
    done(&mut books, SessionCommand::Post { session: id(PREPAID), at: at(3) });
    assert_eq!(units(&books, AccountKind::Revenue("weather".to_owned())), 20);
    assert_eq!(refusal(&mut books, end(PREPAID)), SessionRefusal::Contradiction, "it still serves");
    credit(&mut books, draw(PREPAID, None, 5));
    credit(&mut books, deliver(PREPAID, 5, 5));
    assert_eq!(done(&mut books, close(PREPAID, at(4))).state, SessionState::Closing);
    let ended = done(&mut books, end(PREPAID));
    assert_eq!((ended.state, ended.spent), (SessionState::Closed, Amount::new(25)));
    assert_eq!(units(&books, AccountKind::Payer(payer(PREPAID))), 975);
    assert_eq!(units(&books, AccountKind::Deposit(id(PREPAID))), 0);
    assert!(matches!(change(&mut books, end(PREPAID)), SessionOutcome::Again(_)));
}

#[test]
fn a_deposit_that_the_balance_does_not_hold_leaves_no_trace() {
    let mut books = MemoryStore::default();
    submit(&mut books, grant(1, PREPAID, 99));
    let wanted = SessionCommand::Open(Box::new(opening(PREPAID, 100)));
    assert_eq!(refusal(&mut books, wanted.clone()), SessionRefusal::Insufficient { available: Amount::new(99) });
    assert!(books.sessions.is_empty());
    submit(&mut books, grant(2, PREPAID, 1));
    assert_eq!(done(&mut books, wanted).state, SessionState::Open);
}

#[test]
fn an_opening_is_claimed_once_and_its_proof_is_good_for_nothing_else() {
    let mut books = open(ESCROW);
    let again = SessionCommand::Open(Box::new(opening(ESCROW, 100)));
    assert!(matches!(change(&mut books, again), SessionOutcome::Again(_)));
    let other = NewSession { deposit: deposit("open/another", 100), ..opening(ESCROW, 100) };
    assert_eq!(refusal(&mut books, SessionCommand::Open(Box::new(other))), SessionRefusal::ProofUsed);
    let elsewhere = NewSession { deposit: deposit("open/1", 100), ..opening(3, 100) };
    assert_eq!(refusal(&mut books, SessionCommand::Open(Box::new(elsewhere))), SessionRefusal::ProofUsed);

    let mut payment = external(9, 100);
    payment.proof.key = ProofKey::new("open/1");
    let claimed = submit(&mut books, Command::Claim(Box::new(payment)));
    assert_eq!(claimed, Outcome::Claim(ClaimOutcome::Deposited(id(ESCROW))));
    let paid = external(10, 100);
    let used = NewSession { deposit: deposit(paid.proof.key.as_str(), 100), ..opening(5, 100) };
    submit(&mut books, Command::Claim(Box::new(paid)));
    assert_eq!(refusal(&mut books, SessionCommand::Open(Box::new(used))), SessionRefusal::ProofUsed);
}

#[test]
fn an_opening_waits_for_its_deposit() {
    let mut books = MemoryStore::default();
    let new = NewSession { voucher: voucher(ESCROW, 40), ..opening(ESCROW, 100) };
    assert_eq!(done(&mut books, SessionCommand::Open(Box::new(new))).state, SessionState::Opening);
    assert_eq!(refusal(&mut books, draw(ESCROW, None, 10)), SessionRefusal::NotYetOpen);
    let key = ProofKey::new("open/1");
    let reason = "the node is away".to_owned();
    let doubt = SessionCommand::Doubt { session: id(ESCROW), key: key.clone(), reason, ask_at: at(9), at: at(1) };
    assert_eq!(done(&mut books, doubt).pending.unwrap().ask_at, Some(at(9)));
    let deposited = SessionCommand::Deposited { session: id(ESCROW), key, standing: standing(100, 0), at: at(2) };
    let opened = done(&mut books, deposited.clone());
    assert_eq!((opened.state, opened.accepted), (SessionState::Open, Amount::new(40)));
    assert!(matches!(change(&mut books, deposited), SessionOutcome::Again(_)));
    assert_eq!(credit(&mut books, draw(ESCROW, None, 40)).committed, Amount::new(40));
}

#[test]
fn a_deposit_that_never_comes_refuses_an_opening_and_drops_an_addition() {
    let mut books = MemoryStore::default();
    done(&mut books, SessionCommand::Open(Box::new(opening(3, 100))));
    let refuse = |number: u32, key: &str| SessionCommand::Refuse {
        session: id(number),
        key: ProofKey::new(key),
        reason: "reverted".to_owned(),
        at: at(2),
    };
    assert_eq!(done(&mut books, refuse(3, "open/3")).state, SessionState::Refused);
    assert!(matches!(change(&mut books, refuse(3, "open/3")), SessionOutcome::Again(_)));
    assert_eq!(refusal(&mut books, draw(3, Some(10), 10)), SessionRefusal::Ending);

    let mut books = open(ESCROW);
    done(&mut books, top_up(ESCROW, "more/1", 50));
    assert_eq!(refusal(&mut books, top_up(ESCROW, "more/2", 50)), SessionRefusal::Busy);
    let stands = done(&mut books, refuse(ESCROW, "more/1"));
    assert_eq!((stands.state, stands.deposit, stands.pending), (SessionState::Open, Amount::new(100), None));
    done(&mut books, top_up(ESCROW, "more/2", 50));
    let key = ProofKey::new("more/2");
    let deposited = SessionCommand::Deposited { session: id(ESCROW), key, standing: standing(150, 0), at: at(3) };
    assert_eq!(done(&mut books, deposited).deposit, Amount::new(150));
}

#[test]
fn a_prepaid_addition_is_taken_at_once_from_its_owner_alone() {
    let mut books = open(PREPAID);
    assert_eq!(done(&mut books, top_up(PREPAID, "more/1", 50)).deposit, Amount::new(150));
    assert!(matches!(change(&mut books, top_up(PREPAID, "more/1", 50)), SessionOutcome::Again(_)));
    assert_eq!(units(&books, AccountKind::Payer(payer(PREPAID))), 850);
    let stranger = SessionCommand::TopUp {
        session: id(PREPAID),
        payer: Some(payer(9)),
        deposit: Box::new(deposit("more/2", 1)),
        at: at(2),
    };
    assert_eq!(refusal(&mut books, stranger), SessionRefusal::Signer);
    let too_much = refusal(&mut books, top_up(PREPAID, "more/3", 851));
    assert_eq!(too_much, SessionRefusal::Insufficient { available: Amount::new(850) });
}

#[test]
fn g_04_vouchers_out_of_order_never_lower_what_was_accepted() {
    let mut books = open(ESCROW);
    assert_eq!(credit(&mut books, draw(ESCROW, Some(50), 0)).accepted, Amount::new(50));
    assert_eq!(credit(&mut books, draw(ESCROW, Some(50), 10)).accepted, Amount::new(50), "equal");
    assert_eq!(credit(&mut books, draw(ESCROW, Some(20), 10)).accepted, Amount::new(50), "lower");
    assert_eq!(credit(&mut books, draw(ESCROW, Some(90), 10)).accepted, Amount::new(90), "a gap");
    let SessionOutcome::Refused(SessionRefusal::AboveDeposit, Some(stands)) =
        change(&mut books, draw(ESCROW, Some(101), 10))
    else {
        panic!("above the deposit")
    };
    assert_eq!((stands.accepted, stands.committed), (Amount::new(90), Amount::new(30)), "nothing of it counted");
}

#[test]
fn a_voucher_counts_even_where_it_does_not_cover() {
    let mut books = open(ESCROW);
    let SessionOutcome::Refused(refusal, Some(stands)) = change(&mut books, draw(ESCROW, Some(10), 25)) else {
        panic!("25 are not covered by 10")
    };
    assert_eq!(refusal, SessionRefusal::Uncovered { required: Amount::new(25) });
    assert_eq!((stands.accepted, stands.committed), (Amount::new(10), Amount::ZERO));
    assert_eq!(credit(&mut books, draw(ESCROW, Some(25), 25)).committed, Amount::new(25));
}

#[test]
fn a_step_below_the_least_is_refused() {
    let mut books = open(ESCROW);
    let with_least = |cumulative| match draw(ESCROW, Some(cumulative), 1) {
        SessionCommand::Draw { session, tender, voucher, hold, at, .. } => {
            SessionCommand::Draw { session, tender, voucher, hold, at, least_delta: Amount::new(10) }
        }
        other => other,
    };
    assert_eq!(refusal(&mut books, with_least(9)), SessionRefusal::DeltaTooSmall);
    assert_eq!(credit(&mut books, with_least(10)).accepted, Amount::new(10));
    assert_eq!(credit(&mut books, with_least(10)).accepted, Amount::new(10), "an equal one adds nothing");
}

#[test]
fn g_05_vouchers_and_prices_of_something_else_are_refused() {
    let mut books = open(ESCROW);
    let drawn = |tender, voucher| SessionCommand::Draw {
        session: id(ESCROW),
        tender,
        voucher: Some(Box::new(voucher)),
        least_delta: Amount::ZERO,
        hold: Amount::new(1),
        at: at(1),
    };
    let good = voucher(ESCROW, 10);
    for foreign in [
        Tender { rail: "evm2".to_owned(), ..(*tender(ESCROW)).clone() },
        Tender { method: "tempo".to_owned(), ..(*tender(ESCROW)).clone() },
    ] {
        assert_eq!(refusal(&mut books, drawn(Arc::new(foreign), good.clone())), SessionRefusal::Foreign);
    }
    let mut other = good.clone();
    other.signer = "signer-2".to_owned();
    assert_eq!(refusal(&mut books, drawn(tender(ESCROW), other)), SessionRefusal::Signer);
    let of_another = voucher(3, 10);
    assert_eq!(refusal(&mut books, drawn(tender(ESCROW), of_another)), SessionRefusal::Contradiction);
    assert_eq!(change(&mut books, draw(7, Some(10), 1)), SessionOutcome::NotFound);
    assert_eq!(books.sessions[&id(ESCROW)].accepted, Amount::ZERO);
}

#[test]
fn g_07_what_a_dead_process_held_is_let_go_of_and_its_vouchers_stay() {
    let mut books = open(ESCROW);
    credit(&mut books, draw(ESCROW, Some(50), 30));
    done(&mut books, top_up(ESCROW, "more/1", 50));
    submit(&mut books, Command::Recover { deadline: at(100), at: at(10) });
    let stands = books.sessions[&id(ESCROW)].clone();
    assert_eq!((stands.accepted, stands.held, stands.spent), (Amount::new(50), Amount::ZERO, Amount::ZERO));
    assert_eq!(stands.pending.unwrap().ask_at, Some(at(10)), "nobody puts it in any more: it is asked about");
    // What was delivered after all is spent as far as it is covered.
    assert_eq!(credit(&mut books, deliver(ESCROW, 30, 30)).committed, Amount::new(30));
    credit(&mut books, draw(ESCROW, None, 20));
    assert_eq!(credit(&mut books, deliver(ESCROW, 30, 30)).committed, Amount::new(50));
}
