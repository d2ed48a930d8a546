//! The log of decisions: written with what it speaks of, and whatever is done to it afterwards is found.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

mod places;

use farthing_books::audit::{
    Adopted, Entry, Event, Grounds, LogVerification, LogVerifier, NewPolicy, RecordHash, policy_hash,
};
use farthing_books::budget::{Reservation, ReserveOutcome};
use farthing_books::testing::samples::{at, price, reservation};
use farthing_books::{Command, Outcome};
use farthing_store::{AuditFilter, Books, Sharing};
use places::{Place, on_both_engines};

on_both_engines! {
    every_change_is_in_the_log_and_the_counters_follow_from_it,
    the_schema_lets_records_be_added_at_the_end_only,
    what_is_done_to_the_log_is_found,
    w_30_a_lowered_counter_is_found,
    a_log_that_was_cut_off_with_everything_that_follows_from_it_is_found_by_a_hash_kept_elsewhere,
    an_older_policy_is_never_the_newest_again,
}

const LIMITS: [(&str, u64); 2] = [("agent/total", 100), ("agent/day/2027-01-15", 60)];

fn grounds(rule: &str) -> Option<Grounds> {
    Grounds::of(&serde_json::json!({ "outcome": "denied", "rule": rule, "text": "…\"\n" }))
}

/// A log with a record of every kind: a policy, three payments of which one has no room, their ends, a denial,
/// and a freeze.
async fn written(place: &Place) -> Books {
    let books = place.open(Sharing::Shared);
    let policy = NewPolicy { level: "agent".into(), version: Some(1), text: "total = \"1 USD\"".into(), at: at(0) };
    assert_eq!(books.adopt_policy(policy).await.unwrap(), Adopted::Newest);
    for (number, cost) in [(1, 30), (2, 20), (3, 20)] {
        let wanted = Reservation { decided: grounds("none"), ..reservation(number, cost, &LIMITS) };
        let outcome = books.reserve(wanted).await.unwrap();
        assert_eq!(outcome == ReserveOutcome::Reserved, number < 3, "{outcome:?}");
    }
    let (paid, failed) = (reservation(1, 0, &[]).id, reservation(2, 0, &[]).id);
    let confirm =
        Command::Confirm { reservation: paid, receipt: Some("0xab".into()), cost: Some(price(25)), at: at(5) };
    let release = Command::Release { reservation: failed, reason: "refused".into(), at: at(6) };
    for command in [confirm, release] {
        assert_eq!(books.submit(command).await.unwrap(), Outcome::Done);
    }
    for event in [Event::Denied, Event::Frozen] {
        books.log(Entry { event, wallet: "agent".into(), decided: grounds("origins"), at: at(7) }).await.unwrap();
    }
    books
}

async fn verified(books: &Books, kept: Option<RecordHash>) -> LogVerification {
    books.verify_log(LogVerifier::new(Box::new(|_, _| None), kept)).await.unwrap().finish()
}

/// Lets whoever has the books in hand do what the schema refuses.
fn without_triggers(place: &Place) -> String {
    let of_file = ["audit_is_not_changed", "audit_is_not_deleted", "audit_has_no_gaps", "policies_are_not_changed"];
    let of_server = ["audit_are_kept ON audit", "policies_are_kept ON policies"];
    let triggers = if place.is_server() { &of_server[..] } else { &of_file[..] };
    triggers.iter().map(|trigger| format!("DROP TRIGGER {trigger}; ")).collect()
}

/// What is found in a log that somebody with the books in hand changed by these statements.
async fn after(place: &Place, statements: &str) -> Vec<String> {
    let place = Place::new(place.is_server());
    written(&place).await.close().await.unwrap();
    place.tamper(&(without_triggers(&place) + statements)).unwrap();
    verified(&place.open(Sharing::Shared), None).await.findings
}

async fn every_change_is_in_the_log_and_the_counters_follow_from_it(place: Place) {
    let books = written(&place).await;
    let records = books.audit(AuditFilter { limit: 100, ..AuditFilter::default() }).await.unwrap();
    let events: Vec<String> = records
        .iter()
        .map(|record| serde_json::from_str::<serde_json::Value>(&record.text).unwrap()["event"].to_string())
        .collect();
    let expected = ["policy", "allowed", "allowed", "denied", "confirmed", "released", "denied", "frozen"];
    assert_eq!(events, expected.map(|event| format!("\"{event}\"")));
    assert!(records[3].text.contains("\"counter\":\"agent/day/2027-01-15\""), "{}", records[3].text);

    let found = verified(&books, Some(records[4].hash)).await;
    assert_eq!((found.records, found.decisions, found.findings), (8, 5, Vec::<String>::new()));
    assert_eq!(found.head, books.audit_head().await.unwrap().hash);
    let filter = AuditFilter { wallet: Some("other".into()), limit: 9, ..AuditFilter::default() };
    assert_eq!(books.audit(filter).await.unwrap(), []);
    let filter = AuditFilter { since: Some(at(6)), limit: 9, ..AuditFilter::default() };
    assert_eq!(books.audit(filter).await.unwrap().len(), 3);
}

async fn the_schema_lets_records_be_added_at_the_end_only(place: Place) {
    written(&place).await.close().await.unwrap();
    let on_both = [
        "UPDATE audit SET record = '{}' WHERE sequence = 2",
        "DELETE FROM audit WHERE sequence = 8",
        "UPDATE policies SET text = ''",
        "DELETE FROM policies",
    ];
    // A server does not count: the log itself does, and a gap is found.
    let in_a_file = [
        "INSERT INTO audit SELECT 10, wallet, at, record, hash FROM audit WHERE sequence = 8",
        "INSERT OR REPLACE INTO audit SELECT 2, wallet, at, record, hash FROM audit WHERE sequence = 8",
    ];
    let more = if place.is_server() { &[][..] } else { &in_a_file[..] };
    for statement in on_both.iter().chain(more) {
        let refused = place.tamper(statement).unwrap_err();
        assert!(refused.contains("append-only") || refused.contains("kept as they were"), "{statement}: {refused}");
    }
}

async fn what_is_done_to_the_log_is_found(place: Place) {
    assert_eq!(after(&place, "").await, Vec::<String>::new());
    let cases = [
        (
            "UPDATE audit SET record = replace(record, '0.00003 USD', '0.00002 USD') WHERE sequence = 2",
            "record 2: its hash",
        ),
        ("UPDATE audit SET wallet = 'other' WHERE sequence = 2", "record 2: its column wallet"),
        (
            "UPDATE audit SET hash = (SELECT hash FROM audit WHERE sequence = 1) WHERE sequence = 3",
            "record 3: its hash",
        ),
        ("DELETE FROM audit WHERE sequence = 4", "record 5: it follows record 3"),
        (
            "UPDATE audit SET sequence = -1 WHERE sequence = 2; UPDATE audit SET sequence = 2 WHERE sequence = 3; \
             UPDATE audit SET sequence = 3 WHERE sequence = -1",
            "record 2: its hash",
        ),
        ("DELETE FROM audit WHERE sequence > 4", "is confirmed in the books and reserved in the log"),
        ("DELETE FROM audit WHERE sequence > 2", "is in the books and not in the log"),
        ("UPDATE policies SET text = 'total = \"9 USD\"'", "the archived policy"),
    ];
    for (statements, finding) in cases {
        let findings = after(&place, statements).await;
        assert!(findings.iter().any(|found| found.contains(finding)), "{statements}: {findings:?}");
    }
}

async fn w_30_a_lowered_counter_is_found(place: Place) {
    for (statement, finding) in [
        ("UPDATE budgets SET spent = '5' WHERE key = 'agent/total'", "budget agent/total: spent is stored as 5"),
        ("DELETE FROM budgets WHERE key = 'agent/total'", "budget agent/total: has reservations and no counter"),
        ("DELETE FROM reservations", "is in the log and not in the books"),
    ] {
        let findings = after(&place, statement).await;
        assert!(findings.iter().any(|found| found.contains(finding)), "{statement}: {findings:?}");
    }
}

async fn a_log_that_was_cut_off_with_everything_that_follows_from_it_is_found_by_a_hash_kept_elsewhere(place: Place) {
    let books = written(&place).await;
    let earlier = Place::new(place.is_server());
    // What the owner of the books could do: put back what stood there before.
    written(&earlier).await.close().await.unwrap();
    books.reserve(reservation(9, 10, &LIMITS)).await.unwrap();
    let kept = books.audit_head().await.unwrap().hash;
    assert_eq!(verified(&books, Some(kept)).await.findings, Vec::<String>::new());

    let earlier = earlier.open(Sharing::Shared);
    assert_eq!(verified(&earlier, None).await.findings, Vec::<String>::new(), "nothing in it contradicts itself");
    let findings = verified(&earlier, Some(kept)).await.findings;
    assert!(findings[0].contains("the log was cut off"), "{findings:?}");
}

async fn an_older_policy_is_never_the_newest_again(place: Place) {
    let books = written(&place).await;
    let show = async |version, text: &str| {
        books
            .adopt_policy(NewPolicy { level: "agent".into(), version: Some(version), text: text.into(), at: at(9) })
            .await
            .unwrap()
    };
    assert_eq!(show(1, "total = \"1 USD\"").await, Adopted::Newest);
    assert_eq!(show(3, "total = \"2 USD\"").await, Adopted::Newest);
    for (version, text) in [(1, "total = \"1 USD\""), (3, "total = \"9 USD\""), (2, "total = \"9 USD\"")] {
        assert_eq!(show(version, text).await, Adopted::Older { newest: 3 });
    }
    let newest = books.newest_policy("agent").await.unwrap().unwrap();
    assert_eq!((newest.version, newest.hash), (3, policy_hash("total = \"2 USD\"")));
    assert_eq!(books.newest_policy("group/a").await.unwrap(), None);
    assert_eq!(verified(&books, None).await.findings, Vec::<String>::new());
}
