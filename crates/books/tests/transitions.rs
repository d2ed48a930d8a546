//! Every state and every step: which of them lead on, which are taken again, which do not follow.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

use farthing_books::testing::MemoryStore;
use farthing_books::testing::samples::{at, external, grant, prepaid, rejected, settled, settled_by, unknown, usd};
use farthing_books::{AccountKind, Command, NewPayment, Outcome, PaymentState, Statement, TransferId};

use PaymentState::{Claimed, Closed, Delivered, Entitled, Posted, Refunded, Refunding, Rejected, Reversed, Unknown};

const STEPS: [&str; 13] = [
    "settle",
    "reject",
    "doubt",
    "deliver",
    "entitle",
    "redeliver",
    "close",
    "refund",
    "confirm-refund",
    "finalize",
    "postpone",
    "resettle",
    "reverse",
];

/// Steps that may change a payment where it stands.
const RENEWING: [&str; 4] = ["doubt", "finalize", "postpone", "resettle"];

/// What is allowed, said a second time in another form than the code's. `Some(to)`: leads there;
/// the same state again means "taken before, nothing changes" (and `doubt` renews the doubt).
const EXTERNAL: &[(PaymentState, &[(&str, PaymentState)])] = &[
    (Claimed, &[("settle", Posted), ("reject", Rejected), ("doubt", Unknown)]),
    (Unknown, &[("settle", Posted), ("reject", Rejected), ("doubt", Unknown)]),
    (Rejected, &[("reject", Rejected)]),
    (
        Posted,
        &[
            ("settle", Posted),
            ("deliver", Delivered),
            ("entitle", Entitled),
            ("finalize", Posted),
            ("postpone", Posted),
            ("resettle", Posted),
        ],
    ),
    (
        Delivered,
        &[
            ("deliver", Delivered),
            ("entitle", Entitled),
            ("close", Closed),
            ("finalize", Delivered),
            ("postpone", Delivered),
            ("resettle", Delivered),
        ],
    ),
    (
        Closed,
        &[
            ("close", Closed),
            ("refund", Refunding),
            ("finalize", Closed),
            ("postpone", Closed),
            ("resettle", Closed),
            ("reverse", Reversed),
        ],
    ),
    (
        Entitled,
        &[
            ("entitle", Entitled),
            ("redeliver", Posted),
            ("refund", Refunding),
            ("finalize", Entitled),
            ("postpone", Entitled),
            ("resettle", Entitled),
            ("reverse", Reversed),
        ],
    ),
    (
        Refunding,
        &[
            ("refund", Refunding),
            ("confirm-refund", Refunded),
            ("finalize", Refunding),
            ("postpone", Refunding),
            ("resettle", Refunding),
        ],
    ),
    (
        Refunded,
        &[
            ("refund", Refunded),
            ("confirm-refund", Refunded),
            ("finalize", Refunded),
            ("postpone", Refunded),
            ("resettle", Refunded),
            ("reverse", Reversed),
        ],
    ),
    (Reversed, &[("reverse", Reversed)]),
];

/// Prepaid money is never claimed without being posted, is paid back at once and never taken back.
const PREPAID: &[(PaymentState, &[(&str, PaymentState)])] = &[
    (Posted, &[("deliver", Delivered), ("entitle", Entitled), ("finalize", Posted), ("postpone", Posted)]),
    (
        Delivered,
        &[
            ("deliver", Delivered),
            ("entitle", Entitled),
            ("close", Closed),
            ("finalize", Delivered),
            ("postpone", Delivered),
        ],
    ),
    (Closed, &[("close", Closed), ("refund", Refunded), ("finalize", Closed), ("postpone", Closed)]),
    (
        Entitled,
        &[
            ("entitle", Entitled),
            ("redeliver", Posted),
            ("refund", Refunded),
            ("finalize", Entitled),
            ("postpone", Entitled),
        ],
    ),
    (Refunded, &[("refund", Refunded), ("finalize", Refunded), ("postpone", Refunded)]),
];

/// The steps that lead to each state.
fn way_to(state: PaymentState, is_prepaid: bool) -> Vec<&'static str> {
    let paid = if is_prepaid { vec![] } else { vec!["settle"] };
    let then = |steps: &[&'static str]| [paid.clone(), steps.to_vec()].concat();
    match state {
        Claimed => vec![],
        Unknown => vec!["doubt"],
        Rejected => vec!["reject"],
        Posted => paid,
        Delivered => then(&["deliver"]),
        Closed => then(&["deliver", "close"]),
        Entitled => then(&["entitle"]),
        Refunding => then(&["entitle", "refund"]),
        Refunded if is_prepaid => then(&["entitle", "refund"]),
        Refunded => then(&["entitle", "refund", "confirm-refund"]),
        Reversed => then(&["entitle", "reverse"]),
    }
}

fn command(step: &str, new: &NewPayment) -> Command {
    let payment = new.id;
    match step {
        "settle" => Command::Settle { payment, settled: settled("0xabc", 2), confirm_at: Some(at(50)), at: at(10) },
        "reject" => Command::Reject { payment, rejected: rejected(), at: at(10) },
        "doubt" => Command::Doubt { payment, unknown: unknown(), at: at(10) },
        "deliver" => Command::Deliver { payment, status: 200, at: at(10) },
        "entitle" => Command::Entitle {
            payment,
            reason: "the upstream answered 502".to_owned(),
            status: Some(502),
            deadline: at(1_000),
            at: at(10),
        },
        "redeliver" => Command::Redeliver { payment, at: at(20) },
        "close" => Command::Close { payment, response: None, at: at(10) },
        "refund" => Command::Refund { payment, reason: "never delivered".to_owned(), at: at(2_000) },
        "confirm-refund" => Command::ConfirmRefund { payment, settled: settled("0xback", 1), at: at(2_001) },
        "finalize" => Command::Finalize { payment, at: at(60) },
        "postpone" => Command::Postpone { payment, until: at(90), at: at(60) },
        "resettle" => Command::Resettle { payment, settled: settled_by("0xdef", &["tx/2/0"]), at: at(60) },
        "reverse" => Command::Reverse { payment, reason: "reorganised away".to_owned(), at: at(60) },
        other => panic!("{other}"),
    }
}

fn standing_at(state: PaymentState, new: &NewPayment) -> MemoryStore {
    let mut books = MemoryStore::default();
    books.batch(&[grant(1, 1, 1_000), Command::Claim(Box::new(new.clone()))]).unwrap();
    for step in way_to(state, new.prepaid) {
        books.batch(&[command(step, new)]).unwrap();
    }
    assert_eq!(books.payments[&new.id].state, state, "the way to the state");
    books
}

fn check(new: &NewPayment, table: &[(PaymentState, &[(&str, PaymentState)])]) {
    for (state, allowed) in table {
        for step in STEPS {
            let mut books = standing_at(*state, new);
            let before = books.clone();
            let outcome = books.batch(&[command(step, new)]).unwrap().remove(0);
            let to = allowed.iter().find(|(name, _)| *name == step).map(|(_, to)| *to);
            match (to, outcome) {
                (Some(to), Outcome::Payment(payment)) => {
                    assert_eq!(payment.state, to, "{state:?} and {step}");
                    let again = to == *state && !RENEWING.contains(&step);
                    assert!(!again || *payment == before.payments[&new.id], "{state:?} and {step} changes nothing");
                }
                (None, Outcome::OutOfOrder(payment)) => {
                    assert_eq!(*payment, before.payments[&new.id], "{state:?} and {step}");
                }
                (expected, outcome) => panic!("{state:?} and {step}: expected {expected:?}, got {outcome:?}"),
            }
            if to.is_none_or(|to| to == *state) {
                assert_eq!(books.transfers, before.transfers, "{state:?} and {step} moves no money");
            }
            assert_eq!(books.verify().findings, Vec::<String>::new(), "{state:?} and {step}");
        }
    }
}

#[test]
fn every_step_of_an_external_payment() {
    assert_eq!(EXTERNAL.len(), PaymentState::ALL.len());
    check(&external(1, 100), EXTERNAL);
}

#[test]
fn every_step_of_a_prepaid_payment() {
    check(&prepaid(1, 1, 100), PREPAID);
}

#[test]
fn recovery_leaves_nothing_half_done() {
    for (table, new) in [(EXTERNAL, external(1, 100)), (PREPAID, prepaid(1, 1, 100))] {
        for (state, _) in table {
            let mut books = standing_at(*state, &new);
            let recover = Command::Recover { deadline: at(9_000), at: at(30) };
            let outcome = books.batch(&[recover.clone(), recover]).unwrap();
            let (to, counted) = match state {
                Claimed => (Unknown, Outcome::Recovered { entitled: 0, unknown: 1 }),
                Posted | Delivered => (Entitled, Outcome::Recovered { entitled: 1, unknown: 0 }),
                other => (*other, Outcome::Recovered { entitled: 0, unknown: 0 }),
            };
            assert_eq!(outcome, [counted, Outcome::Recovered { entitled: 0, unknown: 0 }], "{state:?}");
            assert_eq!(books.payments[&new.id].state, to, "{state:?}");
            assert_eq!(books.verify().findings, Vec::<String>::new());
        }
    }
}

#[test]
fn an_entitlement_has_one_winner_until_its_deadline() {
    let new = external(1, 100);
    let mut books = standing_at(Entitled, &new);
    let redeliver = |millis| Command::Redeliver { payment: new.id, at: at(millis) };
    let late = books.batch(&[redeliver(1_001)]).unwrap();
    assert!(matches!(&late[0], Outcome::OutOfOrder(payment) if payment.state == Entitled));
    let outcomes = books.batch(&[redeliver(1_000), redeliver(1_000)]).unwrap();
    assert!(matches!(&outcomes[0], Outcome::Payment(payment) if payment.state == Posted));
    assert!(matches!(&outcomes[1], Outcome::OutOfOrder(_)), "the second presenter is not served");
}

#[test]
fn another_reference_is_another_movement() {
    let new = external(1, 100);
    let mut books = standing_at(Posted, &new);
    let other = Command::Settle { payment: new.id, settled: settled("0xother", 0), confirm_at: None, at: at(11) };
    assert!(matches!(books.batch(&[other]).unwrap()[0], Outcome::OutOfOrder(_)));
}

#[test]
fn steps_of_unknown_payments_find_nothing() {
    let mut books = MemoryStore::default();
    for step in STEPS {
        assert_eq!(books.batch(&[command(step, &external(9, 1))]).unwrap(), [Outcome::NotFound]);
    }
}

#[test]
fn a_delivered_payment_is_paid_back_whole_and_once() {
    for (new, entries) in [(prepaid(1, 1, 100), 3), (external(1, 100), 5)] {
        let mut books = standing_at(Closed, &new);
        let mut steps = vec!["refund", "refund"];
        steps.extend(if new.prepaid { vec![] } else { vec!["confirm-refund", "confirm-refund", "refund"] });
        for step in steps {
            books.batch(&[command(step, &new)]).unwrap();
        }
        let payment = &books.payments[&new.id];
        assert_eq!((payment.state, payment.status), (Refunded, Some(200)), "it still says what was delivered");
        let back = books.transfers.iter().filter(|transfer| transfer.debit.kind == AccountKind::Refunds);
        assert_eq!(back.map(|transfer| transfer.amount.units()).collect::<Vec<_>>(), [100]);
        assert_eq!(books.transfers.len(), entries, "grant, charge, refund; over a rail a fee for each way");
        let mut statement = Statement::default();
        statement.add(payment).unwrap();
        let total = statement.total(&usd()).unwrap();
        assert_eq!((total.gross.units(), total.refunds.units()), (100, 100));
        assert_eq!(books.verify().findings, Vec::<String>::new());
    }
}

#[test]
fn a_whole_life_fits_in_one_batch() {
    let new = external(1, 100);
    let mut books = MemoryStore::default();
    let mut commands = vec![Command::Claim(Box::new(new.clone()))];
    commands.extend(["doubt", "settle", "entitle", "refund", "confirm-refund"].map(|step| command(step, &new)));
    books.batch(&commands).unwrap();
    assert_eq!(books.payments[&new.id].state, Refunded);
    assert_eq!(books.transfers.len(), 4, "charge, fee, refund, fee of the refund");
    assert_eq!(books.payments[&new.id].fee.units(), 3);
    assert_eq!(books.verify().findings, Vec::<String>::new());
    let ids: std::collections::BTreeSet<TransferId> = books.transfers.iter().map(|transfer| transfer.id).collect();
    assert_eq!(ids.len(), 4);
}
