//! What every request and every background task of one gateway shares.

use std::collections::HashSet;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use farthing_books::Command;
use farthing_protocol::Timestamp;
use farthing_rail::PaymentId;
use farthing_store::Books;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::site::Site;

/// One gateway's shared state.
pub(crate) struct Seller {
    pub(crate) site: ArcSwap<Site>,
    pub(crate) books: Books,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Metrics,
    /// Cloned into every task that must finish before the books close.
    tasks: mpsc::WeakSender<()>,
    resolving: Mutex<HashSet<PaymentId>>,
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
            books,
            clock,
            metrics,
            tasks: own.downgrade(),
            resolving: Mutex::default(),
        };
        (Arc::new(seller), Unfinished { own, all })
    }

    /// Now.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
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
