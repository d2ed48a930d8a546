use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

/// One answered request.
pub(crate) struct Sample {
    pub(crate) took: Duration,
    pub(crate) status: u16,
}

/// What a run came to. Times are in milliseconds.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Figures {
    requests: usize,
    seconds: f64,
    per_second: f64,
    p50_ms: f64,
    p90_ms: f64,
    p99_ms: f64,
    max_ms: f64,
    /// How many answers had which status.
    statuses: BTreeMap<u16, usize>,
}

impl Figures {
    pub(crate) fn of(mut samples: Vec<Sample>, elapsed: Duration) -> Self {
        samples.sort_by_key(|sample| sample.took);
        let mut statuses = BTreeMap::new();
        for sample in &samples {
            *statuses.entry(sample.status).or_default() += 1;
        }
        let at = |permille| percentile(&samples, permille).as_secs_f64() * 1e3;
        let seconds = elapsed.as_secs_f64();
        Self {
            requests: samples.len(),
            seconds,
            per_second: u32::try_from(samples.len()).map_or(f64::INFINITY, f64::from) / seconds,
            p50_ms: at(500),
            p90_ms: at(900),
            p99_ms: at(990),
            max_ms: at(1000),
            statuses,
        }
    }
}

/// The smallest time that so many thousandths of the sorted samples did not exceed.
fn percentile(sorted: &[Sample], permille: usize) -> Duration {
    let rank = (sorted.len() * permille).div_ceil(1000).max(1);
    sorted.get(rank - 1).map_or(Duration::ZERO, |sample| sample.took)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let samples = (1..=200).map(|millis| Sample { took: Duration::from_millis(millis), status: 200 });
        let figures = Figures::of(samples.collect(), Duration::from_secs(2));
        assert_eq!((figures.p50_ms, figures.p99_ms, figures.max_ms), (100.0, 198.0, 200.0));
        assert!((figures.per_second - 100.0).abs() < 1e-9);
    }

    #[test]
    fn nothing_measured_is_zero() {
        assert_eq!(Figures::of(Vec::new(), Duration::from_secs(1)).p99_ms, 0.0);
    }
}
