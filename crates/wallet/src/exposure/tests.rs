//! The number is never less than what is lost in the worst case, whatever happened before.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use farthing_books::Command;
use farthing_keys::{Ambient, PassphraseSource};
use farthing_policy::{Known, Level};
use farthing_protocol::Timestamp;
use farthing_store::Books;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;
use crate::policy::{Asking, Grounds, approve};

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
    policy: Policy,
    count: u128,
    signed: Vec<([u8; 16], u64)>,
    /// Whole, and what of it is delivered.
    deposits: Vec<(u64, u64)>,
}

impl Model {
    /// Whether so much could be signed for.
    async fn reserves(&mut self, millionths: u64) -> Option<[u8; 16]> {
        let price = Price::from_millionths(millionths, self.policy.currency);
        let quote = crate::policy::tests::quote(&price.to_string(), "https://api.example.com");
        let levels = [Level { name: self.name.to_string(), policy: Arc::new(self.policy.clone()) }];
        let (wallet, now) = (self.name.as_str(), self.wallets.ambient.now());
        let grounds = Grounds { wallet, levels: &levels, known: Known::default(), now };
        let tags = BTreeMap::new();
        let asking =
            Asking { http_method: "GET", path: "/", tags: &tags, max: None, redirected_from: None, offer_signers: &[] };
        self.count += 1;
        let id = self.count.to_be_bytes();
        let approved = approve(&self.books, &grounds, quote, &asking, id, "GET /").await;
        approved.is_ok().then_some(id)
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
        let spending = self.wallets.spending_of(self.name.as_str(), &self.policy).await.unwrap();
        let price = |millionths| Price::from_millionths(millionths, self.policy.currency);
        let deposits: Vec<_> =
            self.deposits.iter().map(|(whole, delivered)| (price(*whole), price(whole - delivered))).collect();
        Exposure::of_limits(&self.policy, &spending, &deposits, frozen).total().millionths()
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
    let limits = prop_oneof![
        (1_u64..200_000).prop_map(|total| format!("total = \"0.{total:06} USD\"")),
        (1_u64..200_000).prop_map(|day| format!("per_day = \"0.{day:06} USD\"")),
        (1_u64..200_000, 1_u64..200_000)
            .prop_map(|(total, day)| format!("total = \"0.{total:06} USD\"\nper_day = \"0.{day:06} USD\"")),
    ];
    let mut case = 0;
    let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    let checked = runner.run(&(limits, events(), any::<bool>()), |(limits, events, frozen)| {
        case += 1;
        let mut model = Model {
            wallets: wallets.clone(),
            books: books.clone(),
            clock: Arc::clone(&clock),
            name: format!("case-{case}").parse().unwrap(),
            policy: limits.parse().unwrap(),
            count: u128::from(case as u32) << 64,
            signed: Vec::new(),
            deposits: Vec::new(),
        };
        let (exposure, lost) = runtime.block_on(async {
            for event in &events {
                model.happens(event).await;
            }
            (model.exposure(frozen).await, model.robbed(frozen).await)
        });
        // No less, and with these limits no more either.
        prop_assert_eq!(exposure, lost);
        Ok(())
    });
    checked.unwrap();
}
