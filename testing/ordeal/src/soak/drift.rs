//! Whether something grew: the last third of a soak beside the middle one.

use super::Sample;

/// A figure that must stay what it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Drift {
    /// Its name.
    pub name: &'static str,
    /// Its median in the middle third.
    pub middle: u64,
    /// Its median in the last third.
    pub last: u64,
    /// The most that it may be in the last third.
    pub bound: u64,
}

impl Drift {
    /// Whether it stayed within its bound.
    pub fn is_flat(&self) -> bool {
        self.last <= self.bound
    }
}

/// Every figure that must not grow. Memory holds rows of the books that were used lately, up to a fixed number of them,
/// so that it may still be a tenth (or 4 MiB) more.
pub fn drifts(samples: &[Sample]) -> Vec<Drift> {
    let third = samples.len() / 3;
    let (_, rest) = samples.split_at(third);
    let (middle, last) = rest.split_at(third);
    let drift = |name, figure: fn(&Sample) -> u64, bound: fn(u64) -> u64| {
        let (middle, last) = (median(middle, figure), median(last, figure));
        Drift { name, middle, last, bound: bound(middle) }
    };
    vec![
        drift("resident memory, KiB", |sample| sample.resident, |middle| middle + (middle / 10).max(4096)),
        drift("file descriptors", |sample| sample.descriptors, |middle| middle + 4),
        drift("threads", |sample| sample.threads, |middle| middle + 1),
    ]
}

fn median(samples: &[Sample], figure: fn(&Sample) -> u64) -> u64 {
    let mut figures: Vec<u64> = samples.iter().map(figure).collect();
    figures.sort_unstable();
    figures.get(figures.len() / 2).copied().unwrap_or(0)
}
