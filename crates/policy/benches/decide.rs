//! How long a decision takes: twenty rules on two levels, with the room in every counter looked up among those of
//! ten thousand past payments.
//!
//! `cargo bench -p farthing-policy`. Each figure is the fastest of many rounds, which is the one a busy machine
//! disturbs least.

#![allow(clippy::expect_used, clippy::panic, reason = "a benchmark fails by panicking")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use farthing_books::Command;
use farthing_books::testing::MemoryStore;
use farthing_books::testing::samples::reservation;
use farthing_policy::{Authority, Decision, Known, Level, Purchase, decide};
use farthing_protocol::Timestamp;

const ROUNDS: usize = 50;
const CALLS_PER_ROUND: u32 = 2_000;
const PAYMENTS: u32 = 10_000;
/// 2026-11-19T00:00:00Z.
const START: i64 = 1_795_046_400_000;

fn main() {
    // `cargo test --benches` asks for nothing but that it runs.
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let (rounds, payments) = if is_bench { (ROUNDS, PAYMENTS) } else { (1, 10) };
    let levels = [level("agent", 12), level("group/company", 4)];
    let (mut books, known) = (MemoryStore::default(), Known { payee_paid: true, pinned: None });
    let at = |number: u32| Timestamp::from_unix_millis(START + i64::from(number) * 20_000);
    for number in 0..payments {
        let Decision::Allow { cost, charges } = decide(&levels, &purchase(number), &known, at(number)) else {
            panic!("the history is allowed")
        };
        let mut wanted = reservation(number, 1, &[]);
        (wanted.cost, wanted.charges, wanted.at) = (cost, charges, at(number));
        books.batch(&[Command::Reserve(Box::new(wanted))]).expect("memory does not fail");
    }
    println!("{payments} payments, {} counters", books.counters.len());
    let (next, now) = (purchase(payments), at(payments));
    measure("decide", rounds, || {
        black_box(decide(black_box(&levels), black_box(&next), &known, now));
    });
    measure("decide, and look for room in every counter", rounds, || {
        let Decision::Allow { cost, charges } = decide(&levels, black_box(&next), &known, now) else {
            panic!("it is allowed")
        };
        let has_room = charges.iter().all(|charge| match books.counters.get(&charge.key) {
            Some(counter) => charge.has_room(counter, cost),
            None => true,
        });
        assert!(black_box(has_room));
    });
}

/// Eight rules that every level of a wallet has here, and so many that add up.
fn level(name: &str, limits: u32) -> Level {
    let mut text = String::from(
        "total = \"100000 USD\"\nper_day = \"90000 USD\"\nper_payment = \"1 USD\"\nunmatched = \"deny\"\n\
         expires = \"2027-01-01T00:00:00Z\"\n[hours]\nfrom = \"00:00\"\nto = \"24:00\"\n[ask]\nnew_payee = true\n\
         price_rise = \"20%\"\n",
    );
    for host in 0..20 {
        let _ = write!(text, "[[origin]]\nurl = \"https://api{host}.example.com\"\ncategory = \"weather\"\n");
    }
    let kinds = ["of = \"origin\"", "of = \"payee\"", "of = \"tag.task\"", "only = { category = \"weather\" }"];
    let windows = ["1h", "day", "month"];
    for (window, kind) in windows.iter().flat_map(|window| kinds.map(|kind| (window, kind))).take(limits as usize) {
        let _ = write!(text, "[[limit]]\namount = \"50000 USD\"\nwindow = \"{window}\"\n{kind}\n");
    }
    Level { name: name.to_owned(), policy: Arc::new(text.parse().expect("a policy")) }
}

fn purchase(number: u32) -> Purchase {
    Purchase {
        origin: format!("https://api{}.example.com", number % 20).parse().expect("an origin"),
        http_method: "GET".to_owned(),
        path: "/v1/forecast".to_owned(),
        method: "tempo/charge".to_owned(),
        asset: "USDC.6@eip155:8453/0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913".to_owned(),
        chain: Some("eip155:8453".to_owned()),
        payee: Some(format!("0x52908400098527886E0F7030069857D2E4169{:03}", number % 200)),
        cost: "0.001 USD".parse().expect("a price"),
        authority: Authority::Charge,
        tags: BTreeMap::from([("task".to_owned(), format!("t{}", number % 50))]),
        max: None,
        redirected_from: None,
        offer_signers: Vec::new(),
    }
}

fn measure(what: &str, rounds: usize, mut call: impl FnMut()) {
    let mut fastest = u128::MAX;
    for _ in 0..rounds {
        let started = Instant::now();
        (0..CALLS_PER_ROUND).for_each(|_| call());
        fastest = fastest.min(started.elapsed().as_nanos() / u128::from(CALLS_PER_ROUND));
    }
    println!("{what}: {}.{:03} us", fastest / 1000, fastest % 1000);
}
