//! Whose permission counts.

use crate::desk;

use desk::Home;
use farthing_books::approval::Answer;
use farthing_books::testing::questions::{PATIENCE, facts};
use farthing_books::testing::samples::at;
use farthing_wallet::approvals::webhook::Webhook;
use farthing_wallet::approvals::{Ask, Authority, permission};
use farthing_wallet::policy::{Refused, Rule};
use farthing_wallet::{ApprovalError, ApprovalId, ApprovalState, PassphraseSource, Reply};

fn given(text: &str) -> PassphraseSource {
    PassphraseSource::Given(text.to_owned().into())
}

fn reply(allow: bool) -> Reply {
    Reply { allow, reason: None, by: "test".to_owned() }
}

/// A home whose owner has a passphrase apart from the agent's.
fn apart() -> Home {
    let home = Home::new();
    home.wallets.create(&"agent".parse().unwrap(), &given("agent's")).unwrap();
    home.wallets.protect_owner(&given("agent's"), &given("owner's")).unwrap();
    home
}

/// What the wallet does with the answer to question 1.
async fn permitted(home: &Home) -> Result<(), Refused> {
    permitted_of(home, 1).await
}

async fn permitted_of(home: &Home, number: u32) -> Result<(), Refused> {
    let authority = Authority { home: home.wallets.home(), owner: home.wallets.owner().unwrap() };
    let ask = Ask {
        id: ApprovalId([9; 8]),
        facts: facts(number, 100),
        level: "agent".to_owned(),
        rule: Rule::Payee,
        sentence: "why".to_owned(),
        decided: None,
        deadline: at(PATIENCE),
        now: at(1),
    };
    permission(&home.wallets.budgets().unwrap(), authority, ask).await.map(drop)
}

fn refused(permitted: &Result<(), Refused>) -> bool {
    matches!(permitted, Err(Refused::Rule { rule: Rule::Approval, .. }))
}

#[tokio::test]
async fn w_30_an_agent_with_the_wallet_s_passphrase_does_not_allow_its_own_payment() {
    let home = apart();
    let asked = home.ask(1).await;
    let agent = home.wallets.open(&"agent".parse().unwrap(), given("agent's")).unwrap();
    assert!(matches!(agent.answer(asked.id, &reply(true)).await, Err(ApprovalError::Owner(_))));
    assert!(matches!(home.desk.answer(asked.id, &reply(true)).await, Err(ApprovalError::Owner(_))));
    assert_eq!(home.desk.one(asked.id).await.unwrap().state, ApprovalState::Pending);
    let owner = home.wallets.desk(None).unwrap().opened_by(given("owner's"));
    owner.answer(asked.id, &reply(true)).await.unwrap();
    assert_eq!(permitted(&home).await, Ok(()));
}

#[tokio::test]
async fn w_30_a_permission_that_was_written_into_the_books_is_none() {
    let home = apart();
    let proofs = [None, Some("owner 00".to_owned()), Some("webhook v1,AAAA".to_owned())];
    for (proof, number) in proofs.into_iter().zip(1..) {
        let asked = home.ask(number).await;
        let books = home.wallets.budgets().unwrap();
        let answer = Answer { allow: true, by: "owner".to_owned(), reason: None, proof, at: at(0) };
        books.answer(asked.id, answer, at(0)).await.unwrap();
        assert!(refused(&permitted_of(&home, number).await));
    }
}

#[tokio::test]
async fn w_30_the_owner_s_signature_under_one_permission_is_none_under_another() {
    let home = apart();
    let (other, asked) = (home.ask(2).await, home.ask(1).await);
    let owner = home.wallets.desk(None).unwrap().opened_by(given("owner's"));
    let signed = owner.answer(other.id, &reply(true)).await.unwrap().answer.unwrap();
    home.wallets.budgets().unwrap().answer(asked.id, signed, at(0)).await.unwrap();
    assert!(refused(&permitted(&home).await));
}

#[tokio::test]
async fn w_30_a_webhook_that_the_owner_did_not_sign_allows_nothing() {
    use farthing_wallet::approvals::webhook::{Decision, SignedAnswer, WebhookSecret};
    let secret: WebhookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
    let home = apart();
    let asked = home.ask(1).await;
    let webhook = Webhook::new("http://127.0.0.1:9/", secret.clone()).unwrap();
    webhook.keep(home.wallets.home()).unwrap();
    let said = SignedAnswer {
        id: asked.id.to_string(),
        facts: asked.facts.digest().to_string(),
        decision: Decision::Allow,
        at: at(0).unix_millis() / 1_000,
        reason: None,
        signature: String::new(),
    };
    home.desk.take_answer(&said.signed(&secret)).await.unwrap();
    assert!(refused(&permitted(&home).await));
    let key = home.wallets.clone().owned_through(given("owner's")).owner_key(&given("agent's")).unwrap().unwrap();
    webhook.signed(&key).keep(home.wallets.home()).unwrap();
    assert_eq!(permitted(&home).await, Ok(()));
}

#[tokio::test]
async fn where_the_owner_has_no_passphrase_apart_the_wallet_s_own_allows() {
    let home = Home::new();
    home.wallets.create(&"agent".parse().unwrap(), &given("one")).unwrap();
    let asked = home.ask(1).await;
    let agent = home.wallets.open(&"agent".parse().unwrap(), given("one")).unwrap();
    agent.answer(asked.id, &reply(true)).await.unwrap();
    assert_eq!(permitted(&home).await, Ok(()));
}
