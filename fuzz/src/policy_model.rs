//! The policy engine and its counters against a model that keeps no counters: it looks through everything that was ever
//! paid for each question. What the model denies is never allowed, and what it would allow even if windows were a
//! sixtieth longer is never denied.

use std::collections::BTreeMap;
use std::sync::Arc;

use farthing_books::budget::ReserveOutcome;
use farthing_books::testing::MemoryStore;
use farthing_books::testing::samples::reservation;
use farthing_books::{Command, Outcome};
use farthing_money::Price;
use farthing_policy::{
    Authority, Decision, Known, Level, Limit, Only, OriginLimit, PayeeRule, Per, Policy, Purchase, Unmatched, decide,
};
use farthing_protocol::Timestamp;

use super::bytes::Bytes;

const ORIGINS: [&str; 3] = ["https://a.example", "https://b.example", "https://c.example"];
const PAYEES: [&str; 3] = ["0xAA", "0xbb", "0xCc"];
const METHODS: [&str; 3] = ["balance/charge", "tempo/charge", "tempo/session"];
/// As a policy writes them; the last means two of the methods.
const SOURCES: [&str; 3] = ["balance/charge", "tempo/charge", "tempo"];
const WINDOWS: [&str; 7] = ["90s", "20m", "26h", "hour", "day", "week", "ever"];
const MINUTE: i64 = 60_000;
const DAY: i64 = 1_440 * MINUTE;
/// 2026-11-19T00:00:00Z, a Thursday.
const START: i64 = 1_795_046_400_000;
/// More events would make each input slow and find nothing more.
const LONGEST: u32 = 60;

/// Rules in the model's own words. Sums are in hundredths of a cent.
#[derive(Debug)]
struct Rules {
    total: Option<u64>,
    per_day: Option<u64>,
    per_payment: Option<u64>,
    expires: Option<i64>,
    needs_task: bool,
    unmatched: Option<Unmatched>,
    sources: Option<Vec<usize>>,
    /// Each with whether it is denied, and the most it ever gets.
    origins: Option<Vec<(usize, bool, Option<u64>)>>,
    payees: Vec<(usize, bool)>,
    sums: Vec<Sum>,
}

#[derive(Debug)]
struct Sum {
    money: Option<u64>,
    count: Option<u64>,
    window: usize,
    of: Option<Of>,
    only_origin: Option<usize>,
    only_payee: Option<usize>,
}

#[derive(Clone, Copy, Debug)]
enum Of {
    Origin,
    Payee,
    Task,
}

/// What is asked for, and, once it is allowed, what was paid.
#[derive(Clone, Debug)]
struct Payment {
    at: i64,
    origin: usize,
    payee: Option<usize>,
    method: usize,
    task: Option<u8>,
    cost: u64,
    /// The most for this call.
    max: Option<u64>,
    number: u32,
    has_ended: bool,
}

/// Rules of a wallet and of its group, then payments and what becomes of them.
pub fn compare(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let rules = [Rules::read(&mut bytes), Rules::read(&mut bytes)];
    let policies = rules.each_ref().map(Rules::policy);
    // Rules that say the same twice, or bound nothing, are refused, and are nothing to compare.
    if policies.iter().any(|policy| policy.check().is_err()) {
        return;
    }
    let levels = ["agent", "group/company"].into_iter().zip(policies);
    let levels: Vec<Level> =
        levels.map(|(name, policy)| Level { name: name.to_owned(), policy: Arc::new(policy) }).collect();
    let (mut books, mut paid, mut now) = (MemoryStore::default(), Vec::<Payment>::new(), START);
    for number in 0..LONGEST {
        if bytes.is_used_up() {
            break;
        }
        now += later(bytes.byte());
        let ends = bytes.chance(4).then(|| paid.iter().position(|payment| !payment.has_ended)).flatten();
        if let Some(place) = ends {
            end(&mut books, &mut paid, place, bytes.below(3), now);
            continue;
        }
        let wanted = Payment::read(&mut bytes, number, now);
        let may = |slack: bool| rules.iter().all(|rules| rules.allow(&wanted, &paid, slack));
        if is_reserved(&mut books, &levels, &wanted) {
            assert!(may(false), "allowed against the model: {wanted:?} after {paid:?} by {rules:?}");
            paid.push(wanted);
        } else {
            assert!(!may(true), "denied without a reason: {wanted:?} after {paid:?} by {rules:?}");
        }
    }
}

/// Decides and reserves as the wallet does, in books in memory.
fn is_reserved(books: &mut MemoryStore, levels: &[Level], payment: &Payment) -> bool {
    let now = Timestamp::from_unix_millis(payment.at);
    let decision = decide(levels, &payment.purchase(), &Known::default(), now);
    let Decision::Allow { cost, charges } = decision else { return false };
    let mut wanted = reservation(payment.number, 1, &[]);
    (wanted.cost, wanted.charges, wanted.at) = (cost, charges, now);
    match books.batch(&[Command::Reserve(Box::new(wanted))]).expect("memory does not fail").remove(0) {
        Outcome::Reserve(ReserveOutcome::Reserved) => true,
        Outcome::Reserve(ReserveOutcome::Exceeded { .. }) => false,
        other => panic!("{other:?}"),
    }
}

/// A payment that is under way is paid, paid by half, or proven not to have happened.
fn end(books: &mut MemoryStore, paid: &mut Vec<Payment>, place: usize, how: u8, now: i64) {
    let payment = &mut paid[place];
    let (reservation, at) = (reservation(payment.number, 1, &[]).id, Timestamp::from_unix_millis(now));
    payment.has_ended = true;
    let command = if how == 0 {
        paid.remove(place);
        Command::Release { reservation, reason: "refused".to_owned(), at }
    } else {
        payment.cost /= u64::from(how);
        Command::Confirm { reservation, receipt: None, cost: Some(dollars(payment.cost)), at }
    };
    assert_eq!(books.batch(&[command]).expect("memory does not fail"), [Outcome::Done]);
}

impl Rules {
    fn allow(&self, wanted: &Payment, paid: &[Payment], slack: bool) -> bool {
        self.allow_one(wanted)
            && self.has_room(self.total, wanted, paid, |_| true)
            && self.has_room(self.per_day, wanted, paid, |then| then.at / DAY == wanted.at / DAY)
            && self.has_room(self.entry(wanted).and_then(|(.., most)| *most), wanted, paid, |then| {
                then.origin == wanted.origin
            })
            && self.sums.iter().all(|sum| sum.has_room(wanted, paid, slack))
    }

    /// What is looked at for one payment by itself.
    fn allow_one(&self, wanted: &Payment) -> bool {
        let is_source =
            |source: &usize| SOURCES[*source] == METHODS[wanted.method] || *source == 2 && wanted.method > 0;
        self.expires.is_none_or(|end| wanted.at < end)
            && (wanted.task.is_some() || !self.needs_task)
            && self.sources.as_ref().is_none_or(|sources| sources.iter().any(is_source))
            && self.per_payment.is_none_or(|most| wanted.cost <= most)
            && wanted.max.is_none_or(|most| wanted.cost <= most)
            && self.may_go_there(wanted)
            && self.may_go_to(wanted)
    }

    /// What is denied is denied. What no list names is refused by a list that allows something, unless what no list
    /// names is allowed; and where it is denied, only a payee that a list allows is paid anywhere.
    fn may_go_there(&self, wanted: &Payment) -> bool {
        if let Some(is_denied) = self.listed(wanted) {
            return !is_denied;
        }
        let allows_some = self.origins.as_ref().is_some_and(|list| list.is_empty() || list.iter().any(|it| !it.1));
        let payee_is_allowed = self.payees.iter().any(|(payee, denied)| Some(*payee) == wanted.payee && !denied);
        match self.unmatched {
            Some(Unmatched::Allow) => true,
            Some(Unmatched::Deny) => !allows_some && payee_is_allowed,
            None => !allows_some,
        }
    }

    fn may_go_to(&self, wanted: &Payment) -> bool {
        let allows_some = self.payees.iter().any(|(_, denied)| !denied) && self.unmatched != Some(Unmatched::Allow);
        match wanted.payee {
            None => !allows_some || self.listed(wanted) == Some(false),
            Some(payee) => match self.payees.iter().find(|(listed, _)| *listed == payee) {
                Some((_, denied)) => !denied,
                None => !allows_some,
            },
        }
    }

    /// Whether the list of origins denies it; nothing where it does not name it.
    fn listed(&self, wanted: &Payment) -> Option<bool> {
        self.entry(wanted).map(|(_, denied, _)| *denied)
    }

    fn entry(&self, wanted: &Payment) -> Option<&(usize, bool, Option<u64>)> {
        self.origins.iter().flatten().find(|(origin, ..)| *origin == wanted.origin)
    }

    fn has_room(
        &self,
        most: Option<u64>,
        wanted: &Payment,
        paid: &[Payment],
        counts: impl Fn(&Payment) -> bool,
    ) -> bool {
        let before: u64 = paid.iter().filter(|payment| counts(payment)).map(|payment| payment.cost).sum();
        most.is_none_or(|most| before + wanted.cost <= most)
    }

    fn read(bytes: &mut Bytes<'_>) -> Self {
        let what = bytes.byte();
        let has = |bit: u8| what & (1 << bit) != 0;
        Self {
            total: has(0).then(|| bytes.sum(16)),
            per_day: has(1).then(|| bytes.sum(8)),
            per_payment: has(2).then(|| bytes.sum(2)),
            expires: has(3).then(|| START + i64::from(bytes.byte()) * 40 * MINUTE),
            sources: has(4).then(|| (0..bytes.below(3)).map(|_| usize::from(bytes.below(3))).collect()),
            origins: has(5).then(|| {
                let one = |bytes: &mut Bytes<'_>| {
                    let (origin, denied) = (usize::from(bytes.below(3)), bytes.chance(3));
                    (origin, denied, bytes.chance(3).then(|| bytes.sum(4)))
                };
                (0..bytes.below(4)).map(|_| one(bytes)).collect()
            }),
            payees: match has(6) {
                true => (0..bytes.below(4)).map(|_| (usize::from(bytes.below(3)), bytes.chance(2))).collect(),
                false => Vec::new(),
            },
            unmatched: match bytes.below(6) {
                0 => Some(Unmatched::Allow),
                1 => Some(Unmatched::Deny),
                _ => None,
            },
            needs_task: bytes.chance(8),
            sums: match has(7) {
                true => (0..bytes.below(4)).map(|_| Sum::read(bytes)).collect(),
                false => Vec::new(),
            },
        }
    }

    fn policy(&self) -> Policy {
        let origin = |(origin, deny, most): &(usize, bool, Option<u64>)| OriginLimit {
            deny: *deny,
            limit: most.map(dollars),
            ..OriginLimit::new(ORIGINS[*origin].parse().expect("an origin"))
        };
        // Upper and lower case are one.
        let payee = |(payee, deny): &(usize, bool)| {
            let account = PAYEES[*payee].to_ascii_lowercase();
            PayeeRule { account, deny: *deny }
        };
        Policy {
            total: self.total.map(dollars),
            per_day: self.per_day.map(dollars),
            per_payment: self.per_payment.map(dollars),
            expires: self.expires.map(Timestamp::from_unix_millis),
            required_tags: if self.needs_task { vec!["task".to_owned()] } else { Vec::new() },
            unmatched: self.unmatched,
            methods: self.sources.as_ref().map(|all| all.iter().map(|source| SOURCES[*source].to_owned()).collect()),
            origins: self.origins.as_ref().map(|all| all.iter().map(origin).collect()),
            payees: self.payees.iter().map(payee).collect(),
            limits: self.sums.iter().map(Sum::limit).collect(),
            ..Policy::new("USD".parse().expect("a currency"))
        }
    }
}

impl Sum {
    fn has_room(&self, wanted: &Payment, paid: &[Payment], slack: bool) -> bool {
        if !self.is_for(wanted) {
            return true;
        }
        let counted = paid.iter().filter(|then| self.is_for(then) && self.includes(then.at, wanted.at, slack));
        let counted = counted.filter(|then| match self.of {
            None => true,
            Some(Of::Origin) => then.origin == wanted.origin,
            Some(Of::Payee) => then.payee == wanted.payee,
            Some(Of::Task) => then.task == wanted.task,
        });
        let (count, money) = counted.fold((1, wanted.cost), |(count, money), then| (count + 1, money + then.cost));
        self.money.is_none_or(|most| money <= most) && self.count.is_none_or(|most| count <= most)
    }

    fn is_for(&self, payment: &Payment) -> bool {
        self.only_origin.is_none_or(|origin| payment.origin == origin)
            && self.only_payee.is_none_or(|payee| payment.payee == Some(payee))
    }

    /// A window that moves along may keep a payment a sixtieth too long.
    fn includes(&self, then: i64, now: i64, slack: bool) -> bool {
        let last = |length: i64| now - then < if slack { 61 * (length + 59).div_euclid(60) } else { length };
        let same = |length: i64| then.div_euclid(length) == now.div_euclid(length);
        match WINDOWS[self.window] {
            "90s" => last(90_000),
            "20m" => last(20 * MINUTE),
            "26h" => last(26 * 60 * MINUTE),
            "hour" => same(60 * MINUTE),
            "day" => same(DAY),
            // Weeks begin four days after the epoch's Thursday.
            "week" => (then - 4 * DAY).div_euclid(7 * DAY) == (now - 4 * DAY).div_euclid(7 * DAY),
            _ => true,
        }
    }

    fn read(bytes: &mut Bytes<'_>) -> Self {
        let what = bytes.byte();
        Self {
            money: (!what.is_multiple_of(4)).then(|| bytes.sum(6)),
            count: (what.is_multiple_of(4) || what % 4 == 3).then(|| u64::from(bytes.below(6))),
            window: usize::from(bytes.below(7)),
            of: [None, Some(Of::Origin), Some(Of::Payee), Some(Of::Task)][usize::from(what / 4 % 4)],
            only_origin: (what / 16 % 4 == 1).then(|| usize::from(bytes.below(3))),
            only_payee: (what / 64 == 1).then(|| usize::from(bytes.below(3))),
        }
    }

    fn limit(&self) -> Limit {
        let one = |name: &str| vec![name.parse().expect("an origin")];
        Limit {
            name: None,
            amount: self.money.map(dollars),
            payments: self.count,
            window: WINDOWS[self.window].parse().expect("a window"),
            of: self.of.map(|of| match of {
                Of::Origin => Per::Origin,
                Of::Payee => Per::Payee,
                Of::Task => Per::Tag("task".to_owned()),
            }),
            only: Only {
                origins: self.only_origin.map(|origin| one(ORIGINS[origin])).unwrap_or_default(),
                payees: self.only_payee.map(|payee| vec![PAYEES[payee].to_owned()]).unwrap_or_default(),
                ..Only::default()
            },
        }
    }
}

impl Payment {
    fn read(bytes: &mut Bytes<'_>, number: u32, at: i64) -> Self {
        let (where_to, what) = (bytes.byte(), bytes.byte());
        Self {
            at,
            origin: usize::from(where_to % 3),
            payee: (where_to / 3 % 4 > 0).then(|| usize::from(where_to / 3 % 4 - 1)),
            method: usize::from(where_to / 12 % 3),
            task: (what % 4 > 0).then_some(what % 4),
            cost: bytes.sum(1),
            max: (what / 4 % 8 == 0).then(|| bytes.sum(1)),
            number,
            has_ended: false,
        }
    }

    fn purchase(&self) -> Purchase {
        Purchase {
            origin: ORIGINS[self.origin].parse().expect("an origin"),
            http_method: "GET".to_owned(),
            path: "/v1/x".to_owned(),
            method: METHODS[self.method].to_owned(),
            asset: "USD.6@ledger".to_owned(),
            chain: None,
            payee: self.payee.map(|payee| PAYEES[payee].to_owned()),
            cost: dollars(self.cost),
            authority: Authority::Charge,
            tags: self.task.map(|task| ("task".to_owned(), task.to_string())).into_iter().collect::<BTreeMap<_, _>>(),
            max: self.max.map(dollars),
            redirected_from: None,
            offer_signers: Vec::new(),
        }
    }
}

fn dollars(hundredths_of_cents: u64) -> Price {
    Price::from_millionths(hundredths_of_cents * 100, "USD".parse().expect("a currency"))
}

/// How long nothing happens: seconds, minutes or hours.
fn later(byte: u8) -> i64 {
    i64::from(byte / 4) * [1_000, 10_000, MINUTE, 30 * MINUTE][usize::from(byte % 4)]
}
