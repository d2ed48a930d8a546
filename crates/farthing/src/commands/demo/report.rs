//! What the demo saw, counted in several places, and whether the counts agree.

use std::time::Duration;

use alloy_primitives::U256;
use farthing_books::Statement;
use farthing_money::{Amount, Price};
use farthing_protocol::Timestamp;
use farthing_store::Books;
use farthing_wallet::Outcome;
use serde_json::{Value, json};

use super::agent::{Agent, BALANCE_MILLIONTHS};
use super::bank::SentBack;
use super::card::PaidBack;
use super::chain::Chain;
use super::rail::Rail;
use super::replay::Replay;
use super::stage::Stage;
use crate::commands::books;
use crate::failure::{Failure, OrFail};
use crate::terminal::{self, Colour};

/// Everything the demo counted.
pub(super) struct Report {
    rail: Rail,
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
    /// Nothing yet.
    pub(super) fn of(rail: Rail) -> Self {
        Self {
            rail,
            purchases: 0,
            receipts: 0,
            refusal: None,
            replay: None,
            served: None,
            spent: None,
            statement: Statement::default(),
            expectations: Vec::new(),
            elapsed: Duration::ZERO,
        }
    }

    /// One purchase, read to its end.
    pub(super) async fn bought(&mut self, outcome: Outcome) {
        if let Outcome::Paid { receipt, .. } = &outcome {
            self.receipts += u64::from(receipt.is_some());
        }
        self.purchases += u64::from(Agent::consume(outcome).await);
    }

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
        let limit: Price = self.rail.limit().parse().or_fail("the limit is not a price")?;
        let price: Price = self.rail.price().parse().or_fail("the price is not one")?;
        let own = self.charged(Some(agent.payer()));
        let requests = self.rail.requests();

        self.expect(
            self.purchases == requests,
            format!("{} of {requests} requests were paid and answered", self.purchases),
        );
        self.expect(self.receipts == requests, format!("{} receipts", self.receipts));
        let refusal = self.refusal.clone().unwrap_or_else(|| "nothing stopped it".to_owned());
        self.expect(self.refusal.is_some(), format!("request {} was stopped by the limit: {refusal}", requests + 1));
        if let Some((served, failures)) = self.served {
            let delivered = served == requests + 1;
            self.expect(failures == 1 && delivered, format!(
                "the upstream failed {failures} time and delivered {served} times: the paid request that met the failure was delivered again without a second charge"
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
        self.expect(self.spent == Some(limit), format!("the wallet counted {spent} of {limit}"));
        let in_books = Amount::new(u128::from(price.millionths()).saturating_mul(u128::from(requests)));
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

    /// Compares the books with the chain, which knows nothing of them.
    pub(super) async fn compare(&mut self, chain: &Chain, agent: &Agent) -> Result<(), Failure> {
        let (found, sold) = (chain.counted().await?, self.rail.requests() + 1);
        let (all, own) = (self.charged(None), self.charged(Some(agent.payer())));
        let usd = |millionths: U256| Amount::new(u128::try_from(millionths).unwrap_or(u128::MAX)).to_decimal(6);
        self.expect(
            found.received == U256::from(all.units()) && u64::try_from(found.transfers) == Ok(sold),
            format!(
                "the chain says that {} USD came to the seller in {} transfers; the books say {} USD",
                usd(found.received),
                found.transfers,
                all.to_decimal(6)
            ),
        );
        let fees = self.statement.lines.values().map(|totals| totals.fees);
        let fees = fees.fold(Amount::ZERO, |sum, fees| sum.checked_add(fees).unwrap_or(sum));
        self.expect(
            found.fees == U256::from(fees.units()),
            format!(
                "the chain says that the fees came to {} USD; the books say {} USD",
                usd(found.fees),
                fees.to_decimal(6)
            ),
        );
        let left = chain.balance(agent.account().unwrap_or_default()).await?;
        self.expect(
            left.checked_add(U256::from(own.units())) == Some(U256::from(BALANCE_MILLIONTHS)),
            format!("the chain says that the agent has {} USD of its 2 USD left", usd(left)),
        );
        Ok(())
    }

    /// What was left went back to its payer, and the bank's balance is that of the books.
    pub(super) fn sent_back(&mut self, back: &SentBack) {
        self.expect(
            back.payments == 1,
            format!("{} that was left went back: {} payment in the bank's file (pain.001)", back.amount, back.payments),
        );
        self.expect(
            back.agrees,
            format!(
                "the generated statements close with {}, the books say {}, and nothing is unexplained",
                back.closing, back.confirmed
            ),
        );
    }

    /// What was left of a top-up went back to the card, and the processor shows what the books do.
    pub(super) fn paid_back(&mut self, back: &PaidBack) {
        self.expect(
            back.left == "4 USD" && back.holds == "0 USD",
            format!(
                "{} that was left of one top-up went back to the card ({}); the balance holds {}",
                back.left, back.reference, back.holds
            ),
        );
        self.expect(
            back.agrees,
            "the simulated card processor's statement shows both, and nothing that the books do not".to_owned(),
        );
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

    /// What the books charged, in millionths of a dollar: to one payer, or to all.
    fn charged(&self, payer: Option<&str>) -> Amount {
        let charged = self
            .statement
            .lines
            .iter()
            .filter(|(key, _)| payer.is_none() || key.payer.as_ref().map(farthing_rail::PayerId::as_str) == payer);
        charged.fold(Amount::ZERO, |sum, (_, totals)| sum.checked_add(totals.gross).unwrap_or(sum))
    }
}
