//! Several processes over one server: who writes, who leads, what is taken up when one dies, and what becomes of a
//! batch when the server or the way to it does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

mod between;
#[allow(unused, reason = "these tests are about servers alone")]
mod places;

use std::time::Duration;

use between::{Between, Cut};
use farthing_books::testing::samples::{at, external, grant, payer, prepaid, settled, usd};
use farthing_books::testing::sessions::{close, deliver, draw, id, opening};
use farthing_books::{
    AccountId, AccountKind, ClaimOutcome, Command, Outcome, PaymentState, SessionCommand, SessionOutcome,
};
use farthing_money::Amount;
use farthing_rail::PaymentId;
use farthing_store::{Books, Location, Sharing, StoreError};
use farthing_testing_postgres::{Cluster, shared};

fn node(address: &str) -> Books {
    Books::open(address.parse::<Location>().unwrap(), Sharing::Exclusive).unwrap()
}

/// Waits for what must come, for as long as no machine takes.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..1_200 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it never came: {what}");
}

/// Whether a node changed a payment last.
async fn is_here(books: &Books, payment: PaymentId) -> bool {
    books.payment_here(payment).await.unwrap().unwrap().1
}

async fn spent(books: &Books) -> Amount {
    books.account(&AccountId::new(AccountKind::Payer(payer(1)), &usd())).await.unwrap().unwrap().debits
}

async fn assert_clean(books: &Books) {
    assert_eq!(books.verify().await.unwrap().findings, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn p_01_of_four_nodes_with_one_credential_at_the_same_instant_one_wins() {
    let address = shared().address();
    let nodes: Vec<Books> = (0..4).map(|_| node(&address)).collect();
    nodes[0].submit(grant(1, 1, 1_000)).await.unwrap();
    for round in 0..20 {
        let claims: Vec<_> = nodes
            .iter()
            .cloned()
            .map(|node| tokio::spawn(async move { node.claim(prepaid(round, 1, 10)).await.unwrap() }))
            .collect();
        let mut won = 0;
        for claim in claims {
            match claim.await.unwrap() {
                ClaimOutcome::Won(_) => won += 1,
                ClaimOutcome::Lost(winner) => assert_eq!(winner.id, prepaid(round, 1, 10).id),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(won, 1, "round {round}");
    }
    assert_eq!(spent(&nodes[3]).await, Amount::new(200));
    assert_clean(&nodes[2]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p_02_what_a_dead_node_left_is_taken_up_and_what_a_living_one_is_at_is_left_alone() {
    let address = shared().address();
    let (dead, living) = (node(&address), node(&address));
    assert!(dead.leads() && !living.leads(), "the first to come leads");
    dead.claim(external(1, 10)).await.unwrap();
    living.claim(external(2, 10)).await.unwrap();
    let recover = Command::Recover { deadline: at(9), at: at(8) };
    let nothing = Outcome::Recovered { entitled: 0, unknown: 0 };
    assert_eq!(living.submit(recover.clone()).await.unwrap(), nothing, "both live");
    assert_eq!(dead.submit(recover.clone()).await.unwrap(), nothing, "nobody recovers what is its own");

    // A handle that is dropped says nothing to the server: to others that is a process that was killed.
    drop(dead);
    until("the death is seen", || living.has_left_behind()).await;
    assert_eq!(living.submit(recover.clone()).await.unwrap(), Outcome::Recovered { entitled: 0, unknown: 1 });
    let states = [external(1, 10).id, external(2, 10).id];
    assert_eq!(living.payment(states[0]).await.unwrap().unwrap().state, PaymentState::Unknown);
    assert_eq!(living.payment(states[1]).await.unwrap().unwrap().state, PaymentState::Claimed);
    until("the living one leads", || living.leads() && !living.has_left_behind()).await;

    living.close().await.unwrap();
    let next = node(&address);
    assert_eq!(next.submit(recover).await.unwrap(), Outcome::Recovered { entitled: 0, unknown: 1 }, "it said goodbye");
}

#[tokio::test(flavor = "multi_thread")]
async fn t_02_what_a_dead_node_held_of_a_session_is_free_again_though_a_living_one_used_it_since() {
    let address = shared().address();
    let (dead, living) = (node(&address), node(&address));
    let draws = |books: &Books, total, hold| {
        let draw = Command::Session(draw(0, Some(total), hold));
        let books = books.clone();
        async move { books.submit(draw).await.unwrap() }
    };
    dead.submit(grant(1, 0, 1_000)).await.unwrap();
    dead.submit(Command::Session(SessionCommand::Open(Box::new(opening(0, 100))))).await.unwrap();
    assert!(matches!(draws(&dead, 10, 10).await, Outcome::Session(SessionOutcome::Drawn(_))));
    drop(dead);
    assert!(matches!(draws(&living, 20, 10).await, Outcome::Session(SessionOutcome::Drawn(_))));
    until("the death is seen", || living.has_left_behind()).await;
    living.submit(Command::Recover { deadline: at(9), at: at(8) }).await.unwrap();
    let delivered = living.submit(Command::Session(deliver(0, 10, 10))).await.unwrap();
    let Outcome::Session(SessionOutcome::Drawn(credit)) = delivered else { panic!("{delivered:?}") };
    assert_eq!(credit.committed, Amount::new(10), "its own request is paid for, and nothing else is promised");
    living.submit(Command::Session(close(0, at(10)))).await.unwrap();
    let end = SessionCommand::End { session: id(0), reason: "closed".to_owned(), at: at(11) };
    let ended = living.submit(Command::Session(end)).await.unwrap();
    assert!(matches!(ended, Outcome::Session(SessionOutcome::Done(_))), "{ended:?}");
    assert_clean(&living).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p_14_one_that_stands_back_leaves_the_lead_to_another_and_goes_on_with_what_is_its_own() {
    let address = shared().address();
    let (ending, other) = (node(&address), node(&address));
    assert!(ending.leads() && !other.leads());
    ending.claim(external(1, 10)).await.unwrap();
    ending.stand_back();
    assert!(!ending.leads(), "at once");
    until("the other leads", || other.leads()).await;
    let settle = Command::Settle { payment: external(1, 10).id, settled: settled("a", 0), confirm_at: None, at: at(3) };
    assert!(matches!(ending.submit(settle).await.unwrap(), Outcome::Payment(_)));
    let recover = Command::Recover { deadline: at(9), at: at(8) };
    assert_eq!(other.submit(recover.clone()).await.unwrap(), Outcome::Recovered { entitled: 0, unknown: 0 });
    let third = node(&address);
    drop(ending);
    until("a death in the middle of it is seen", || other.has_left_behind()).await;
    assert_eq!(other.submit(recover).await.unwrap(), Outcome::Recovered { entitled: 1, unknown: 0 });
    assert!(other.leads() && !third.leads());
    assert_clean(&other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p_03_a_node_that_was_taken_for_dead_goes_on_as_another_and_leads_no_more() {
    let address = shared().address();
    let (paused, other) = (node(&address), node(&address));
    paused.claim(external(1, 10)).await.unwrap();
    assert!(is_here(&paused, external(1, 10).id).await);
    let schema = address.split_once("schema=").unwrap().1;
    shared().run(&format!("DELETE FROM {schema}.nodes WHERE node = (SELECT min(node) FROM {schema}.nodes)")).unwrap();
    let recover = Command::Recover { deadline: at(9), at: at(8) };
    assert_eq!(other.submit(recover).await.unwrap(), Outcome::Recovered { entitled: 0, unknown: 1 });
    until("the other leads", || other.leads() && !paused.leads()).await;
    let late = Command::Deliver { payment: external(1, 10).id, status: 200, at: at(9) };
    assert!(matches!(paused.submit(late).await.unwrap(), Outcome::OutOfOrder(_)), "it is nobody's delivery any more");
    assert!(matches!(paused.claim(external(2, 10)).await.unwrap(), ClaimOutcome::Won(_)));
    assert!(!is_here(&paused, external(1, 10).id).await);
}

const ACCOUNT: &str = "eip155:8453:0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

async fn takes(books: &Books, accounts: &[&str]) -> Result<(), StoreError> {
    books.send_from(accounts.iter().map(|account| (*account).to_owned()).collect()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn p_34_one_node_sends_from_an_account_until_it_leaves_or_is_dead() {
    let address = shared().address();
    let (first, second) = (node(&address), node(&address));
    takes(&first, &[ACCOUNT]).await.unwrap();
    takes(&first, &["another", ACCOUNT]).await.unwrap();
    let taken = || Err(StoreError::AccountTaken(ACCOUNT.to_owned()));
    assert_eq!(takes(&second, &["a third", ACCOUNT]).await, taken());
    takes(&first, &["a third"]).await.unwrap();
    second.submit(grant(1, 1, 100)).await.unwrap();
    first.close().await.unwrap();
    takes(&second, &["another", ACCOUNT]).await.unwrap();

    // To others that is a process that was killed.
    drop(second);
    let third = node(&address);
    assert_eq!(takes(&third, &[ACCOUNT]).await, taken(), "it may live");
    until("the death is seen", || third.has_left_behind()).await;
    third.submit(Command::Recover { deadline: at(9), at: at(8) }).await.unwrap();
    takes(&third, &[ACCOUNT]).await.unwrap();
    assert_clean(&third).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p_35_a_node_that_was_taken_for_dead_has_its_accounts_again_or_is_over() {
    let address = shared().address();
    let (paused, other) = (node(&address), node(&address));
    takes(&paused, &[ACCOUNT]).await.unwrap();
    let schema = address.split_once("schema=").unwrap().1;
    shared().run(&format!("DELETE FROM {schema}.nodes WHERE node = (SELECT min(node) FROM {schema}.nodes)")).unwrap();
    paused.submit(grant(1, 1, 100)).await.unwrap();
    assert_eq!(takes(&other, &[ACCOUNT]).await, Err(StoreError::AccountTaken(ACCOUNT.to_owned())), "nobody had it");

    let taken_by_another = format!(
        "BEGIN; DELETE FROM {schema}.nodes WHERE node = (SELECT max(node) FROM {schema}.nodes); \
         INSERT INTO {schema}.senders SELECT '{ACCOUNT}', node FROM {schema}.nodes; COMMIT"
    );
    shared().run(&taken_by_another).unwrap();
    paused.writer_ended().await;
    assert!(paused.submit(grant(2, 1, 100)).await.is_err());
    let licence = paused.licence();
    until("it may not send", || !licence.holds()).await;
    takes(&other, &[ACCOUNT]).await.unwrap();
    assert!(other.licence().holds());
}

#[tokio::test(flavor = "multi_thread")]
async fn p_11_what_a_living_node_has_in_hand_is_moved_by_no_other() {
    let address = shared().address();
    let (held_up, other) = (node(&address), node(&address));
    let payment = prepaid(1, 1, 10).id;
    let entitle = || {
        let reason = "the upstream did not answer".to_owned();
        Command::Entitle { payment, reason, status: None, deadline: at(9_000), at: at(8) }
    };
    other.submit(grant(1, 1, 100)).await.unwrap();
    held_up.claim(prepaid(1, 1, 10)).await.unwrap();
    assert!(matches!(other.submit(entitle()).await.unwrap(), Outcome::OutOfOrder(_)), "it is being delivered");
    assert!(matches!(held_up.submit(entitle()).await.unwrap(), Outcome::Payment(_)));
    let redelivered = other.submit(Command::Redeliver { payment, at: at(9) }).await.unwrap();
    assert!(matches!(redelivered, Outcome::Payment(_)), "what is in nobody's hands is for whoever comes");
    assert!(matches!(held_up.submit(entitle()).await.unwrap(), Outcome::OutOfOrder(_)), "it would be delivered twice");
    let late = Command::Deliver { payment, status: 200, at: at(9) };
    assert!(matches!(held_up.submit(late.clone()).await.unwrap(), Outcome::OutOfOrder(_)));
    assert!(matches!(other.submit(late).await.unwrap(), Outcome::Payment(_)));
    assert_clean(&other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p_12_of_two_nodes_that_hear_from_a_rail_that_it_was_paid_one_settles_it() {
    let address = shared().address();
    let (one, two) = (node(&address), node(&address));
    let payment = external(1, 10).id;
    let settle = |millis| Command::Settle { payment, settled: settled("0x1", 0), confirm_at: None, at: at(millis) };
    one.claim(external(1, 10)).await.unwrap();
    assert!(matches!(two.submit(settle(5)).await.unwrap(), Outcome::OutOfOrder(_)), "it is being settled");
    assert!(matches!(one.submit(settle(5)).await.unwrap(), Outcome::Payment(_)));
    assert!(matches!(two.submit(settle(6)).await.unwrap(), Outcome::OutOfOrder(_)), "it is being delivered");
    assert_clean(&one).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p_04_rows_that_a_node_remembers_are_forgotten_when_another_wrote() {
    let address = shared().address();
    let nodes = [node(&address), node(&address)];
    nodes[0].submit(grant(1, 1, 100)).await.unwrap();
    for round in 0..30_u32 {
        let number = round as usize % 3;
        let outcome = nodes[number % 2].claim(prepaid(round, 1, 10)).await.unwrap();
        assert_eq!(matches!(outcome, ClaimOutcome::Won(_)), round < 10, "{round}: {outcome:?}");
        // A beat in between is a turn in which nothing was written.
        if round == 4 {
            tokio::time::sleep(Duration::from_millis(400)).await;
        }
    }
    assert_eq!(spent(&nodes[1]).await, Amount::new(100));
}

#[tokio::test(flavor = "multi_thread")]
async fn p_05_a_commit_whose_answer_is_lost_is_found_in_the_books() {
    let between = Between::start(shared().server());
    let address = format!("{}?schema=answer_lost", between.address());
    let books = node(&address);
    books.submit(grant(1, 1, 1_000)).await.unwrap();
    for (round, cut) in (0_u32..).zip([Cut::Answer, Cut::Question, Cut::Answer, Cut::Question]) {
        between.cut_next_commit_that_writes(cut);
        let outcome = books.claim(prepaid(round, 1, 10)).await.unwrap();
        assert!(matches!(outcome, ClaimOutcome::Won(_)), "{cut:?}: {outcome:?}");
        assert!(between.has_cut(), "{cut:?}");
        assert_eq!(spent(&books).await, Amount::new(u128::from(round + 1) * 10), "once");
    }
    assert_clean(&books).await;
}

/// Submits a command again and again until the books take it.
async fn until_taken(books: &Books, command: &Command) {
    for _ in 0..1_200 {
        if books.submit(command.clone()).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the books never answered again");
}

/// Cuts the connection at the commit of a hold, and at that of a delivery that nobody waits for, each time until the
/// process has given up asking what became of it.
async fn out_of_reach_at_a_commit(cut: Cut) {
    let between = Between::start(shared().server());
    let schema = format!("{cut:?}").to_lowercase();
    let books = node(&format!("{}?schema=out_of_reach_{schema}", between.address()));
    books.submit(grant(1, 0, 1_000)).await.unwrap();
    books.submit(Command::Session(SessionCommand::Open(Box::new(opening(0, 100))))).await.unwrap();
    books.submit(Command::Session(draw(0, Some(10), 10))).await.unwrap();
    let stands = async || {
        let record = books.session(id(0)).await.unwrap().unwrap();
        (record.spent, record.held)
    };

    between.cut_next_commit_that_writes_and_stay_away(cut);
    let told = books.submit(Command::Session(draw(0, Some(20), 10))).await;
    assert!(matches!(told, Err(StoreError::Unavailable(_))), "{cut:?}: {told:?}");
    assert!(between.has_cut(), "{cut:?}");
    between.come_back();
    until_taken(&books, &grant(2, 1, 1)).await;
    assert_eq!(
        stands().await,
        (Amount::ZERO, Amount::new(10)),
        "{cut:?}: nobody is served from what nobody was told of"
    );

    between.cut_next_commit_that_writes_and_stay_away(cut);
    books.submit_later(Command::Session(deliver(0, 10, 10))).unwrap();
    let told = books.submit(grant(3, 1, 1)).await;
    assert!(matches!(told, Err(StoreError::Unavailable(_))), "{cut:?}: {told:?}");
    assert!(between.has_cut(), "{cut:?}");
    between.come_back();
    until_taken(&books, &grant(4, 1, 1)).await;
    assert_eq!(stands().await, (Amount::new(10), Amount::ZERO), "{cut:?}: once");
    assert_clean(&books).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p_13_what_became_of_a_commit_is_found_out_however_long_that_takes() {
    tokio::join!(out_of_reach_at_a_commit(Cut::Answer), out_of_reach_at_a_commit(Cut::Question));
}

#[tokio::test(flavor = "multi_thread")]
async fn p_06_a_server_that_is_killed_is_refused_at_once_and_comes_back_with_all_that_was_told() {
    let cluster = Cluster::start().unwrap();
    let address = cluster.address();
    let books = node(&address);
    books.submit(grant(1, 1, 1_000)).await.unwrap();
    books.claim(external(90, 10)).await.unwrap();
    for round in 0..3_u32 {
        books.claim(prepaid(round, 1, 10)).await.unwrap();
        if round == 1 { cluster.shut_down() } else { cluster.kill() }.unwrap();
        let refused = books.claim(prepaid(round + 10, 1, 10)).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        assert!(books.payment(prepaid(round, 1, 10).id).await.is_err());
        // What nobody waits for is tried again until it is in the books.
        let settle =
            Command::Settle { payment: external(90, 10).id, settled: settled("0x90", 0), confirm_at: None, at: at(5) };
        books.submit_later(settle).unwrap();
        cluster.start_again().unwrap();
        let mut again = books.claim(prepaid(round + 10, 1, 10)).await;
        for _ in 0..200 {
            if again.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            again = books.claim(prepaid(round + 10, 1, 10)).await;
        }
        assert!(matches!(again, Ok(ClaimOutcome::Won(_))), "{again:?}");
        assert!(books.payment(prepaid(round, 1, 10).id).await.unwrap().is_some());
    }
    assert_eq!(spent(&books).await, Amount::new(60));
    assert_eq!(books.payment(external(90, 10).id).await.unwrap().unwrap().state, PaymentState::Posted);
    assert_clean(&books).await;
    books.close().await.unwrap();
}

#[test]
fn books_on_a_server_that_is_not_there_say_so() {
    let nowhere: Location = "postgres://postgres@%2Fnowhere/books".parse().unwrap();
    let error = Books::open(&nowhere, Sharing::Exclusive).err().unwrap();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
}

#[test]
fn an_auditor_of_books_that_are_not_there_makes_none() {
    let address: Location = shared().address().parse().unwrap();
    let error = Books::open(&address, Sharing::ReadOnly).err().unwrap();
    assert!(error.to_string().contains("there are no books at"), "{error}");
}
