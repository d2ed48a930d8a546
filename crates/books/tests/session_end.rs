//! What rails say of a session, and its end.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

mod session_steps;

use farthing_books::testing::samples::{at, payer, rejected, settled, usd};
use farthing_books::testing::sessions::{close, collection, deliver, draw, id, standing, voucher};
use farthing_books::{
    AccountKind, Command, Outcome, PaymentState, SessionCommand, SessionOutcome, SessionRecord, SessionRefusal,
    SessionState,
};
use farthing_money::Amount;
use farthing_rail::ChannelStanding;
use session_steps::{ESCROW, balance, change, collect, credit, done, end, observe, open, refusal, submit, units};

#[test]
fn g_06_nothing_is_served_once_the_payer_asked_to_close_by_force() {
    let mut books = open(ESCROW);
    credit(&mut books, draw(ESCROW, Some(50), 10));
    let requested =
        ChannelStanding { close_requested_at: Some(at(5)), collect_until: Some(at(900)), ..standing(100, 0) };
    let seen = done(&mut books, SessionCommand::Observe { session: id(ESCROW), standing: requested, at: at(6) });
    assert_eq!((seen.state, seen.collect_until), (SessionState::Open, Some(at(900))));
    assert_eq!(refusal(&mut books, draw(ESCROW, Some(60), 10)), SessionRefusal::CloseRequested);
    credit(&mut books, deliver(ESCROW, 10, 10));
    // Taken back by the payer: it serves again.
    done(&mut books, observe(standing(100, 0)));
    credit(&mut books, draw(ESCROW, Some(60), 10));
}

#[test]
fn a_rail_that_takes_a_deposit_back_ends_the_service() {
    let mut books = open(ESCROW);
    credit(&mut books, draw(ESCROW, Some(50), 10));
    let seen = done(&mut books, observe(standing(49, 0)));
    assert_eq!((seen.state, seen.accepted), (SessionState::Closing, Amount::new(50)), "no voucher is forgotten");
    assert_eq!(refusal(&mut books, draw(ESCROW, Some(51), 1)), SessionRefusal::Ending);
    credit(&mut books, deliver(ESCROW, 10, 10));
}

#[test]
fn vouchers_are_collected_once_at_a_time_and_the_rest_is_the_payers() {
    let mut books = open(ESCROW);
    credit(&mut books, draw(ESCROW, Some(50), 20));
    credit(&mut books, deliver(ESCROW, 20, 20));
    done(&mut books, collect(1, 50));
    assert!(matches!(change(&mut books, collect(1, 50)), SessionOutcome::Again(_)));
    assert_eq!(refusal(&mut books, collect(2, 60)), SessionRefusal::Busy);
    let first = collection(1, 50).id;
    let settle = Command::Settle { payment: first, settled: settled("0x1", 2), confirm_at: Some(at(50)), at: at(6) };
    let Outcome::Payment(paid) = submit(&mut books, settle.clone()) else { panic!("it settles") };
    assert_eq!((paid.state, paid.session), (PaymentState::Closed, Some(id(ESCROW))));
    assert!(matches!(submit(&mut books, settle), Outcome::Payment(_)), "settled twice is settled once");
    let refund = Command::Refund { payment: first, reason: String::new(), at: at(7) };
    assert!(matches!(submit(&mut books, refund), Outcome::OutOfOrder(_)), "vouchers are not refunded");
    done(&mut books, close(ESCROW, at(8)));
    assert_eq!(refusal(&mut books, end(ESCROW)), SessionRefusal::Busy, "the rail could still take it back");
    submit(&mut books, Command::Finalize { payment: first, at: at(60) });
    assert_eq!(refusal(&mut books, end(ESCROW)), SessionRefusal::NotYetEnded, "the rail holds the rest of it");
    done(&mut books, observe(ChannelStanding { closed: true, ..standing(0, 0) }));
    let ended = done(&mut books, end(ESCROW));
    assert_eq!((ended.collected, ended.spent), (Amount::new(50), Amount::new(20)));
    assert_eq!(units(&books, AccountKind::Payer(payer(ESCROW))), 1_030, "collected and not delivered");
    assert_eq!(units(&books, AccountKind::Vouchers("evm".to_owned())), 0);
    assert_eq!(units(&books, AccountKind::Clearing("evm".to_owned())), -48);
    assert_eq!(units(&books, AccountKind::Revenue("weather".to_owned())), 20);
}

#[test]
fn a_collection_that_is_taken_back_is_undone_and_what_was_delivered_is_lost() {
    let mut books = open(ESCROW);
    credit(&mut books, draw(ESCROW, Some(50), 20));
    credit(&mut books, deliver(ESCROW, 20, 20));
    done(&mut books, collect(1, 50));
    let payment = collection(1, 50).id;
    let settle = Command::Settle { payment, settled: settled("0x1", 0), confirm_at: Some(at(50)), at: at(6) };
    submit(&mut books, settle);
    submit(&mut books, Command::Reverse { payment, reason: "reorganised".to_owned(), at: at(50) });
    let stands = books.sessions[&id(ESCROW)].clone();
    assert_eq!((stands.collected, stands.collecting), (Amount::ZERO, None));
    done(&mut books, collect(2, 50));
    let payment = collection(2, 50).id;
    submit(&mut books, Command::Reject { payment, rejected: rejected(), at: at(51) });
    assert_eq!(books.sessions[&id(ESCROW)].collecting, None);
    let closed = ChannelStanding { closed: true, ..standing(0, 0) };
    assert_eq!(done(&mut books, observe(closed)).state, SessionState::Closing);
    done(&mut books, end(ESCROW));
    assert_eq!(balance(&books, AccountKind::Losses("evm".to_owned())), usd().display(Amount::new(20)));
    assert_eq!(units(&books, AccountKind::Vouchers("evm".to_owned())), 0);
}

#[test]
fn a_last_voucher_may_be_over_exactly_what_was_delivered() {
    let mut books = open(ESCROW);
    credit(&mut books, draw(ESCROW, Some(50), 20));
    let last = |cumulative| SessionCommand::Close {
        session: id(ESCROW),
        voucher: Some(Box::new(voucher(ESCROW, cumulative))),
        reason: "the payer closed it".to_owned(),
        at: at(5),
    };
    assert_eq!(done(&mut books, last(19)).accepted, Amount::new(50), "20 are being delivered");
    let closing = done(&mut books, last(20));
    assert_eq!((closing.state, closing.accepted), (SessionState::Closing, Amount::new(20)));
    assert_eq!(closing.voucher.unwrap(), voucher(ESCROW, 20).kept);
    assert_eq!(refusal(&mut books, draw(ESCROW, Some(60), 1)), SessionRefusal::Ending, "after the close");
}

#[test]
fn damage_to_a_session_is_found_and_named() {
    type Damage = fn(&mut SessionRecord);
    let damages: [(&str, Damage); 5] = [
        ("more delivered or held than signed for", |session| session.held = Amount::new(100)),
        ("more signed for than deposited", |session| session.deposit = Amount::new(49)),
        ("has not posted what it delivered", |session| session.spent = Amount::new(25)),
        ("more to post than was delivered", |session| {
            session.unposted.insert("weather".to_owned(), Amount::new(99));
        }),
        ("lacks a transfer of its own", |session| session.transfers += 1),
    ];
    for (found, damage) in damages {
        let mut books = open(ESCROW);
        credit(&mut books, draw(ESCROW, Some(50), 20));
        credit(&mut books, deliver(ESCROW, 20, 20));
        done(&mut books, SessionCommand::Post { session: id(ESCROW), at: at(3) });
        damage(books.sessions.get_mut(&id(ESCROW)).unwrap());
        let findings = books.verify().findings.join("; ");
        assert!(findings.contains(found), "{found}: {findings}");
    }
}
