//! The same seed is the same run, line for line.

#![allow(clippy::unwrap_used, reason = "test code")]

use farthing_sim::home::Home;
use farthing_sim::run::run;

#[test]
fn a_seed_is_the_same_run_line_for_line() {
    let homes = [Home::new().unwrap(), Home::new().unwrap()];
    for seed in 0..24 {
        let [one, other] = homes.each_ref().map(|home| run(seed, home).unwrap());
        for (number, (one, other)) in one.trace.iter().zip(&other.trace).enumerate() {
            assert_eq!(one, other, "seed {seed}, line {number}");
        }
        assert_eq!(one, other, "seed {seed}");
        assert!(one.trace.len() > 30, "nothing happened under seed {seed}");
    }
}

#[test]
fn different_seeds_are_different_runs() {
    let home = Home::new().unwrap();
    let [one, other] = [7, 8].map(|seed| run(seed, &home).unwrap().trace);
    assert_ne!(one, other);
}
