//! What the demo of sessions saw, counted in several places, and whether the counts agree.

use std::time::Duration;

use alloy_primitives::{Address, U256};
use farthing_books::session::{SessionFilter, SessionRecord};
use farthing_money::Amount;
use farthing_store::Books;
use serde_json::{Value, json};

use super::agent::{Agent, BALANCE_MILLIONTHS, Ended};
use super::stage::Stage;
use super::{PRICE_MILLIONTHS, SLICE_TOKENS, TOKENS};
use crate::failure::{Failure, OrFail};
use crate::terminal::{self, Colour};

/// How often something died.
const CRASHES: u64 = 2;

/// Everything the demo counted.
#[derive(Default)]
pub(super) struct Report {
    expectations: Vec<Expectation>,
    settlement: Option<String>,
    elapsed: Duration,
}

struct Expectation {
    what: String,
    held: bool,
}

impl Report {
    /// What arrived, and what was sent for it.
    pub(super) async fn streamed(&mut self, stage: &Stage, agent: &Agent, end: &Ended) -> Result<(), Failure> {
        let sent = stage.tokens_sent().await?;
        self.expect(end.is_success(), "the last stream ended as it should".to_owned());
        self.expect(
            agent.is_complete(),
            format!(
                "{} of {TOKENS} tokens arrived, each once and in its place, over {CRASHES} crashes",
                agent.tokens()
            ),
        );
        self.expect(sent >= TOKENS, format!("the model sent {sent} tokens"));
        Ok(())
    }

    /// Compares the books with what arrived, with the wallet and with where the money is.
    pub(super) async fn reconcile(&mut self, mut stage: Stage, agent: &Agent) -> Result<(), Failure> {
        let (wallet, sessions) = (agent.shown().await?, agent.sessions().await?);
        let all_closed = stage.all_closed().await?;
        self.expect(all_closed, "the seller has seen the end of every session".to_owned());
        let books = stage.open_books().await?;
        let records = books.sessions(SessionFilter::default()).await.or_fail("the books cannot be read")?;
        let spent = sum(&records, |session| session.spent);
        self.count(&records, spent, &wallet, &sessions);
        let verification = books.verify().await.or_fail("the books cannot be read")?;
        self.expect(
            verification.findings.is_empty(),
            format!(
                "{} transfers and {} accounts recomputed: {}",
                verification.transfers,
                verification.accounts,
                match verification.findings.as_slice() {
                    [] => "they balance".to_owned(),
                    findings => findings.join("; "),
                }
            ),
        );
        match stage.chain() {
            None => self.compare_balance(&books, agent, spent).await?,
            Some(_) => self.compare_chain(&stage, agent, &records, spent).await?,
        }
        Ok(())
    }

    fn count(&mut self, records: &[SessionRecord], spent: Amount, wallet: &Value, sessions: &Value) {
        let in_order = |session: &SessionRecord| {
            session.held.is_zero() && session.spent <= session.accepted && session.accepted <= session.deposit
        };
        let (signed, deposit) = (sum(records, |session| session.accepted), sum(records, |session| session.deposit));
        self.expect(
            !records.is_empty() && records.iter().all(in_order),
            format!(
                "delivered {} <= signed {} <= deposited {} USD, in {} session{}",
                usd(spent),
                usd(signed),
                usd(deposit),
                records.len(),
                if records.len() == 1 { "" } else { "s" }
            ),
        );
        let price = |tokens: u64| Amount::new(u128::from(tokens * PRICE_MILLIONTHS));
        let (least, most) = (price(TOKENS - SLICE_TOKENS * CRASHES), price(TOKENS + SLICE_TOKENS * CRASHES * 4));
        self.expect(
            least <= spent && spent <= most,
            format!(
                "{} USD is what {TOKENS} tokens cost, give or take what was in flight when something died",
                usd(spent)
            ),
        );
        let counted = wallet.pointer("/accounts/0/spent").and_then(Value::as_str).unwrap_or("nothing").to_owned();
        self.expect(
            counted == format!("{} USD", usd(spent)),
            format!("the wallet counted {counted}; the rest of what was locked is free again"),
        );
        let open =
            sessions.as_array().map_or(0, |all| all.iter().filter(|session| session["state"] != "closed").count());
        self.expect(open == 0, format!("the wallet has {open} open sessions left"));
    }

    /// The rest is back in the balance.
    async fn compare_balance(&mut self, books: &Books, agent: &Agent, spent: Amount) -> Result<(), Failure> {
        let accounts = books.accounts().await.or_fail("the books cannot be read")?;
        let name = format!("payer/{}", agent.payer());
        let account = accounts.iter().find(|account| account.id.kind.to_string() == name);
        let left = account.and_then(|account| account.credits.checked_sub(account.debits)).unwrap_or(Amount::ZERO);
        let whole = left.checked_add(spent) == Some(Amount::new(u128::from(BALANCE_MILLIONTHS)));
        self.expect(whole, format!("the balance holds the rest, {} USD", usd(left)));
        self.settlement = Some("no settlement at all: the deposit was in the seller's books".to_owned());
        Ok(())
    }

    /// The seller has what was spent, the payer the rest, and that took a few transactions.
    async fn compare_chain(
        &mut self,
        stage: &Stage,
        agent: &Agent,
        records: &[SessionRecord],
        spent: Amount,
    ) -> Result<(), Failure> {
        let Some(chain) = stage.chain() else { return Ok(()) };
        let found = chain.counted().await?;
        // What the reserve shows of a channel ends with it; what payments collected is kept.
        let settled = sum(records, |session| session.settled.max(session.collected));
        self.expect(
            found.received == U256::from(settled.units()) && settled >= spent,
            format!(
                "the chain says that {} USD came to the seller in {} transfers; the books say {} USD",
                in_usd(found.received),
                found.transfers,
                usd(settled)
            ),
        );
        let account: Option<Address> = agent.account().and_then(|account| account.parse().ok());
        let left = chain.balance(account.unwrap_or_default()).await?;
        self.expect(
            left.checked_add(found.received) == Some(U256::from(BALANCE_MILLIONTHS)),
            format!("the chain says that the agent has the rest, {} USD", in_usd(left)),
        );
        let transactions = chain.transactions_after(stage.height()).await?;
        let per_thousand = Amount::new(u128::from(transactions.count * 1000 * 100 / TOKENS)).to_decimal(2);
        self.settlement = Some(format!(
            "{} transactions and {} gas for {TOKENS} tokens: {} transactions and {} gas a thousand; fees {} USD",
            transactions.count,
            transactions.gas,
            per_thousand,
            transactions.gas * 1000 / TOKENS,
            in_usd(found.fees),
        ));
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
        for Expectation { what, held } in &self.expectations {
            let (word, colour) = if *held { ("ok    ", Colour::Green) } else { ("FAILED", Colour::Red) };
            terminal::say(&format!("{} {what}", terminal::coloured(word, colour)));
        }
        terminal::say(&format!("settlement: {}", self.settlement.as_deref().unwrap_or("not reached")));
        let verdict = if self.holds() { "All of it happened" } else { "Not all of it happened" };
        terminal::say(&format!("{verdict}, in {:.1?}.", self.elapsed));
    }

    pub(super) fn to_json(&self) -> Value {
        let expectations = self.expectations.iter().map(|it| json!({ "what": it.what, "ok": it.held }));
        json!({
            "ok": self.holds(),
            "expectations": expectations.collect::<Vec<_>>(),
            "settlement": self.settlement,
            "milliseconds": u64::try_from(self.elapsed.as_millis()).unwrap_or(u64::MAX),
        })
    }

    fn expect(&mut self, held: bool, what: String) {
        self.expectations.push(Expectation { what, held });
    }
}

fn sum(records: &[SessionRecord], of: impl Fn(&SessionRecord) -> Amount) -> Amount {
    records.iter().fold(Amount::ZERO, |sum, session| sum.checked_add(of(session)).unwrap_or(sum))
}

fn usd(millionths: Amount) -> String {
    millionths.to_decimal(6)
}

fn in_usd(millionths: U256) -> String {
    usd(Amount::new(u128::try_from(millionths).unwrap_or(u128::MAX)))
}
