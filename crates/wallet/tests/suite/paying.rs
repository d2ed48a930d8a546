//! The paying client against a seller's double, over real sockets and with real budgets on disk.

use crate::double;

use std::time::Duration;

use double::{Act, Asked, Seller, client, counted, create, open};
use farthing_protocol::ProblemType;
use farthing_wallet::policy::Rule;
use farthing_wallet::{Outcome, PayingClient, PayingMiddleware};
use reqwest::header::HeaderValue;
use tempfile::TempDir;

const POLICY: &str = "total = \"0.1 USD\"\nper_payment = \"0.01 USD\"";

fn home(policy: Option<&str>) -> (TempDir, PayingClient) {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path().join("home");
    create(&home, policy);
    let client = client(&home);
    (directory, client)
}

async fn pay(client: &PayingClient, seller: &Seller) -> Outcome {
    client.pay(seller.get("/v1/forecast?city=bern"), None).await.unwrap()
}

fn refusal(outcome: Outcome) -> (Option<Rule>, String) {
    match outcome {
        Outcome::Refused { rule, sentence } => (rule, sentence),
        other => panic!("{other:?}"),
    }
}

fn reasons(outcome: Outcome) -> Vec<String> {
    match outcome {
        Outcome::NoOffer { reasons } => reasons,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_paid_request_is_answered_and_counted_once() {
    let (seller, (directory, client)) = (Seller::start().await, home(Some(POLICY)));
    let outcome = pay(&client, &seller).await;
    assert_eq!(format!("{outcome:?}").matches("receipt").count(), 0, "{outcome:?}");
    let Outcome::Paid { response, receipt, cost, .. } = outcome else { panic!("not paid") };
    assert_eq!(response.text().await.unwrap(), "goods");
    assert_eq!(receipt.unwrap().reference, "transfer-1");
    assert_eq!(cost.to_string(), "0.001 USD");
    assert_eq!((seller.presentations(), seller.charges()), (1, 1));
    assert_eq!(counted(client.wallet()).await, (1000, 0));
    let wallets = double::wallets(&directory.path().join("home"));
    let spending = wallets.spending(client.wallet().name()).await.unwrap().unwrap();
    assert_eq!((spending.total.spent, spending.today.spent, spending.today.reserved.millionths()), (cost, cost, 0));
    let kept = client.wallet().budgets().reservations("agent", 10).await.unwrap().remove(0);
    assert_eq!(kept.receipt.as_deref(), Some("transfer-1"));
    assert_eq!(kept.reservation.request, "GET /v1/forecast", "a query may hold secrets and is not kept");
}

#[tokio::test]
async fn a_free_request_costs_nothing() {
    let (seller, (_home, client)) = (Seller::start().await, home(None));
    let outcome = client.pay(seller.get("/free"), None).await.unwrap();
    assert!(matches!(outcome, Outcome::Free { .. }));
    let accepts = seller.seen()[0].headers["accept-payment"].clone();
    assert_eq!(accepts, "balance/charge");
}

#[tokio::test]
async fn a_wallet_without_a_policy_pays_nothing() {
    let (seller, (_home, client)) = (Seller::start().await, home(None));
    let (rule, sentence) = refusal(pay(&client, &seller).await);
    assert_eq!(rule, Some(Rule::NoPolicy));
    assert!(sentence.contains("farthing policy set"));
    assert_eq!(seller.presentations(), 0);
}

#[tokio::test]
async fn limits_stop_before_anything_is_signed() {
    let seller = Seller::offering(vec![Asked { amount: "10001", ..Asked::default() }]).await;
    let (_home, client) = home(Some(POLICY));
    assert_eq!(refusal(pay(&client, &seller).await).0, Some(Rule::PerPayment));
    let max = Some("0.0005 USD".parse().unwrap());
    let cheap = Seller::start().await;
    assert_eq!(refusal(client.pay(cheap.get("/"), max).await.unwrap()).0, Some(Rule::Max));
    assert_eq!((seller.presentations(), cheap.presentations()), (0, 0));
    assert_eq!(counted(client.wallet()).await, (0, 0));
}

#[tokio::test]
async fn the_total_is_a_total() {
    let (seller, (_home, client)) = (Seller::start().await, home(Some("total = \"0.0025 USD\"")));
    for _ in 0..2 {
        assert!(matches!(pay(&client, &seller).await, Outcome::Paid { .. }));
    }
    let (rule, sentence) = refusal(pay(&client, &seller).await);
    assert_eq!(rule, Some(Rule::Total));
    assert_eq!(
        sentence,
        "it costs 0.001 USD, and of the total limit of 0.0025 USD, 0.002 USD is spent and 0 USD reserved"
    );
    assert_eq!(seller.credentials(), 2);
}

#[tokio::test]
async fn a_frozen_wallet_and_another_origin_pay_nothing() {
    let (seller, (directory, client)) = (Seller::start().await, home(Some("total = \"1 USD\"\norigin = []")));
    assert_eq!(refusal(pay(&client, &seller).await).0, Some(Rule::Origins));
    let wallets = double::wallets(&directory.path().join("home"));
    wallets.freeze(&"agent".parse().unwrap()).unwrap();
    assert_eq!(refusal(pay(&client, &seller).await).0, Some(Rule::Frozen));
    assert_eq!(seller.presentations(), 0);
}

#[tokio::test]
async fn a_lost_answer_sends_the_same_credential_again() {
    let (seller, (directory, _)) = (Seller::start().await, home(Some(POLICY)));
    let client = double::client_with(&directory.path().join("home"), Duration::from_millis(1500));
    seller.will([Act::TakeAndStaySilent, Act::TakeAndAnswer(503)]);
    assert!(matches!(pay(&client, &seller).await, Outcome::Paid { .. }));
    assert_eq!((seller.presentations(), seller.credentials()), (3, 1));
    assert_eq!(counted(client.wallet()).await, (1000, 0));
}

#[tokio::test]
async fn after_an_unknown_outcome_the_same_call_finishes_the_same_payment() {
    let (seller, (directory, client)) = (Seller::start().await, home(Some(POLICY)));
    seller.will([Act::TakeAndAnswer(500), Act::TakeAndAnswer(502), Act::TakeAndAnswer(503)]);
    let Outcome::Unknown { repeatable: true, .. } = pay(&client, &seller).await else { panic!("known") };
    assert_eq!(counted(client.wallet()).await, (0, 1000));
    drop(client);
    // Another process, later.
    let client = double::client(&directory.path().join("home"));
    assert!(matches!(pay(&client, &seller).await, Outcome::Paid { .. }));
    assert_eq!((seller.presentations(), seller.credentials(), seller.charges()), (4, 1, 1));
    assert_eq!(counted(client.wallet()).await, (1000, 0));
    let keys: Vec<_> = seller.seen().iter().filter_map(|seen| seen.headers.get("idempotency-key").cloned()).collect();
    assert!(keys.len() == 4 && keys.iter().all(|key| *key == keys[0]), "one payment has one key");
}

#[tokio::test]
async fn a_payment_under_way_is_not_taken_up_by_a_frozen_wallet_or_beyond_the_call_s_own_limit() {
    let (seller, (directory, client)) = (Seller::start().await, home(Some(POLICY)));
    seller.will([Act::TakeAndAnswer(500), Act::TakeAndAnswer(500), Act::TakeAndAnswer(500)]);
    let call = || seller.get("/v1/forecast?city=bern");
    assert!(matches!(client.pay(call(), None).await.unwrap(), Outcome::Unknown { .. }));
    let max = Some("0.0001 USD".parse().unwrap());
    assert_eq!(refusal(client.pay(call(), max).await.unwrap()).0, Some(Rule::Max));
    let wallets = double::wallets(&directory.path().join("home"));
    wallets.freeze(client.wallet().name()).unwrap();
    assert_eq!(refusal(client.pay(call(), None).await.unwrap()).0, Some(Rule::Frozen));
    assert_eq!(seller.presentations(), 3);
    wallets.thaw(client.wallet().name()).unwrap();
    assert!(matches!(client.pay(call(), None).await.unwrap(), Outcome::Paid { .. }));
    assert_eq!((seller.credentials(), seller.charges()), (1, 1));
}

#[tokio::test]
async fn another_call_does_not_take_up_a_payment_that_is_not_its_own() {
    let (seller, (_home, client)) = (Seller::start().await, home(Some(POLICY)));
    seller.will([Act::TakeAndAnswer(500), Act::TakeAndAnswer(500), Act::TakeAndAnswer(500)]);
    assert!(matches!(pay(&client, &seller).await, Outcome::Unknown { .. }));
    assert!(matches!(client.pay(seller.get("/other"), None).await.unwrap(), Outcome::Paid { .. }));
    assert_eq!(seller.credentials(), 2);
    assert_eq!(counted(client.wallet()).await, (1000, 1000));
}

#[tokio::test]
async fn a_refused_proof_is_released_and_new_terms_are_paid_at_most_three_times() {
    let (seller, (_home, client)) = (Seller::start().await, home(Some(POLICY)));
    seller.will([Act::Refuse(ProblemType::PaymentExpired), Act::Refuse(ProblemType::InvalidChallenge)]);
    assert!(matches!(pay(&client, &seller).await, Outcome::Paid { .. }));
    assert_eq!(counted(client.wallet()).await, (1000, 0));
    seller.will((0..9).map(|_| Act::Refuse(ProblemType::VerificationFailed)));
    assert!(refusal(pay(&client, &seller).await).1.contains("3 times"));
    assert_eq!(seller.credentials(), 6);
    assert_eq!(counted(client.wallet()).await, (1000, 0));
}

#[tokio::test]
async fn a_402_without_a_reason_proves_nothing_and_stays_counted() {
    let (seller, (_home, client)) = (Seller::start().await, home(Some(POLICY)));
    seller.will([Act::RefuseSilently]);
    assert!(matches!(pay(&client, &seller).await, Outcome::Unknown { repeatable: false, .. }));
    seller.will([Act::TakeAndAnswer(500), Act::Refuse(ProblemType::InvalidChallenge)]);
    assert!(matches!(pay(&client, &seller).await, Outcome::Unknown { repeatable: false, .. }));
    assert_eq!(seller.credentials(), 2);
    assert_eq!(counted(client.wallet()).await, (0, 2000));
}

#[tokio::test]
async fn an_empty_balance_is_said_and_released() {
    let (seller, (_home, client)) = (Seller::start().await, home(Some(POLICY)));
    seller.will([Act::Refuse(ProblemType::PaymentInsufficient)]);
    assert!(reasons(pay(&client, &seller).await)[0].contains("top it up"));
    assert_eq!(counted(client.wallet()).await, (0, 0));
}

#[tokio::test]
async fn a_server_s_own_error_after_a_payment_stays_counted() {
    let (seller, (_home, client)) = (Seller::start().await, home(Some(POLICY)));
    seller.will([Act::Answer(404)]);
    let Outcome::ServerError { response, .. } = pay(&client, &seller).await else { panic!("no error") };
    assert_eq!(response.status(), 404);
    assert_eq!(counted(client.wallet()).await, (0, 1000));
}

#[tokio::test]
async fn a_credential_follows_no_redirect_to_another_origin() {
    let (seller, thief, (_home, client)) = (Seller::start().await, Seller::start().await, home(Some(POLICY)));
    seller.will([Act::Redirect(thief.url("/steal").to_string())]);
    assert!(matches!(pay(&client, &seller).await, Outcome::ServerError { .. }));
    assert!(thief.seen().is_empty());
    seller.will([Act::Redirect("/elsewhere".into())]);
    assert!(matches!(client.pay(seller.get("/moved"), None).await.unwrap(), Outcome::Paid { .. }));
    assert_eq!(seller.seen().last().unwrap().line, "GET /elsewhere");
}

#[tokio::test]
async fn an_unpaid_redirect_takes_no_secrets_along_and_the_new_origin_is_the_one_judged() {
    let (seller, other) = (Seller::start().await, Seller::start().await);
    let (_home, client) = home(Some(&format!("total = \"1 USD\"\n[[origin]]\nurl = \"{}\"", seller.origin)));
    let authority = other.origin.strip_prefix("http://").unwrap();
    let mut request = seller.get(&format!("/redirect-to/{authority}"));
    request.headers_mut().insert("cookie", HeaderValue::from_static("session=secret"));
    let (rule, _) = refusal(client.pay(request, None).await.unwrap());
    assert_eq!(rule, Some(Rule::Origins));
    assert_eq!(other.seen()[0].line, "GET /arrived");
    assert!(!other.seen()[0].headers.contains_key("cookie"));
}

#[tokio::test]
async fn the_cheapest_offer_that_can_be_paid_is_paid() {
    let offers = vec![
        Asked { method: "tempo", amount: "1", ..Asked::default() },
        Asked { amount: "3000", ..Asked::default() },
        Asked { amount: "2000", ..Asked::default() },
        Asked { amount: "1", currency: "usd.2", ..Asked::default() },
    ];
    let (seller, (_home, client)) = (Seller::offering(offers).await, home(Some(POLICY)));
    assert!(matches!(pay(&client, &seller).await, Outcome::Paid { .. }));
    assert_eq!(counted(client.wallet()).await, (2000, 0));
}

#[tokio::test]
async fn offers_that_cannot_be_understood_are_not_paid_and_each_says_why() {
    let offers = vec![
        Asked { method: "tempo", ..Asked::default() },
        Asked { currency: "usd", ..Asked::default() },
        Asked { amount: "0x10", ..Asked::default() },
        Asked { issuer: "https://other.example", ..Asked::default() },
        Asked { expires: "2026-11-21T11:59:59Z", ..Asked::default() },
        Asked { expires: "2027-11-21T11:59:59Z", ..Asked::default() },
        Asked { digest_of: Some(b"another body"), ..Asked::default() },
    ];
    let (seller, (_home, client)) = (Seller::offering(offers).await, home(Some(POLICY)));
    let reasons = reasons(pay(&client, &seller).await);
    assert_eq!(reasons.len(), 7, "{reasons:#?}");
    assert!(reasons.iter().all(|reason| reason.len() > 20 && !reason.contains('\n')));
    assert_eq!(seller.presentations(), 0);
}

#[tokio::test]
async fn a_body_is_sent_twice_the_same_under_one_key() {
    let asked = Asked { digest_of: Some(b"{\"city\":\"Bern\"}"), ..Asked::default() };
    let (seller, (_home, client)) = (Seller::offering(vec![asked]).await, home(Some(POLICY)));
    let mut request = reqwest::Request::new(reqwest::Method::POST, seller.url("/v1"));
    *request.body_mut() = Some("{\"city\":\"Bern\"}".into());
    request.headers_mut().insert("idempotency-key", HeaderValue::from_static("mine"));
    assert!(matches!(client.pay(request, None).await.unwrap(), Outcome::Paid { .. }));
    let seen = seller.seen();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|seen| seen.body == "{\"city\":\"Bern\"}" && seen.headers["idempotency-key"] == "mine"));
}

#[tokio::test]
async fn looking_up_what_a_request_would_cost_pays_nothing() {
    let (seller, (_home, client)) = (Seller::start().await, home(Some(POLICY)));
    let explained = client.explain(seller.get("/"), None).await.unwrap();
    assert_eq!(explained.offers[0].denied_by, None);
    assert_eq!(explained.offers[0].cost.to_string(), "0.001 USD");
    let max = Some("0.0001 USD".parse().unwrap());
    assert_eq!(client.explain(seller.get("/"), max).await.unwrap().offers[0].denied_by, Some(Rule::Max));
    assert_eq!(seller.presentations(), 0);
    assert_eq!(counted(client.wallet()).await, (0, 0));
}

#[tokio::test]
async fn a_hundred_calls_at_once_stay_under_the_cap() {
    let (seller, (_home, client)) = (Seller::start().await, home(Some("total = \"0.025 USD\"")));
    let calls = (0..100).map(|_| {
        let (client, request) = (client.clone(), seller.get("/same"));
        tokio::spawn(async move { client.pay(request, None).await.unwrap() })
    });
    let mut paid = 0;
    for call in calls.collect::<Vec<_>>() {
        paid += u32::from(matches!(call.await.unwrap(), Outcome::Paid { .. }));
    }
    assert_eq!((paid, seller.credentials()), (25, 25));
    assert_eq!(counted(client.wallet()).await, (25_000, 0));
}

#[tokio::test]
async fn any_client_pays_through_the_middleware() {
    let (seller, (_home, client)) = (Seller::start().await, home(Some(POLICY)));
    let wallet = client.wallet().clone();
    let payer =
        reqwest_middleware::ClientBuilder::new(reqwest::Client::new()).with(PayingMiddleware::new(client)).build();
    let response = payer.get(seller.url("/v1")).send().await.unwrap();
    assert_eq!(response.text().await.unwrap(), "goods");
    assert_eq!(counted(&wallet).await, (1000, 0));
}

#[tokio::test]
async fn plain_http_beyond_this_machine_is_refused_before_signing() {
    let (seller, (_home, client)) = (Seller::start().await, home(Some(POLICY)));
    let address = seller.origin.strip_prefix("http://").unwrap().parse().unwrap();
    let resolving = reqwest::Client::builder().resolve("shop.example", address).build().unwrap();
    let payer = reqwest_middleware::ClientBuilder::new(resolving).with(PayingMiddleware::new(client)).build();
    let refusal = payer.get("http://shop.example/").send().await.unwrap_err().to_string();
    assert!(refusal.contains("plain HTTP beyond this machine"), "{refusal}");
    assert_eq!(seller.presentations(), 0);
}

#[tokio::test]
async fn no_file_of_the_wallet_holds_a_credential() {
    let (seller, (directory, client)) = (Seller::start().await, home(Some(POLICY)));
    seller.will([Act::TakeAndAnswer(500), Act::TakeAndAnswer(500), Act::TakeAndAnswer(500)]);
    assert!(matches!(pay(&client, &seller).await, Outcome::Unknown { .. }));
    let credential = seller.seen()[1].headers["authorization"].to_str().unwrap().to_owned();
    let signature = credential.strip_prefix("Payment ").unwrap().get(100..160).unwrap().to_owned();
    drop(open(&directory.path().join("home")));
    let mut unread = vec![directory.path().to_owned()];
    let mut files = 0;
    while let Some(path) = unread.pop() {
        if path.is_dir() {
            unread.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.windows(60).any(|window| window == signature.as_bytes()), "{}", path.display());
        files += 1;
    }
    assert!(files >= 5);
}
