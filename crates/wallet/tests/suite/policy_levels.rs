//! What the policy's levels, tags, counts and questions do to a paying client, over real sockets and real budgets.

use crate::double;

use std::collections::BTreeMap;

use double::{Seller, client, counted, create};
use farthing_wallet::client::Order;
use farthing_wallet::policy::{Policy, Rule};
use farthing_wallet::{Outcome, PayingClient};
use tempfile::TempDir;

fn home(group: Option<&str>, policy: &str) -> (TempDir, PayingClient) {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path().join("home");
    create(&home, None);
    let wallets = double::wallets(&home);
    if let Some(group) = group {
        wallets
            .set_group_policy(
                &"team".parse().unwrap(),
                &group.parse().unwrap(),
                &farthing_wallet::PassphraseSource::KeyFile,
            )
            .unwrap();
    }
    let client = client(&home);
    let policy: Policy = policy.parse().unwrap();
    wallets.set_policy(client.wallet().name(), &policy, &farthing_wallet::PassphraseSource::KeyFile).unwrap();
    (directory, client)
}

async fn refused_by(client: &PayingClient, seller: &Seller, order: &Order) -> Option<Rule> {
    match client.pay_as(seller.get("/v1/forecast"), order).await.unwrap() {
        Outcome::Paid { .. } => None,
        Outcome::Refused { rule, .. } => rule,
        other => panic!("{other:?}"),
    }
}

fn task(value: &str) -> Order {
    Order { tags: BTreeMap::from([("task".to_owned(), value.to_owned())]), ..Order::default() }
}

#[tokio::test]
async fn a_group_without_room_stops_its_wallets() {
    let seller = Seller::start().await;
    let (_directory, client) = home(Some("total = \"0.002 USD\""), "parent = \"team\"\ntotal = \"1 USD\"");
    let any = Order::default();
    assert_eq!(refused_by(&client, &seller, &any).await, None);
    assert_eq!(refused_by(&client, &seller, &any).await, None);
    assert_eq!(refused_by(&client, &seller, &any).await, Some(Rule::Total));
    assert_eq!(counted(client.wallet()).await, (2000, 0), "all levels or none");
}

#[tokio::test]
async fn a_task_has_a_budget_of_its_own_and_must_be_named() {
    let seller = Seller::start().await;
    let limits = "required_tags = [\"task\"]\ntotal = \"1 USD\"\n\
        [[limit]]\npayments = 1\nwindow = \"1h\"\nof = \"tag.task\"";
    let (_directory, client) = home(None, limits);
    assert_eq!(refused_by(&client, &seller, &Order::default()).await, Some(Rule::Tags));
    assert_eq!(refused_by(&client, &seller, &task("t1")).await, None);
    assert_eq!(refused_by(&client, &seller, &task("t1")).await, Some(Rule::Limit));
    assert_eq!(refused_by(&client, &seller, &task("t2")).await, None);
}

#[tokio::test]
async fn a_seller_that_is_new_is_asked_about_and_an_old_one_is_not() {
    let seller = Seller::start().await;
    let (_directory, client) = home(None, "total = \"1 USD\"\n[ask]\namount_above = \"1 USD\"");
    assert_eq!(refused_by(&client, &seller, &Order::default()).await, None);
    let wallets = double::wallets(&_directory.path().join("home"));
    let asking: Policy = "total = \"1 USD\"\n[ask]\nnew_payee = true".parse().unwrap();
    wallets.set_policy(client.wallet().name(), &asking, &farthing_wallet::PassphraseSource::KeyFile).unwrap();
    assert_eq!(refused_by(&client, &seller, &Order::default()).await, None, "it was paid before");
    let stranger = Seller::start().await;
    let outcome = client.pay(stranger.get("/v1/forecast"), None).await.unwrap();
    assert!(matches!(outcome, Outcome::AwaitsApproval { .. }), "{outcome:?}");
    assert_eq!(stranger.presentations(), 0);
}
