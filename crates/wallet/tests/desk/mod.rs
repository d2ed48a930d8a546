//! A home directory with questions in it, and a clock that a test sets.

#![allow(dead_code, reason = "not every test uses all of it")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use farthing_books::testing::questions::{facts, question};
use farthing_books::testing::samples::at;
use farthing_wallet::approvals::Desk;
use farthing_wallet::{Ambient, ApprovalRecord, Wallets};

pub(crate) struct Home {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) wallets: Wallets,
    pub(crate) desk: Desk,
    pub(crate) ambient: Ambient,
    millis: Arc<AtomicI64>,
}

impl Home {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let millis = Arc::new(AtomicI64::new(0));
        let clock = Arc::clone(&millis);
        let ambient = Ambient::new(move || at(clock.load(Ordering::SeqCst)));
        let wallets = Wallets::at(&folder.path().join("home"), ambient.clone()).unwrap();
        let desk = wallets.desk(None).unwrap();
        Self { folder, wallets, desk, ambient, millis }
    }

    /// So many milliseconds into the test.
    pub(crate) fn now(&self, millis: i64) {
        self.millis.store(millis, Ordering::SeqCst);
    }

    /// The question of that number, asked at this moment.
    pub(crate) async fn ask(&self, number: u32) -> ApprovalRecord {
        let question = question(u64::from(number), facts(number, 100), self.millis.load(Ordering::SeqCst));
        self.wallets.budgets().unwrap().ask(question).await.unwrap()
    }
}
