//! A webhook that is told of questions, and answers them.

use crate::desk;

use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use desk::Home;
use farthing_books::testing::samples::at;
use farthing_wallet::ApprovalState;
use farthing_wallet::approvals::webhook::{Decision, NotAnswered, SignedAnswer, Webhook, WebhookSecret};
use serde_json::Value;
use tokio::net::TcpListener;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// What a receiver got, and what it says next.
#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    got: Vec<(HeaderMap, Value)>,
    says: Vec<(StatusCode, String)>,
}

impl Receiver {
    /// One that listens, as the webhook of this home directory.
    async fn of(home: &Home) -> Self {
        let receiver = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/ask", listener.local_addr().unwrap());
        let app = axum::Router::new().route("/ask", post(take)).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Webhook::new(&url, SECRET.parse().unwrap()).unwrap().keep(home.wallets.home()).unwrap();
        receiver
    }

    fn says(&self, status: StatusCode, body: impl Into<String>) {
        self.0.lock().unwrap().says.push((status, body.into()));
    }

    fn got(&self) -> Vec<(HeaderMap, Value)> {
        self.0.lock().unwrap().got.clone()
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> (StatusCode, String) {
    let mut inner = receiver.0.lock().unwrap();
    inner.got.push((headers, serde_json::from_slice(&body).unwrap()));
    if inner.says.is_empty() { (StatusCode::NO_CONTENT, String::new()) } else { inner.says.remove(0) }
}

fn said(record: &farthing_wallet::ApprovalRecord, decision: Decision, millis: i64, secret: &str) -> SignedAnswer {
    let secret: WebhookSecret = secret.parse().unwrap();
    SignedAnswer {
        id: record.id.to_string(),
        facts: record.facts.digest().to_string(),
        decision,
        at: at(millis).unix_millis() / 1_000,
        reason: None,
        signature: String::new(),
    }
    .signed(&secret)
}

#[tokio::test]
async fn a_question_is_told_until_it_is_taken_and_under_one_name() {
    let home = Home::new();
    let receiver = Receiver::of(&home).await;
    let asked = home.ask(1).await;
    receiver.says(StatusCode::INTERNAL_SERVER_ERROR, "");
    home.desk.announce(asked.clone()).await.unwrap();
    home.desk.announce(asked.clone()).await.unwrap();
    assert_eq!(receiver.got().len(), 1, "the second try waits");
    home.now(5_000);
    home.desk.announce_all().await.unwrap();
    home.now(50_000);
    home.desk.announce_all().await.unwrap();
    let got = receiver.got();
    assert_eq!(got.len(), 2, "what was taken is not told again");
    assert_eq!(got[0].0["webhook-id"], got[1].0["webhook-id"]);
    let (headers, message) = &got[1];
    assert_eq!(headers["webhook-timestamp"], (at(5_000).unix_millis() / 1_000).to_string().as_str());
    assert!(headers["webhook-signature"].to_str().unwrap().starts_with("v1,"));
    let told = &message["data"];
    assert_eq!((told["id"].as_str(), told["cost"].as_str()), (Some(asked.id.to_string().as_str()), Some("0.0001 USD")));
    assert_eq!(told["facts"], asked.facts.digest().to_string());
}

#[tokio::test]
async fn an_answer_in_the_response_counts() {
    let home = Home::new();
    let receiver = Receiver::of(&home).await;
    let asked = home.ask(1).await;
    receiver.says(StatusCode::OK, serde_json::to_string(&said(&asked, Decision::Allow, 0, SECRET)).unwrap());
    let answered = home.desk.announce(asked).await.unwrap();
    assert_eq!((answered.state, answered.answer.unwrap().by.as_str()), (ApprovalState::Allowed, "webhook"));
}

#[tokio::test]
async fn w_33_what_is_not_a_signed_answer_answers_nothing() {
    let home = Home::new();
    let receiver = Receiver::of(&home).await;
    let forged = said(&home.ask(1).await, Decision::Allow, 0, OTHER);
    let bodies = [serde_json::to_string(&forged).unwrap(), "{\"decision\":\"allow\"}".into(), "a".repeat(100_000)];
    for (body, number) in bodies.into_iter().zip(1..) {
        receiver.says(StatusCode::OK, body);
        let asked = home.ask(number).await;
        assert_eq!(home.desk.announce(asked).await.unwrap().state, ApprovalState::Pending);
    }
    assert_eq!(receiver.got().len(), 3);
}

#[tokio::test]
async fn w_33_forged_old_replayed_and_late_answers_are_refused() {
    let home = Home::new();
    Receiver::of(&home).await;
    let (first, second) = (home.ask(1).await, home.ask(2).await);
    let refused = async |answer: SignedAnswer| match home.desk.take_answer(&answer).await {
        Err(farthing_wallet::ApprovalError::NotAnswered(refused)) => refused,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(said(&first, Decision::Allow, 0, OTHER)).await, NotAnswered::Forged);
    assert_eq!(refused(said(&first, Decision::Allow, -301_000, SECRET)).await, NotAnswered::Old);
    assert_eq!(refused(said(&first, Decision::Allow, 301_000, SECRET)).await, NotAnswered::Old);
    let mut moved = said(&first, Decision::Allow, 0, SECRET);
    moved.id = second.id.to_string();
    assert_eq!(refused(moved).await, NotAnswered::Forged, "the answer to one question is not one to another");

    let (allow, deny) = (said(&first, Decision::Allow, 0, SECRET), said(&first, Decision::Deny, 1_000, SECRET));
    assert_eq!(home.desk.take_answer(&allow).await.unwrap().state, ApprovalState::Allowed);
    assert_eq!(refused(allow.clone()).await, NotAnswered::Answered, "replayed");
    assert_eq!(home.desk.take_answer(&deny).await.unwrap().state, ApprovalState::Denied, "taken back");
    assert_eq!(refused(allow).await, NotAnswered::Answered, "replayed after it was taken back");

    home.now(60_000);
    assert_eq!(refused(said(&second, Decision::Allow, 60_000, SECRET)).await, NotAnswered::Answered, "too late");
}

#[tokio::test]
async fn without_a_webhook_no_answer_of_one_is_taken() {
    let home = Home::new();
    let asked = home.ask(1).await;
    let answer = said(&asked, Decision::Allow, 0, SECRET);
    assert!(home.desk.take_answer(&answer).await.is_err());
    assert_eq!(home.desk.announce(asked).await.unwrap().state, ApprovalState::Pending);
}
