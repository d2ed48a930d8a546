use super::offer::Offer;
use super::purchase::Way;
use super::seller;
use crate::interop::matrix::{Matrix, Outcome};

/// Where the README has the table.
const BEGIN: &str = "<!-- cargo xtask interop prints this of x402 -->\n";

/// What came of every trade.
#[derive(Default)]
pub(super) struct Results {
    trades: Vec<Trade>,
    failures: Vec<String>,
}

struct Trade {
    buyer: &'static str,
    offer: &'static str,
    seller: &'static str,
    facilitator: &'static str,
    outcome: Outcome,
    way: Option<Way>,
}

impl Results {
    /// What came of one trade: of buyer, offer, seller and facilitator.
    pub(super) fn note(
        &mut self,
        [buyer, offer, seller, facilitator]: [&'static str; 4],
        reason: Option<&'static str>,
        outcome: anyhow::Result<Option<Way>>,
    ) {
        let outcome = outcome.map_err(|error| {
            self.failures.push(format!("{buyer} buys {offer} of {seller}, settled by {facilitator}: {error:#}"));
        });
        let way = outcome.unwrap_or_default();
        self.trades.push(Trade { buyer, offer, seller, facilitator, outcome: outcome.ok().map(|_| reason), way });
    }

    /// How a seller ended.
    pub(super) fn stopped(&mut self, seller: &str, outcome: anyhow::Result<()>) {
        self.failures.extend(outcome.err().map(|error| format!("the books of {seller}: {error:#}")));
    }

    /// Prints the table, a row for each buyer and offer; returns what came out otherwise than it should.
    pub(super) fn finish(
        mut self,
        buyers: impl Iterator<Item = (&'static str, &'static [Offer])>,
    ) -> anyhow::Result<Vec<String>> {
        let mut matrix = Matrix::new(BEGIN, seller::NAMES.into_iter());
        for (buyer, offers) in buyers {
            for offer in offers.iter().map(|offer| offer.name()) {
                let cells = seller::NAMES.map(|seller| {
                    let trades = self
                        .trades
                        .iter()
                        .filter(|trade| (trade.buyer, trade.offer, trade.seller) == (buyer, offer, seller));
                    cell(&mut matrix, trades)
                });
                matrix.row(buyer, offer, &cells);
            }
        }
        print!("{}", matrix.table());
        if self.failures.is_empty() {
            self.failures.extend(matrix.agrees_with_the_readme().err().map(|error| error.to_string()));
        }
        Ok(self.failures)
    }
}

/// One word where all facilitators come to the same, else what each comes to.
fn cell<'a>(matrix: &mut Matrix, trades: impl Iterator<Item = &'a Trade>) -> String {
    let shown = trades.map(|trade| (trade.facilitator, word(matrix, trade))).collect::<Vec<_>>();
    match shown.as_slice() {
        [] => "-".to_owned(),
        [(_, first), rest @ ..] if rest.iter().all(|(_, other)| other == first) => first.clone(),
        all => all.iter().map(|(facilitator, word)| format!("{facilitator}: {word}")).collect::<Vec<_>>().join(", "),
    }
}

fn word(matrix: &mut Matrix, trade: &Trade) -> String {
    let shown = matrix.shown(trade.outcome);
    if trade.way == Some(Way::Mpp) { format!("{shown} by MPP") } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_one_word_where_all_who_settle_come_to_the_same() {
        let trade =
            |facilitator, outcome, way| Trade { buyer: "x", offer: "exact", seller: "y", facilitator, outcome, way };
        let mut matrix = Matrix::new(BEGIN, ["y"].into_iter());
        let paid = || trade("a", Some(None), Some(Way::X402));
        assert_eq!(cell(&mut matrix, [paid(), paid()].iter()), "paid");
        let by_mpp = trade("b", Some(None), Some(Way::Mpp));
        let refused = trade("c", Some(Some("no key")), None);
        let failed = trade("d", None, None);
        let mixed = cell(&mut matrix, [paid(), by_mpp, refused, failed].iter());
        assert_eq!(mixed, "a: paid, b: paid by MPP, c: (1), d: FAILED");
        assert_eq!(cell(&mut matrix, [].iter()), "-");
    }
}
