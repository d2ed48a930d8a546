//! How many of a wallet's payments a second are reserved and confirmed, each durably and each in the log, beside
//! what the disk itself can do.
//!
//! `cargo bench -p farthing-store --bench payments`. A figure without the fsync floor printed beside it means nothing.

#![allow(clippy::disallowed_methods, reason = "its child processes are told what to do by their environment")]

mod machine;

use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use farthing_books::audit::Grounds;
use farthing_books::budget::{Reservation, ReserveOutcome};
use farthing_books::testing::samples::{at, reservation};
use farthing_books::{Command, Outcome};
use farthing_store::{Books, Sharing};
use machine::{Failure, fsync_floor, millis, processor_millis};

const MEASURED: Duration = Duration::from_secs(3);
/// Tells a process that it is one of several: its number, and how many of it wait at once.
const SHARE: &str = "FARTHING_BENCH_SHARE";
const BOOKS: &str = "FARTHING_BENCH_BOOKS";

fn main() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build()?;
    if let (Ok(share), Some(path)) = (std::env::var(SHARE), std::env::var_os(BOOKS)) {
        let (process, waiting) = share.split_once('/').ok_or("a share is 1/16")?;
        let taken = runtime.block_on(pay(Path::new(&path), process.parse()?, waiting.parse()?))?;
        taken.iter().for_each(|taken| println!("{}", taken.as_micros()));
        return Ok(());
    }
    let folder = std::env::args().nth(1).filter(|argument| !argument.starts_with('-'));
    let folder = tempfile::tempdir_in(folder.map_or_else(std::env::temp_dir, PathBuf::from))?;
    println!(
        "{:>9} {:>8} {:>10} {:>11} {:>15} {:>8} {:>8}",
        "processes", "waiting", "fsync/s", "payments/s", "CPU us/payment", "p50 ms", "p99 ms"
    );
    for (processes, waiting) in [(1, 1), (1, 16), (1, 64), (1, 256), (2, 64), (4, 32)] {
        let floor = fsync_floor(folder.path())?;
        let path = folder.path().join(format!("budgets-{processes}-{waiting}.db"));
        let cpu = processor_millis();
        let started = Instant::now();
        let mut taken = match processes {
            1 => runtime.block_on(pay(&path, 0, waiting))?,
            _ => several(&path, processes, waiting)?,
        };
        let elapsed = if processes == 1 { started.elapsed() } else { MEASURED };
        taken.sort_unstable();
        let figure = |share: usize| taken.get(taken.len() * share / 100).copied().unwrap_or_default();
        // Children are not in it.
        let cpu = processor_millis().saturating_sub(cpu) * 1_000 / (taken.len() as u64).max(1);
        let cpu = if processes == 1 { cpu.to_string() } else { "-".to_owned() };
        let rate = taken.len() as u128 * 1_000_000 / elapsed.as_micros().max(1);
        println!(
            "{processes:>9} {waiting:>8} {floor:>10} {rate:>11} {cpu:>15} {:>8} {:>8}",
            millis(figure(50)),
            millis(figure(99))
        );
    }
    Ok(())
}

/// The same by several processes over one file.
fn several(path: &Path, processes: u32, waiting: u32) -> Result<Vec<Duration>, Failure> {
    drop(Books::open(path, Sharing::Shared)?);
    let mut children = Vec::new();
    for process in 0..processes {
        let mut command = Process::new(std::env::current_exe()?);
        command.env(SHARE, format!("{process}/{waiting}")).env(BOOKS, path).stdout(Stdio::piped());
        children.push(command.spawn()?);
    }
    let mut taken = Vec::new();
    for child in children {
        let printed = String::from_utf8(child.wait_with_output()?.stdout)?;
        taken.extend(printed.lines().filter_map(|line| line.parse().ok()).map(Duration::from_micros));
    }
    Ok(taken)
}

/// Payments by so many tasks that each make one at a time: how long each took.
async fn pay(path: &Path, process: u32, waiting: u32) -> Result<Vec<Duration>, Failure> {
    let books = Books::open(path, Sharing::Shared)?;
    let next = Arc::new(AtomicU32::new(process << 28));
    let started = Instant::now();
    let tasks: Vec<_> = (0..waiting).map(|_| tokio::spawn(pay_on(books.clone(), Arc::clone(&next), started))).collect();
    let mut taken = Vec::new();
    for task in tasks {
        taken.append(&mut task.await??);
    }
    books.close().await?;
    Ok(taken)
}

type Taken = Result<Vec<Duration>, farthing_store::StoreError>;

async fn pay_on(books: Books, next: Arc<AtomicU32>, started: Instant) -> Taken {
    let mut taken = Vec::new();
    while started.elapsed() < MEASURED {
        let wanted = payment(next.fetch_add(1, Ordering::Relaxed));
        let id = wanted.id;
        let asked = Instant::now();
        let reserved = books.reserve(wanted).await?;
        assert_eq!(reserved, ReserveOutcome::Reserved, "every payment of this run is within its limits");
        let receipt = Some("0x6ecb5d9ac1a1ba9f6f6c1c2a".to_owned());
        let confirm = Command::Confirm { reservation: id, receipt, cost: None, at: at(2) };
        assert_eq!(books.submit(confirm).await?, Outcome::Done);
        taken.push(asked.elapsed());
    }
    Ok(taken)
}

/// A payment as a wallet with one policy makes it: three counters, and the grounds of its decision.
fn payment(number: u32) -> Reservation {
    let limits = [
        ("agent/total", u64::MAX),
        ("agent/day/2027-01-15", u64::MAX),
        ("agent/origin/https://api.example.com", u64::MAX),
    ];
    let decided = Grounds::of(&serde_json::json!({
        "known": { "payee_paid": true, "pinned": "0.000001 USD" },
        "levels": [{
            "hash": "7b0e4d6c5a3f291807f6e5d4c3b2a1907b0e4d6c5a3f291807f6e5d4c3b2a190", "name": "agent", "version": 3
        }],
        "outcome": "allowed",
        "purchase": {
            "asset": "USDC.6@eip155:8453/0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
            "authority": { "kind": "charge" }, "chain": "eip155:8453", "cost": "0.000001 USD", "http_method": "GET",
            "method": "evm/charge", "origin": "https://api.example.com", "path": "/v1/weather",
            "payee": "0x52908400098527886E0F7030069857D2E4169EE7", "tags": { "project": "atlas" }
        }
    }));
    Reservation { decided, ..reservation(number, 1, &limits) }
}
