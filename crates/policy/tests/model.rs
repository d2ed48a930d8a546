//! The engine and the counters against a model that keeps no counters: it looks through the whole history for
//! every request. What the model denies is never allowed; and what it would allow even if windows were a
//! sixtieth longer is never denied.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says so by failing")]

mod purchases;

use std::fmt::Write as _;

use farthing_books::budget::ReserveOutcome;
use farthing_books::testing::MemoryStore;
use farthing_books::testing::samples::reservation;
use farthing_books::{Command, Outcome};
use farthing_money::Price;
use farthing_policy::{Authority, Decision, Known, Level, Purchase, decide};
use farthing_protocol::Timestamp;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use purchases::{charge, level};

const ORIGINS: [&str; 3] = ["https://a.example", "https://b.example", "https://c.example"];
const METHODS: [&str; 2] = ["balance/charge", "tempo/charge"];
const TASKS: [&str; 3] = ["", "t1", "t2"];
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// 2026-11-19T00:00:00Z, a Thursday.
const START: i64 = 1_795_046_400_000;

#[derive(Clone, Debug)]
enum Span {
    Last(i64),
    Hour,
    Day,
    Week,
    Month,
    Ever,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Each {
    All,
    Origin,
    Task,
}

/// A rule in the model's own words.
#[derive(Clone, Debug)]
struct Sum {
    money: Option<u64>,
    count: Option<u64>,
    span: Span,
    each: Each,
    origin: Option<usize>,
    task: Option<usize>,
}

#[derive(Clone, Debug)]
struct Rules {
    total: u64,
    per_day: Option<u64>,
    per_payment: Option<u64>,
    denied: Option<usize>,
    /// The only method, if there is only one.
    method: Option<usize>,
    sums: Vec<Sum>,
    /// The most that is topped up at one seller, and over all.
    prepaid: Option<(u64, Option<u64>)>,
}

#[derive(Clone, Debug)]
enum End {
    Open,
    Paid,
    PaidHalf,
    Released,
}

#[derive(Clone, Debug)]
struct Request {
    later: i64,
    origin: usize,
    method: usize,
    task: usize,
    cost: u64,
    /// Whether it tops up a balance; the request it is for then costs a tenth of it.
    tops_up: bool,
    end: End,
}

/// What was paid, as the model remembers it.
struct Paid {
    at: i64,
    origin: usize,
    task: usize,
    tops_up: bool,
    counts: u64,
}

impl Span {
    fn includes(&self, then: i64, now: i64, slack: bool) -> bool {
        let same = |length: i64| then.div_euclid(length) == now.div_euclid(length);
        match self {
            // The books count in sixtieths, so that a payment can leave one of them too late.
            Self::Last(length) => now - then < if slack { 61 * (length + 59).div_euclid(60) } else { *length },
            Self::Hour => same(HOUR),
            Self::Day => same(DAY),
            // Weeks begin four days after the epoch's Thursday.
            Self::Week => (then - 4 * DAY).div_euclid(7 * DAY) == (now - 4 * DAY).div_euclid(7 * DAY),
            Self::Month => {
                let month = |millis| Timestamp::from_unix_millis(millis).to_rfc3339()[..7].to_owned();
                month(then) == month(now)
            }
            Self::Ever => true,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Last(length) => format!("{}s", length / 1000),
            Self::Hour => "hour".into(),
            Self::Day => "day".into(),
            Self::Week => "week".into(),
            Self::Month => "month".into(),
            Self::Ever => "ever".into(),
        }
    }
}

impl Sum {
    fn covers(&self, origin: usize, task: usize) -> bool {
        self.origin.is_none_or(|only| only == origin) && self.task.is_none_or(|only| only == task)
    }

    fn has_room(&self, request: &Request, now: i64, history: &[Paid], slack: bool) -> bool {
        if !self.covers(request.origin, request.task) {
            return true;
        }
        let (mut money, mut count) = (request.cost, 1);
        for paid in history.iter().filter(|paid| !paid.tops_up) {
            let same = match self.each {
                Each::All => true,
                Each::Origin => paid.origin == request.origin,
                Each::Task => paid.task == request.task,
            };
            if same && self.covers(paid.origin, paid.task) && self.span.includes(paid.at, now, slack) {
                money += paid.counts;
                count += 1;
            }
        }
        self.money.is_none_or(|most| money <= most) && self.count.is_none_or(|most| count <= most)
    }

    fn text(&self) -> String {
        let mut text = format!("[[limit]]\nwindow = \"{}\"\n", self.span.text());
        if let Some(money) = self.money {
            let _ = writeln!(text, "amount = \"{}\"", dollars(money));
        }
        if let Some(count) = self.count {
            let _ = writeln!(text, "payments = {count}");
        }
        match self.each {
            Each::All => {}
            Each::Origin => text.push_str("of = \"origin\"\n"),
            Each::Task => text.push_str("of = \"tag.task\"\n"),
        }
        let origin = self.origin.map(|origin| format!("origin = \"{}\"", ORIGINS[origin]));
        let task = self.task.map(|task| format!("tag = {{ task = \"{}\" }}", TASKS[task]));
        let only: Vec<_> = origin.into_iter().chain(task).collect();
        if !only.is_empty() {
            let _ = writeln!(text, "only = {{ {} }}", only.join(", "));
        }
        text
    }
}

impl Rules {
    fn allow(&self, request: &Request, now: i64, history: &[Paid], slack: bool) -> bool {
        let sum = |money: Option<u64>, span| {
            let sum = Sum { money, count: None, span, each: Each::All, origin: None, task: None };
            sum.has_room(request, now, history, slack)
        };
        let is_open = self.denied != Some(request.origin) && self.method.is_none_or(|only| request.method == only);
        if request.tops_up {
            let fits = self.per_payment.is_none_or(|most| request.cost / 10 <= most);
            return is_open && fits && self.lets_top_up(request, history);
        }
        is_open
            && self.per_payment.is_none_or(|most| request.cost <= most)
            && sum(Some(self.total), Span::Ever)
            && sum(self.per_day, Span::Day)
            && self.sums.iter().all(|sum| sum.has_room(request, now, history, slack))
    }

    fn lets_top_up(&self, request: &Request, history: &[Paid]) -> bool {
        let Some((each, in_all)) = self.prepaid else { return false };
        let topped_up = |at: Option<usize>| {
            let same = history.iter().filter(|paid| paid.tops_up && at.is_none_or(|origin| paid.origin == origin));
            request.cost + same.map(|paid| paid.counts).sum::<u64>()
        };
        topped_up(Some(request.origin)) <= each && topped_up(None) <= in_all.unwrap_or(each)
    }

    fn text(&self) -> String {
        let mut text = format!("total = \"{}\"\n", dollars(self.total));
        for (key, value) in [("per_day", self.per_day), ("per_payment", self.per_payment)] {
            if let Some(value) = value {
                let _ = writeln!(text, "{key} = \"{}\"", dollars(value));
            }
        }
        if let Some((each, in_all)) = self.prepaid {
            let _ = writeln!(text, "prepaid = \"{}\"", dollars(each));
            if let Some(in_all) = in_all {
                let _ = writeln!(text, "prepaid_in_all = \"{}\"", dollars(in_all));
            }
        }
        if let Some(method) = self.method {
            let _ = writeln!(text, "methods = [\"{}\"]", METHODS[method]);
        }
        if let Some(denied) = self.denied {
            let _ = writeln!(text, "[[origin]]\nurl = \"{}\"\ndeny = true", ORIGINS[denied]);
        }
        self.sums.iter().for_each(|sum| text.push_str(&sum.text()));
        text
    }
}

fn dollars(millionths: u64) -> String {
    Price::from_millionths(millionths, "USD".parse().unwrap()).to_string()
}

fn purchase(request: &Request) -> Purchase {
    let (origin, method) = (ORIGINS[request.origin].parse().unwrap(), METHODS[request.method].to_owned());
    let mut purchase = Purchase { origin, method, ..charge(&dollars(request.cost)) };
    if request.tops_up {
        let unit = Price::from_millionths(request.cost / 10, purchase.cost.currency());
        purchase.authority = Authority::TopUp { unit };
    }
    // A request without a task is one kind of its own.
    if request.task > 0 {
        purchase.tags.insert("task".into(), TASKS[request.task].into());
    }
    purchase
}

/// Decides and reserves as the wallet does, in books in memory.
fn is_reserved(books: &mut MemoryStore, levels: &[Level], request: &Request, number: u32, now: Timestamp) -> bool {
    let decision = decide(levels, &purchase(request), &Known::default(), now);
    let Decision::Allow { cost, charges } = decision else { return false };
    let mut wanted = reservation(number, 1, &[]);
    (wanted.cost, wanted.charges, wanted.at) = (cost, charges, now);
    match books.batch(&[Command::Reserve(Box::new(wanted))]).unwrap().remove(0) {
        Outcome::Reserve(ReserveOutcome::Reserved) => true,
        Outcome::Reserve(ReserveOutcome::Exceeded { .. }) => false,
        other => panic!("{other:?}"),
    }
}

/// Ends what was reserved; what counts of it from now on, if anything does.
fn end(books: &mut MemoryStore, request: &Request, number: u32, at: Timestamp) -> Option<u64> {
    let id = reservation(number, 1, &[]).id;
    let confirm = |millionths: u64| Command::Confirm {
        reservation: id,
        receipt: None,
        cost: Some(Price::from_millionths(millionths, "USD".parse().unwrap())),
        at,
    };
    let (command, counts) = match request.end {
        End::Open => return Some(request.cost),
        End::Paid => (confirm(request.cost), Some(request.cost)),
        End::PaidHalf => (confirm(request.cost / 2), Some(request.cost / 2)),
        End::Released => (Command::Release { reservation: id, reason: "refused".into(), at }, None),
    };
    assert_eq!(books.batch(&[command]).unwrap(), [Outcome::Done]);
    counts
}

fn spans() -> impl Strategy<Value = Span> {
    prop_oneof![
        (60i64..200_000).prop_map(|seconds| Span::Last(seconds * 1000)),
        Just(Span::Hour),
        Just(Span::Day),
        Just(Span::Week),
        Just(Span::Month),
        Just(Span::Ever),
    ]
}

prop_compose! {
    fn sums()(
        money in option::of(0u64..40_000), count in option::of(0u64..8), span in spans(),
        each in prop_oneof![Just(Each::All), Just(Each::Origin), Just(Each::Task)],
        origin in option::of(0usize..3), task in option::of(1usize..3),
    ) -> Sum {
        let money = money.or(count.is_none().then_some(10_000));
        Sum { money, count, span, each, origin, task }
    }
}

prop_compose! {
    fn rules()(
        total in 1_000u64..200_000, per_day in option::of(1_000u64..60_000),
        per_payment in option::of(1_000u64..10_000), denied in option::weighted(0.2, 0usize..3),
        method in option::weighted(0.2, 0usize..2), sums in vec(sums(), 0..4),
        prepaid in option::weighted(0.7, (1_000u64..40_000, option::of(1_000u64..60_000))),
    ) -> Rules {
        Rules { total, per_day, per_payment, denied, method, sums, prepaid }
    }
}

prop_compose! {
    fn requests()(
        later in prop_oneof![0i64..120_000, 0..2 * HOUR, 0..3 * DAY], origin in 0usize..3, method in 0usize..2, task in 0usize..3,
        cost in 0u64..9_000, tops_up in prop::bool::weighted(0.25), end in prop_oneof![Just(End::Open), Just(End::Paid), Just(End::PaidHalf), Just(End::Released)],
    ) -> Request {
        Request { later, origin, method, task, cost, tops_up, end }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn nothing_is_allowed_that_the_model_denies(
        wallet in rules(), group in rules(), requests in vec(requests(), 1..50),
    ) {
        let texts = [wallet.text(), group.text()];
        // Rules that say the same twice are refused when they are read, and are nothing to compare.
        prop_assume!(texts.iter().all(|text| text.parse::<farthing_policy::Policy>().is_ok()));
        let levels = [level("agent", &texts[0]), level("group/company", &texts[1])];
        let (mut books, mut history, mut now) = (MemoryStore::default(), Vec::new(), START);
        for (number, request) in requests.iter().enumerate() {
            now += request.later;
            let (number, at) = (u32::try_from(number).unwrap(), Timestamp::from_unix_millis(now));
            let may = |slack| [&wallet, &group].iter().all(|rules| rules.allow(request, now, &history, slack));
            if is_reserved(&mut books, &levels, request, number, at) {
                prop_assert!(may(false), "allowed against the model: {request:?}");
                if let Some(counts) = end(&mut books, request, number, at) {
                    let Request { origin, task, tops_up, .. } = *request;
                    history.push(Paid { at: now, origin, task, tops_up, counts });
                }
            } else {
                prop_assert!(!may(true), "denied without a reason: {request:?}\n{texts:?}");
            }
        }
    }

    #[test]
    fn any_text_and_any_purchase_come_to_an_answer(text in ".{0,200}", word in ".{0,40}", cost: u64, now: i64) {
        let _ = text.parse::<farthing_policy::Policy>();
        let mut purchase = charge("1 USD");
        purchase.cost = Price::from_millionths(cost, "EUR".parse().unwrap());
        (purchase.payee, purchase.asset, purchase.method) = (Some(word.clone()), word.clone(), word.clone());
        purchase.tags.insert(word.clone(), word);
        let policy = "total = \"18446744073709 USD\"\n[[limit]]\npayments = 18446744\nwindow = \"week\"\nof = \"payee\"\n\
            [hours]\nfrom = \"22:00\"\nto = \"06:00\"\noffset = \"-14:00\"\n[ask]\nprice_rise = \"4294967295%\"\n\
            [[rate]]\ncurrency = \"EUR\"\nrate = \"99999999999.999\"\nsource = \"x\"\ndate = \"2026-11-20\"";
        let pinned = Some(Price::from_millionths(u64::MAX, "EUR".parse().unwrap()));
        let known = Known { payee_paid: true, pinned };
        decide(&[level("agent", policy)], &purchase, &known, Timestamp::from_unix_millis(now));
    }
}
