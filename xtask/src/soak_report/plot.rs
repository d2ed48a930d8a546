//! The samples of a soak as one picture: a panel for each figure, one above the other, over the same time.

use std::fmt::Write as _;

use super::{FIGURES, Figure, Sample};

const WIDTH: f64 = 860.0;
/// Where the plots begin and end; names stand before them, figures behind them.
const LEFT: f64 = 200.0;
const RIGHT: f64 = 790.0;
/// From one panel to the next, and how much of that is plot.
const PANEL: f64 = 92.0;
const PLOT: f64 = 66.0;
const TOP: f64 = 14.0;
/// The most marks of time.
const MARKS: f64 = 7.0;

/// The whole picture.
pub(super) fn panels(samples: &[Sample]) -> String {
    let bottom = FIGURES.iter().fold(TOP, |bottom, _| bottom + PANEL);
    let height = bottom + 26.0;
    let end = samples.last().map_or(60.0, |last| last.seconds);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    let mut top = TOP;
    for (name, figure) in FIGURES {
        panel(&mut svg, samples, (name, figure), top, end);
        top += PANEL;
    }
    time(&mut svg, end, bottom);
    svg.push_str("</svg>\n");
    svg
}

/// One figure over time, from zero to a round number above its most.
fn panel(svg: &mut String, samples: &[Sample], (name, figure): (&str, Figure), top: f64, end: f64) {
    let above = round_above(samples.iter().map(figure).fold(0.0, f64::max));
    let floor = top + PLOT;
    let mut points = String::new();
    for sample in samples {
        let across = LEFT + sample.seconds / end * (RIGHT - LEFT);
        let _ = write!(points, "{across:.1},{:.1} ", floor - figure(sample) / above * PLOT);
    }
    let last = samples.last().map_or(0.0, figure);
    let (words, figures, wide) = (LEFT - 14.0, RIGHT + 8.0, RIGHT - LEFT);
    let _ = writeln!(
        svg,
        "<rect x=\"{LEFT}\" y=\"{top}\" width=\"{wide}\" height=\"{PLOT}\" fill=\"#f6f7f6\"/>\n\
         <line x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{floor}\" y2=\"{floor}\" stroke=\"#9aa39d\"/>\n\
         <polyline points=\"{points}\" fill=\"none\" stroke=\"#2f6f4f\" stroke-width=\"1.3\"/>\n\
         <text x=\"{words}\" y=\"{0}\" text-anchor=\"end\">{name}</text>\n\
         <text x=\"{words}\" y=\"{1}\" text-anchor=\"end\" fill=\"#66706a\">in the end {last:.1}</text>\n\
         <text x=\"{figures}\" y=\"{2}\" fill=\"#66706a\">{above}</text>\n\
         <text x=\"{figures}\" y=\"{3}\" fill=\"#66706a\">0</text>",
        top + 27.0,
        top + 46.0,
        top + 10.0,
        floor + 4.0,
    );
}

/// Marks of whole minutes below the last panel.
fn time(svg: &mut String, end: f64, bottom: f64) {
    let steps = [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0];
    let step = steps.into_iter().find(|step| end / 60.0 / step <= MARKS).unwrap_or(240.0);
    let mut minute = 0.0;
    while minute * 60.0 <= end {
        let across = LEFT + minute * 60.0 / end * (RIGHT - LEFT);
        let _ = writeln!(
            svg,
            "<text x=\"{across:.1}\" y=\"{bottom}\" text-anchor=\"middle\" fill=\"#66706a\">{minute} min</text>"
        );
        minute += step;
    }
}

/// The next of 1, 2, 5, 10, 20, 50 and so on.
fn round_above(most: f64) -> f64 {
    let mut unit = 1.0;
    loop {
        if let Some(round) = [1.0, 2.0, 5.0].into_iter().map(|digit| digit * unit).find(|round| *round >= most) {
            return round;
        }
        unit *= 10.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panel_ends_at_a_round_number() {
        let rounded = [0.0, 1.0, 1.1, 43.5, 79.8, 201.0].map(round_above);
        assert_eq!(rounded.map(|number| number.to_string()), ["1", "1", "2", "50", "100", "500"]);
    }
}
