//! What came of each payment, by four accounts of the same time that are kept apart: what its payer was answered, what
//! the upstream was asked for, what the rail took, and the books.
//!
//! The rail of a prepaid balance is its account in the books: there the payer's balance must have gone down by the price
//! of what was delivered out of it. The simulated rail has a memory of its own, and is asked for each payment.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use serde_json::Value;

use crate::stage::{PRICE, Stage};
use crate::support::seller::Seller;

/// A credential that several gateways got, and what they answered.
pub struct Case {
    /// What was done to it.
    pub tale: String,
    pub payment: String,
    pub is_prepaid: bool,
    pub path: String,
    pub credential: String,
    pub has_died: bool,
    /// The statuses with which it was answered when everybody got it.
    pub at_once: Vec<u16>,
    /// How it was answered to a payer who came back until the outcome was known.
    pub afterwards: u16,
}

/// What came of all of them.
pub struct Sum {
    rounds: usize,
    died: usize,
    served_at_once: usize,
    served_afterwards: usize,
    /// Nothing was taken for them.
    refused: usize,
}

impl std::fmt::Display for Sum {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { rounds, died, served_at_once, served_afterwards, refused } = self;
        write!(
            formatter,
            "{rounds} rounds, {died} died; {served_at_once} were delivered at once and {served_afterwards} to whoever \
             came back, each charged once; {refused} were refused, and nothing taken"
        )
    }
}

/// The end of a payment.
struct End<'a> {
    case: &'a Case,
    /// How its credential was answered when all was over.
    at_the_end: u16,
    /// Where the books say it stands.
    state: &'a str,
    /// How often its upstream was asked.
    asked: usize,
    /// How often the simulated rail took money for it.
    taken: usize,
}

impl<'a> End<'a> {
    fn of(
        case: &'a Case,
        at_the_end: u16,
        stage: &Stage,
        states: &'a HashMap<String, String>,
        taken: &[String],
    ) -> Self {
        let state = states.get(&case.payment).map_or("not in the books", String::as_str);
        let asked = usize::try_from(stage.upstream.hits_of(&case.path)).unwrap();
        let taken = taken.iter().filter(|payment| **payment == case.payment).count();
        Self { case, at_the_end, state, asked, taken }
    }

    /// How often it was delivered to its payer.
    fn served(&self) -> usize {
        let answers = self.case.at_once.iter().chain([&self.case.afterwards, &self.at_the_end]);
        answers.filter(|status| **status == 200).count()
    }

    fn is_charged(&self) -> bool {
        self.state != "rejected"
    }

    /// Why this must not be, if it must not.
    fn fault(&self) -> Option<&'static str> {
        let Case { at_once, afterwards, is_prepaid, .. } = self.case;
        let (charged, served) = (usize::from(self.is_charged()), self.served());
        let told_to_pay_again = *afterwards == 402 || at_once.contains(&402);
        let is_served_at_once = at_once.contains(&200);
        let rules = [
            (!["closed", "rejected"].contains(&self.state), "it is still open"),
            (served > 1, "it was delivered twice"),
            (self.asked != served, "its upstream was not asked as often as it was delivered"),
            (charged < served, "it was delivered and not charged"),
            (charged > served, "it was charged and not delivered"),
            (!is_prepaid && self.taken != charged, "its rail took something else than the books say"),
            (self.is_charged() && told_to_pay_again && !is_served_at_once, "its payer was told to pay again"),
            (*afterwards != 200 && *afterwards != 402, "its payer was told something else"),
        ];
        rules.into_iter().find(|(is_broken, _)| *is_broken).map(|(_, fault)| fault)
    }
}

/// Presents every credential again until it is answered, and compares the four accounts, payment by payment.
pub async fn reckon(stage: &Stage, seller: &Seller, cases: &[Case]) -> Sum {
    let presented = stream::iter(cases).map(|case: &Case| async move {
        (case, stage.settled(&format!("{}{}", seller.listen, case.path), &case.credential).await)
    });
    let presented: Vec<(&Case, u16)> = presented.buffer_unordered(8).collect().await;
    let (states, taken) = (ends(seller).await, stage.taken());
    let end = |(case, at_the_end)| End::of(case, at_the_end, stage, &states, &taken);
    let ends: Vec<End<'_>> = presented.into_iter().map(end).collect();
    let faults: Vec<String> = ends.iter().filter_map(|end| end.fault().map(|fault| told(end, fault))).collect();
    assert!(faults.is_empty(), "{} of {} payments:\n{}", faults.len(), cases.len(), faults.join("\n"));
    assert_eq!(states.len(), cases.len(), "the books hold no other payments");
    assert_of_all(stage, seller, &ends).await;
    sum(&ends)
}

/// The same, of all payments together.
async fn assert_of_all(stage: &Stage, seller: &Seller, ends: &[End<'_>]) {
    let delivered = |is_prepaid| {
        let delivered = ends.iter().filter(|end| end.case.is_prepaid == is_prepaid && end.served() == 1);
        u64::try_from(delivered.count()).unwrap()
    };
    assert_eq!(stage.upstream.hits(), delivered(true) + delivered(false), "the upstream was asked for nothing else");
    assert_eq!(stage.takings(), delivered(false), "the rail took money for what was delivered over it, and once");
    let spent = spent(seller, &stage.buyer.did).await;
    assert_eq!(spent, delivered(true) * PRICE, "the balance went down by what was delivered out of it");
    stage.assert_sound(delivered(true) + delivered(false));
}

fn told(end: &End<'_>, fault: &str) -> String {
    let Case { tale, payment, at_once, afterwards, .. } = end.case;
    let End { at_the_end, state, asked, taken, .. } = end;
    format!(
        "{fault}: {payment}, {tale}: answered {at_once:?}, then {afterwards}, at the end {at_the_end}; {state}, asked of \
         the upstream {asked} times, taken by the rail {taken} times"
    )
}

/// Where each payment stands once nothing is on its way any more.
async fn ends(seller: &Seller) -> HashMap<String, String> {
    for _ in 0..100 {
        let states = states(seller).await;
        if states.values().all(|state| state == "closed" || state == "rejected") {
            return states;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    states(seller).await
}

async fn states(seller: &Seller) -> HashMap<String, String> {
    let (mut states, mut after) = (HashMap::new(), String::new());
    loop {
        let url = format!("{}/admin/payments?limit=1000{after}", seller.admin);
        let page: Value = reqwest::get(&url).await.unwrap().json().await.unwrap();
        let payments = page["payments"].as_array().unwrap();
        let Some(last) = payments.last() else { return states };
        after = format!("&after={}", text(last, "id"));
        states.extend(payments.iter().map(|payment| (text(payment, "id"), text(payment, "state"))));
    }
}

/// What a payer's balance went down by, in millionths.
async fn spent(seller: &Seller, payer: &str) -> u64 {
    let accounts: Value = reqwest::get(format!("{}/admin/accounts", seller.admin)).await.unwrap().json().await.unwrap();
    let accounts = accounts["accounts"].as_array().unwrap();
    let account = accounts.iter().find(|account| text(account, "account") == format!("payer/{payer}")).unwrap();
    assert_eq!(text(account, "debits_pending"), "0", "nothing is held");
    text(account, "debits").parse().unwrap()
}

fn text(value: &Value, member: &str) -> String {
    value[member].as_str().unwrap().to_owned()
}

fn sum(ends: &[End<'_>]) -> Sum {
    let count = |is: &dyn Fn(&End<'_>) -> bool| ends.iter().filter(|end| is(end)).count();
    let is_at_once = |end: &End<'_>| end.case.at_once.contains(&200);
    Sum {
        rounds: ends.len(),
        died: count(&|end| end.case.has_died),
        served_at_once: count(&is_at_once),
        served_afterwards: count(&|end| end.served() == 1 && !is_at_once(end)),
        refused: count(&|end| !end.is_charged()),
    }
}
