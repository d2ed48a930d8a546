//! Cards that Stripe issues for a wallet: its policy decides about every use, durably, and nobody's silence is a yes.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use farthing_testing_stripe::{Double, Event, SELLER_KEY};
use serde_json::Value;

const FARTHING: &str = env!("CARGO_BIN_EXE_farthing");
const SECRET: &str = "whsec_OfTheCards";

/// A wallet with an issued card, Stripe's double, and the desk that answers it.
struct Desk {
    home: tempfile::TempDir,
    double: Double,
    card: String,
    process: Child,
    url: String,
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn run(home: &std::path::Path, arguments: &[&str]) -> Output {
    let command = Command::new(FARTHING)
        .args(arguments)
        .env("FARTHING_HOME", home)
        .env("FARTHING_PASSPHRASE", "a passphrase for tests")
        .env("ISSUING_KEY", SELLER_KEY)
        .output();
    let output = command.unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!said.contains(SELLER_KEY), "a secret was said by {arguments:?}");
    output
}

fn good(home: &std::path::Path, arguments: &[&str]) -> String {
    let output = run(home, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn serve(home: &std::path::Path) -> (Child, String) {
    let mut process = Command::new(FARTHING)
        .args(["card", "serve", "--listen", "127.0.0.1:0", "--json"])
        .env("FARTHING_HOME", home)
        .env("FARTHING_PASSPHRASE", "a passphrase for tests")
        .env("STRIPE_ISSUING_WEBHOOK", SECRET)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let said: Value = serde_json::from_str(&line).unwrap();
    (process, format!("http://{}/webhooks/stripe-issuing", said["address"].as_str().unwrap()))
}

impl Desk {
    async fn new(limits: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let path = home.path();
        let double = Double::start(Arc::new(|| farthing_rails::now().unix_millis() / 1_000)).await.unwrap();
        good(path, &["wallet", "create", "agent"]);
        good(path, &[&["policy", "set", "--wallet", "agent"], limits].concat());
        let account =
            ["--cardholder", "ich_1", "--key-env", "ISSUING_KEY", "--api-base", double.url(), "--country", "US"];
        let made = good(path, &[&["card", "issue", "--wallet", "agent", "--json"], account.as_slice()].concat());
        let made: Value = serde_json::from_str(&made).unwrap();
        let card = made["id"].as_str().unwrap().to_owned();
        let (process, url) = serve(path);
        Self { home, double, card, process, url }
    }

    fn run(&self, arguments: &[&str]) -> String {
        good(self.home.path(), arguments)
    }

    /// Asks; the authorisation, and whether it is approved.
    async fn swipe(&self, amount: i64) -> (Value, bool) {
        self.swipe_of(&self.card, amount, "1234567890").await
    }

    async fn swipe_of(&self, card: &str, amount: i64, merchant: &str) -> (Value, bool) {
        let (authorization, event) = self.double.desk().swipe(card, amount, merchant, SECRET);
        let approved = self.answer(&event).await;
        (authorization, approved)
    }

    async fn answer(&self, event: &Event) -> bool {
        let (status, body) = event.ask(&self.url).await.unwrap();
        assert_eq!(status, 200, "{body}");
        serde_json::from_str::<Value>(&body).unwrap()["approved"].as_bool().unwrap()
    }

    async fn tell(&self, event: &Event) {
        assert_eq!(event.ask(&self.url).await.unwrap().0, 200);
    }

    /// What is spent and what is reserved, of the total.
    fn used(&self) -> (String, String) {
        let shown: Value = serde_json::from_str(&self.run(&["wallet", "show", "agent", "--json"])).unwrap();
        let total = &shown["accounts"][0];
        (total["spent"].as_str().unwrap().to_owned(), total["reserved"].as_str().unwrap().to_owned())
    }
}

fn used(spent: &str, reserved: &str) -> (String, String) {
    (spent.to_owned(), reserved.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn s_71_a_card_has_the_policy_s_controls_and_no_number_comes_here() {
    let desk = Desk::new(&["--total", "20 USD", "--per-payment", "5.009 USD", "--per-day", "10 USD"]).await;
    let card = desk.double.desk().cards[&desk.card].clone();
    let limits = card["spending_controls"]["spending_limits"].as_array().unwrap().clone();
    let limit = |interval: &str| limits.iter().find(|each| each["interval"] == interval).unwrap()["amount"].clone();
    assert_eq!(
        (limit("per_authorization"), limit("daily"), limit("all_time")),
        (500.into(), 1_000.into(), 2_000.into())
    );
    assert_eq!(card["metadata"]["farthing_wallet"], "agent");
    let listed: Value = serde_json::from_str(&desk.run(&["card", "issued", "--wallet", "agent", "--json"])).unwrap();
    assert_eq!((&listed[0]["last4"], &listed[0]["state"]), (&"4242".into(), &"ready".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn s_72_the_policy_decides_and_what_is_allowed_is_counted_before_the_answer() {
    let desk = Desk::new(&["--total", "8 USD", "--per-payment", "5 USD"]).await;
    assert!(desk.swipe(400).await.1);
    assert_eq!(desk.used(), used("0 USD", "4 USD"));
    assert!(!desk.swipe(501).await.1, "more than a payment may cost");
    assert!(!desk.swipe(450).await.1, "more than is left in all");
    assert!(desk.swipe(400).await.1);
    assert!(!desk.swipe(1).await.1);
    desk.run(&["audit", "verify"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn s_73_a_card_of_nobody_a_merchant_without_a_name_and_a_wallet_that_is_stopped_are_declined() {
    let desk = Desk::new(&["--total", "20 USD"]).await;
    assert!(!desk.swipe_of("ic_unknown", 100, "1234567890").await.1);
    assert!(!desk.swipe_of(&desk.card, 100, "").await.1);
    desk.run(&["card", "freeze", &desk.card]);
    assert!(!desk.swipe(100).await.1);
    assert_eq!(desk.double.desk().cards[&desk.card]["status"], "inactive");
    desk.run(&["card", "thaw", &desk.card]);
    assert!(desk.swipe(100).await.1);
    desk.run(&["freeze", "--wallet", "agent"]);
    assert!(!desk.swipe(100).await.1);
    desk.run(&["thaw", "--wallet", "agent"]);
    desk.run(&["freeze", "--all", "--only"]);
    assert!(!desk.swipe(100).await.1);
    desk.run(&["thaw", "--all"]);
    desk.run(&["card", "revoke", &desk.card]);
    assert!(!desk.swipe(100).await.1);
    assert_eq!(desk.double.desk().cards[&desk.card]["status"], "canceled");
}

#[tokio::test(flavor = "multi_thread")]
async fn s_74_the_same_question_has_the_same_answer_and_counts_once_over_a_restart() {
    let mut desk = Desk::new(&["--total", "5 USD"]).await;
    let (_, event) = desk.double.desk().swipe(&desk.card, 400, "1234567890", SECRET);
    assert!(desk.answer(&event).await && desk.answer(&event).await);
    desk.process.kill().unwrap();
    desk.process.wait().unwrap();
    let (process, url) = serve(desk.home.path());
    (desk.process, desk.url) = (process, url);
    assert!(desk.answer(&event).await);
    assert_eq!(desk.used(), used("0 USD", "4 USD"));
}

#[tokio::test(flavor = "multi_thread")]
async fn s_75_what_is_not_signed_by_stripe_decides_nothing() {
    let desk = Desk::new(&["--total", "5 USD"]).await;
    let (_, forged) = desk.double.desk().swipe(&desk.card, 400, "1234567890", "whsec_another_one");
    assert_eq!(forged.ask(&desk.url).await.unwrap().0, 400);
    let (_, mut changed) = desk.double.desk().swipe(&desk.card, 400, "1234567890", SECRET);
    changed.body = changed.body.replace("400", "4");
    assert_eq!(changed.ask(&desk.url).await.unwrap().0, 400);
    assert_eq!(desk.used(), used("0 USD", "0 USD"));
}

#[tokio::test(flavor = "multi_thread")]
async fn s_76_a_capture_confirms_what_it_took_and_frees_the_rest() {
    let desk = Desk::new(&["--total", "20 USD"]).await;
    let (authorization, approved) = desk.swipe(500).await;
    assert!(approved);
    let event = desk.double.desk().capture(&desk.card, Some(&authorization), 350, "capture", SECRET);
    desk.tell(&event).await;
    desk.tell(&event).await;
    assert_eq!(desk.used(), used("3.5 USD", "0 USD"));
    let event = desk.double.desk().stands(&authorization, true, "closed", SECRET);
    desk.tell(&event).await;
    assert_eq!(desk.used(), used("3.5 USD", "0 USD"));
    desk.run(&["audit", "verify"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn s_76_what_was_declined_elsewhere_reversed_or_expired_is_free_again() {
    let desk = Desk::new(&["--total", "20 USD"]).await;
    for (approved, status) in [(false, "closed"), (true, "reversed"), (true, "expired")] {
        let (authorization, answer) = desk.swipe(500).await;
        assert!(answer);
        let event = desk.double.desk().stands(&authorization, approved, status, SECRET);
        desk.tell(&event).await;
        assert_eq!(desk.used(), used("0 USD", "0 USD"), "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s_77_what_is_taken_beyond_the_authorisation_or_without_one_counts_all_the_same() {
    let desk = Desk::new(&["--total", "10 USD", "--per-payment", "5 USD"]).await;
    let (authorization, approved) = desk.swipe(500).await;
    assert!(approved);
    let over = desk.double.desk().capture(&desk.card, Some(&authorization), 700, "capture", SECRET);
    desk.tell(&over).await;
    desk.tell(&over).await;
    assert_eq!(desk.used(), used("7 USD", "0 USD"));
    let forced = desk.double.desk().capture(&desk.card, None, 600, "capture", SECRET);
    desk.tell(&forced).await;
    desk.tell(&forced).await;
    assert_eq!(desk.used(), used("13 USD", "0 USD"), "it is gone, whatever the limit was");
    assert!(!desk.swipe(1).await.1);
    let refund = desk.double.desk().capture(&desk.card, Some(&authorization), 700, "refund", SECRET);
    desk.tell(&refund).await;
    assert_eq!(desk.used(), used("13 USD", "0 USD"), "what comes back frees no limit");
    desk.run(&["audit", "verify"]);
}
