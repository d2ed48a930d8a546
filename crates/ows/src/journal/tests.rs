use super::*;

fn journal() -> (tempfile::TempDir, Journal) {
    let directory = tempfile::tempdir().unwrap();
    let vault = OwsVault::at(&directory.path().join("vault"));
    (directory, Journal::of(&vault))
}

fn coin() -> Asset {
    "eip155:1/slip44:60".parse().unwrap()
}

fn spend(journal: &Journal, key: &str, at: i64, amount: u64) {
    let record = Record {
        at: Timestamp::from_unix_millis(at),
        operation: "sign_transaction",
        wallet_id: None,
        api_key_id: Some(key.to_owned()),
        chain: "eip155:1".into(),
        sha256: [0; 32],
        outcome: Outcome::Allowed(vec![(coin(), U256::from(amount))]),
    };
    journal.begin(Some(key)).unwrap().record(&record).unwrap();
}

fn spent(journal: &Journal, key: &str, since: i64) -> u64 {
    let deciding = journal.begin(Some(key)).unwrap();
    deciding.spent(&coin(), Timestamp::from_unix_millis(since)).unwrap().to()
}

#[test]
fn what_was_spent_is_what_the_log_says() {
    let (_directory, journal) = journal();
    spend(&journal, "a", 1_000, 3);
    spend(&journal, "b", 1_000, 5);
    spend(&journal, "a", 2_000, 4);
    assert_eq!((spent(&journal, "a", 0), spent(&journal, "a", 2_000), spent(&journal, "b", 0)), (7, 4, 5));
}

#[test]
fn a_line_that_was_never_finished_never_was() {
    let (_directory, journal) = journal();
    spend(&journal, "a", 1_000, 3);
    let whole = std::fs::read(&journal.path).unwrap();
    std::fs::write(&journal.path, [whole.as_slice(), &whole[..whole.len() / 2]].concat()).unwrap();
    assert_eq!(spent(&journal, "a", 0), 3);
    spend(&journal, "a", 1_000, 4);
    assert_eq!(spent(&journal, "a", 0), 7);
}

#[test]
fn lines_of_others_are_left_alone_and_nonsense_is_refused() {
    let (_directory, journal) = journal();
    spend(&journal, "a", 1_000, 3);
    let whole = std::fs::read(&journal.path).unwrap();
    let foreign = b"{\"timestamp\":\"2026-11-21T00:00:00.123456789+00:00\",\"operation\":\"create_wallet\"}\n";
    std::fs::write(&journal.path, [whole.as_slice(), foreign].concat()).unwrap();
    assert_eq!(spent(&journal, "a", 0), 3);
    std::fs::write(&journal.path, [whole.as_slice(), b"{\"api_key_id\":\n"].concat()).unwrap();
    assert!(journal.begin(Some("a")).is_err());
}

#[test]
fn a_line_that_was_changed_or_taken_out_is_found() {
    let (_directory, journal) = journal();
    for amount in [3, 4, 5] {
        spend(&journal, "a", 1_000, amount);
    }
    let whole = std::fs::read_to_string(&journal.path).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let [first, second, third] = lines[..] else { panic!() };
    for tampered in [
        [&first.replace("\"3\"", "\"0\""), second, third].join("\n"),
        [first, third].join("\n"),
        [second, third].join("\n"),
        [second, first, third].join("\n"),
    ] {
        std::fs::write(&journal.path, format!("{tampered}\n")).unwrap();
        assert!(journal.begin(Some("a")).is_err(), "{tampered}");
        assert!(journal.begin(None).is_err(), "{tampered}");
    }
    std::fs::write(&journal.path, whole).unwrap();
    assert_eq!(spent(&journal, "a", 0), 12);
}
