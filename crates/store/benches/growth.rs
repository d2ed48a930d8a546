//! What a payment costs as the books grow: with the rows they hold, and with the payers they know.
//!
//! `cargo bench -p farthing-store --bench growth -- --rows 10000000 --payers 1000000`. A payment here is a claim of a
//! prepaid balance, waited for, and its delivery and end, as a gateway writes them down. The books are filled through
//! the same door. A figure without the fsync floor beside it means nothing.

mod machine;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use farthing_books::testing::samples::{at, payer, prepaid, usd};
use farthing_books::{ClaimOutcome, Command, NewPayment, TransferId};
use farthing_money::Amount;
use farthing_rail::ProofKey;
use farthing_store::{Books, Sharing};
use machine::{Failure, fsync_floor, millis, processor_millis};

const WAITING: u32 = 64;
const MEASURED: Duration = Duration::from_secs(3);
/// How many payments wait at once while the books are filled.
const FILLING: u32 = 1_024;
const FEWEST_ROWS: u32 = 1_000;

fn main() -> Result<(), Failure> {
    let most_rows = argument("--rows")?.unwrap_or(100_000);
    let most_payers = argument("--payers")?.unwrap_or(10_000);
    let folder = tempfile::tempdir_in(std::env::temp_dir())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build()?;
    println!("{}", heading("payments"));
    runtime.block_on(by_rows(folder.path(), most_rows))?;
    println!("\n{}", heading("payers"));
    let mut payers = 1;
    while payers <= most_payers {
        runtime.block_on(by_payers(folder.path(), payers))?;
        payers *= 100;
    }
    Ok(())
}

fn argument(name: &str) -> Result<Option<u32>, Failure> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    Ok(arguments.nth(1).map(|value| value.parse()).transpose()?)
}

fn heading(of: &str) -> String {
    format!(
        "{of:>10} {:>10} {:>10} {:>10} {:>15} {:>8} {:>8}",
        "file MB", "fsync/s", "payments/s", "CPU us/payment", "p50 ms", "p99 ms"
    )
}

/// The same books, ten times as full each time.
async fn by_rows(folder: &Path, most: u32) -> Result<(), Failure> {
    let path = folder.join("rows.db");
    let books = open(&path, 64).await?;
    let next = Arc::new(AtomicU32::new(0));
    let mut rows = FEWEST_ROWS;
    while rows <= most {
        let filling = Span { next: Arc::clone(&next), payers: 64, until: Until::Number(rows) };
        pay(&books, FILLING, &filling).await?;
        measure(&books, &path, &next, 64, rows).await?;
        rows *= 10;
    }
    Ok(books.close().await?)
}

/// Fresh books with so many payers, of whom each pays about as often as the others.
async fn by_payers(folder: &Path, payers: u32) -> Result<(), Failure> {
    let path = folder.join(format!("payers-{payers}.db"));
    let books = open(&path, payers).await?;
    measure(&books, &path, &Arc::new(AtomicU32::new(0)), payers, payers).await?;
    Ok(books.close().await?)
}

async fn open(path: &Path, payers: u32) -> Result<Books, Failure> {
    let books = Books::open(path, Sharing::Exclusive)?;
    let mut granted = tokio::task::JoinSet::new();
    for number in 0..payers {
        let books = books.clone();
        granted.spawn(async move { books.submit(funds(number)).await });
        if granted.len() > FILLING as usize {
            granted.join_next().await.transpose()?.transpose()?;
        }
    }
    while let Some(outcome) = granted.join_next().await {
        outcome??;
    }
    Ok(books)
}

/// Money for a payer, more than it can spend here.
fn funds(number: u32) -> Command {
    let mut id = [0x47; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    let amount = Amount::new(u128::from(u64::MAX));
    Command::Grant { id: TransferId(id), payer: payer(number), asset: usd(), amount, at: at(0) }
}

async fn measure(books: &Books, path: &Path, next: &Arc<AtomicU32>, payers: u32, shown: u32) -> Result<(), Failure> {
    let floor = fsync_floor(path.parent().ok_or("a folder")?)?;
    let (cpu, started) = (processor_millis(), Instant::now());
    let span = Span { next: Arc::clone(next), payers, until: Until::Instant(started + MEASURED) };
    let mut taken = pay(books, WAITING, &span).await?;
    let elapsed = started.elapsed();
    taken.sort_unstable();
    let share = |share: usize| taken.get(taken.len() * share / 100).copied().unwrap_or_default();
    let cpu = processor_millis().saturating_sub(cpu) * 1_000 / (taken.len() as u64).max(1);
    let rate = taken.len() as u128 * 1_000_000 / elapsed.as_micros().max(1);
    let size = std::fs::metadata(path)?.len() / 1_000_000;
    let (middle, worst) = (millis(share(50)), millis(share(99)));
    println!("{shown:>10} {size:>10} {floor:>10} {rate:>10} {cpu:>15} {middle:>8} {worst:>8}");
    Ok(())
}

/// Which payments are made: from a counter that all share, until something.
#[derive(Clone)]
struct Span {
    next: Arc<AtomicU32>,
    payers: u32,
    until: Until,
}

#[derive(Clone, Copy)]
enum Until {
    Number(u32),
    Instant(Instant),
}

/// Payments by so many tasks that each make one at a time: how long each took.
async fn pay(books: &Books, waiting: u32, span: &Span) -> Result<Vec<Duration>, Failure> {
    let tasks: Vec<_> = (0..waiting).map(|_| tokio::spawn(pay_on(books.clone(), span.clone()))).collect();
    let mut taken = Vec::new();
    for task in tasks {
        taken.append(&mut task.await??);
    }
    Ok(taken)
}

async fn pay_on(books: Books, span: Span) -> Result<Vec<Duration>, farthing_store::StoreError> {
    let mut taken = Vec::new();
    loop {
        let number = span.next.fetch_add(1, Ordering::Relaxed);
        let is_over = match span.until {
            Until::Number(last) => number >= last,
            Until::Instant(end) => Instant::now() >= end,
        };
        if is_over {
            return Ok(taken);
        }
        let wanted = payment(number, span.payers);
        let (payment, asked) = (wanted.id, Instant::now());
        let outcome = books.claim(wanted).await?;
        taken.push(asked.elapsed());
        assert!(matches!(outcome, ClaimOutcome::Won(_)), "every payment of this run is new and paid for");
        books.submit_later(Command::Deliver { payment, status: 200, at: at(1) })?;
        books.submit_later(Command::Close { payment, response: None, at: at(1) })?;
    }
}

/// A payment as a gateway sees one: its id and its proof look random.
fn payment(number: u32, payers: u32) -> NewPayment {
    let mut paid = prepaid(number, spread(number) % payers, 1);
    paid.proof.key = ProofKey::new(format!("balance/{}", paid.id));
    paid.at = at(i64::from(number));
    paid
}

/// Neighbours far apart.
const fn spread(number: u32) -> u32 {
    number.wrapping_mul(2_654_435_761)
}
