//! Counters: sums of money or of payments, over all time or over a window that moves along.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use farthing_money::{Currency, Price};
use farthing_protocol::Timestamp;

/// The name of a counter: `agent/total`, `agent/day/2026-11-21`, `agent/origin/https://api.example.com`.
/// A calendar window is a counter of its own; a rolling window's counter names its length, so that
/// another length is another counter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BudgetKey(pub String);

/// A counter that a payment counts toward, and the limit the policy sets for it at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetCharge {
    /// Which counter.
    pub key: BudgetKey,
    /// What it counts.
    pub counts: Counts,
    /// The limit that spent and reserved together may not pass, in what it counts; `u64::MAX` is none.
    pub limit: u64,
    /// The window that moves along; `None` counts from the beginning.
    pub window: Option<Rolling>,
}

/// What a counter adds up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Counts {
    /// Money, in millionths of a currency.
    Money(Currency),
    /// Payments, whatever they cost.
    Payments,
}

/// The length of a window that moves along: a payment counts for at least so long, and for at most a
/// sixtieth longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rolling {
    millis: u32,
}

/// What counts toward one budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetCounter {
    /// Which.
    pub key: BudgetKey,
    /// What its figures are.
    pub counts: Counts,
    /// Confirmed; for a rolling window, so far as it has not left it.
    pub spent: u64,
    /// Reserved, the outcome not known yet; for a rolling window, so far as it has not left it.
    pub reserved: u64,
    /// Where a rolling window stands.
    pub window: Option<Window>,
}

/// A rolling window: what came in, by the sixtieth in which it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its length.
    pub rolling: Rolling,
    /// The latest instant it has seen. It never goes back, whatever a clock does.
    pub newest: Timestamp,
    /// The sixtieths in which anything came, by their number since 1970.
    pub buckets: BTreeMap<i64, Bucket>,
}

/// What came in one sixtieth of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Confirmed.
    pub spent: u64,
    /// Reserved, the outcome not known yet.
    pub reserved: u64,
}

impl Counts {
    /// The word for payments; for money it is the currency.
    const PAYMENTS: &'static str = "payments";

    /// The word in the store and in the log: a currency, or `payments`.
    pub fn word(&self) -> &str {
        match self {
            Self::Money(currency) => currency.as_str(),
            Self::Payments => Self::PAYMENTS,
        }
    }

    /// What that word counts.
    pub fn from_word(word: &str) -> Option<Self> {
        if word == Self::PAYMENTS { Some(Self::Payments) } else { word.parse().ok().map(Self::Money) }
    }

    /// What a payment of this cost adds; `None` for a cost in another currency.
    pub fn of(self, cost: Price) -> Option<u64> {
        match self {
            Self::Money(currency) => (cost.currency() == currency).then_some(cost.millionths()),
            Self::Payments => Some(1),
        }
    }

    /// A figure as people read it: `0.5 USD`, `3 payments`.
    pub fn show(self, figure: u64) -> impl fmt::Display {
        fmt::from_fn(move |formatter| match self {
            Self::Money(currency) => write!(formatter, "{}", Price::from_millionths(figure, currency)),
            Self::Payments if figure == 1 => formatter.write_str("1 payment"),
            Self::Payments => write!(formatter, "{figure} payments"),
        })
    }
}

impl Rolling {
    /// How many parts a window has.
    const PARTS: u32 = 60;
    /// The shortest: a second for each part.
    pub const SHORTEST: Duration = Duration::from_secs(60);
    /// The longest, about 49 days; longer periods are calendar windows.
    pub const LONGEST: Duration = Duration::from_millis(u32::MAX as u64);

    /// A window of this length; `None` outside [`Rolling::SHORTEST`] and [`Rolling::LONGEST`].
    pub fn new(length: Duration) -> Option<Self> {
        let millis = u32::try_from(length.as_millis()).ok()?;
        (length >= Self::SHORTEST).then_some(Self { millis })
    }

    /// Its length.
    pub const fn length(self) -> Duration {
        Duration::from_millis(self.millis as u64)
    }

    /// The part in which an instant lies. Rounded up, so that all parts together are no shorter than the window.
    pub fn bucket(self, at: Timestamp) -> i64 {
        at.unix_millis().div_euclid(i64::from(self.millis.div_ceil(Self::PARTS)))
    }

    /// The oldest part that still counts. The one in which the window begins counts whole: it is
    /// better to count a payment a little too long than not long enough.
    pub fn oldest(self, now: Timestamp) -> i64 {
        self.bucket(now).saturating_sub(i64::from(Self::PARTS))
    }
}

impl Window {
    /// An empty one.
    pub const fn new(rolling: Rolling, newest: Timestamp) -> Self {
        Self { rolling, newest, buckets: BTreeMap::new() }
    }

    /// Moves along to an instant, if it is later than every one before.
    fn advance(&mut self, now: Timestamp) {
        self.newest = self.newest.max(now);
        self.buckets = self.buckets.split_off(&self.rolling.oldest(self.newest));
    }
}

impl BudgetCharge {
    /// Its counter before anything was counted.
    pub(super) fn new_counter(&self, now: Timestamp) -> BudgetCounter {
        let window = self.window.map(|rolling| Window::new(rolling, now));
        BudgetCounter { key: self.key.clone(), counts: self.counts, spent: 0, reserved: 0, window }
    }

    /// Whether its counter, as it stands at the instant of the payment, has room for a cost.
    pub fn has_room(&self, counter: &BudgetCounter, cost: Price) -> bool {
        let total = counter.used().zip(self.counts.of(cost)).and_then(|(used, amount)| used.checked_add(amount));
        self.fits(counter) && total.is_some_and(|total| total <= self.limit)
    }

    /// Whether a counter counts what this charges.
    pub(super) fn fits(&self, counter: &BudgetCounter) -> bool {
        self.counts == counter.counts && self.window == counter.window.as_ref().map(|window| window.rolling)
    }
}

impl BudgetCounter {
    /// What counts at an instant: what left the window by then is gone.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Self {
        self.advance(now);
        self
    }

    /// Spent and reserved together; `None` is more than any limit.
    pub fn used(&self) -> Option<u64> {
        self.spent.checked_add(self.reserved)
    }

    /// Counts so much more as reserved; `None` when it does not fit into a counter.
    pub(super) fn reserve(&mut self, amount: u64, at: Timestamp) -> Option<()> {
        self.change(at, |bucket| {
            bucket.reserved = bucket.reserved.checked_add(amount)?;
            Some(())
        })
    }

    /// Ends what was reserved at an instant: so much of it is spent and the rest is free.
    /// `None` when so much is not reserved.
    pub(super) fn end(&mut self, amount: u64, spent: u64, at: Timestamp) -> Option<()> {
        self.change(at, |bucket| {
            bucket.reserved = bucket.reserved.checked_sub(amount)?;
            bucket.spent = bucket.spent.checked_add(spent)?;
            Some(())
        })
    }

    pub(super) fn advance(&mut self, now: Timestamp) {
        if let Some(window) = &mut self.window {
            window.advance(now);
            self.sum_up();
        }
    }

    /// Changes the figures where an instant counts; what left the window is not changed any more.
    fn change(&mut self, at: Timestamp, change: impl Fn(&mut Bucket) -> Option<()>) -> Option<()> {
        let Some(window) = &mut self.window else {
            let mut all = Bucket { spent: self.spent, reserved: self.reserved };
            change(&mut all)?;
            (self.spent, self.reserved) = (all.spent, all.reserved);
            return Some(());
        };
        let number = window.rolling.bucket(at);
        if number >= window.rolling.oldest(window.newest) {
            change(window.buckets.entry(number).or_default())?;
            window.buckets.retain(|_, bucket| *bucket != Bucket::default());
            self.sum_up();
        }
        Some(())
    }

    /// The figures of a rolling window are the sums of its parts.
    fn sum_up(&mut self) {
        let Some(window) = &self.window else { return };
        let sum = |figure: fn(&Bucket) -> u64| window.buckets.values().map(figure).fold(0, u64::saturating_add);
        let (spent, reserved) = (sum(|bucket| bucket.spent), sum(|bucket| bucket.reserved));
        (self.spent, self.reserved) = (spent, reserved);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_unix_millis(millis)
    }

    #[test]
    fn windows_are_neither_shorter_than_a_minute_nor_longer_than_their_counter() {
        assert_eq!(Rolling::new(HOUR).map(Rolling::length), Some(HOUR));
        assert_eq!(Rolling::new(Duration::from_millis(59_999)), None);
        assert_eq!(Rolling::new(Rolling::LONGEST + Duration::from_millis(1)), None);
        assert!(Rolling::new(Rolling::LONGEST).is_some());
    }

    #[test]
    fn figures_are_shown_as_people_read_them() {
        let dollars = Counts::Money("USD".parse().unwrap());
        let shown = [dollars.show(500_000), Counts::Payments.show(1), Counts::Payments.show(3)];
        assert_eq!(shown.map(|figure| figure.to_string()), ["0.5 USD", "1 payment", "3 payments"]);
        for counts in [dollars, Counts::Payments] {
            assert_eq!(Counts::from_word(counts.word()), Some(counts));
        }
        assert_eq!(Counts::from_word("Payments"), None);
    }

    proptest! {
        /// Against a list of all payments: nothing leaves early, nothing stays longer than a sixtieth.
        #[test]
        fn a_payment_leaves_a_window_at_most_a_sixtieth_late_and_never_early(
            length in 60_000..10_000_000_u32,
            payments in prop::collection::vec((0..20_000_000_i64, 1..100_u64), 1..40),
        ) {
            let rolling = Rolling::new(Duration::from_millis(length.into())).unwrap();
            let charge = BudgetCharge {
                key: BudgetKey("k".into()), counts: Counts::Payments, limit: u64::MAX, window: Some(rolling),
            };
            let mut counter = charge.new_counter(at(0));
            let (mut newest, mut seen) = (0, Vec::new());
            for (time, amount) in payments {
                newest = newest.max(time);
                counter.advance(at(time));
                counter.reserve(amount, at(newest)).unwrap();
                seen.push((newest, amount));
                let within = |span: i64| -> u64 {
                    seen.iter().filter(|(then, _)| newest - then < span).map(|(_, amount)| amount).sum()
                };
                let length = i64::from(length);
                prop_assert!(counter.reserved >= within(length));
                prop_assert!(counter.reserved <= within(length + length / 60 + 62));
            }
        }
    }
}
