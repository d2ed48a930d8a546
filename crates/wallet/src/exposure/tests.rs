//! The number is never less than what is lost in the worst case, whatever happened before.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use farthing_books::Command;
use farthing_books::budget::{Reservation, ReserveOutcome};
use farthing_keys::{Ambient, PassphraseSource};
use farthing_protocol::Timestamp;
use farthing_store::Books;
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;
use crate::policy::{Asking, Decision, Known, decide};

/// What happens to a wallet, in amounts of millionths.
#[derive(Clone, Debug)]
enum Event {
    /// Something is signed.
    Signs(u64),
    /// The first of what is signed is known to be paid.
    Paid,
    /// The last of it is known to be of no use any more.
    Void,
    /// A deposit is made.
    Deposits(u64),
    /// A part of the first deposit is delivered, in hundredths of what is left.
    Delivered(u64),
    /// Some hours go by.
    Hours(i64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        4 => (1_u64..60_000).prop_map(Event::Signs),
        2 => Just(Event::Paid),
        1 => Just(Event::Void),
        2 => (1_u64..60_000).prop_map(Event::Deposits),
        2 => (0_u64..=100).prop_map(Event::Delivered),
        1 => (1_i64..30).prop_map(Event::Hours),
    ];
    prop::collection::vec(event, 0..14)
}

/// A wallet whose history is made up, and which whoever drives it then robs.
struct Model {
    wallets: Wallets,
    books: Books,
    clock: Arc<AtomicI64>,
    name: WalletName,
    /// The wallet's own first.
    levels: Vec<Level>,
    count: u128,
    signed: Vec<([u8; 16], u64)>,
    /// Whole, and what of it is delivered.
    deposits: Vec<(u64, u64)>,
}

impl Model {
    /// Whether so much could be signed for, by the counters of the policy's limits.
    async fn reserves(&mut self, millionths: u64) -> Option<[u8; 16]> {
        let at = self.wallets.ambient.now();
        let price = Price::from_millionths(millionths, "USD".parse().unwrap());
        let quote = crate::policy::tests::quote(&price.to_string(), "https://api.example.com");
        let (tags, digest) = (Default::default(), [0; 32]);
        let asking = Asking {
            http_method: "GET",
            path: "/",
            digest,
            tags: &tags,
            max: None,
            redirected_from: None,
            offer_signers: &[],
        };
        let decision = decide(&self.levels, &asking.charge(&quote), &Known::default(), at);
        let Decision::Allow { cost, charges } = decision else { return None };
        self.count += 1;
        let reservation = Reservation {
            id: self.count.to_be_bytes(),
            wallet: self.name.to_string(),
            cost,
            charges,
            origin: "https://api.example.com".into(),
            request: "GET /".into(),
            challenge: "x".into(),
            decided: None,
            approval: None,
            at,
        };
        let id = reservation.id;
        let outcome = self.books.reserve(reservation).await.unwrap();
        (outcome == ReserveOutcome::Reserved).then_some(id)
    }

    async fn happens(&mut self, event: &Event) {
        let at = self.wallets.ambient.now();
        match event {
            Event::Signs(amount) => {
                if let Some(id) = self.reserves(*amount).await {
                    self.signed.push((id, *amount));
                }
            }
            Event::Paid if !self.signed.is_empty() => {
                let (reservation, _) = self.signed.remove(0);
                let confirm = Command::Confirm { reservation, receipt: None, cost: None, at };
                self.books.submit(confirm).await.unwrap();
            }
            Event::Void => {
                if let Some((reservation, _)) = self.signed.pop() {
                    let release = Command::Release { reservation, reason: "void".into(), at };
                    self.books.submit(release).await.unwrap();
                }
            }
            Event::Deposits(amount) => {
                if self.reserves(*amount).await.is_some() {
                    self.deposits.push((*amount, 0));
                }
            }
            Event::Delivered(hundredths) => {
                if let Some((whole, delivered)) = self.deposits.first_mut() {
                    *delivered += (*whole - *delivered) * hundredths / 100;
                }
            }
            Event::Hours(hours) => {
                self.clock.fetch_add(hours * 3_600_000, Ordering::Relaxed);
            }
            Event::Paid => {}
        }
    }

    async fn exposure(&self, frozen: bool) -> u64 {
        let policy = &self.levels[0].policy;
        let spending = self.wallets.spending_of(self.name.as_str(), policy).await.unwrap();
        let room = self.wallets.room_of(&self.levels).await.unwrap();
        let price = |millionths| Price::from_millionths(millionths, policy.currency);
        let deposits: Vec<_> =
            self.deposits.iter().map(|(whole, delivered)| (price(*whole), price(whole - delivered))).collect();
        Exposure::of_limits(room, spending.total.reserved, &deposits, frozen).total().millionths()
    }

    /// All that is signed is used, all that is deposited is kept, and as much as the limits allow is signed besides.
    async fn robbed(&mut self, frozen: bool) -> u64 {
        let mut lost: u64 = self.signed.iter().map(|(_, amount)| amount).sum();
        lost += self.deposits.iter().map(|(whole, delivered)| whole - delivered).sum::<u64>();
        let mut step = if frozen { 0 } else { 1 << 17 };
        while step > 0 {
            match self.reserves(step).await {
                Some(_) => lost += step,
                None => step /= 2,
            }
        }
        lost
    }
}

/// Limits of money, in every kind of window, that bound all that is paid.
fn limits() -> impl Strategy<Value = String> {
    let sum = 1_u64..200_000;
    let window = prop_oneof![Just("1h"), Just("90m"), Just("hour"), Just("week"), Just("month"), Just("ever")];
    let limit = (sum.clone(), window)
        .prop_map(|(sum, window)| format!("[[limit]]\namount = \"0.{sum:06} USD\"\nwindow = \"{window}\"\n"));
    let origin = sum
        .clone()
        .prop_map(|sum| format!("[[origin]]\nurl = \"https://api.example.com\"\nlimit = \"0.{sum:06} USD\"\n"));
    let usual = prop_oneof![
        sum.clone().prop_map(|total| format!("total = \"0.{total:06} USD\"\n")),
        sum.clone().prop_map(|day| format!("per_day = \"0.{day:06} USD\"\n")),
        (sum.clone(), sum)
            .prop_map(|(total, day)| format!("total = \"0.{total:06} USD\"\nper_day = \"0.{day:06} USD\"\n")),
    ];
    (usual, option::of(limit), option::of(origin))
        .prop_map(|(usual, limit, origin)| [usual, limit.unwrap_or_default(), origin.unwrap_or_default()].concat())
}

/// The policies of one case; its wallet may have a group, and so many payments a day.
fn levels(case: i64, wallet: &str, group: Option<&str>, payments: Option<u64>) -> Vec<Level> {
    let counted = payments
        .map(|most| format!("per_payment = \"0.02 USD\"\n{wallet}[[limit]]\npayments = {most}\nwindow = \"day\"\n"));
    let level = |name, text: &str| Level { name, policy: Arc::new(text.parse().unwrap()) };
    let wallet = level(format!("case-{case}"), counted.as_deref().unwrap_or(wallet));
    let group = group.map(|group| level(format!("group/case-{case}"), group));
    [wallet].into_iter().chain(group).collect()
}

#[test]
fn a_limit_for_a_part_bounds_nothing_and_what_ended_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let ambient = Ambient::new(|| Timestamp::from_unix_millis(1_795_000_000_000));
    let wallets = Wallets::at(directory.path(), ambient).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let room = |text: &str| {
        let levels = levels(0, text, None, None);
        runtime.block_on(async { wallets.room_of(&levels).await }).unwrap()
    };
    let day = "per_day = \"5 USD\"\n";
    for part in ["of = \"origin\"\n", "only = { method = \"tempo\" }\n"] {
        let text = format!("{day}[[limit]]\namount = \"1 USD\"\nwindow = \"ever\"\n{part}");
        assert_eq!(room(&text), Room { millionths: 5_000_000, renews: true, prepaid: 0 }, "{part}");
    }
    let all = room(&format!("{day}[[limit]]\namount = \"1 USD\"\nwindow = \"ever\""));
    assert_eq!(all, Room { millionths: 1_000_000, renews: false, prepaid: 0 });
    let counted = format!("{day}per_payment = \"0.1 USD\"\n[[limit]]\npayments = 3\nwindow = \"hour\"");
    assert_eq!(room(&counted), Room { millionths: 300_000, renews: true, prepaid: 0 });
    let deposits = format!("session_deposit = \"1 USD\"\n{counted}");
    assert_eq!(room(&deposits).millionths, 3_000_000, "an opening is one payment");
    for nothing in ["methods = []\n", "expires = \"2020-01-01T00:00:00Z\"\n"] {
        assert_eq!(room(&format!("{nothing}{day}")).millionths, 0, "{nothing}");
    }
    let listed = |more: &str| format!("{day}[[origin]]\nurl = \"https://a.example\"\nlimit = \"1 USD\"\n{more}");
    assert_eq!(room(&listed("")), Room { millionths: 1_000_000, renews: false, prepaid: 0 });
    assert_eq!(room(&format!("prepaid = \"2 USD\"\n{day}")).prepaid, 2_000_000, "as much again can go into balances");
    let in_all = format!("prepaid = \"2 USD\"\nprepaid_in_all = \"7 USD\"\n{day}");
    assert_eq!(room(&in_all).prepaid, 7_000_000);
    let open = listed("[[origin]]\nurl = \"https://b.example\"");
    assert_eq!(room(&open), Room { millionths: 5_000_000, renews: true, prepaid: 0 });
}

#[test]
fn the_number_is_what_is_lost_in_the_worst_case_after_any_history() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(AtomicI64::new(1_795_000_000_000));
    let now = Arc::clone(&clock);
    let ambient = Ambient::new(move || Timestamp::from_unix_millis(now.load(Ordering::Relaxed)));
    let wallets = Wallets::at(directory.path(), ambient).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    wallets.create(&"agent".parse().unwrap(), &PassphraseSource::KeyFile).unwrap();
    let books = runtime.block_on(async { wallets.budgets() }).unwrap();
    let cases = AtomicI64::new(0);
    let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    let policies = (limits(), option::of(limits()), option::of(1_u64..8));
    let checked = runner.run(&(policies, events(), any::<bool>()), |((wallet, group, payments), events, frozen)| {
        let case = cases.fetch_add(1, Ordering::Relaxed);
        let mut model = Model {
            wallets: wallets.clone(),
            books: books.clone(),
            clock: Arc::clone(&clock),
            name: format!("case-{case}").parse().unwrap(),
            levels: levels(case, &wallet, group.as_deref(), payments),
            count: u128::try_from(case).unwrap() << 64,
            signed: Vec::new(),
            deposits: Vec::new(),
        };
        let (exposure, lost) = runtime.block_on(async {
            for event in &events {
                model.happens(event).await;
            }
            (model.exposure(frozen).await, model.robbed(frozen).await)
        });
        match payments {
            // No less, and with limits of money no more either.
            None => prop_assert_eq!(exposure, lost),
            // As many payments as are left, each as dear as one may be, may not fit the other limits.
            Some(_) => prop_assert!(exposure >= lost, "{exposure} is less than {lost}"),
        }
        Ok(())
    });
    checked.unwrap();
}
