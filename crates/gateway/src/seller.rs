//! What every request and every background task of one gateway shares.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use farthing_books::Command;
use farthing_protocol::Timestamp;
use farthing_rail::PaymentId;
use farthing_store::{Books, StoreError};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use crate::clock::{Agreed, Clock};
use crate::funding::OrderRate;
use crate::lifecycle::{Askings, Closings, Visits};
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
    /// Payments of which this process does not know whether it had them posted.
    unheard: Mutex<HashSet<PaymentId>>,
    pub(crate) closings: Closings,
    /// When the books were asked to post payments.
    pub(crate) asked: Arc<Askings>,
    pub(crate) sessions: Sessions,
    /// Who used a subscription just now.
    pub(crate) visits: Visits,
    /// How many tasks of this process are between the claim and the ledger entry of a payment.
    claiming: Mutex<HashMap<PaymentId, usize>>,
    /// How many orders to fund a balance are made.
    pub(crate) order_rate: OrderRate,
    /// Held by whoever reads the rails' statements.
    pub(crate) reconciling: tokio::sync::Mutex<()>,
}

/// Says that a task of this process has a payment between claim and ledger, until it is dropped.
pub(crate) struct Claiming {
    seller: Arc<Seller>,
    payment: PaymentId,
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
            unheard: Mutex::default(),
            closings: Closings::default(),
            asked: Arc::default(),
            sessions: Sessions::default(),
            visits: Visits::default(),
            claiming: Mutex::default(),
            order_rate: OrderRate::default(),
            reconciling: tokio::sync::Mutex::default(),
        };
        (Arc::new(seller), Unfinished { own, all })
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

    /// Marks a payment as being claimed and settled here. Before the claim, so that whoever finds the
    /// payment `Claimed` and unmarked knows that nobody is at it any more.
    pub(crate) fn claiming(self: &Arc<Self>, payment: PaymentId) -> Claiming {
        *self.claiming.lock().unwrap_or_else(PoisonError::into_inner).entry(payment).or_default() += 1;
        Claiming { seller: Arc::clone(self), payment }
    }

    /// Whether a task of this process is claiming or settling a payment.
    pub(crate) fn is_claiming(&self, payment: PaymentId) -> bool {
        self.claiming.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&payment)
    }

    /// Whether a task of this process is finding out what became of a payment.
    pub(crate) fn is_resolving(&self, payment: PaymentId) -> bool {
        self.resolving.lock().unwrap_or_else(PoisonError::into_inner).contains(&payment)
    }

    /// Remembers whether it is unknown here if a payment was posted.
    pub(crate) fn mark_unheard(&self, payment: PaymentId, is_unheard: bool) {
        let mut unheard = self.unheard.lock().unwrap_or_else(PoisonError::into_inner);
        if is_unheard {
            unheard.insert(payment)
        } else {
            unheard.remove(&payment)
        };
    }

    /// Whether it is unknown here if a payment was posted: whoever presents it must wait, and not pay again.
    pub(crate) fn is_unheard(&self, payment: PaymentId) -> bool {
        self.unheard.lock().unwrap_or_else(PoisonError::into_inner).contains(&payment)
    }

    /// Takes the right to resolve a payment, unless somebody has it.
    pub(crate) fn resolve(&self, payment: PaymentId) -> Option<Resolving<'_>> {
        let fresh = self.resolving.lock().unwrap_or_else(PoisonError::into_inner).insert(payment);
        fresh.then_some(Resolving { seller: self, payment })
    }
}

impl Drop for Claiming {
    fn drop(&mut self) {
        let mut claiming = self.seller.claiming.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut tasks) = claiming.entry(self.payment) {
            *tasks.get_mut() -= 1;
            if *tasks.get() == 0 {
                tasks.remove();
            }
        }
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
