//! Questions to a person, to test with.

use farthing_money::Amount;

use super::samples::{at, price, reservation, usd};
use crate::approval::{Answer, ApprovalId, ApprovalUse, Facts, Question};
use crate::budget::Reservation;

/// How long a question of these can be answered, in milliseconds.
pub const PATIENCE: i64 = 60_000;

/// What would be paid: everything of it follows from the number.
pub fn facts(number: u32, cost: u64) -> Facts {
    let mut request = [0; 32];
    request.iter_mut().zip(number.to_be_bytes()).for_each(|(to, from)| *to = from);
    Facts {
        wallet: "agent".to_owned(),
        request,
        bought: "GET /v1/weather".to_owned(),
        origin: "https://api.example.com".to_owned(),
        payee: Some("0xab".to_owned()),
        method: "balance/charge".to_owned(),
        asset: usd(),
        amount: Amount::new(u128::from(cost)),
        cost: price(cost),
    }
}

/// The question of that name about these facts, asked so many milliseconds into the test.
pub fn question(name: u64, facts: Facts, millis: i64) -> Question {
    Question {
        id: ApprovalId(name.to_be_bytes()),
        facts,
        level: "agent".to_owned(),
        rule: "new-payee".to_owned(),
        sentence: "0xab was never paid before".to_owned(),
        decided: None,
        deadline: at(millis + PATIENCE),
        at: at(millis),
    }
}

/// An answer, so many milliseconds into the test.
pub fn answer(allow: bool, millis: i64) -> Answer {
    Answer { allow, by: "owner".to_owned(), reason: None, proof: Some("signature".to_owned()), at: at(millis) }
}

/// A reservation that uses the approval of that name for these facts.
pub fn approved(number: u32, name: u64, facts: &Facts, millis: i64) -> Reservation {
    let approval = Some(ApprovalUse { id: ApprovalId(name.to_be_bytes()), facts: facts.digest() });
    let cost = facts.cost.millionths();
    Reservation { approval, at: at(millis), ..reservation(number, cost, &[("agent/total", 1_000)]) }
}
