//! How many vouchers a second become durable, each with its hold and its delivery, beside what the disk itself
//! can do.
//!
//! `cargo bench -p farthing-store --bench draws`. A figure without the fsync floor printed beside it means nothing.

mod machine;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use farthing_books::testing::samples::grant;
use farthing_books::testing::sessions::{deliver, id, opening, tender, voucher};
use farthing_books::{Command, SessionCommand, SessionOutcome};
use farthing_money::Amount;
use farthing_store::{Books, Drawn, Sharing};
use machine::{Failure, fsync_floor, memory_kibibytes, millis, processor_millis};

/// Even numbers have their deposits in the books.
const SESSIONS: u32 = 10_000;
const MEASURED: Duration = Duration::from_secs(3);

fn main() -> Result<(), Failure> {
    let folder = std::env::args().nth(1).filter(|argument| !argument.starts_with('-'));
    let folder = tempfile::tempdir_in(folder.map_or_else(std::env::temp_dir, PathBuf::from))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build()?;
    println!(
        "{:>8} {:>10} {:>10} {:>14} {:>8} {:>8}",
        "waiting", "fsync/s", "draws/s", "CPU us/draw", "p50 ms", "p99 ms"
    );
    for waiting in [1, 16, 64] {
        let floor = fsync_floor(folder.path())?;
        let path = folder.path().join(format!("books-{waiting}.db"));
        let (draws, cpu, mut taken) = runtime.block_on(draws(&path, waiting))?;
        taken.sort_unstable();
        let at = |share: usize| taken.get(taken.len() * share / 100).copied().unwrap_or_default();
        println!("{waiting:>8} {floor:>10} {draws:>10} {cpu:>14} {:>8} {:>8}", millis(at(50)), millis(at(99)));
    }
    Ok(())
}

/// Draws by so many tasks that each wait for one at a time: draws a second, what each cost the processor, and
/// how long each took.
async fn draws(path: &Path, waiting: u32) -> Result<(u128, u64, Vec<Duration>), Failure> {
    let books = Books::open(path, Sharing::Exclusive)?;
    let before = memory_kibibytes();
    open_all(&books).await?;
    let grown = memory_kibibytes().saturating_sub(before);
    println!("{SESSIONS} open sessions: {grown} KiB more memory, caches of the database included");
    let (started, cpu) = (Instant::now(), processor_millis());
    let tasks: Vec<_> = (0..waiting).map(|task| tokio::spawn(draw_on(books.clone(), task, waiting, started))).collect();
    let mut taken = Vec::new();
    for task in tasks {
        taken.append(&mut task.await??);
    }
    let elapsed = started.elapsed();
    books.close().await?;
    let count = taken.len() as u64;
    let cpu = processor_millis().saturating_sub(cpu) * 1_000 / count.max(1);
    Ok((u128::from(count) * 1_000_000 / elapsed.as_micros().max(1), cpu, taken))
}

async fn open_all(books: &Books) -> Result<(), Failure> {
    let tasks: Vec<_> = (0..16_u32)
        .map(|task| {
            let books = books.clone();
            tokio::spawn(async move {
                for number in (task..SESSIONS).step_by(16).map(|number| number * 2) {
                    let mut name = [0; 16];
                    name.iter_mut().zip(number.to_be_bytes()).for_each(|(to, from)| *to = from);
                    let mut money = grant(0, number, 1_000_000);
                    if let Command::Grant { id, .. } = &mut money {
                        id.0 = name;
                    }
                    books.submit(money).await?;
                    let open = SessionCommand::Open(Box::new(opening(number, 1_000_000)));
                    let opened = books.change_session(open).await?;
                    assert!(matches!(opened, SessionOutcome::Done(_)), "every session of this run is new and paid for");
                }
                Ok::<_, farthing_store::StoreError>(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(())
}

type Taken = Result<Vec<Duration>, farthing_store::StoreError>;

/// Draws on the sessions of one task in turn, a higher voucher each time.
async fn draw_on(books: Books, task: u32, step: u32, started: Instant) -> Taken {
    let mut taken = Vec::new();
    let tender = tender(0);
    for total in 1.. {
        for number in (task..SESSIONS).step_by(step as usize).map(|number| number * 2) {
            if started.elapsed() >= MEASURED {
                return Ok(taken);
            }
            let voucher = Some(Box::new(voucher(number, total)));
            let asked = Instant::now();
            let tender = Arc::clone(&tender);
            let at = farthing_books::testing::samples::at(1);
            let drawn = books.draw(id(number), tender, voucher, Amount::new(1), Amount::new(1), at).await?;
            taken.push(asked.elapsed());
            assert!(matches!(drawn, Drawn::Held(_)), "every voucher of this run is higher than the last");
            books.submit_later(Command::Session(deliver(number, 1, 1)))?;
        }
    }
    Ok(taken)
}
