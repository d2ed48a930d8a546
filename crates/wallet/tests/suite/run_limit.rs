//! What one run may spend: a limit beside the wallet's own, over calls at once, charges and sessions.

use crate::double;
use crate::session_double;

use double::{Seller, create, now};
use farthing_wallet::client::{By, Order};
use farthing_wallet::policy::Rule;
use farthing_wallet::sessions::SessionState;
use farthing_wallet::{Ambient, Outcome, PayingClient, RunLimit};
use session_double::{Shop, newest};
use tempfile::TempDir;

const POLICY: &str = "total = \"0.1 USD\"\nper_payment = \"0.01 USD\"\nsession_deposit = \"0.02 USD\"";

fn home() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    create(directory.path(), Some(POLICY));
    directory
}

fn run(max: &str) -> RunLimit {
    RunLimit::new(max.parse().unwrap(), &Ambient::new(now)).unwrap()
}

async fn is_paid(client: &PayingClient, seller: &Seller) -> bool {
    match client.pay(seller.get("/goods"), None).await.unwrap() {
        Outcome::Paid { .. } => true,
        Outcome::Refused { rule: Some(Rule::Total), .. } => false,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w_35_a_run_spends_no_more_than_its_limit_whatever_is_asked_at_once() {
    let (seller, home) = (Seller::start().await, home());
    let run = run("0.003 USD");
    // Each opens the wallet anew, as processes and agents of one run do.
    let calls = (0..10).map(|_| {
        let (client, seller) = (double::client(home.path()).within(&run), seller.clone());
        tokio::spawn(async move { is_paid(&client, &seller).await })
    });
    let mut paid = 0;
    for call in calls.collect::<Vec<_>>() {
        paid += u32::from(call.await.unwrap());
    }
    assert_eq!((paid, seller.charges()), (3, 3));
    let another = double::client(home.path()).within(&self::run("0.001 USD"));
    assert!(is_paid(&another, &seller).await, "another run has a limit of its own");
    assert!(is_paid(&double::client(home.path()), &seller).await, "and the wallet has more");
    assert_eq!(double::counted(another.wallet()).await, (5000, 0));
}

#[tokio::test]
async fn a_run_is_refused_what_the_wallet_s_own_limits_refuse() {
    let (seller, home) =
        (Seller::offering(vec![double::Asked { amount: "20000", ..Default::default() }]).await, home());
    let client = double::client(home.path()).within(&run("5 USD"));
    let outcome = client.pay(seller.get("/goods"), None).await.unwrap();
    assert!(matches!(outcome, Outcome::Refused { rule: Some(Rule::PerPayment), .. }), "{outcome:?}");
    let euros = double::client(home.path()).within(&run("5 EUR"));
    let outcome = euros.pay(seller.get("/goods"), None).await.unwrap();
    assert!(matches!(outcome, Outcome::Refused { rule: Some(Rule::Currency), .. }), "{outcome:?}");
    assert_eq!(seller.presentations(), 0);
}

#[tokio::test]
async fn w_35_a_run_draws_from_no_deposit_but_its_own() {
    let (shop, home) = (Shop::start().await, home());
    let order = Order { by: By::Session, ..Order::default() };
    let bought = async |client: &PayingClient| {
        let outcome = client.pay_as(shop.get("/goods"), &order).await.unwrap();
        assert!(matches!(outcome, Outcome::Paid { session: Some(_), .. }), "{outcome:?}");
    };
    let wallet = session_double::client(home.path());
    bought(&wallet).await;
    let of_run = session_double::client(home.path()).within(&run("0.004 USD"));
    bought(&of_run).await;
    assert_eq!(shop.channels().len(), 2, "what lay there before is not the run's");
    assert_eq!(wallet.sessions().await.unwrap().len(), 2, "the wallet's owner sees both");
    let own = newest(&of_run).await;
    assert_eq!((own.unit_cost.millionths(), own.locked().millionths() <= 3000), (1000, true), "{own:?}");
    of_run.close_session(&own).await.unwrap();
    assert_eq!(newest(&of_run).await.state, SessionState::Closed);
}

#[tokio::test]
async fn what_a_run_was_allowed_follows_from_the_log() {
    let (seller, home) = (Seller::start().await, home());
    let client = double::client(home.path()).within(&run("0.001 USD"));
    assert!(is_paid(&client, &seller).await && !is_paid(&client, &seller).await);
    let verified = double::wallets(home.path()).verify_audit(None).await.unwrap();
    assert_eq!(verified.findings, Vec::<String>::new());
}
