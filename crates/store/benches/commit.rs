//! How many prepaid claims a second become durable, beside what the disk itself can do.
//!
//! `cargo bench -p farthing-store --bench commit`. A figure without the fsync floor printed above it means nothing.

mod machine;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use farthing_books::testing::samples::{grant, prepaid};
use farthing_books::{ClaimOutcome, Command};
use farthing_store::{Books, Sharing};
use machine::{Failure, fsync_floor, millis, processor_millis};

const PAYERS: u32 = 64;
const MEASURED: Duration = Duration::from_secs(3);

fn main() -> Result<(), Failure> {
    let folder = std::env::args().nth(1).filter(|argument| !argument.starts_with('-'));
    let folder = tempfile::tempdir_in(folder.map_or_else(std::env::temp_dir, PathBuf::from))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build()?;
    println!(
        "{:>8} {:>10} {:>10} {:>14} {:>8} {:>8}",
        "waiting", "fsync/s", "claims/s", "CPU us/claim", "p50 ms", "p99 ms"
    );
    for waiting in [1, 16, 64] {
        let floor = fsync_floor(folder.path())?;
        let path = folder.path().join(format!("books-{waiting}.db"));
        let cpu = processor_millis();
        let (claims, mut taken) = runtime.block_on(claims(&path, waiting))?;
        taken.sort_unstable();
        let at = |share: usize| taken.get(taken.len() * share / 100).copied().unwrap_or_default();
        let cpu = processor_millis().saturating_sub(cpu) * 1_000 / (taken.len() as u64).max(1);
        println!("{waiting:>8} {floor:>10} {claims:>10} {cpu:>14} {:>8} {:>8}", millis(at(50)), millis(at(99)));
    }
    Ok(())
}

/// Claims by so many tasks that each wait for one at a time: claims a second, and how long each took.
async fn claims(path: &Path, waiting: u32) -> Result<(u128, Vec<Duration>), Failure> {
    let books = Books::open(path, Sharing::Exclusive)?;
    for payer in 0..PAYERS {
        books.submit(grant(u8::try_from(payer)?, payer, u128::from(u64::MAX))).await?;
    }
    let next = Arc::new(AtomicU32::new(0));
    let started = Instant::now();
    let tasks: Vec<_> =
        (0..waiting).map(|_| tokio::spawn(claim_on(books.clone(), Arc::clone(&next), started))).collect();
    let mut taken = Vec::new();
    for task in tasks {
        taken.append(&mut task.await??);
    }
    let elapsed = started.elapsed();
    books.close().await?;
    Ok((taken.len() as u128 * 1_000_000 / elapsed.as_micros().max(1), taken))
}

type Taken = Result<Vec<Duration>, farthing_store::StoreError>;

async fn claim_on(books: Books, next: Arc<AtomicU32>, started: Instant) -> Taken {
    let mut taken = Vec::new();
    while started.elapsed() < MEASURED {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let payment = prepaid(number, number % PAYERS, 1);
        let id = payment.id;
        let asked = Instant::now();
        let outcome = books.claim(payment).await?;
        taken.push(asked.elapsed());
        assert!(matches!(outcome, ClaimOutcome::Won(_)), "every claim of this run is new and paid for");
        if std::env::args().any(|argument| argument == "--whole-way") {
            let at = farthing_books::testing::samples::at(1);
            books.submit_later(Command::Deliver { payment: id, status: 200, at })?;
            books.submit_later(Command::Close { payment: id, response: None, at })?;
        }
    }
    Ok(taken)
}
