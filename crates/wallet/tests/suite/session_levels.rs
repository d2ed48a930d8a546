//! What lies in sessions counts on every level above it: a card's at its wallet's, a wallet's at its group's.

use crate::double;
use crate::session_double;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use farthing_rail_balance::BalanceSessionPayer;
use farthing_wallet::policy::Rule;
use farthing_wallet::{CardTerms, Outcome, PassphraseSource, PayingClient, Wallet};
use session_double::Shop;

const OPEN: &str = "total = \"1 USD\"\nper_payment = \"0.02 USD\"\n";

fn paying(wallet: Wallet) -> PayingClient {
    let sessions = BalanceSessionPayer::new(wallet.signer());
    PayingClient::new(wallet, Vec::new()).unwrap().with_session_payers(vec![Arc::new(sessions)])
}

fn home(directory: &Path, policy: &str) -> PathBuf {
    let home = directory.join("home");
    double::create(&home, None);
    if policy.contains("parent") {
        // Every deposit here is a cent, of which the first purchase spends a tenth.
        let group = "total = \"1 USD\"\nlocked = \"0.015 USD\"".parse().unwrap();
        let wallets = double::wallets(&home);
        wallets.set_group_policy(&"team".parse().unwrap(), &group, &PassphraseSource::KeyFile).unwrap();
    }
    let (name, policy) = ("agent".parse().unwrap(), policy.parse().unwrap());
    double::wallets(&home).set_policy(&name, &policy, &PassphraseSource::KeyFile).unwrap();
    home
}

async fn rule(client: &PayingClient) -> Option<Rule> {
    let shop = Shop::start().await;
    match client.pay(shop.get("/"), None).await.unwrap() {
        Outcome::Paid { .. } => None,
        Outcome::Refused { rule, .. } => rule,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_lies_in_a_card_s_session_counts_toward_its_wallet_s_limits() {
    for (limit, expected) in [("locked = \"0.015 USD\"", Rule::Locked), ("open_sessions = 1", Rule::OpenSessions)] {
        let directory = tempfile::tempdir().unwrap();
        let home = home(directory.path(), &format!("{OPEN}{limit}"));
        let wallets = double::wallets(&home);
        let terms = CardTerms {
            name: None,
            amount: "0.05 USD".parse().unwrap(),
            origins: Vec::new(),
            payees: Vec::new(),
            payments: None,
            expires: None,
            methods: Vec::new(),
        };
        let made = || wallets.create_card(&"agent".parse().unwrap(), &terms, &PassphraseSource::KeyFile).unwrap().0;
        let (first, second) = (made(), made());
        assert_eq!(rule(&paying(wallets.open_card(first).unwrap())).await, None);
        assert_eq!(rule(&paying(double::open(&home))).await, Some(expected), "{limit}");
        assert_eq!(rule(&paying(wallets.open_card(second).unwrap())).await, Some(expected), "{limit}");
    }
}

#[tokio::test]
async fn what_lies_in_the_sessions_of_its_wallets_counts_toward_a_group_s_limits() {
    let directory = tempfile::tempdir().unwrap();
    let policy = format!("parent = \"team\"\n{OPEN}");
    let home = home(directory.path(), &policy);
    let wallets = double::wallets(&home);
    for (name, policy) in [("second", policy.as_str()), ("outside", OPEN)] {
        let name = name.parse().unwrap();
        wallets.create(&name, &PassphraseSource::KeyFile).unwrap();
        wallets.set_policy(&name, &policy.parse().unwrap(), &PassphraseSource::KeyFile).unwrap();
    }
    let open = |name: &str| paying(wallets.open(&name.parse().unwrap(), PassphraseSource::KeyFile).unwrap());
    assert_eq!(rule(&open("outside")).await, None, "what is not of the group does not count there");
    assert_eq!(rule(&open("agent")).await, None);
    assert_eq!(rule(&open("second")).await, Some(Rule::Locked));
    assert_eq!(rule(&open("outside")).await, None);
}
