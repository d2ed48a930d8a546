use std::sync::{Arc, Mutex};

use farthing_books::approval::Question;
use farthing_books::testing::questions::facts;
use farthing_protocol::Timestamp;
use farthing_wallet::{Ambient, PassphraseSource, WalletName, Wallets};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities, ClientConfig, ErrorData,
};
use rmcp::service::{ClientLifecycleMode, RoleClient, RunningService, serve_client_with_lifecycle};
use rmcp::{ClientHandler, ServerHandler, ServiceExt as _};
use serde_json::Value;

use super::*;

fn answer(action: ElicitationAction, content: Option<Value>) -> Option<bool> {
    let answer = ElicitResult::new(action);
    decision(&match content {
        Some(content) => answer.with_content(content),
        None => answer,
    })
}

#[test]
fn only_a_form_that_says_yes_is_a_yes() {
    assert_eq!(answer(ElicitationAction::Accept, Some(json!({ "allow": true }))), Some(true));
    for content in
        [None, Some(json!({})), Some(json!({ "allow": "true" })), Some(json!({ "allow": false })), Some(json!(1))]
    {
        assert_eq!(answer(ElicitationAction::Accept, content), Some(false));
    }
    assert_eq!(answer(ElicitationAction::Decline, Some(json!({ "allow": true }))), Some(false));
    assert_eq!(answer(ElicitationAction::Cancel, Some(json!({ "allow": true }))), None);
}

/// A tool whose payment always waits for the same question.
#[derive(Clone)]
struct Waiting {
    wallet: Wallet,
    id: ApprovalId,
    may_answer: bool,
}

impl ServerHandler for Waiting {
    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let person = Person { context: &context, answers: request.input_responses, may_answer: self.may_answer };
        let deadline = now();
        let outcome = Outcome::AwaitsApproval { id: self.id, sentence: String::new(), deadline };
        Ok(match person.consult(&self.wallet, &outcome).await.unwrap() {
            Next::Over => CallToolResult::structured(json!("waits")).into(),
            Next::Again => CallToolResult::structured(json!("answered")).into(),
            Next::Input(input) => input.into(),
        })
    }
}

/// Somebody with an answer to every form, or without forms.
#[derive(Clone)]
struct Somebody {
    answer: Option<ElicitResult>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl ClientHandler for Somebody {
    fn get_info(&self) -> ClientConfig {
        let mut about = ClientConfig::default();
        if self.answer.is_some() {
            about.capabilities = ClientCapabilities::builder().enable_elicitation().build();
        }
        about
    }

    async fn create_elicitation(
        &self,
        form: ElicitRequestParams,
        _context: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        if let ElicitRequestParams::FormElicitationParams { message, .. } = form {
            self.asked.lock().unwrap().push(message);
        }
        Ok(self.answer.clone().unwrap())
    }
}

fn now() -> Timestamp {
    Timestamp::parse("2026-11-21T12:00:00Z").unwrap()
}

/// What came of a call that waits, how the question stands then, and what was asked.
async fn called(
    answer: Option<ElicitResult>,
    may_answer: bool,
    lifecycle: ClientLifecycleMode,
) -> (Value, ApprovalState, Vec<String>) {
    let home = tempfile::tempdir().unwrap();
    let wallets = Wallets::at(&home.path().join("home"), Ambient::new(now)).unwrap();
    let name: WalletName = "agent".parse().unwrap();
    wallets.create(&name, &PassphraseSource::KeyFile).unwrap();
    let wallet = wallets.open(&name, PassphraseSource::KeyFile).unwrap();
    let id = ApprovalId([7; 8]);
    let mut facts = facts(1, 100);
    facts.wallet = "agent".to_owned();
    facts.payee = Some("0xab\u{202e}\u{1b}[2J".to_owned());
    let (sentence, deadline) = ("it is dear".to_owned(), now().after(std::time::Duration::from_secs(600)));
    let (level, rule, decided) = ("agent".to_owned(), "amount-above".to_owned(), None);
    let question = Question { id, facts, level, rule, sentence, decided, deadline, at: now() };
    wallet.budgets().ask(question).await.unwrap();

    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let waiting = Waiting { wallet: wallet.clone(), id, may_answer };
    tokio::spawn(async move { waiting.serve(ours).await.unwrap().waiting().await });
    let somebody = Somebody { answer, asked: Arc::default() };
    let asked = Arc::clone(&somebody.asked);
    let assistant: RunningService<RoleClient, Somebody> =
        serve_client_with_lifecycle(somebody, theirs, lifecycle).await.unwrap();
    let result = assistant.call_tool(CallToolRequestParams::new("buy")).await.unwrap();
    let stands = wallet.approval(id).await.unwrap().state;
    let asked = asked.lock().unwrap().clone();
    (result.structured_content.unwrap(), stands, asked)
}

fn form(action: ElicitationAction, allow: bool) -> Option<ElicitResult> {
    Some(ElicitResult::new(action).with_content(json!({ "allow": allow })))
}

#[tokio::test]
async fn a_person_says_yes_or_no_in_a_form() {
    let (said, stands, asked) =
        called(form(ElicitationAction::Accept, true), true, ClientLifecycleMode::Initialize).await;
    assert_eq!((said, stands), (json!("answered"), ApprovalState::Allowed));
    assert!(asked[0].contains("it is dear") && asked[0].contains("0xab\u{fffd}\u{fffd}[2J"), "{asked:?}");
    for no in [form(ElicitationAction::Decline, true), form(ElicitationAction::Accept, false)] {
        let (said, stands, _) = called(no, true, ClientLifecycleMode::Initialize).await;
        assert_eq!((said, stands), (json!("answered"), ApprovalState::Denied));
    }
}

#[tokio::test]
async fn a_form_that_is_closed_leaves_the_question_open() {
    let closed = Some(ElicitResult::new(ElicitationAction::Cancel));
    let (said, stands, _) = called(closed, true, ClientLifecycleMode::Initialize).await;
    assert_eq!((said, stands), (json!("waits"), ApprovalState::Pending));
}

#[tokio::test]
async fn nobody_is_asked_who_has_no_forms_or_may_not_answer() {
    for (answer, may_answer) in [(None, true), (form(ElicitationAction::Accept, true), false)] {
        let (said, stands, asked) = called(answer, may_answer, ClientLifecycleMode::Initialize).await;
        assert_eq!((said, stands, asked.len()), (json!("waits"), ApprovalState::Pending, 0));
    }
}

#[tokio::test]
async fn the_newer_protocol_asks_by_its_answer() {
    let accept = form(ElicitationAction::Accept, true);
    let newer = ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] };
    let (said, stands, asked) = called(accept, true, newer).await;
    assert_eq!((said, stands, asked.len()), (json!("answered"), ApprovalState::Allowed, 1));
}
