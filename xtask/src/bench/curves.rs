//! Small plots beside each other: a row for each thing that grows, a column for each figure.

use std::fmt::Write as _;

use super::growth::{Curve, Point};

const WIDTH: f64 = 900.0;
const LABELS: f64 = 140.0;
const COLUMN: f64 = 250.0;
const PANEL: (f64, f64) = (170.0, 70.0);
const ROW: f64 = 120.0;
const TOP: f64 = 50.0;

type Figure = fn(&Point) -> f64;

const FIGURES: [(&str, Figure, &str); 3] = [
    ("payments a second", |point| point.per_second, "#2f6f4f"),
    ("p99, ms", |point| point.p99_ms, "#b5482f"),
    ("processor time, us a payment", |point| point.processor_us, "#35507a"),
];

/// Each panel begins at zero; what grows does so by factors.
pub(super) fn draw(curves: &[Curve]) -> String {
    let height = curves.iter().fold(TOP, |height, _| height + ROW);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    let lefts = [0.0, 1.0, 2.0].map(|column| LABELS + column * COLUMN + 50.0);
    for (left, (title, ..)) in lefts.iter().zip(FIGURES) {
        let _ = writeln!(svg, "<text x=\"{left}\" y=\"24\" font-weight=\"bold\">{title}</text>");
    }
    let mut top = TOP;
    for curve in curves {
        let _ = writeln!(svg, "<text x=\"10\" y=\"{:.0}\">{}</text>", top + PANEL.1 / 2.0, curve.of);
        for (left, (_, figure, colour)) in lefts.iter().zip(FIGURES) {
            panel(&mut svg, (*left, top), &curve.points, figure, colour);
        }
        top += ROW;
    }
    svg + "</svg>\n"
}

fn panel(svg: &mut String, (left, top): (f64, f64), points: &[Point], figure: Figure, colour: &str) {
    let (width, height) = PANEL;
    let most = points.iter().map(figure).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let (first, last) = (points.first().map_or(1.0, |point| point.at), points.last().map_or(1.0, |point| point.at));
    let span = (last / first).ln().max(f64::MIN_POSITIVE);
    let places: Vec<(f64, f64)> = points
        .iter()
        .map(|point| (left + width * (point.at / first).ln() / span, top + height * (1.0 - figure(point) / most)))
        .collect();
    let line: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let bottom = top + height;
    let _ = writeln!(
        svg,
        "<path d=\"M{left} {top}V{bottom}H{:.0}\" fill=\"none\" stroke=\"#aaaaaa\"/>\
         <text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\" fill=\"#555555\">{}</text>\
         <text x=\"{:.0}\" y=\"{bottom:.0}\" text-anchor=\"end\" fill=\"#555555\">0</text>\
         <text x=\"{left}\" y=\"{:.0}\" text-anchor=\"middle\" fill=\"#555555\">{}</text>\
         <text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\" fill=\"#555555\">{}</text>\
         <polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
        left + width,
        left - 6.0,
        top + 8.0,
        round(most),
        left - 6.0,
        bottom + 16.0,
        shown(first),
        left + width,
        bottom + 16.0,
        shown(last),
        line.join(" "),
    );
    for (x, y) in places {
        let _ = writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\" fill=\"{colour}\"/>");
    }
}

/// How many, short: 4096, 10 k, 100 M.
fn shown(number: f64) -> String {
    match number {
        large if large >= 1e6 => format!("{:.0} M", large / 1e6),
        large if large >= 1e4 => format!("{:.0} k", large / 1e3),
        small => format!("{small:.0}"),
    }
}

fn round(number: f64) -> String {
    if number < 100.0 { format!("{number:.1}") } else { format!("{number:.0}") }
}
