use anyhow::ensure;

use crate::workspace;

/// The table stands between these lines of the README.
const BEGIN: &str = "<!-- cargo xtask interop prints this -->\n";
const END: &str = "<!-- to here -->\n";

/// Who could buy what of whom, as a Markdown table with the reasons below.
pub(super) struct Matrix {
    rows: String,
    reasons: Vec<&'static str>,
}

impl Matrix {
    pub(super) fn new<'a>(sellers: impl Iterator<Item = &'a str>) -> Self {
        let names = sellers.collect::<Vec<_>>();
        let head = names.iter().map(|name| format!(" {name} |")).collect::<String>();
        Self {
            rows: format!("| buyer | offer |{head}\n|---|---|{}\n", "---|".repeat(names.len())),
            reasons: Vec::new(),
        }
    }

    /// One buyer's attempts at one offer: `None` failed, `Some(None)` sold, otherwise the reason why not.
    pub(super) fn row(&mut self, buyer: &str, offer: &str, cells: &[Option<Option<&'static str>>]) {
        self.rows += &format!("| {buyer} | {offer} |");
        for cell in cells {
            let shown = match cell {
                None => "FAILED".to_owned(),
                Some(None) => "paid".to_owned(),
                Some(Some(reason)) => format!("({})", self.number(reason)),
            };
            self.rows += &format!(" {shown} |");
        }
        self.rows += "\n";
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
        let readme = std::fs::read_to_string(workspace::root().join("interop/README.md"))?;
        let shown = readme.split_once(BEGIN).and_then(|(_, rest)| rest.split_once(END)).map(|(table, _)| table);
        ensure!(
            shown.is_some_and(|shown| shown.trim() == self.table().trim()),
            "interop/README.md shows another matrix; put the one above between its marks"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_given_once() {
        let mut matrix = Matrix::new(["a", "b"].into_iter());
        matrix.row("x", "pull", &[Some(None), Some(Some("no key"))]);
        matrix.row("y", "pull", &[Some(Some("no key")), None]);
        let lines = ["| x | pull | paid | (1) |", "| y | pull | (1) | FAILED |", "", "1. no key."];
        assert!(matrix.table().ends_with(&format!("{}\n", lines.join("\n"))), "{}", matrix.table());
    }
}
