use std::fmt;

use serde_json::{Value, json};

use super::{EconomicLine, Economics, Spread, Verdict};

const HEADER: [&str; 8] = ["route", "accept", "price", "floor", "expected fee", "expected net", "share", ""];

impl Economics {
    /// As scripts read it: prices as texts, shares in millionths.
    pub fn to_json(&self) -> Value {
        let lines = self.lines.iter().map(|line| {
            json!({
                "route": line.route,
                "accept": line.accept,
                "price": line.price.to_string(),
                "floor": line.floor_text(),
                "expected_fee": line.fee.to_string(),
                "expected_net": line.net().map(|net| net.to_string()),
                "share_millionths": line.share.to_string(),
                "gas_not_stated": line.stated.gas,
                "spread": match line.spread {
                    Spread::No => Value::Null,
                    Spread::TopUp => line.asset.display(line.moved).into(),
                    Spread::Session => "session".into(),
                },
                "verdict": match line.verdict() {
                    Verdict::Fine => "fine",
                    Verdict::Dear => "dear",
                    Verdict::Loss => "loss",
                },
            })
        });
        json!({ "offers": lines.collect::<Vec<_>>() })
    }
}

/// A table, one line for each offer.
impl fmt::Display for Economics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<[String; 8]> =
            std::iter::once(HEADER.map(str::to_owned)).chain(self.lines.iter().map(row)).collect();
        let mut widths = [0; 8];
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        for (index, row) in rows.iter().enumerate() {
            let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
            let line = cells.collect::<Vec<_>>().join("  ");
            let end = if index + 1 == rows.len() { "" } else { "\n" };
            write!(formatter, "{}{end}", line.trim_end())?;
        }
        Ok(())
    }
}

fn row(line: &EconomicLine) -> [String; 8] {
    let spread = match line.spread {
        Spread::No => String::new(),
        Spread::TopUp => format!("of a top-up of {}", line.asset.display(line.moved)),
        Spread::Session => "drawn on a deposit".to_owned(),
    };
    let gas = if line.stated.gas { "and gas: say what with expected_fee" } else { "" };
    let notes = [spread.as_str(), gas].into_iter().filter(|note| !note.is_empty());
    [
        line.route.clone(),
        line.accept.clone(),
        line.price.to_string(),
        line.floor_text(),
        line.fee.to_string(),
        line.net().map_or_else(|| "below zero".to_owned(), |net| net.to_string()),
        line.share_text(),
        notes.collect::<Vec<_>>().join(", "),
    ]
}
