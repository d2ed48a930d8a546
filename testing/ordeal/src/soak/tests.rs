//! A figure that grows is found, and one that only swings is not.

use super::*;

fn soak(resident: fn(u64) -> u64, descriptors: fn(u64) -> u64) -> Vec<Sample> {
    let sample = |at| Sample { resident: resident(at), descriptors: descriptors(at), threads: 9, ..Sample::default() };
    (0..90).map(sample).collect()
}

fn grown(samples: &[Sample]) -> Vec<&'static str> {
    drifts(samples).into_iter().filter(|drift| !drift.is_flat()).map(|drift| drift.name).collect()
}

#[test]
fn a_leak_is_found_and_a_swing_is_not() {
    assert_eq!(grown(&soak(|at| 50_000 + at % 7 * 300, |at| 40 + at % 3)), [""; 0]);
    assert_eq!(grown(&soak(|at| 50_000 + at * 300, |_| 40)), ["resident memory, KiB"]);
    assert_eq!(grown(&soak(|_| 50_000, |at| 40 + at)), ["file descriptors"]);
    assert_eq!(grown(&[]), [""; 0]);
}
