//! The number is never less than what is lost in the worst case, whatever happened before.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use farthing_books::Command;
use farthing_books::budget::{BudgetCharge, Counts, Reservation, ReserveOutcome};
use farthing_keys::{Ambient, PassphraseSource};
use farthing_protocol::Timestamp;
use farthing_store::Books;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;
use crate::policy::Counter;

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
    /// Whether so much could be signed for, by the counters of the policy's limits.
    async fn reserves(&mut self, millionths: u64) -> Option<[u8; 16]> {
        let at = self.wallets.ambient.now();
        let limits = [(Counter::Total, self.policy.total), (Counter::Day(at), self.policy.per_day)];
        let charges = limits.into_iter().map(|(counter, limit)| BudgetCharge {
            key: counter.key(self.name.as_str()),
            counts: Counts::Money(self.policy.currency),
            limit: limit.map_or(u64::MAX, Price::millionths),
            window: None,
        });
        self.count += 1;
        let reservation = Reservation {
            id: self.count.to_be_bytes(),
            wallet: self.name.to_string(),
            cost: Price::from_millionths(millionths, self.policy.currency),
            charges: charges.collect(),
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
    let cases = AtomicI64::new(0);
    let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    let checked = runner.run(&(limits, events(), any::<bool>()), |(limits, events, frozen)| {
        let case = cases.fetch_add(1, Ordering::Relaxed);
        let mut model = Model {
            wallets: wallets.clone(),
            books: books.clone(),
            clock: Arc::clone(&clock),
            name: format!("case-{case}").parse().unwrap(),
            policy: limits.parse().unwrap(),
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
        // No less, and with these limits no more either.
        prop_assert_eq!(exposure, lost);
        Ok(())
    });
    checked.unwrap();
}
