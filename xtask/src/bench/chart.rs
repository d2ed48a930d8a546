use std::fmt::Write as _;

use super::report::{Bound, Target};

const WIDTH: f64 = 760.0;
const LABELS: f64 = 360.0;
const ROW: f64 = 30.0;
/// Where the line of the targets stands, from the left edge of the bars.
const LINE: f64 = 200.0;

/// Bars of how far each figure is from its target: past the line is better, whichever way the figure counts.
pub(super) fn draw(targets: &[Target]) -> String {
    let height = targets.iter().fold(2.0 * ROW, |height, _| height + ROW);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    let mut top = ROW / 2.0;
    for target in targets {
        let share = share(target);
        let colour = if target.is_met() { "#2f6f4f" } else { "#b5482f" };
        let middle = top + ROW * 0.65;
        let _ = writeln!(
            svg,
            "<text x=\"{:.0}\" y=\"{middle:.0}\" text-anchor=\"end\">{}</text>\
             <rect x=\"{LABELS}\" y=\"{:.0}\" width=\"{:.0}\" height=\"18\" fill=\"{colour}\"/>\
             <text x=\"{:.0}\" y=\"{middle:.0}\" fill=\"#555555\">{share:.2}</text>",
            LABELS - 10.0,
            target.title,
            top + 6.0,
            (share * LINE).min(WIDTH - LABELS - 50.0),
            LABELS + (share * LINE).min(WIDTH - LABELS - 50.0) + 6.0,
        );
        top += ROW;
    }
    let line = LABELS + LINE;
    let _ = writeln!(
        svg,
        "<line x1=\"{line}\" x2=\"{line}\" y1=\"8\" y2=\"{top:.0}\" stroke=\"#222222\" stroke-dasharray=\"4 3\"/>\
         <text x=\"{line}\" y=\"{:.0}\" text-anchor=\"middle\" fill=\"#555555\">target</text>\n</svg>",
        top + 18.0,
    );
    svg
}

/// One is exactly on target, more is better.
fn share(target: &Target) -> f64 {
    match target.bound {
        Bound::AtLeast(least) => target.measured / least,
        Bound::AtMost(most) => most / target.measured.max(most / 10.0),
    }
}
