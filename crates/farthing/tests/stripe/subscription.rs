//! A route that is sold by subscription: one payment opens a period, the same payer is served within it, and a later
//! period is open once its invoice is paid.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use farthing_protocol::{Challenge, Receipt};
use farthing_rail::{SubscriptionId, Wish, subscribed_message, visit_message};
use farthing_rail_stripe::subscription::Subscriber;
use farthing_testing_stripe::{Double, SELLER_KEY, SELLER_PROFILE, Trouble};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::shop::{WEBHOOK_SECRET, reconcile};
use crate::support::buyer::Buyer;
use crate::support::seller::Seller;
use crate::support::upstream::Upstream;

const DAY: i64 = 24 * 60 * 60;

/// A shop whose Stripe can be ahead or behind: subscriptions begun in its past have later periods now.
pub struct Club {
    pub directory: tempfile::TempDir,
    _upstream: Upstream,
    pub double: Double,
    pub buyer: Buyer,
    behind: Arc<AtomicI64>,
    config: String,
}

impl Club {
    pub async fn new() -> Self {
        let upstream = Upstream::start().await;
        let behind = Arc::new(AtomicI64::new(0));
        let read = Arc::clone(&behind);
        let clock = move || farthing_rails::now().unix_millis() / 1_000 - read.load(Ordering::SeqCst);
        let double = Double::start(Arc::new(clock)).await.unwrap();
        let config = format!(
            "[gateway]\nlisten = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\nrealm = \"test.example\"\n\
             secret = \"a secret for tests that is long enough to bind\"\nstore = \"sqlite:farthing.db\"\n\
             development = true\n\n[rails.stripe]\nasset = \"USD\"\nnetwork_id = \"{SELLER_PROFILE}\"\n\
             secret_key = {{ env = \"STRIPE_KEY\" }}\nwebhook_secret = {{ env = \"STRIPE_WEBHOOK\" }}\napi_base = \"{}\"\n\
             subscription = \"1 day\"\n\n[[route]]\nmatch = \"* /club/{{*rest}}\"\nupstream = \"{}\"\nprice = \"5 USD\"\n\
             accept = [\"stripe/subscription\"]\nreference = \"plan-1\"\n\n[[route]]\nmatch = \"* /other/{{*rest}}\"\n\
             upstream = \"{}\"\nprice = \"5 USD\"\naccept = [\"stripe/subscription\"]\n",
            double.url(),
            upstream.url(),
            upstream.url(),
        );
        let directory = tempfile::tempdir().unwrap();
        Self { directory, _upstream: upstream, double, buyer: Buyer::new(), behind, config }
    }

    /// One that was begun so many seconds ago by Stripe's clock.
    pub async fn begun_ago(seconds: i64) -> Self {
        let club = Self::new().await;
        club.behind.store(seconds, Ordering::SeqCst);
        club
    }

    pub fn now(&self) {
        self.behind.store(0, Ordering::SeqCst);
    }

    pub fn open(&self) -> Seller {
        self.open_with(&[])
    }

    pub fn open_with(&self, more: &[(&str, &str)]) -> Seller {
        let secrets = [("STRIPE_KEY", SELLER_KEY), ("STRIPE_WEBHOOK", WEBHOOK_SECRET)];
        Seller::start(self.directory.path(), &self.config, &[&secrets, more].concat())
    }

    async fn challenge(&self, seller: &Seller, path: &str) -> Challenge {
        self.buyer.challenges(Method::GET, &format!("{}{path}", seller.listen)).await.remove(0)
    }

    /// A credential that begins a subscription.
    pub async fn beginning(&self, seller: &Seller, payment_method: &str) -> String {
        let challenge = self.challenge(seller, "/club/x").await;
        let subscriber = Subscriber { payment_method: payment_method.into(), customer: None };
        let signature = self.buyer.raw_signature(&subscribed_message(&challenge, &subscriber.signed()));
        self.buyer.with_payload(&challenge, Value::Object(subscriber.to_object(&signature)))
    }

    pub async fn present(&self, seller: &Seller, credential: &str) -> Result<Response, reqwest::Error> {
        self.buyer.get(&format!("{}/club/x", seller.listen), credential).send().await
    }

    /// Begins one; its id.
    pub async fn begin(&self, seller: &Seller) -> SubscriptionId {
        let credential = self.beginning(seller, "pm_card_visa").await;
        let answer = self.present(seller, &credential).await.unwrap();
        assert_eq!(answer.status(), 200, "{}", seller.log());
        id_in(&answer)
    }

    pub async fn visit(&self, seller: &Seller, id: SubscriptionId, wish: Wish) -> Response {
        self.visit_by(&self.buyer, seller, "/club/x", id, wish).await
    }

    /// The same of a gateway that may die on the way.
    #[cfg(feature = "failpoints")]
    pub async fn try_visit(&self, seller: &Seller, id: SubscriptionId) -> Option<Response> {
        let challenge = self.challenge(seller, "/club/x").await;
        let signature = self.buyer.raw_signature(&visit_message(&challenge, id, Wish::Use));
        let signature = farthing_protocol::base64url::encode(signature);
        let payload = json!({ "subscriptionId": id.to_string(), "signature": signature });
        let credential = self.buyer.with_payload(&challenge, payload);
        self.present(seller, &credential).await.ok()
    }

    async fn visit_by(&self, buyer: &Buyer, seller: &Seller, path: &str, id: SubscriptionId, wish: Wish) -> Response {
        let challenge = self.challenge(seller, path).await;
        let signature = buyer.raw_signature(&visit_message(&challenge, id, wish));
        let payload = json!({
            "subscriptionId": id.to_string(), "action": wish.as_str(),
            "signature": farthing_protocol::base64url::encode(signature),
        });
        let credential = buyer.with_payload(&challenge, payload);
        buyer.get(&format!("{}{path}", seller.listen), &credential).send().await.unwrap()
    }

    pub fn only(&self) -> String {
        let desk = self.double.desk();
        assert_eq!(desk.billing.subscriptions.len(), 1);
        desk.billing.subscriptions.keys().next().unwrap().clone()
    }

    pub fn bill(&self, pays: bool) -> Value {
        let id = self.only();
        self.double.desk().bill(&id, pays).unwrap()
    }
}

fn receipt(answer: &Response) -> Receipt {
    Receipt::parse(answer.headers()["payment-receipt"].to_str().unwrap()).unwrap()
}

fn id_in(answer: &Response) -> SubscriptionId {
    SubscriptionId::read(receipt(answer).extra["subscriptionId"].as_str().unwrap()).unwrap()
}

async fn payments(seller: &Seller) -> Vec<Value> {
    let text = reqwest::get(format!("{}/admin/payments", seller.admin)).await.unwrap().text().await.unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["payments"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn s_61_one_payment_opens_a_period_and_the_same_payer_is_served_within_it_without_paying() {
    let club = Club::new().await;
    let seller = club.open();
    let id = club.begin(&seller).await;
    for _ in 0..3 {
        let answer = club.visit(&seller, id, Wish::Use).await;
        assert_eq!(answer.status(), 200);
        let receipt = receipt(&answer);
        assert_eq!(receipt.extra["stripeSubscription"], club.only());
        assert_eq!(receipt.external_id.as_deref(), Some("plan-1"));
    }
    assert_eq!((payments(&seller).await.len(), club.double.succeeded().len()), (1, 1));
    assert_eq!(reconcile(&seller)["clean"], true);
    seller.verify_books();
}

#[tokio::test(flavor = "multi_thread")]
async fn s_62_the_id_is_no_authority_and_a_visit_counts_once_and_for_its_route() {
    let club = Club::new().await;
    let seller = club.open();
    let id = club.begin(&seller).await;
    let other = Buyer::new();
    assert_eq!(club.visit_by(&other, &seller, "/club/x", id, Wish::Use).await.status(), 402, "another key");
    assert_eq!(club.visit_by(&club.buyer, &seller, "/other/x", id, Wish::Use).await.status(), 402, "another route");
    let nobody = SubscriptionId::of(farthing_rail::PaymentId::from_bytes([3; 16]));
    assert_eq!(club.visit(&seller, nobody, Wish::Use).await.status(), 402);

    let challenge = club.challenge(&seller, "/club/x").await;
    let signature = club.buyer.raw_signature(&visit_message(&challenge, id, Wish::Use));
    let encoded = farthing_protocol::base64url::encode(signature);
    let payload = json!({ "subscriptionId": id.to_string(), "action": "use", "signature": encoded });
    let credential = club.buyer.with_payload(&challenge, payload);
    assert_eq!(club.present(&seller, &credential).await.unwrap().status(), 200);
    assert_eq!(club.present(&seller, &credential).await.unwrap().status(), 402, "a challenge is used once");
    // What was signed to use it does not cancel it.
    let payload = json!({ "subscriptionId": id.to_string(), "action": "cancel", "signature": encoded });
    let challenge = club.challenge(&seller, "/club/x").await;
    let turned = club.buyer.with_payload(&challenge, payload);
    assert_eq!(club.present(&seller, &turned).await.unwrap().status(), 402);
}

#[tokio::test(flavor = "multi_thread")]
async fn s_62_the_credential_that_began_it_begins_nothing_again() {
    let club = Club::new().await;
    let seller = club.open();
    let credential = club.beginning(&seller, "pm_card_visa").await;
    assert_eq!(club.present(&seller, &credential).await.unwrap().status(), 200);
    assert_eq!(club.present(&seller, &credential).await.unwrap().status(), 402);
    assert_eq!(club.double.desk().billing.subscriptions.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn s_63_a_period_is_shut_until_its_invoice_is_paid_and_each_paid_one_is_a_payment_of_its_own() {
    let club = Club::begun_ago(DAY + 60).await;
    let seller = club.open();
    let id = club.begin(&seller).await;
    let refused = club.visit(&seller, id, Wish::Use).await;
    assert_eq!(refused.status(), 402, "the second day is not paid, whatever Stripe calls the subscription");
    assert!(refused.headers().contains_key("www-authenticate"));
    club.now();
    let invoice = club.bill(true);
    // Stripe tells; what it tells about is read from Stripe.
    let event = club.double.desk().event("invoice.paid", &invoice, WEBHOOK_SECRET);
    assert_eq!(event.send(&format!("{}/webhooks/stripe", seller.listen)).await.unwrap(), 200);
    assert_eq!(event.send(&format!("{}/webhooks/stripe", seller.listen)).await.unwrap(), 200, "twice is once");
    let answer = club.visit(&seller, id, Wish::Use).await;
    assert_eq!(answer.status(), 200, "{}", seller.log());
    assert_eq!(receipt(&answer).reference, invoice["id"].as_str().unwrap());
    let all = payments(&seller).await;
    assert_eq!(all.len(), 2, "{all:?}");
    assert!(all.iter().all(|payment| payment["amount"] == all[0]["amount"]));
    let report = reconcile(&seller);
    assert_eq!(report["clean"], true, "{report}");
    seller.verify_books();
}

#[tokio::test(flavor = "multi_thread")]
async fn s_63_without_a_webhook_the_first_visit_finds_the_paid_invoice_once() {
    let club = Club::begun_ago(DAY + 60).await;
    let seller = club.open();
    let id = club.begin(&seller).await;
    club.now();
    club.bill(true);
    let visits = (0..8).map(|_| club.visit(&seller, id, Wish::Use));
    let answers = futures_util::future::join_all(visits).await;
    assert!(answers.iter().all(|answer| matches!(answer.status().as_u16(), 200 | 503)), "{answers:?}");
    assert_eq!(club.visit(&seller, id, Wish::Use).await.status(), 200);
    assert_eq!(payments(&seller).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn s_64_a_failed_renewal_ends_access_and_beginning_anew_is_a_payment_of_its_own() {
    let club = Club::begun_ago(DAY + 60).await;
    let seller = club.open();
    let id = club.begin(&seller).await;
    club.now();
    let invoice = club.bill(false);
    let event = club.double.desk().event("invoice.payment_failed", &invoice, WEBHOOK_SECRET);
    assert_eq!(event.send(&format!("{}/webhooks/stripe", seller.listen)).await.unwrap(), 200);
    assert_eq!(club.visit(&seller, id, Wish::Use).await.status(), 402);
    let ended = {
        let id = club.only();
        club.double.desk().end_subscription(&id)
    };
    let event = club.double.desk().event("customer.subscription.deleted", &ended, WEBHOOK_SECRET);
    assert_eq!(event.send(&format!("{}/webhooks/stripe", seller.listen)).await.unwrap(), 200);
    assert_eq!(club.visit(&seller, id, Wish::Use).await.status(), 402);
    let again = club.begin(&seller).await;
    assert_ne!(again, id);
    assert_eq!(club.visit(&seller, again, Wish::Use).await.status(), 200);
    assert_eq!(payments(&seller).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn s_65_the_payer_cancels_and_keeps_what_is_paid() {
    let club = Club::new().await;
    let seller = club.open();
    let id = club.begin(&seller).await;
    assert_eq!(club.visit_by(&Buyer::new(), &seller, "/club/x", id, Wish::Cancel).await.status(), 402);
    for _ in 0..2 {
        let answer = club.visit(&seller, id, Wish::Cancel).await;
        assert_eq!(answer.status(), 200);
        let said: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!((&said["state"], said["subscriptionId"].as_str()), (&json!("canceled"), Some(&*id.to_string())));
    }
    assert_eq!(club.visit(&seller, id, Wish::Use).await.status(), 200, "what is paid is served");
    let only = club.only();
    assert!(club.double.desk().bill(&only, true).is_none(), "nothing is billed any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn s_50_a_card_that_is_declined_opens_nothing() {
    let club = Club::new().await;
    let seller = club.open();
    let credential = club.beginning(&seller, "pm_card_chargeDeclined").await;
    let answer = club.present(&seller, &credential).await.unwrap();
    assert_eq!(answer.status(), 402);
    assert!(!answer.headers().contains_key("payment-receipt"));
    assert!(club.double.desk().billing.subscriptions.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn s_54_a_lost_answer_is_asked_for_again_with_the_same_credential() {
    let club = Club::new().await;
    let seller = club.open();
    club.double.desk().expect("POST subscriptions", [Trouble::LostAfter, Trouble::LostAfter]);
    let credential = club.beginning(&seller, "pm_card_visa").await;
    let mut status = 503;
    for _ in 0..600 {
        status = club.present(&seller, &credential).await.unwrap().status().as_u16();
        if !matches!(status, 503 | 409) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(status, 200);
    assert_eq!(club.double.desk().billing.subscriptions.len(), 1);
}
