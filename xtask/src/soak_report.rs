//! What a soak measured, as a page with a plot.

use std::fmt::Write as _;

use anyhow::Context as _;
use serde::Deserialize;

use crate::workspace;

const WIDTH: f64 = 760.0;
const PANEL: f64 = 90.0;
const LEFT: f64 = 190.0;

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

/// What is plotted, each in a panel of its own that begins at zero.
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
    std::fs::write(folder.join("soak.svg"), plot(&soak.samples))?;
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

fn plot(samples: &[Sample]) -> String {
    let height = FIGURES.iter().fold(20.0, |height, _| height + PANEL);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    let end = samples.last().map_or(1.0, |last| last.seconds);
    let mut top = 10.0;
    for (name, figure) in FIGURES {
        let most = samples.iter().map(figure).fold(f64::MIN_POSITIVE, f64::max);
        let at = |sample: &Sample| {
            let across = LEFT + sample.seconds / end * (WIDTH - LEFT - 20.0);
            format!("{across:.1},{:.1}", top + (1.0 - figure(sample) / most) * (PANEL - 20.0))
        };
        let points = samples.iter().map(at).collect::<Vec<_>>().join(" ");
        let floor = top + PANEL - 20.0;
        let _ = writeln!(
            svg,
            "<text x=\"{0}\" y=\"{1:.0}\" text-anchor=\"end\">{name}</text><text x=\"{0}\" y=\"{2:.0}\" \
             text-anchor=\"end\" fill=\"#555555\">at most {most:.1}</text><line x1=\"{LEFT}\" x2=\"{3}\" \
             y1=\"{floor:.0}\" y2=\"{floor:.0}\" stroke=\"#bbbbbb\"/><polyline points=\"{points}\" fill=\"none\" \
             stroke=\"#2f6f4f\"/>",
            LEFT - 10.0,
            top + 20.0,
            top + 38.0,
            WIDTH - 20.0,
        );
        top += PANEL;
    }
    svg.push_str("</svg>\n");
    svg
}
