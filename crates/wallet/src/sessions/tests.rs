use farthing_money::Amount;
use farthing_protocol::Timestamp;

use super::*;
use crate::Ambient;
use crate::outgoing::Fingerprint;
use crate::policy::tests::quote;

const CALL: Fingerprint = Fingerprint([1; 16]);

fn ambient() -> Ambient {
    Ambient::new(|| Timestamp::from_unix_millis(0))
}

fn amount(units: u128) -> Amount {
    Amount::new(units)
}

fn deposit(number: u8, units: u64) -> KeptDeposit {
    let cost = farthing_money::Price::from_millionths(units, "USD".parse().unwrap());
    let (amount, fee) = (amount(u128::from(units)), Amount::ZERO);
    KeptDeposit { reservation: [number; 16], amount, fee, cost, is_in: false }
}

fn new(terms: &str) -> NewSession {
    let quote = quote("0.001 USD", "https://api.example.com");
    NewSession {
        wallet: "agent".into(),
        origin: quote.origin,
        method: "balance/session".into(),
        terms: terms.into(),
        asset: quote.asset,
        payee: None,
        unit: quote.amount,
        unit_cost: quote.cost,
        challenge: quote.challenge,
        url: "https://api.example.com/x".into(),
        at: Timestamp::from_unix_millis(0),
    }
}

fn purchase(number: u8, session: i64, kind: Kind, owner: Option<Owner>) -> Purchase {
    let (total, added, at) = (amount(1000), amount(1000), Timestamp::from_unix_millis(0));
    Purchase { id: [number; 16], session, kind, fingerprint: CALL, owner, total, added, sealed: vec![7], at }
}

/// An open session of 10,000 of which 1,000 is signed for.
async fn open(sessions: &Sessions) -> i64 {
    let owner = sessions.owner(&ambient()).unwrap();
    let id = sessions.begin(new("terms"), deposit(1, 10_000), &owner).await.unwrap().unwrap();
    let session = sessions.session(id).await.unwrap().unwrap();
    let (kept, signed) = (vec![1], amount(1000));
    let channel = farthing_rail::Channel {
        id: "0xc1".into(),
        terms: "terms".into(),
        deposit: session.deposit,
        signed,
        asset: session.asset,
        kept,
    };
    assert!(sessions.keep_opening(channel, purchase(1, id, Kind::Open, Some(owner.clone())), &owner).await.unwrap());
    sessions.opened(id).await.unwrap();
    let told = Told { accepted: amount(1000), spent: amount(1000) };
    sessions.conclude(id, Some([1; 16]), Some(told), true).await.unwrap();
    id
}

fn raise(session: &KeptSession, total: u128) -> Raise {
    Raise {
        session: session.id,
        from: (session.signed, session.free),
        total: amount(total),
        challenge: session.challenge.clone(),
        url: session.url.clone(),
        at: session.used_at,
    }
}

#[tokio::test]
async fn one_session_at_a_time_is_opened_on_the_same_terms() {
    let home = tempfile::tempdir().unwrap();
    let (one, two) = (Sessions::open(home.path()).unwrap(), Sessions::open(home.path()).unwrap());
    let (first, second) = (one.owner(&ambient()).unwrap(), two.owner(&ambient()).unwrap());
    let id = one.begin(new("terms"), deposit(1, 10), &first).await.unwrap().unwrap();
    assert_eq!(two.begin(new("terms"), deposit(2, 10), &second).await.unwrap(), None);
    assert!(two.begin(new("other"), deposit(3, 10), &second).await.unwrap().is_some());
    one.stop(id, SessionState::Closing, "asked for", None).await.unwrap();
    assert!(two.begin(new("terms"), deposit(4, 10), &second).await.unwrap().is_some());
}

#[tokio::test]
async fn no_two_purchases_are_signed_with_one_total() {
    let home = tempfile::tempdir().unwrap();
    let (one, two) = (Sessions::open(home.path()).unwrap(), Sessions::open(home.path()).unwrap());
    let id = open(&one).await;
    let seen = one.session(id).await.unwrap().unwrap();
    assert!(one.raise(raise(&seen, 2000), None).await.unwrap());
    assert!(!two.raise(raise(&seen, 2000), None).await.unwrap(), "it counted from a total that is no more");
    let seen = two.session(id).await.unwrap().unwrap();
    assert!(two.raise(raise(&seen, 3000), None).await.unwrap());
    let lower = Raise { total: amount(2999), ..raise(&one.session(id).await.unwrap().unwrap(), 0) };
    assert!(one.raise(lower, None).await.is_err(), "the total never goes down");
    assert_eq!(one.session(id).await.unwrap().unwrap().signed, amount(3000));
}

#[tokio::test]
async fn nothing_is_signed_above_the_deposit_or_for_what_has_ended() {
    let home = tempfile::tempdir().unwrap();
    let sessions = Sessions::open(home.path()).unwrap();
    let id = open(&sessions).await;
    let seen = sessions.session(id).await.unwrap().unwrap();
    assert!(!sessions.raise(raise(&seen, 10_001), None).await.unwrap());
    assert!(sessions.raise(raise(&seen, 10_000), None).await.unwrap());
    sessions.stop(id, SessionState::Closing, "asked for", None).await.unwrap();
    let seen = sessions.session(id).await.unwrap().unwrap();
    assert!(!sessions.raise(raise(&seen, 10_000), None).await.unwrap());
}

#[tokio::test]
async fn an_answer_that_was_overtaken_frees_nothing() {
    let home = tempfile::tempdir().unwrap();
    let sessions = Sessions::open(home.path()).unwrap();
    let id = open(&sessions).await;
    let owner = sessions.owner(&ambient()).unwrap();
    for (number, total) in [(2, 2000), (3, 3000)] {
        let seen = sessions.session(id).await.unwrap().unwrap();
        let bought = purchase(number, id, Kind::Voucher, Some(owner.clone()));
        assert!(sessions.raise(raise(&seen, total), Some(bought)).await.unwrap());
    }
    // The server took the second first, and the answer to the first is here first: it says what both came to.
    for (number, spent) in [(2, 3000), (3, 2000)] {
        let told = Told { accepted: amount(3000), spent: amount(spent) };
        sessions.conclude(id, Some([number; 16]), Some(told), true).await.unwrap();
    }
    let seen = sessions.session(id).await.unwrap().unwrap();
    assert_eq!((seen.signed, seen.free), (amount(3000), amount(0)));
}

#[tokio::test]
async fn what_is_free_pays_for_one_purchase() {
    let home = tempfile::tempdir().unwrap();
    let sessions = Sessions::open(home.path()).unwrap();
    let id = open(&sessions).await;
    let seen = sessions.session(id).await.unwrap().unwrap();
    let owner = sessions.owner(&ambient()).unwrap();
    let bought = purchase(2, id, Kind::Voucher, Some(owner.clone()));
    assert!(sessions.raise(raise(&seen, 3000), Some(bought)).await.unwrap());
    let told = Told { accepted: amount(3000), spent: amount(1500) };
    sessions.conclude(id, Some([2; 16]), Some(told), true).await.unwrap();
    let seen = sessions.session(id).await.unwrap().unwrap();
    assert_eq!((seen.spent, seen.free), (amount(1500), amount(1500)));
    assert_eq!(seen.next_total(amount(1000), amount(500)), Some((amount(3000), amount(0))));
    assert_eq!(
        seen.next_total(amount(1600), amount(500)),
        Some((amount(3500), amount(500))),
        "the least that is added"
    );
    assert!(sessions.raise(raise(&seen, 3000), None).await.unwrap());
    assert!(!sessions.raise(raise(&seen, 3000), None).await.unwrap(), "it was free once");
    let lie = Told { accepted: amount(9000), spent: amount(9000) };
    sessions.conclude(id, None, Some(lie), true).await.unwrap();
    assert_eq!(sessions.session(id).await.unwrap().unwrap().spent, amount(1500), "nobody spends what was not signed");
}

#[tokio::test]
async fn what_a_dead_process_left_is_told_from_what_a_living_one_does() {
    let home = tempfile::tempdir().unwrap();
    let (one, two) = (Sessions::open(home.path()).unwrap(), Sessions::open(home.path()).unwrap());
    let id = open(&one).await;
    let seen = one.session(id).await.unwrap().unwrap();
    let owner = one.owner(&ambient()).unwrap();
    assert!(one.raise(raise(&seen, 2000), Some(purchase(2, id, Kind::Voucher, Some(owner.clone())))).await.unwrap());
    assert!(one.left_behind("agent", CALL).await.unwrap().is_empty());
    assert!(two.left_behind("agent", CALL).await.unwrap().is_empty(), "its process lives");
    drop(owner);
    assert_eq!(one.left_behind("agent", CALL).await.unwrap().len(), 1, "its call has ended");
    assert!(two.left_behind("agent", CALL).await.unwrap().is_empty());
    drop(one);
    let left = two.left_behind("agent", CALL).await.unwrap().remove(0);
    let taker = two.owner(&ambient()).unwrap();
    assert!(two.adopt(&left, (CALL, vec![7]), &taker).await.unwrap());
    assert!(!two.adopt(&left, (CALL, vec![7]), &taker).await.unwrap(), "another was quicker");
    two.leave(left.id).await.unwrap();
    assert_eq!(two.left_behind("agent", CALL).await.unwrap().len(), 1);
}

#[tokio::test]
async fn no_word_of_a_chain_makes_more_of_a_deposit_than_was_approved() {
    let home = tempfile::tempdir().unwrap();
    let sessions = Sessions::open(home.path()).unwrap();
    let id = open(&sessions).await;
    sessions.stop(id, SessionState::Lost, "for a test", None).await.unwrap();
    sessions.opened(id).await.unwrap();
    assert_eq!(sessions.session(id).await.unwrap().unwrap().deposit, amount(10_000));
}

#[test]
fn deposits_are_used_up_in_their_order() {
    let mut session = session_of(vec![deposit(1, 100), deposit(2, 50)]);
    let costs = |spent: u128, session: &KeptSession| -> Vec<u64> {
        session.costs(amount(spent)).into_iter().map(|(_, cost)| cost.millionths()).collect()
    };
    assert_eq!((costs(0, &session), costs(100, &session)), (vec![0, 0], vec![100, 0]));
    assert_eq!((costs(101, &session), costs(999, &session)), (vec![100, 1], vec![100, 50]));
    session.deposits[0].fee = amount(25);
    session.deposits[0].cost = farthing_money::Price::from_millionths(125, "USD".parse().unwrap());
    assert_eq!(costs(0, &session), vec![25, 0], "a fee does not come back");
    session.spent = amount(30);
    assert_eq!(session.locked().millionths(), 175 - 30);
}

fn session_of(deposits: Vec<KeptDeposit>) -> KeptSession {
    let new = new("terms");
    KeptSession {
        id: 1,
        wallet: new.wallet,
        origin: new.origin,
        method: new.method,
        terms: new.terms,
        asset: new.asset,
        payee: None,
        unit: new.unit,
        unit_cost: new.unit_cost,
        state: SessionState::Open,
        channel: None,
        kept: Vec::new(),
        deposit: amount(150),
        signed: amount(0),
        free: amount(0),
        spent: amount(0),
        challenge: new.challenge,
        url: new.url,
        reason: None,
        collect_until: None,
        opened_at: new.at,
        used_at: new.at,
        deposits,
    }
}

mod unsigned;
