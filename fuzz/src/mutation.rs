//! Drives entry points with mutated seeds, for a bounded time and from a fixed start: part of the tests of the
//! crates whose parsers these are, and of no use to a fuzzer.

use std::path::Path;
use std::time::{Duration, Instant};

/// The committed inputs of an entry point.
pub fn seeds(name: &str) -> Vec<Vec<u8>> {
    let place = Path::new("fuzz/seeds").join(name);
    // However deep the crate lies whose test this is.
    let mut above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|above| above.join(&place));
    let folder = above.find(|folder| folder.is_dir()).unwrap_or(place);
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} has no seeds", folder.display());
    files.into_iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// Drives an entry point with the seeds, then for so many seconds with what becomes of them.
pub fn drive(seeds: &[Vec<u8>], entry_point: fn(&[u8]), seconds: u64) {
    let end = Instant::now() + Duration::from_secs(seconds);
    for seed in seeds {
        entry_point(seed);
    }
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    while Instant::now() < end {
        let mut input = random.pick(seeds).clone();
        for _ in 0..1 + random.below(4) {
            random.mutate(&mut input, seeds);
        }
        entry_point(&input);
    }
}

/// A small generator of its own: the same start gives the same inputs on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// Changes a byte, cuts, repeats, or grafts a piece of another seed in.
    fn mutate(&mut self, input: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        const TELLING: &[u8] = b"\"\\,;=|{}[]: \t\r\n\0\xFF+-_/.0u9eZ";
        let at = self.below(input.len() + 1);
        match self.below(6) {
            0 if at < input.len() => input[at] = *self.pick(TELLING),
            1 => input.insert(at, *self.pick(TELLING)),
            2 if at < input.len() => input[at] ^= 1 << self.below(8),
            3 => input.truncate(at),
            4 => {
                let end = (at + self.below(32)).min(input.len());
                input.drain(at..end);
            }
            _ => {
                let donor = self.pick(seeds);
                let from = self.below(donor.len());
                let to = (from + self.below(48)).min(donor.len());
                input.splice(at..at, donor[from..to].iter().copied());
            }
        }
    }
}
