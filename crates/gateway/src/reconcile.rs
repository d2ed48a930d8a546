//! Matching the rails' own statements with the payments, in the background and on demand.
//!
//! Each rail is read from where the books stand. What a page shows and the new cursor are one commit,
//! and each movement counts once, so that a crash or a second reader repeats nothing.

use std::sync::Arc;
use std::time::Duration;

use farthing_books::movement::SHOWN_WITHIN;
use farthing_books::{Command, EntryRecord, MovementRecord, Outcome, PaymentRecord, Reconciled, StatementPage};
use farthing_rail::Settler;
use farthing_store::StoreError;
use tokio::sync::watch;

use crate::funding::BankStanding;
use crate::seller::Seller;

/// How long a rail may take for one page.
const PATIENCE: Duration = Duration::from_secs(30);
/// So many pages are read of one rail before the next one has its turn.
const PAGES: usize = 64;
/// At most so many differences are named.
const NAMED: u32 = 1_000;

/// What reading every rail's statement came to.
pub(crate) struct Report {
    /// Each rail.
    pub(crate) rails: Vec<RailReport>,
    /// Money that arrived and that no payment explains.
    pub(crate) suspense: Vec<MovementRecord>,
    /// Accounts elsewhere, against their last statements.
    pub(crate) banks: Vec<BankStanding>,
    /// Entries of them that no reference explains.
    pub(crate) unexplained: Vec<EntryRecord>,
    /// Payments, final for a while, of which no statement has shown anything.
    pub(crate) not_seen: Vec<PaymentRecord>,
}

/// What reading one rail's statement came to.
pub(crate) struct RailReport {
    /// The name of the statement.
    pub(crate) source: String,
    /// What was new in it.
    pub(crate) sums: Reconciled,
    /// Why it was not read to its end.
    pub(crate) failed: Option<String>,
}

impl Report {
    /// Whether the rails and the books agree.
    pub(crate) fn is_clean(&self) -> bool {
        let banks = self.unexplained.is_empty() && self.banks.iter().all(BankStanding::agrees);
        banks
            && self.suspense.is_empty()
            && self.not_seen.is_empty()
            && self.rails.iter().all(|rail| rail.failed.is_none())
    }
}

/// Reconciles every so often until `stop` turns true.
pub(crate) async fn run(seller: Arc<Seller>, mut stop: watch::Receiver<bool>) {
    loop {
        let pause = seller.site.load().reconcile;
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(pause) => {}
        }
        if !seller.books.leads() {
            continue;
        }
        let round = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            round = reconcile(&seller) => round,
        };
        match round {
            Ok(report) => say(&report),
            Err(error) => {
                seller.books_failed(&error, "the rails' statements are not reconciled");
            }
        }
    }
}

/// Reads every rail's statement on from where the books stand, and names what differs.
pub(crate) async fn reconcile(seller: &Seller) -> Result<Report, StoreError> {
    let _turn = seller.reconciling.lock().await;
    let rails = seller.site.load().rails.clone();
    let mut reports = Vec::with_capacity(rails.len());
    for (name, settler) in rails {
        reports.push(read(seller, &name, settler.as_ref()).await?);
    }
    let before = seller.now().before(SHOWN_WITHIN);
    let report = Report {
        rails: reports,
        suspense: seller.books.suspense(NAMED).await?,
        banks: BankStanding::read(&seller.books).await?,
        unexplained: seller.books.bank_suspense(NAMED).await?,
        not_seen: seller.books.not_seen(before, NAMED).await?,
    };
    let count = |length: usize| u32::try_from(length).map_or(f64::MAX, f64::from);
    seller.metrics.suspended.set(count(report.suspense.len() + report.unexplained.len()));
    seller.metrics.not_seen.set(count(report.not_seen.len()));
    Ok(report)
}

async fn read(seller: &Seller, name: &str, settler: &dyn Settler) -> Result<RailReport, StoreError> {
    let terms = settler.terms();
    let source = format!("{name} {}/{} {}", terms.method, terms.intent, terms.asset);
    let mut report = RailReport { source: source.clone(), sums: Reconciled::default(), failed: None };
    for _ in 0..PAGES {
        let after = seller.books.cursor(&source).await?;
        let page = match tokio::time::timeout(PATIENCE, settler.statement(&after)).await {
            Ok(Ok(page)) => page,
            Ok(Err(error)) => {
                report.failed = Some(error.to_string());
                break;
            }
            Err(_) => {
                report.failed = Some(format!("the rail gave no statement within {PATIENCE:?}"));
                break;
            }
        };
        let more = page.more && page.next != after;
        let page = StatementPage {
            rail: terms.method.as_str().to_owned(),
            source: source.clone(),
            after,
            next: page.next,
            movements: page.movements,
        };
        match seller.books.submit(Command::Reconcile { page: Box::new(page), at: seller.now() }).await? {
            Outcome::Reconciled(sums) => report.add(sums),
            outcome => {
                tracing::error!(?outcome, source, "a page of a statement was not taken");
                report.failed = Some("the books did not take a page of the statement; ask again".to_owned());
                break;
            }
        }
        if !more {
            break;
        }
    }
    Ok(report)
}

impl RailReport {
    fn add(&mut self, sums: Reconciled) {
        self.sums.matched += sums.matched;
        self.sums.suspended += sums.suspended;
        self.sums.withdrawn += sums.withdrawn;
        self.sums.repeated += sums.repeated;
    }
}

fn say(report: &Report) {
    for rail in &report.rails {
        let Reconciled { matched, suspended, .. } = rail.sums;
        match &rail.failed {
            Some(reason) => tracing::warn!(source = rail.source, reason, "a rail's statement could not be read"),
            None if suspended > 0 => {
                tracing::warn!(source = rail.source, suspended, "money arrived that no payment explains");
            }
            None if matched > 0 => tracing::info!(source = rail.source, matched, "a rail's statement was reconciled"),
            None => {}
        }
    }
    for bank in report.banks.iter().filter(|bank| !bank.agrees()) {
        tracing::warn!(standing = %bank.to_json(), "the books and a bank's last statement differ");
    }
    if !report.not_seen.is_empty() {
        let payments = report.not_seen.len();
        tracing::warn!(payments, "settled payments do not show in their rails' statements");
    }
}
