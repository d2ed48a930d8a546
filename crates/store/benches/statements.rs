//! How long a year of bank statements takes: a million entries, checked, matched with as many orders' references and
//! put into the books, and how much memory that needs at most.
//!
//! `cargo bench -p farthing-store --bench statements -- [ENTRIES] [ENTRIES OF A PAGE] [FOLDER]`. The file is generated; it is read twice, as
//! an import does.

mod machine;

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use farthing_books::bank::Taken;
use farthing_books::testing::samples::{at, payer, usd};
use farthing_books::{BankPage, NewTopUp, TopUpId};
use farthing_money::Amount;
use farthing_rail::{AccountEntry, FundingAccount, StatementFile};
use farthing_rail_bank::generated::{GeneratedEntry, GeneratedStatement};
use farthing_rail_bank::{BankRail, CreditorReference};
use farthing_store::{Books, PageTaken, Sharing};
use machine::{Failure, fsync_floor, processor_millis};

const ENTRIES: u64 = 1_000_000;
/// Payers, each of whom tops up again and again.
const PAYERS: u64 = 10_000;
/// As many as an import takes at a time.
const PAGE: usize = 4_000;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with('-'));
    let entries = arguments.next().map_or(Ok(ENTRIES), |entries| entries.parse())?;
    let page = arguments.next().map_or(Ok(PAGE), |page| page.parse())?;
    let folder = tempfile::tempdir_in(arguments.next().map_or_else(std::env::temp_dir, PathBuf::from))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build()?;
    runtime.block_on(measure(folder.path(), entries, page))
}

async fn measure(folder: &Path, entries: u64, page: usize) -> Result<(), Failure> {
    let table: toml::Table = "holder = \"Example Inc\"\naccount = \"1\"\nasset = \"USD\"".parse()?;
    let rail = BankRail::from_table("bank", &table, folder)?;
    let path = folder.join("statement.xml");
    write(&rail, &path, entries)?;
    let megabytes = std::fs::metadata(&path)?.len() >> 20;
    let books = Books::open(&folder.join("books.db"), Sharing::Exclusive)?;
    for number in 0..PAYERS {
        order(&books, number).await?;
    }
    println!("{entries} entries in {megabytes} MB, {PAYERS} references; fsync/s {}", fsync_floor(folder)?);
    let (started, cpu) = (Instant::now(), processor_millis());
    let file = read(&rail, &path, &mut |_| ControlFlow::Continue(()))?;
    println!("checked in {:.1?}, {} ms of processor time", started.elapsed(), processor_millis() - cpu);
    let taken = import(&books, &rail, &path, (&file, page)).await?;
    let (elapsed, cpu) = (started.elapsed(), processor_millis() - cpu);
    books.close().await?;
    println!(
        "imported in {elapsed:.1?}, {} of processor time; {} credited, {} in suspense; at most {} MB in use",
        format_args!("{}.{} s", cpu / 1_000, cpu % 1_000 / 100),
        taken.credited,
        taken.suspended,
        peak_megabytes()
    );
    let found = Books::open(&folder.join("books.db"), Sharing::ReadOnly)?.verify().await?;
    println!("verified: {} transfers, {} findings", found.transfers, found.findings.len());
    Ok(())
}

fn read(
    rail: &BankRail,
    path: &Path,
    take: &mut dyn FnMut(AccountEntry) -> ControlFlow<()>,
) -> Result<StatementFile, Failure> {
    Ok(rail.read_statement(&mut BufReader::new(File::open(path)?), take)?)
}

/// Nineteen of twenty entries carry a reference, in the three places where banks put it.
fn write(rail: &BankRail, path: &Path, entries: u64) -> Result<(), Failure> {
    let amount = |number: u64| u128::from(number % 10_000 + 1);
    let made = (0..entries).map(|number| {
        let reference = CreditorReference::from_random(number % PAYERS).to_string();
        let mut entry = GeneratedEntry {
            bank_reference: format!("2026{number:012}"),
            amount: Amount::new(amount(number)),
            credit: true,
            text: Some(format!("transfer {number}")),
            ..GeneratedEntry::default()
        };
        match number % 20 {
            0 => {}
            1..=4 => entry.text = Some(format!("Top-up {reference} thanks")),
            5..=8 => entry.end_to_end = Some(reference),
            _ => entry.reference = Some(reference),
        }
        entry
    });
    let added = (0..entries).map(amount).sum::<u128>();
    let statement = GeneratedStatement {
        account: rail.account(),
        id: "year",
        number: 1,
        day: at(0),
        opening: 0,
        added: i128::try_from(added)?,
    };
    statement.write(&mut BufWriter::new(File::create(path)?), made)?;
    Ok(())
}

async fn order(books: &Books, number: u64) -> Result<(), Failure> {
    let payer = payer(u32::try_from(number)?);
    let new = NewTopUp {
        id: TopUpId::of(&payer, "year"),
        payer,
        rail: "bank".to_owned(),
        reference: CreditorReference::from_random(number).to_string(),
        asset: usd(),
        expected: None,
        at: at(0),
    };
    books.order_topup(new).await?;
    Ok(())
}

async fn import(
    books: &Books,
    rail: &BankRail,
    path: &Path,
    (file, page): (&StatementFile, usize),
) -> Result<Taken, Failure> {
    let (sender, mut pages) = tokio::sync::mpsc::channel(2);
    let (reader, owned) = (rail.clone(), path.to_owned());
    let reading = std::thread::spawn(move || -> Result<(), String> {
        let mut entries = Vec::with_capacity(page);
        let mut take = |entry| {
            if entries.len() == page {
                let full = std::mem::replace(&mut entries, Vec::with_capacity(page));
                if sender.blocking_send((full, false)).is_err() {
                    return ControlFlow::Break(());
                }
            }
            entries.push(entry);
            ControlFlow::Continue(())
        };
        read(&reader, &owned, &mut take).map_err(|error| error.to_string())?;
        sender.blocking_send((entries, true)).map_err(|error| error.to_string())
    });
    let (mut taken, mut number) = (Taken::default(), 0);
    while let Some((entries, last)) = pages.recv().await {
        let page = BankPage {
            rail: "bank".to_owned(),
            asset: rail.asset().clone(),
            currency: rail.currency(),
            file: file.hash,
            number,
            entries,
            statements: last.then(|| file.statements.clone()),
            at: at(1),
        };
        match books.take_page(page).await? {
            PageTaken::Taken(more) => taken = taken.and(more),
            other => return Err(format!("a page was not taken: {other:?}").into()),
        }
        number += 1;
    }
    reading.join().map_err(|_| "the reader died")??;
    Ok(taken)
}

/// The most memory that this process ever had in use.
fn peak_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kibibytes| kibibytes.parse::<u64>().ok()).unwrap_or_default() >> 10
}
