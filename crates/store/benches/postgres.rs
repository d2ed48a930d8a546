//! Payments a second on PostgreSQL with one hot merchant, by one node and by several on the same books.
//!
//! `cargo bench -p farthing-store --bench postgres -- --seconds 3`. A payment here is a claim of a prepaid balance,
//! waited for, and its delivery and end, as a gateway writes them down. The server is started for it, on the same
//! machine, durable. A figure without the fsync floor beside it means nothing; processor time, and bytes of the server's
//! log and tables, hardly depend on it.

mod machine;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use farthing_books::testing::samples::{at, payer, prepaid, usd};
use farthing_books::{ClaimOutcome, Command, NewPayment, TransferId};
use farthing_money::Amount;
use farthing_rail::PaymentId;
use farthing_store::{Books, Location, Sharing};
use farthing_testing_postgres::Cluster;
use machine::{Failure, fsync_floor, millis, processor_millis, processor_millis_in};

const DURABLE: &str = "fsync = on\nfull_page_writes = on\nshared_buffers = 256MB\nmax_wal_size = 4GB\n";
const PAYERS: u32 = 64;

fn main() -> Result<(), Failure> {
    let seconds = std::env::args().skip_while(|argument| argument != "--seconds").nth(1);
    let span = Duration::from_secs(seconds.map_or(Ok(3), |seconds| seconds.parse())?);
    let cluster = Cluster::start_with(DURABLE)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build()?;
    println!(
        "{:>5} {:>8} {:>10} {:>12} {:>16} {:>10} {:>9} {:>11} {:>8} {:>8}",
        "nodes",
        "waiting",
        "fsync/s",
        "payments/s",
        "CPU us/payment",
        "server us",
        "log bytes",
        "table bytes",
        "p50 ms",
        "p99 ms"
    );
    for (nodes, waiting) in [(1, 1), (1, 16), (1, 64), (1, 256), (2, 64), (4, 64)] {
        runtime.block_on(measure(&cluster, nodes, waiting, span))?;
    }
    Ok(())
}

async fn measure(cluster: &Cluster, nodes: u32, waiting: u32, span: Duration) -> Result<(), Failure> {
    let place: Location = cluster.address().parse()?;
    let books: Vec<Books> = (0..nodes).map(|_| Books::open(&place, Sharing::Exclusive)).collect::<Result<_, _>>()?;
    for number in 0..PAYERS {
        let mut id = [0x47; 16];
        id[..4].copy_from_slice(&number.to_be_bytes());
        let amount = Amount::new(u128::from(u64::MAX));
        let funds = Command::Grant { id: TransferId(id), payer: payer(number), asset: usd(), amount, at: at(0) };
        books.first().ok_or("a node")?.submit(funds).await?;
    }
    let floor = fsync_floor(&std::env::temp_dir())?;
    let next = Arc::new(AtomicU32::new(0));
    let server = Used::by(cluster)?;
    let (cpu, started) = (processor_millis(), Instant::now());
    let tasks: Vec<_> = (0..waiting)
        .zip(books.iter().cycle())
        .map(|(_, books)| tokio::spawn(pay_on(books.clone(), Arc::clone(&next), started + span)))
        .collect();
    let mut taken = Vec::new();
    for task in tasks {
        taken.append(&mut task.await??);
    }
    let elapsed = started.elapsed();
    taken.sort_unstable();
    let share = |share: usize| taken.get(taken.len() * share / 100).copied().unwrap_or_default();
    let cpu = processor_millis().saturating_sub(cpu) * 1_000 / (taken.len() as u64).max(1);
    let server = Used::by(cluster)?.since(&server, taken.len() as u64);
    let rate = taken.len() as u128 * 1_000_000 / elapsed.as_micros().max(1);
    let (middle, worst) = (millis(share(50)), millis(share(99)));
    let Used { micros, log, tables } = server;
    println!(
        "{nodes:>5} {waiting:>8} {floor:>10} {rate:>12} {cpu:>16} {micros:>10} {log:>9} {tables:>11} {middle:>8} {worst:>8}"
    );
    for node in books {
        node.close().await?;
    }
    Ok(())
}

/// What the server has used so far: processor time, bytes of its log and of its tables with their indexes.
struct Used {
    micros: u64,
    log: u64,
    tables: u64,
}

impl Used {
    fn by(cluster: &Cluster) -> Result<Self, Failure> {
        let data = cluster.run("SHOW data_directory")?;
        let number = |sql: &str| Ok::<u64, Failure>(cluster.run(sql)?.trim().parse()?);
        Ok(Self {
            micros: processor_millis_in(Path::new(data.trim())) * 1_000,
            log: number("SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint")?,
            tables: number("SELECT pg_database_size(current_database())")?,
        })
    }

    fn since(&self, before: &Self, payments: u64) -> Self {
        let each = |now: u64, before: u64| now.saturating_sub(before) / payments.max(1);
        let (micros, log) = (each(self.micros, before.micros), each(self.log, before.log));
        Self { micros, log, tables: each(self.tables, before.tables) }
    }
}

async fn pay_on(
    books: Books,
    next: Arc<AtomicU32>,
    until: Instant,
) -> Result<Vec<Duration>, farthing_store::StoreError> {
    let mut taken = Vec::new();
    while Instant::now() < until {
        let wanted = payment(next.fetch_add(1, Ordering::Relaxed));
        let (payment, asked) = (wanted.id, Instant::now());
        let outcome = books.claim(wanted).await?;
        taken.push(asked.elapsed());
        assert!(matches!(outcome, ClaimOutcome::Won(_)), "every payment of this run is new and paid for");
        books.submit_later(Command::Deliver { payment, status: 200, at: at(1) })?;
        books.submit_later(Command::Close { payment, response: None, at: at(1) })?;
    }
    Ok(taken)
}

/// A payment as a gateway sees one: its id begins with an instant and looks random otherwise.
fn payment(number: u32) -> NewPayment {
    let mut paid = prepaid(number, number.wrapping_mul(2_654_435_761) % PAYERS, 1);
    paid.at = at(i64::from(number / 8));
    let place = (u128::from(paid.at.unix_millis().unsigned_abs()) << 80).to_be_bytes();
    paid.id = PaymentId::from_bytes(PaymentId::from_bytes(place).beside(*paid.id.as_bytes()));
    paid
}
