use anyhow::ensure;

use crate::workspace;

/// The line of the README that ends a table; a line of each table's own begins it.
const END: &str = "<!-- to here -->\n";

/// What came of one attempt: `None` failed, `Some(None)` sold, otherwise the reason why not.
pub(super) type Outcome = Option<Option<&'static str>>;

/// Who could buy what of whom, as a Markdown table with the reasons below.
pub(super) struct Matrix {
    begin: &'static str,
    rows: String,
    reasons: Vec<&'static str>,
}

impl Matrix {
    /// A table for these sellers, which stands in the README below this line.
    pub(super) fn new<'a>(begin: &'static str, sellers: impl Iterator<Item = &'a str>) -> Self {
        let names = sellers.collect::<Vec<_>>();
        let head = names.iter().map(|name| format!(" {name} |")).collect::<String>();
        Self {
            begin,
            rows: format!("| buyer | offer |{head}\n|---|---|{}\n", "---|".repeat(names.len())),
            reasons: Vec::new(),
        }
    }

    /// One buyer's attempts at one offer, each as [`Matrix::shown`] says it.
    pub(super) fn row(&mut self, buyer: &str, offer: &str, cells: &[String]) {
        let cells = cells.iter().map(|cell| format!(" {cell} |")).collect::<String>();
        self.rows += &format!("| {buyer} | {offer} |{cells}\n");
    }

    /// What came of an attempt, in a word or by the number of the reason.
    pub(super) fn shown(&mut self, outcome: Outcome) -> String {
        match outcome {
            None => "FAILED".to_owned(),
            Some(None) => "paid".to_owned(),
            Some(Some(reason)) => format!("({})", self.number(reason)),
        }
    }

    /// The reason's number, from one on.
    fn number(&mut self, reason: &'static str) -> usize {
        let known = self.reasons.iter().position(|known| *known == reason);
        known.unwrap_or_else(|| {
            self.reasons.push(reason);
            self.reasons.len() - 1
        }) + 1
    }

    pub(super) fn table(&self) -> String {
        let reasons = self.reasons.iter().enumerate();
        let reasons = reasons.map(|(index, reason)| format!("{}. {reason}.\n", index + 1)).collect::<String>();
        format!("{}\n{reasons}", self.rows)
    }

    /// Requires that the README shows this very table.
    pub(super) fn agrees_with_the_readme(&self) -> anyhow::Result<()> {
        readme_shows(self.begin, &self.table())
    }
}

/// Requires that the README shows these very tables after a line of their own.
pub(super) fn readme_shows(begin: &str, tables: &str) -> anyhow::Result<()> {
    let readme = std::fs::read_to_string(workspace::root().join("interop/README.md"))?;
    let shown = readme.split_once(begin).and_then(|(_, rest)| rest.split_once(END)).map(|(shown, _)| shown);
    ensure!(
        shown.is_some_and(|shown| shown.trim() == tables.trim()),
        "interop/README.md shows another matrix; put the one above between its marks"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_given_once() {
        let mut matrix = Matrix::new("", ["a", "b"].into_iter());
        for (buyer, outcomes) in [("x", [Some(None), Some(Some("no key"))]), ("y", [Some(Some("no key")), None])] {
            let cells = outcomes.map(|outcome| matrix.shown(outcome));
            matrix.row(buyer, "pull", &cells);
        }
        let lines = ["| x | pull | paid | (1) |", "| y | pull | (1) | FAILED |", "", "1. no key."];
        assert!(matrix.table().ends_with(&format!("{}\n", lines.join("\n"))), "{}", matrix.table());
    }
}
