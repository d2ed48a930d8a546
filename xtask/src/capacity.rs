//! What a payment waits for at a writer, as a writer of one merchant's books gets busier: a simulation of the queue with
//! measured costs, for `docs/capacity.md`.
//!
//! Payments come as they like; the writer takes all that wait, up to [`LARGEST_BATCH`], and needs a fixed time for each
//! batch and a time for each payment of it. The two are those of `bench/capacity.json`.

use std::collections::VecDeque;
use std::fmt::Write as _;

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use crate::workspace;

/// The most payments of one batch, as `crates/store/src/writer.rs` has it.
const LARGEST_BATCH: usize = 512;
const SIMULATED: usize = 400_000;
/// How busy a writer is, in parts of what it could do at most.
const SHARES: [f64; 7] = [0.1, 0.25, 0.5, 0.7, 0.8, 0.9, 0.95];
const WANTED: f64 = 1e6;
const PAGE: &str = "docs/capacity.md";
const BEGIN: &str = "<!-- what `cargo xtask capacity` writes -->\n";
const END: &str = "<!-- the end of what `cargo xtask capacity` writes -->\n";

/// What was measured; each figure says where in `docs/capacity.md`.
#[derive(Deserialize)]
struct Measured {
    /// Processor time of a gateway for a paid request, its books' client included.
    gateway_us: f64,
    /// Processor time of the database server for a payment.
    server_us: f64,
    /// What a batch costs whatever is in it: round trips and the disk.
    batch_ms: f64,
    /// What a batch costs for each payment in it.
    payment_ms: f64,
    /// Bytes of the server's tables and indexes for a payment.
    table_bytes: f64,
    /// Bytes of its log for a payment.
    log_bytes: f64,
}

/// Computes what follows from the measured figures and writes it into `docs/capacity.md`.
pub(crate) fn run() -> anyhow::Result<()> {
    let root = workspace::root();
    let figures = std::fs::read_to_string(root.join("bench/capacity.json")).context("bench/capacity.json")?;
    let measured: Measured = serde_json::from_str(&figures)?;
    let page = std::fs::read_to_string(root.join(PAGE)).context(PAGE)?;
    let split = page.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = split.with_context(|| format!("{PAGE} has no place for it"))?;
    std::fs::write(root.join(PAGE), format!("{before}{BEGIN}{}{END}{after}", measured.text()?))?;
    println!("written: {PAGE}");
    Ok(())
}

impl Measured {
    /// The most payments a second that one writer can ever do.
    fn most(&self) -> f64 {
        1e3 / (self.payment_ms + self.batch_ms / count(LARGEST_BATCH))
    }

    fn text(&self) -> anyhow::Result<String> {
        ensure!(self.payment_ms > 0.0 && self.batch_ms > 0.0, "a batch and a payment take some time");
        let most = self.most();
        let mut text = format!(
            "| one writer, payments/s | of its most, {most:.0}/s | payments in a batch | p50 ms | p99 ms |\n\
             |--:|--:|--:|--:|--:|\n"
        );
        for share in SHARES {
            let Waits { batch, p50, p99 } = self.wait(share * most);
            let _ = writeln!(text, "| {:.0} | {:.0} % | {batch:.1} | {p50:.1} | {p99:.1} |", share * most, share * 1e2);
        }
        let rate = |share: f64| share * most;
        let _ = write!(
            text,
            "\n| for {WANTED:.0} payments a second | |\n|---|--:|\n\
             | cores of gateways, at {:.0} us each and three quarters busy | {:.0} |\n\
             | writers, half busy ({:.0}/s each) | {:.0} |\n\
             | cores of database servers, at {:.0} us each and three quarters busy | {:.0} |\n\
             | written to logs, before it is sent to a standby | {:.1} GB/s |\n\
             | kept, before anything is let go of | {:.0} TB a day |\n",
            self.gateway_us,
            self.gateway_us * WANTED / 1e6 / 0.75,
            rate(0.5),
            WANTED / rate(0.5),
            self.server_us,
            self.server_us * WANTED / 1e6 / 0.75,
            self.log_bytes * WANTED / 1e9,
            self.table_bytes * WANTED * 86_400.0 / 1e12,
        );
        Ok(text)
    }

    /// Payments that come at random, so many a second.
    fn wait(&self, rate: f64) -> Waits {
        let mut dice = Dice(0x5EED);
        let mut coming = 0.0;
        let mut next = || {
            coming += -dice.share().ln() / rate * 1e3;
            coming
        };
        let (mut arrival, mut free, mut batches) = (next(), 0.0_f64, 0_usize);
        let (mut waiting, mut waited) = (VecDeque::new(), Vec::with_capacity(SIMULATED));
        while waited.len() < SIMULATED {
            let start = free.max(arrival);
            while arrival <= start && waiting.len() < LARGEST_BATCH {
                waiting.push_back(arrival);
                arrival = next();
            }
            free = start + self.batch_ms + self.payment_ms * count(waiting.len());
            waited.extend(waiting.drain(..).map(|came| free - came));
            batches += 1;
        }
        waited.sort_by(f64::total_cmp);
        let at = |share: usize| waited.get(waited.len() * share / 100).copied().unwrap_or_default();
        Waits { batch: count(waited.len()) / count(batches), p50: at(50), p99: at(99) }
    }
}

struct Waits {
    batch: f64,
    p50: f64,
    p99: f64,
}

/// Numbers that are the same each time: a 64-bit linear congruential generator.
struct Dice(u64);

impl Dice {
    /// Above zero, up to one.
    fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (f64::from(u32::try_from(self.0 >> 32).unwrap_or(0)) + 1.0) / (f64::from(u32::MAX) + 1.0)
    }
}

fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITER: Measured = Measured {
        gateway_us: 100.0,
        server_us: 60.0,
        batch_ms: 1.0,
        payment_ms: 0.1,
        table_bytes: 500.0,
        log_bytes: 1_000.0,
    };

    #[test]
    fn a_writer_with_little_to_do_takes_the_time_of_one_batch() {
        let Waits { batch, p50, .. } = WRITER.wait(10.0);
        assert!(batch < 1.1 && (p50 - 1.1).abs() < 0.1, "{batch} {p50}");
    }

    #[test]
    fn a_busy_writer_makes_larger_batches_and_longer_waits() {
        let (calm, busy) = (WRITER.wait(0.25 * WRITER.most()), WRITER.wait(0.9 * WRITER.most()));
        assert!(busy.batch > 4.0 * calm.batch && busy.p99 > 2.0 * calm.p99);
        // A batch of b takes 1 + b/10 ms, in which b come: b = 9 per ms * (1 + b/10), a hundred or so.
        assert!((60.0..120.0).contains(&busy.batch), "{}", busy.batch);
    }
}
