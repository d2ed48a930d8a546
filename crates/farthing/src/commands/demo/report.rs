//! What the demo saw, counted in several places, and whether the counts agree.

use std::time::Duration;

use farthing_books::Statement;
use farthing_money::{Amount, Asset, Price};
use farthing_protocol::Timestamp;
use farthing_store::Books;
use serde_json::{Value, json};

use super::agent::{Agent, LIMIT};
use super::replay::Replay;
use super::stage::Stage;
use super::{REQUESTS, agent};
use crate::commands::books;
use crate::failure::{Failure, OrFail};
use crate::terminal::{self, Colour};

/// The balance asset of the demo.
const ASSET: &str = "USD.6@ledger";

/// Everything the demo counted.
#[derive(Default)]
pub(super) struct Report {
    pub(super) purchases: u64,
    pub(super) receipts: u64,
    pub(super) refusal: Option<String>,
    pub(super) replay: Option<Replay>,
    served: Option<(u64, u64)>,
    spent: Option<Price>,
    statement: Statement,
    expectations: Vec<Expectation>,
    elapsed: Duration,
}

/// One thing that had to happen.
struct Expectation {
    what: String,
    held: bool,
}

impl Report {
    /// Counts at the upstream and in the wallet.
    pub(super) async fn count(&mut self, stage: &Stage, agent: &Agent) -> Result<(), Failure> {
        self.served = stage.served().await?;
        self.spent = agent.spent().await?;
        Ok(())
    }

    /// Adds up the books and compares them with everything else.
    pub(super) async fn reconcile(&mut self, books: &Books, agent: &Agent, staged: bool) -> Result<(), Failure> {
        let verification = books.verify().await.or_fail("the books cannot be read")?;
        let everything = (Timestamp::from_unix_millis(i64::MIN), Timestamp::from_unix_millis(i64::MAX));
        self.statement = books.statement(everything.0, everything.1).await.or_fail("the books cannot be read")?;
        let limit: Price = agent::LIMIT.parse().or_fail("the limit is not a price")?;
        let own = self.charged_to(agent.payer());

        self.expect(
            self.purchases == REQUESTS,
            format!("{} of {REQUESTS} requests were paid and answered", self.purchases),
        );
        self.expect(self.receipts == REQUESTS, format!("{} receipts", self.receipts));
        let refusal = self.refusal.clone().unwrap_or_else(|| "nothing stopped it".to_owned());
        self.expect(self.refusal.is_some(), format!("request {} was stopped by the limit: {refusal}", REQUESTS + 1));
        if let Some((requests, failures)) = self.served {
            let delivered = requests == REQUESTS + 1;
            self.expect(failures == 1 && delivered, format!(
                "the upstream failed {failures} time and delivered {requests} times: the paid request that met the failure was delivered again without a second charge"
            ));
        } else if staged {
            self.expect(false, "the upstream did not say what it served".to_owned());
        }
        let replay = self.replay.take();
        let refused =
            replay.as_ref().is_some_and(|replay| replay.status == 402 && replay.problem == "invalid-challenge");
        let said =
            replay.map_or_else(|| "was not shown".to_owned(), |replay| format!("{} {}", replay.status, replay.problem));
        self.expect(refused, format!("a credential shown twice was answered with {said}"));
        let spent = self.spent.map_or_else(|| "nothing".to_owned(), |spent| spent.to_string());
        self.expect(self.spent == Some(limit), format!("the wallet counted {spent} of {LIMIT}"));
        let in_books = Amount::new(u128::from(limit.millionths()));
        self.expect(
            own == in_books,
            format!("the gateway's books, opened after kill -9, say {} USD", own.to_decimal(6)),
        );
        self.expect(
            verification.findings.is_empty(),
            format!(
                "{} payments, {} transfers and {} accounts recomputed: {}",
                verification.payments,
                verification.transfers,
                verification.accounts,
                if verification.findings.is_empty() {
                    "they balance".to_owned()
                } else {
                    verification.findings.join("; ")
                }
            ),
        );
        Ok(())
    }

    pub(super) fn took(&mut self, elapsed: Duration) {
        self.elapsed = elapsed;
    }

    /// Whether everything happened.
    pub(super) fn holds(&self) -> bool {
        !self.expectations.is_empty() && self.expectations.iter().all(|expectation| expectation.held)
    }

    pub(super) fn say(&self) {
        terminal::say("");
        books::say_statement(&self.statement);
        terminal::say("");
        for expectation in &self.expectations {
            let (word, colour) = if expectation.held { ("ok    ", Colour::Green) } else { ("FAILED", Colour::Red) };
            terminal::say(&format!("{} {}", terminal::coloured(word, colour), expectation.what));
        }
        let verdict = if self.holds() { "All of it happened" } else { "Not all of it happened" };
        terminal::say(&format!("{verdict}, in {:.1?}.", self.elapsed));
    }

    pub(super) fn to_json(&self) -> Value {
        let expectations =
            self.expectations.iter().map(|expectation| json!({ "what": expectation.what, "ok": expectation.held }));
        json!({
            "ok": self.holds(),
            "expectations": expectations.collect::<Vec<_>>(),
            "statement": books::to_json(&self.statement),
            "milliseconds": u64::try_from(self.elapsed.as_millis()).unwrap_or(u64::MAX),
        })
    }

    fn expect(&mut self, held: bool, what: String) {
        self.expectations.push(Expectation { what, held });
    }

    fn charged_to(&self, payer: &str) -> Amount {
        let asset: Option<Asset> = ASSET.parse().ok();
        let own = self.statement.lines.iter().filter(|(key, _)| {
            Some(&key.asset) == asset.as_ref() && key.payer.as_ref().is_some_and(|known| known.as_str() == payer)
        });
        own.fold(Amount::ZERO, |sum, (_, totals)| sum.checked_add(totals.gross).unwrap_or(sum))
    }
}
