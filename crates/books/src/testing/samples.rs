//! Payments and reservations to test with: everything follows from a number.

use farthing_money::{Amount, Asset, Currency, Home, Price};
use farthing_protocol::{ChallengeId, Timestamp};
use farthing_rail::{
    Cursor, Direction, Movement, PayerId, PaymentId, Proof, ProofKey, Refusal, Rejected, Settled, Unknown,
};

use crate::budget::{BudgetCharge, BudgetKey, Counts, Reservation};
use crate::{Command, NewPayment, StatementPage, TransferId};

/// An instant so many milliseconds into the test.
pub const fn at(millis: i64) -> Timestamp {
    Timestamp::from_unix_millis(1_800_000_000_000 + millis)
}

/// Dollars in millionths, held in these books.
#[allow(clippy::expect_used, reason = "a constant that is an asset")]
pub fn usd() -> Asset {
    Asset::new("USD", 6, Home::Ledger).expect("USD.6@ledger is an asset")
}

/// The payer of that number.
pub fn payer(number: u32) -> PayerId {
    PayerId::new(format!("did:key:z6MkTestPayer{number}"))
}

/// The challenge of that number.
#[allow(clippy::expect_used, reason = "a constant form that is a challenge id")]
pub fn challenge(number: u32) -> ChallengeId {
    ChallengeId::read(&format!("testChallenge-{number:029}")).expect("letters and digits are a challenge id")
}

/// A payment over a balance.
pub fn prepaid(number: u32, payer_number: u32, amount: u128) -> NewPayment {
    let challenge = challenge(number);
    NewPayment {
        id: PaymentId::of(&challenge),
        proof: Proof {
            key: ProofKey::new(format!("balance/{}", challenge.as_str())),
            payer: Some(payer(payer_number)),
            amount: Amount::new(amount),
            asset: usd(),
            kept: Vec::new(),
        },
        challenge,
        prepaid: true,
        method: "balance".to_owned(),
        intent: "charge".to_owned(),
        rail: "balance".to_owned(),
        route: "weather".to_owned(),
        request: "GET /v1/weather".to_owned(),
        idempotency: None,
        tops_up: None,
        at: at(0),
    }
}

/// A payment over a rail.
pub fn external(number: u32, amount: u128) -> NewPayment {
    let payment = prepaid(number, 0, amount);
    let key = ProofKey::new(format!("evm:{number}"));
    NewPayment {
        proof: Proof { key, payer: None, kept: vec![1, 2, 3], ..payment.proof },
        prepaid: false,
        method: "evm".to_owned(),
        rail: "evm".to_owned(),
        ..payment
    }
}

/// What the rail says when the money moved.
pub fn settled(reference: &str, fee: u128) -> Settled {
    let (reference, passed_on, consumed) = (reference.to_owned(), Amount::ZERO, Vec::new());
    Settled { reference, at: at(5), fee: Amount::new(fee), passed_on, consumed, captured: None }
}

/// What the rail says when the money moved, and by which movements.
pub fn settled_by(reference: &str, movements: &[&str]) -> Settled {
    Settled { consumed: movements.iter().copied().map(ProofKey::new).collect(), ..settled(reference, 0) }
}

/// A line of a rail's statement.
pub fn movement(key: &str, amount: u128) -> Movement {
    Movement {
        key: ProofKey::new(key),
        reference: format!("reference of {key}"),
        direction: Direction::In,
        payer: Some(payer(7)),
        amount: Amount::new(amount),
        asset: usd(),
        at: at(6),
    }
}

/// A page of the statement of the rail `evm`, from one place in it to another.
pub fn page(after: &str, next: &str, movements: Vec<Movement>) -> Command {
    let page = StatementPage {
        rail: "evm".to_owned(),
        source: "evm/charge USD".to_owned(),
        after: Cursor(after.to_owned()),
        next: Cursor(next.to_owned()),
        movements,
    };
    Command::Reconcile { page: Box::new(page), at: at(7) }
}

/// What the rail says when it did not.
pub fn rejected() -> Rejected {
    let refusal = Refusal::new(farthing_protocol::ProblemType::VerificationFailed, "pay again");
    Rejected { reason: "no such transaction".to_owned(), refusal }
}

/// What a rail that does not answer says.
pub fn unknown() -> Unknown {
    Unknown { reason: "timed out".to_owned(), ask_again: std::time::Duration::from_secs(2) }
}

/// Money for a payer.
pub fn grant(number: u8, payer_number: u32, amount: u128) -> Command {
    let id = TransferId([number; 16]);
    Command::Grant { id, payer: payer(payer_number), asset: usd(), amount: Amount::new(amount), at: at(0) }
}

/// So many millionths of a dollar.
#[allow(clippy::expect_used, reason = "a constant that is a currency")]
pub fn price(millionths: u64) -> Price {
    let currency = "USD".parse::<Currency>().expect("USD is a currency");
    Price::from_millionths(millionths, currency)
}

/// A reservation against these counters and limits.
pub fn reservation(number: u32, cost: u64, limits: &[(&str, u64)]) -> Reservation {
    let mut id = [0; 16];
    id.iter_mut().zip(number.to_be_bytes()).for_each(|(to, from)| *to = from);
    let charge = |(key, limit): &(&str, u64)| BudgetCharge {
        key: BudgetKey((*key).to_owned()),
        counts: Counts::Money(price(0).currency()),
        limit: *limit,
        window: None,
    };
    Reservation {
        id,
        wallet: "agent".to_owned(),
        cost: price(cost),
        charges: limits.iter().map(charge).collect(),
        origin: "https://api.example.com".to_owned(),
        request: "GET /v1/weather".to_owned(),
        challenge: format!("challenge-{number}"),
        decided: None,
        approval: None,
        at: at(0),
    }
}
