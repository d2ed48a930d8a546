/// A Markdown table whose cells are words or the numbers of reasons below it.
pub(crate) struct Table {
    lines: String,
    reasons: Vec<&'static str>,
}

impl Table {
    pub(crate) fn new(columns: &[&str]) -> Self {
        let rule = "---|".repeat(columns.len());
        Self { lines: format!("| {} |\n|{rule}\n", columns.join(" | ")), reasons: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: &[String]) {
        self.lines += &format!("| {} |\n", cells.join(" | "));
    }

    /// A word, and the number of the reason for it.
    pub(crate) fn because(&mut self, word: &str, reason: &'static str) -> String {
        let known = self.reasons.iter().position(|known| *known == reason);
        let index = known.unwrap_or_else(|| {
            self.reasons.push(reason);
            self.reasons.len() - 1
        });
        format!("{word} ({})", index + 1)
    }

    pub(crate) fn text(&self) -> String {
        let reasons = self.reasons.iter().enumerate();
        let reasons: String = reasons.map(|(index, reason)| format!("{}. {reason}.\n", index + 1)).collect();
        if reasons.is_empty() { self.lines.clone() } else { format!("{}\n{reasons}", self.lines) }
    }
}
