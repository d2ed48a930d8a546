//! What every request and every background task of one gateway shares.

use std::collections::HashSet;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use farthing_books::Command;
use farthing_protocol::Timestamp;
use farthing_rail::PaymentId;
use farthing_store::{Books, StoreError};
use tokio::sync::{Notify, RwLock, mpsc};
use tokio::task::JoinHandle;

use crate::clock::{Agreed, Clock};
use crate::funding::OrderRate;
use crate::lifecycle::{Askings, Closings, Visits};
use crate::marks::Marks;
use crate::metrics::Metrics;
use crate::sessions::Sessions;
use crate::site::Site;

/// One gateway's shared state.
pub(crate) struct Seller {
    pub(crate) site: ArcSwap<Site>,
    /// Woken when the site was replaced.
    pub(crate) replaced: Notify,
    pub(crate) books: Books,
    clock: Agreed,
    pub(crate) metrics: Metrics,
    /// Cloned into every task that must finish before the books close.
    tasks: mpsc::WeakSender<()>,
    resolving: Mutex<HashSet<PaymentId>>,
    /// Payments of which this process does not know whether it had them posted: whoever presents one must wait, and not
    /// pay again.
    pub(crate) unheard: Marks,
    pub(crate) closings: Closings,
    /// When the books were asked to post payments.
    pub(crate) asked: Arc<Askings>,
    pub(crate) sessions: Sessions,
    /// Who used a subscription just now.
    pub(crate) visits: Visits,
    /// Payments that tasks of this process are claiming and settling. Set before the claim, so that whoever finds a
    /// payment `Claimed` and unmarked knows that nobody is at it any more.
    pub(crate) claiming: Marks,
    /// How many orders to fund a balance are made.
    pub(crate) order_rate: OrderRate,
    /// Held by whoever reads the rails' statements.
    pub(crate) reconciling: tokio::sync::Mutex<()>,
    /// Shared by what only the gateway that leads may do, apart from the background tasks: while one holds it, nobody
    /// else leads.
    pub(crate) leading: RwLock<()>,
}

/// The right to find out what became of one payment; others wait until it is dropped.
pub(crate) struct Resolving<'a> {
    seller: &'a Seller,
    payment: PaymentId,
}

/// Resolves once every task of the seller has finished.
pub(crate) struct Unfinished {
    own: mpsc::Sender<()>,
    all: mpsc::Receiver<()>,
}

impl Seller {
    pub(crate) fn new(site: Site, books: Books, clock: Arc<dyn Clock>, metrics: Metrics) -> (Arc<Self>, Unfinished) {
        let (own, all) = mpsc::channel(1);
        let seller = Self {
            site: ArcSwap::from_pointee(site),
            replaced: Notify::new(),
            clock: Agreed::new(clock, books.clone()),
            books,
            metrics,
            tasks: own.downgrade(),
            resolving: Mutex::default(),
            unheard: Marks::default(),
            closings: Closings::default(),
            asked: Arc::default(),
            sessions: Sessions::default(),
            visits: Visits::default(),
            claiming: Marks::default(),
            order_rate: OrderRate::default(),
            reconciling: tokio::sync::Mutex::default(),
            leading: RwLock::default(),
        };
        (Arc::new(seller), Unfinished { own, all })
    }

    /// Has another gateway lead from now on, once nothing is in hand here that only one may do.
    pub(crate) async fn stand_back(&self) {
        let _nothing_in_hand = self.leading.write().await;
        self.books.stand_back();
    }

    /// Now.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Counts that the books did not answer. They tell once by themselves that they are away, and not for each request.
    pub(crate) fn books_failed(&self, error: &StoreError, so: &'static str) {
        self.metrics.store_errors.increment(1);
        match error {
            StoreError::Unavailable(_) | StoreError::Interrupted(_) => tracing::debug!(%error, "{so}"),
            error => tracing::error!(%error, "{so}"),
        }
    }

    /// Shows how far this machine's clock is from that of the books, and says so once when it is far.
    pub(crate) fn compare_clocks(&self) {
        if let Some(ahead) = self.clock.ahead() {
            self.metrics.clock_ahead.set(ahead.as_seconds());
        }
    }

    /// Runs a step that must finish even when the client that caused it leaves.
    pub(crate) fn spawn<T: Send + 'static>(&self, step: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        let task = self.tasks.upgrade();
        tokio::spawn(async move {
            let finished = step.await;
            drop(task);
            finished
        })
    }

    /// Hands a command to the books without waiting. What is lost here is found again by the
    /// recovery at the next start.
    pub(crate) fn later(&self, command: Command) {
        if let Err(error) = self.books.submit_later(command) {
            self.metrics.store_errors.increment(1);
            tracing::error!(%error, "the books did not take a step; the next start recovers the payment");
        }
    }

    /// Whether a task of this process is finding out what became of a payment.
    pub(crate) fn is_resolving(&self, payment: PaymentId) -> bool {
        self.resolving.lock().unwrap_or_else(PoisonError::into_inner).contains(&payment)
    }

    /// Takes the right to resolve a payment, unless somebody has it.
    pub(crate) fn resolve(&self, payment: PaymentId) -> Option<Resolving<'_>> {
        let fresh = self.resolving.lock().unwrap_or_else(PoisonError::into_inner).insert(payment);
        fresh.then_some(Resolving { seller: self, payment })
    }
}

impl Drop for Resolving<'_> {
    fn drop(&mut self) {
        self.seller.resolving.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.payment);
    }
}

impl Unfinished {
    /// Waits for every task.
    pub(crate) async fn finish(self) {
        let Self { own, mut all } = self;
        drop(own);
        while all.recv().await.is_some() {}
    }
}
