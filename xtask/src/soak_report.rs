//! What a soak measured, as a page with a plot.

use std::fmt::Write as _;

use anyhow::Context as _;
use serde::Deserialize;

use crate::workspace;

mod plot;

/// What the trial printed.
#[derive(Deserialize)]
pub(crate) struct Soak {
    samples: Vec<Sample>,
    figures: serde_json::Value,
}

#[derive(Deserialize)]
struct Sample {
    seconds: f64,
    delivered: f64,
    resident: f64,
    descriptors: f64,
    threads: f64,
    log: f64,
    books: f64,
    p99: f64,
}

type Figure = fn(&Sample) -> f64;

/// What is measured, each with a panel of its own.
const FIGURES: [(&str, Figure); 7] = [
    ("resident memory, MiB", |sample| sample.resident / 1024.0),
    ("file descriptors", |sample| sample.descriptors),
    ("threads", |sample| sample.threads),
    ("write-ahead log, MiB", |sample| sample.log / 1024.0),
    ("books, MiB", |sample| sample.books / 1024.0),
    ("p99 of free requests, ms", |sample| sample.p99 / 1000.0),
    ("paid requests, thousands", |sample| sample.delivered / 1000.0),
];

/// Writes `bench/soak.md` and the plot beside it.
pub(crate) fn write(soak: &Soak, build: &str) -> anyhow::Result<()> {
    let folder = workspace::root().join("bench");
    std::fs::write(folder.join("soak.svg"), plot::panels(&soak.samples))?;
    std::fs::write(folder.join("soak.md"), page(soak, build)?)?;
    println!("written: bench/soak.md, bench/soak.svg");
    Ok(())
}

fn page(soak: &Soak, build: &str) -> anyhow::Result<String> {
    let third = soak.samples.len() / 3;
    let (_, rest) = soak.samples.split_at(third);
    let (middle, last) = rest.split_at(third);
    let end = soak.samples.last().context("a soak without samples")?;
    let mut page = format!(
        "# Soak\n\n<!-- written by `cargo xtask soak` -->\n\n{:.1} minutes of mixed load on one gateway ({build} build): charges \
         out of balances, a rail that often gives no answer, sessions, refunds, free requests. {:.0} paid requests, {:.0} a \
         second. Medians of the middle and the last third:\n\n| | middle | last |\n|---|---|---|\n",
        end.seconds / 60.0,
        end.delivered,
        end.delivered / end.seconds,
    );
    for (name, figure) in FIGURES {
        writeln!(page, "| {name} | {:.1} | {:.1} |", median(middle, figure), median(last, figure))?;
    }
    let figures = serde_json::to_string(&soak.figures)?;
    writeln!(page, "\n![what it held](soak.svg)\n\nAt the end everything that anybody saw agreed: `{figures}`.")?;
    Ok(page)
}

fn median(samples: &[Sample], figure: Figure) -> f64 {
    let mut figures: Vec<f64> = samples.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}
