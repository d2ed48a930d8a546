//! Evidence in order has no fault, and each thing that must not happen is found in it.

use super::*;
use crate::books::Session;
use crate::journal::Way;
use crate::upstream::Arrival;

const PAYER: &str = "did:key:z6MkPayer";

fn purchase(way: Way, number: u32, delivered: &[u32]) -> Purchase {
    let path = format!("/{}/good/{number}", way.path());
    Purchase { path, way, challenge: format!("challenge-{number}"), delivered: delivered.to_vec(), refused: None }
}

fn payment(way: Way, number: u32, state: &str) -> Payment {
    let (method, payer) = if way == Way::Rail { ("simulated", "") } else { ("balance", PAYER) };
    Payment {
        id: format!("pay_{number}"),
        state: state.to_owned(),
        challenge: format!("challenge-{number}"),
        method: method.to_owned(),
        payer: payer.to_owned(),
        amount: PRICE,
        is_owed_for_long: true,
    }
}

/// A charge of each kind, one that was paid back, and a session of three requests, of which a death gave one away.
fn in_order() -> Evidence {
    let session = Session {
        channel: "0x1".to_owned(),
        state: "closed".to_owned(),
        payer: PAYER.to_owned(),
        deposit: 40 * PRICE,
        accepted: 3 * PRICE,
        held: 0,
        spent: 2 * PRICE,
    };
    let seen = SessionSeen {
        channel: "0x1".to_owned(),
        signed: 3 * PRICE,
        acknowledged: 3 * PRICE,
        delivered: [(1, 2), (2, 1)].into(),
        unanswered: 0,
    };
    let once = |generation| vec![Arrival { generation, is_served: true }];
    let left = i128::try_from(GRANT - 3 * PRICE).unwrap();
    Evidence {
        purchases: vec![purchase(Way::Balance, 1, &[1]), purchase(Way::Rail, 2, &[2]), purchase(Way::Rail, 3, &[])],
        sessions: vec![seen],
        upstream: [("/balance/good/1", once(1)), ("/rail/good/2", once(2)), ("/session/0-0", once(1))]
            .map(|(path, arrivals)| (path.to_owned(), arrivals))
            .into(),
        rail: "pay_2 1000\npay_3 1000\nrefund pay_3 1000\n".to_owned(),
        books: Books {
            payments: vec![
                payment(Way::Balance, 1, "closed"),
                payment(Way::Rail, 2, "closed"),
                payment(Way::Rail, 3, "refunded"),
            ],
            sessions: vec![session],
            accounts: [(format!("payer/{PAYER}"), left)].into(),
        },
        payers: vec![PAYER.to_owned()],
        deaths: 1,
    }
}

#[test]
fn evidence_in_order_has_no_fault_and_is_counted() {
    let verdict = judge(&in_order());
    assert_eq!(verdict.faults, Vec::<String>::new());
    let expected = Figures {
        deaths: 1,
        charges: 3,
        delivered: 2,
        paid_back: 1,
        sessions: 1,
        vouchers: 3,
        given_away: 1,
        ..Figures::default()
    };
    assert_eq!(verdict.figures, expected);
}

#[test]
fn whatever_must_not_happen_is_found() {
    type Change = fn(&mut Evidence);
    let planted: [(&str, Change); 16] = [
        ("the rail took [1000, 1000]", |it| it.rail.push_str("pay_2 1000\n")),
        ("the rail took []", |it| it.rail = it.rail.replacen("pay_2 1000\n", "", 1)),
        ("the rail returned [1000, 1000]", |it| it.rail.push_str("refund pay_3 1000\n")),
        ("which the books do not know", |it| it.rail.push_str("pay_9 1000\n")),
        ("delivered twice by one process", |it| it.purchases[0].delivered.push(1)),
        ("charged and not delivered", |it| it.purchases[0].delivered.clear()),
        ("delivered and not charged", |it| it.books.payments[0].state = "rejected".to_owned()),
        ("served and not paid", |it| it.books.payments[1].state = "rejected".to_owned()),
        ("asked for twice by one process", |it| {
            it.upstream.get_mut("/rail/good/2").unwrap().push(Arrival { generation: 2, is_served: true });
        }),
        ("another amount", |it| it.books.payments[0].amount += 1),
        ("nobody bought", |it| it.books.payments.push(payment(Way::Rail, 9, "rejected"))),
        ("999997001 left", |it| *it.books.accounts.values_mut().next().unwrap() += 1),
        ("an acknowledged voucher is lost", |it| it.books.sessions[0].accepted -= 1),
        ("more was charged than delivered", |it| it.sessions[0].delivered = [(1, 1)].into()),
        ("a process that lived gave something away", |it| it.sessions[0].delivered = [(2, 3)].into()),
        ("a session that the books do not know", |it| it.books.sessions.clear()),
    ];
    for (said, change) in planted {
        let mut evidence = in_order();
        change(&mut evidence);
        let faults = judge(&evidence).faults;
        assert!(faults.iter().any(|fault| fault.contains(said)), "{said}: {faults:?}");
    }
}
