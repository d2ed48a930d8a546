//! Streams that are paid for as they go, through a proxy: what asks for vouchers is one stream for its agent.

use crate::session_double;
use crate::street;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use farthing_proxy::{Limits, Purses, Reach, Spent};
use farthing_wallet::{PayingClient, WalletName};
use session_double::Shop;
use street::Street;

struct BySession(std::path::PathBuf);

#[async_trait]
impl Purses for BySession {
    async fn open(&self, _: &WalletName) -> Result<PayingClient, String> {
        Ok(session_double::client(&self.0))
    }
}

async fn street(shop: &Shop, policy: &str) -> Street {
    let private = vec![shop.origin["http://".len()..].parse().unwrap()];
    let purses = |home: &Path| Arc::new(BySession(home.to_owned())) as Arc<dyn Purses>;
    Street::of(purses, Limits::default(), (Reach { private, ..Reach::default() }, &[]), policy, true).await
}

/// Everything that came, and whether it ended as streams do.
async fn read(street: &Street, shop: &Shop, path: &str) -> (String, bool) {
    let mut answer = street.agent().get(format!("{}{path}", shop.origin)).send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (200, &"text/event-stream".parse().unwrap())
    );
    let mut text = String::new();
    loop {
        match answer.chunk().await {
            Ok(Some(piece)) => text.push_str(std::str::from_utf8(&piece).unwrap()),
            Ok(None) => return (text, true),
            Err(_) => return (text, false),
        }
    }
}

fn only(spent: &[Spent]) -> (u64, String) {
    assert_eq!(spent.len(), 1, "{spent:?}");
    (spent[0].payments, spent[0].cost.to_string())
}

#[tokio::test]
async fn a_stream_that_asks_for_vouchers_is_one_stream_for_its_agent() {
    let shop = Shop::start().await;
    let street = street(&shop, "total = \"0.1 USD\"\nper_payment = \"0.02 USD\"").await;
    let (text, whole) = read(&street, &shop, "/stream/5").await;
    let expected: String = (0..5).rev().map(|left| format!("data: piece {left}\n\n")).collect();
    assert_eq!((text, whole), (expected, true));
    assert_eq!(shop.shown(), ["open 1000", "voucher 2000", "voucher 3000", "voucher 4000", "voucher 5000"]);
    assert_eq!(only(&street.tally.spent()), (1, "0.005 USD".to_owned()));
    assert_eq!(read(&street, &shop, "/stream/3").await.0.lines().filter(|line| !line.is_empty()).count(), 3);
    assert_eq!(only(&street.tally.spent()), (2, "0.008 USD".to_owned()));
}

#[tokio::test]
async fn a_stream_ends_at_the_limit_per_payment_and_says_why() {
    let shop = Shop::start().await;
    let policy = "total = \"0.1 USD\"\nper_payment = \"0.003 USD\"\nsession_deposit = \"0.02 USD\"";
    let street = street(&shop, policy).await;
    let (text, whole) = read(&street, &shop, "/stream/5").await;
    assert!(!whole, "what was cut off does not look whole: {text}");
    assert_eq!(text.matches("data: piece").count(), 3, "{text}");
    assert!(text.contains("\n: the proxy ends this stream: ") && text.contains("0.003 USD"), "{text}");
    assert_eq!(only(&street.tally.spent()), (1, "0.003 USD".to_owned()));
}

#[tokio::test]
async fn w_38_a_stream_gets_no_voucher_that_its_goods_do_not_explain() {
    for path in ["/stream-foreign", "/stream-flood", "/stream-huge"] {
        let shop = Shop::start().await;
        let street = street(&shop, "total = \"0.1 USD\"\nper_payment = \"0.02 USD\"").await;
        let (text, whole) = read(&street, &shop, path).await;
        assert!(!whole && text.starts_with(": the proxy ends this stream: "), "{path}: {text}");
        let highest = shop.shown().iter().filter_map(|shown| shown.split(' ').next_back()?.parse::<u32>().ok()).max();
        assert!(highest.is_some_and(|highest| highest <= 4000), "{path}: {:?}", shop.shown());
    }
}

#[tokio::test]
async fn w_38_nothing_more_is_signed_for_an_agent_that_left() {
    let shop = Shop::start().await;
    let street = street(&shop, "total = \"1 USD\"\nper_payment = \"1 USD\"").await;
    let agent = street.agent();
    let mut answer = agent.get(format!("{}/stream/100000", shop.origin)).send().await.unwrap();
    assert!(answer.chunk().await.unwrap().is_some());
    drop((answer, agent));
    let ended = async {
        while street.tally.spent().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), ended).await.expect("the stream goes on for nobody");
    let signed = shop.shown().len();
    assert_eq!(only(&street.tally.spent()).0, 1);
    assert!(signed < 10_000, "{signed}");
}
