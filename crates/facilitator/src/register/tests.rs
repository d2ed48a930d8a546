use serde_json::json;

use super::*;

fn entry(proof: &str, caller: &str, limit: Option<u32>, hours: i64) -> Entry {
    Entry {
        proof: ProofKey::new(proof),
        take: Some(Amount::new(7)),
        caller: caller.to_owned(),
        limit,
        is_ready: true,
        now: Timestamp::from_unix_millis(hours * 3_600_000),
    }
}

#[tokio::test]
async fn a_payment_is_begun_once_and_its_end_survives_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("facilitator.db");
    let register = Register::open(&path).unwrap();
    assert_eq!(register.begin(entry("a", "shop", None, 1)).await, Ok(Found::Begin { attempt: 1 }));
    let begun =
        Found::Begun { attempt: 1, take: Some(Amount::new(7)), claimed_at: Timestamp::from_unix_millis(3_600_000) };
    assert_eq!(register.begin(entry("a", "other", None, 2)).await, Ok(begun.clone()));
    drop(register);
    let register = reopened(&path).await;
    assert_eq!(register.begin(entry("a", "shop", None, 3)).await, Ok(begun));
    register.end(ProofKey::new("a"), End::Settled { reference: "0x1".into() }).await.unwrap();
    register.end(ProofKey::new("a"), End::Rejected).await.unwrap();
    let settled = Found::Settled { take: Some(Amount::new(7)), reference: "0x1".into() };
    assert_eq!(register.begin(entry("a", "shop", Some(0), 4)).await, Ok(settled));
}

#[tokio::test]
async fn what_was_refused_may_be_tried_again_and_counts_again() {
    let folder = tempfile::tempdir().unwrap();
    let register = Register::open(&folder.path().join("facilitator.db")).unwrap();
    for attempt in 1..=2 {
        assert_eq!(register.begin(entry("a", "shop", Some(2), 1)).await, Ok(Found::Begin { attempt }));
        register.end(ProofKey::new("a"), End::Rejected).await.unwrap();
    }
    assert_eq!(register.begin(entry("a", "shop", Some(2), 1)).await, Ok(Found::Spent));
    assert_eq!(register.begin(entry("a", "shop", Some(2), 25)).await, Ok(Found::Begin { attempt: 3 }));
}

#[tokio::test]
async fn a_days_quota_is_each_callers_own_and_outlives_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("facilitator.db");
    let register = Register::open(&path).unwrap();
    assert_eq!(register.begin(entry("a", "shop", Some(1), 1)).await, Ok(Found::Begin { attempt: 1 }));
    drop(register);
    let register = reopened(&path).await;
    assert_eq!(register.begin(entry("b", "shop", Some(1), 2)).await, Ok(Found::Spent));
    assert_eq!(register.begin(entry("b", "other", Some(1), 2)).await, Ok(Found::Begin { attempt: 1 }));
    assert_eq!(register.begin(entry("c", "shop", Some(1), 30)).await, Ok(Found::Begin { attempt: 1 }));
}

#[tokio::test]
async fn the_catalogue_has_each_resource_once_and_the_newest_first() {
    let folder = tempfile::tempdir().unwrap();
    let register = Register::open(&folder.path().join("facilitator.db")).unwrap();
    for (time, path) in [(1, "a"), (2, "b"), (3, "a")] {
        let item = json!({
            "resource": format!("https://shop.example/{path}"), "type": "http", "x402Version": 2, "accepts": [],
            "lastUpdated": Timestamp::from_unix_millis(time).to_rfc3339(),
        });
        register.list(CatalogueItem::read(item.as_object().unwrap()).unwrap()).await.unwrap();
    }
    let urls: Vec<_> = register.listed().await.unwrap().into_iter().map(|item| item.resource.url).collect();
    assert_eq!(urls, ["https://shop.example/a", "https://shop.example/b"]);
}

/// The thread that owns the file closes it a moment after its last handle.
async fn reopened(path: &Path) -> Register {
    for _ in 0..200 {
        if let Ok(register) = Register::open(path) {
            return register;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the register stays locked");
}
