//! Wallets of several machines over one PostgreSQL: one cap, one owner, one word that stops them all, and a server that
//! may be gone.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code, helpers of the tests included")]

#[path = "../../store/tests/between/mod.rs"]
mod between;
mod double;
mod machines;
mod session_double;

use between::{Between, Cut};
use double::{AGENT, Seller, client, counted, wallets};
use farthing_protocol::Timestamp;
use farthing_testing_postgres::{Cluster, shared};
use farthing_wallet::policy::Rule;
use farthing_wallet::{Ambient, Outcome, OwnerPublic, PassphraseSource, PayingClient, Reply, WalletName, Wallets};
use machines::{Machines, set_policy};

const POLICY: &str = "total = \"0.005 USD\"";

fn agent() -> WalletName {
    AGENT.parse().unwrap()
}

async fn pay(client: &PayingClient, seller: &Seller) -> Result<Outcome, String> {
    client.pay(seller.get("/same"), None).await.map_err(|error| error.to_string())
}

/// What comes out once the server answers: on a busy machine it may take longer over a batch than a wallet waits, and
/// one that was not reached is not asked again for a moment.
async fn paid_in_the_end(client: &PayingClient, url: &str) -> Outcome {
    for _ in 0..100 {
        let request = reqwest::Request::new(reqwest::Method::GET, url.parse().unwrap());
        match client.pay(request, None).await {
            Ok(outcome) => return outcome,
            Err(error) => println!("again: {error}"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    panic!("the server never answers");
}

async fn is_paid(client: &PayingClient, seller: &Seller) -> bool {
    matches!(paid_in_the_end(client, seller.url("/same").as_str()).await, Outcome::Paid { .. })
}

async fn refused_by(client: &PayingClient, seller: &Seller) -> Option<Rule> {
    match paid_in_the_end(client, seller.url("/same").as_str()).await {
        Outcome::Refused { rule, .. } => rule,
        other => panic!("{other:?}"),
    }
}

/// What somebody does who can write to the database.
fn tamper(machines: &Machines, sql: &str) {
    let schema = machines.address.split_once("schema=").unwrap().1;
    shared().run(&format!("SET search_path TO {schema}; {sql}")).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w_39_three_machines_at_once_have_one_cap() {
    let (machines, seller) = (Machines::new(3, Some(POLICY)), Seller::start().await);
    let clients: Vec<_> = (0..3).map(|number| client(&machines.home(number))).collect();
    let calls = (0..12).map(|call| {
        let (client, seller) = (clients[call % 3].clone(), seller.clone());
        tokio::spawn(async move {
            let url = seller.url(&format!("/{call}"));
            matches!(paid_in_the_end(&client, url.as_str()).await, Outcome::Paid { .. })
        })
    });
    let mut paid = 0;
    for call in calls.collect::<Vec<_>>() {
        paid += u32::from(call.await.unwrap());
    }
    assert_eq!((paid, seller.charges()), (5, 5));
    for client in &clients {
        assert_eq!(counted(client.wallet()).await, (5_000, 0), "each of them says the same");
    }
    assert_eq!(refused_by(&clients[2], &seller).await, Some(Rule::Total));
    let found = wallets(&machines.home(1)).verify_audit(None).await.unwrap();
    assert_eq!(found.findings, Vec::<String>::new());
    let known = wallets(&machines.home(2)).show(&agent()).unwrap();
    assert_eq!(known.policy.unwrap().total, Some("0.005 USD".parse().unwrap()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w_40_a_policy_is_followed_everywhere_by_its_owners_signature_alone() {
    let (machines, seller) = (Machines::new(2, Some(POLICY)), Seller::start().await);
    let other = client(&machines.home(1));
    assert!(is_paid(&other, &seller).await);
    let file = "SELECT file FROM wallet_policies";
    let schema = machines.address.split_once("schema=").unwrap().1;
    let old = shared().run(&format!("SET search_path TO {schema}; {file}")).unwrap();

    // Whoever can write to the database writes a policy of its own, or says who the owner is.
    tamper(&machines, "UPDATE wallet_policies SET version = version + 1, file = replace(file, '0.005', '9')");
    tamper(&machines, "UPDATE wallet_owner SET public_key = repeat('ab', 32)");
    assert!(is_paid(&other, &seller).await);
    let opened = wallets(&machines.home(1)).open(&agent(), PassphraseSource::KeyFile);
    assert!(opened.is_err(), "the wallet names another owner");
    let owner = wallets(&machines.home(0)).owner().unwrap().unwrap().to_hex();
    tamper(&machines, &format!("UPDATE wallet_owner SET public_key = '{owner}'"));
    let total = |home: &std::path::Path| wallets(home).policy(&agent()).unwrap().unwrap().total.unwrap();
    assert_eq!(total(&machines.home(1)), "0.005 USD".parse().unwrap());
    tamper(&machines, "UPDATE wallet_policies SET version = 1");

    // The owner says less, on the first machine: every machine follows, in processes that run already.
    set_policy(&machines.home(0), "total = \"0.002 USD\"");
    assert_eq!(refused_by(&other, &seller).await, Some(Rule::Total));
    // What the owner signed before is put back.
    tamper(&machines, &format!("UPDATE wallet_policies SET version = 1, file = $x${old}\n$x$"));
    assert_eq!(refused_by(&other, &seller).await, Some(Rule::Total));
    std::fs::remove_file(machines.home(1).join("wallets/agent/policy.toml")).unwrap();
    assert!(!is_paid(&client(&machines.home(1)), &seller).await, "a newer one was followed");
    assert_eq!(seller.charges(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w_40_a_name_stands_for_the_same_keys_and_the_same_owner_everywhere() {
    let (machines, source) = (Machines::new(1, Some(POLICY)), PassphraseSource::KeyFile);
    let owner = wallets(&machines.home(0)).owner().unwrap().unwrap();
    let stranger = machines.join(7);
    let unnamed = stranger.create(&"scout".parse().unwrap(), &source).unwrap_err().to_string();
    assert!(unnamed.contains(&owner.to_hex()) && unnamed.contains("--owner"), "{unnamed}");
    let wrong = stranger.clone().owned_by(OwnerPublic::from_hex(&"ab".repeat(32)).unwrap());
    assert!(wrong.create(&"scout".parse().unwrap(), &source).is_err());
    let member = stranger.owned_by(owner);
    let taken = member.create(&agent(), &source).unwrap_err().to_string();
    assert!(taken.contains("farthing wallet import agent"), "{taken}");
    assert!(member.names_in_use().is_empty(), "nothing is left of what was refused");
    member.create(&"scout".parse().unwrap(), &source).unwrap();
    // Only the owner's machine says what is spent, and allows what a person is asked.
    let policy = POLICY.parse().unwrap();
    let refused = member.set_policy(&"scout".parse().unwrap(), &policy, &source).unwrap_err().to_string();
    assert!(refused.contains("the owner's key is on another machine"), "{refused}");
    assert!(!machines.home(7).join("owner.json").exists());
}

/// What the tests ask of a home.
trait Names {
    fn names_in_use(&self) -> Vec<String>;
}

impl Names for Wallets {
    fn names_in_use(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.home().join("wallets")).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.join("wallet.json").exists()).map(|path| path.display().to_string()).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w_41_what_is_frozen_on_one_machine_signs_nothing_on_any() {
    let (machines, seller) = (Machines::new(2, Some(POLICY)), Seller::start().await);
    let (first, other) = (wallets(&machines.home(0)), wallets(&machines.home(1)));
    let paying = client(&machines.home(1));
    assert!(is_paid(&paying, &seller).await);
    first.freeze(&agent()).unwrap();
    assert_eq!(refused_by(&paying, &seller).await, Some(Rule::Frozen), "a process that runs already");
    assert!(other.show(&agent()).unwrap().frozen);
    // Whoever was stopped may be let go on from anywhere.
    other.thaw(&agent()).unwrap();
    assert!(!first.show(&agent()).unwrap().frozen);
    assert!(is_paid(&paying, &seller).await && is_paid(&client(&machines.home(0)), &seller).await);
    other.freeze_all().unwrap();
    assert_eq!(refused_by(&client(&machines.home(0)), &seller).await, Some(Rule::Frozen));
    first.thaw_all().unwrap();
    assert!(is_paid(&paying, &seller).await);
    assert_eq!(seller.charges(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_is_answered_on_the_owners_machine_and_paid_for_on_the_other() {
    let policy = "total = \"1 USD\"\n[ask]\nnew_payee = true";
    let (machines, seller) = (Machines::new(2, Some(policy)), Seller::start().await);
    let paying = client(&machines.home(1));
    let Ok(Outcome::AwaitsApproval { id, .. }) = pay(&paying, &seller).await else { panic!("nobody was asked") };
    let allow = Reply { allow: true, reason: None, by: "owner".to_owned() };
    let here = wallets(&machines.home(1)).desk(None).unwrap().opened_by(PassphraseSource::KeyFile);
    let refused = here.answer(id, &allow).await.unwrap_err().to_string();
    assert!(refused.contains("the owner's key is on another machine"), "{refused}");
    let desk = wallets(&machines.home(0)).desk(None).unwrap().opened_by(PassphraseSource::KeyFile);
    desk.answer(id, &allow).await.unwrap();
    assert!(is_paid(&paying, &seller).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w_42_without_the_server_nothing_is_signed_and_it_goes_on_when_it_is_back() {
    let cluster = Cluster::start().unwrap();
    let (machines, seller) = (Machines::at(cluster.address(), 2, Some(POLICY)), Seller::start().await);
    let paying = client(&machines.home(1));
    assert!(is_paid(&paying, &seller).await);
    for kill in [true, false] {
        if kill { cluster.kill() } else { cluster.shut_down() }.unwrap();
        let sentence = pay(&paying, &seller).await.unwrap_err();
        assert!(sentence.contains("cannot be reached") && sentence.contains("the database server"), "{sentence}");
        assert!(!sentence.contains("postgres@"), "{sentence}");
        let before = seller.credentials();
        assert_eq!(before, seller.charges());
        cluster.start_again().unwrap();
        assert!(is_paid(&paying, &seller).await, "the same process goes on");
        assert_eq!(seller.credentials(), before + 1);
    }
    assert_eq!(counted(paying.wallet()).await, (3_000, 0));
    // A stop counts on this machine at once, whether or not the others can be told.
    cluster.kill().unwrap();
    let home = wallets(&machines.home(1));
    assert!(home.freeze(&agent()).is_err());
    assert!(home.stopped(&agent()).is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w_42_a_connection_that_is_cut_at_the_commit_of_a_reservation_counts_it_once() {
    for cut in [Cut::Question, Cut::Answer] {
        let between = Between::start(shared().server());
        let schema = shared().address().split_once('?').unwrap().1.to_owned();
        let machines = Machines::at(format!("{}?{schema}", between.address()), 1, Some(POLICY));
        let (paying, seller) = (client(&machines.home(0)), Seller::start().await);
        assert!(is_paid(&paying, &seller).await);
        between.cut_next_commit_that_writes(cut);
        // It finds out what became of the commit; where it cannot, it pays nothing and the same call pays after it.
        assert!(is_paid(&paying, &seller).await, "{cut:?}");
        assert!(between.has_cut(), "{cut:?}");
        assert_eq!((counted(paying.wallet()).await, seller.credentials()), ((2_000, 0), 2), "{cut:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_one_machine_opened_pays_on_another() {
    let policy = "total = \"0.1 USD\"\nper_payment = \"0.002 USD\"\nsession_deposit = \"0.1 USD\"";
    let (machines, shop) = (Machines::new(2, Some(policy)), session_double::Shop::start().await);
    let url = format!("{}/same", shop.origin);
    for round in 1..=3 {
        for number in 0..2 {
            let paying = session_double::client(&machines.home(number));
            assert!(matches!(paid_in_the_end(&paying, &url).await, Outcome::Paid { .. }), "{round}");
        }
    }
    assert_eq!((shop.channels().len(), shop.channel().spent), (1, 6_000));
    let paying = session_double::client(&machines.home(1));
    let session = session_double::newest(&paying).await;
    assert_eq!(session_double::units(session.signed), 6_000);
    assert_eq!(counted(paying.wallet()).await, (0, 10_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_counted_in_files_moves_to_the_server_and_goes_on_there() {
    let (folder, seller, shop) =
        (tempfile::tempdir().unwrap(), Seller::start().await, session_double::Shop::start().await);
    let policy = "total = \"0.012 USD\"\nper_payment = \"0.002 USD\"\nsession_deposit = \"0.1 USD\"";
    let home = folder.path().join("home");
    double::create(&home, Some(policy));
    assert!(is_paid(&client(&home), &seller).await);
    let paying = session_double::client(&home);
    let url = format!("{}/same", shop.origin);
    assert!(matches!(paid_in_the_end(&paying, &url).await, Outcome::Paid { .. }));
    drop(paying);
    wallets(&home).freeze(&agent()).unwrap();

    let address = shared().address();
    let moved = wallets(&home).move_to(&address, |address| address).await.unwrap();
    assert!(moved.store().unwrap().starts_with("postgres://") && !moved.store().unwrap().contains("postgres@"));
    assert!(wallets(&home).move_to(&address, |address| address).await.is_err(), "it is there already");
    let of_files = folder.path().join("of-files");
    double::create(&of_files, Some(policy));
    client(&of_files);
    let refused = wallets(&of_files).sharing(&address, |address| address).unwrap_err().to_string();
    assert!(refused.contains("farthing store migrate"), "{refused}");

    let other = folder.path().join("other");
    let joined = wallets(&other).sharing(&address, |address| address).unwrap();
    std::fs::copy(home.join("vault.key"), other.join("vault.key")).unwrap();
    joined.import(&agent(), &moved.export(&agent()).unwrap(), &PassphraseSource::KeyFile).unwrap();
    assert!(joined.show(&agent()).unwrap().frozen, "it was frozen before");
    moved.thaw(&agent()).unwrap();
    let paying = session_double::client(&other);
    assert_eq!(counted(paying.wallet()).await, (1_000, 10_000));
    assert!(matches!(paid_in_the_end(&paying, &url).await, Outcome::Paid { .. }));
    assert_eq!((shop.channels().len(), shop.channel().spent), (1, 2_000), "the session goes on elsewhere");
    assert!(is_paid(&client(&other), &seller).await);
    assert_eq!(refused_by(&client(&other), &seller).await, Some(Rule::Total));
    let found = joined.verify_audit(None).await.unwrap();
    assert_eq!(found.findings, Vec::<String>::new());
}

#[test]
fn a_place_that_machines_cannot_share_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let home = || Wallets::at(&folder.path().join("home"), Ambient::new(|| Timestamp::from_unix_millis(0))).unwrap();
    let refused = |address: &str| home().sharing(address, |address| address).unwrap_err().to_string();
    assert!(refused("sqlite:books.db").contains("postgres://user@host/database"));
    let away = refused("postgres://gate:hunter2@%2Fnowhere/money");
    assert!(away.contains("the database server") && !away.contains("hunter2"), "{away}");
    assert!(!folder.path().join("home/store").exists(), "what was never reached is not kept");
}
