use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use farthing_money::Amount;

use crate::PaymentId;

/// What a line of the file begins with that says what was sent back.
const REFUND: &str = "refund ";

/// What the simulated rail took, and from whom it was asked. Counted apart from the gateway's
/// books, so that a test can compare the two.
#[derive(Debug, Default)]
pub struct Memory(Mutex<Recollection>);

#[derive(Debug, Default)]
struct Recollection {
    takings: Vec<Taking>,
    lookups: BTreeMap<PaymentId, u32>,
    refunded: Vec<Taking>,
    file: Option<File>,
}

/// One time the rail took money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taking {
    /// For which payment.
    pub payment: PaymentId,
    /// How much.
    pub amount: Amount,
}

impl Memory {
    /// Remembers in this file too, and begins with what it holds.
    pub fn kept_in(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).read(true).open(path)?;
        let lines = BufReader::new(&file).lines().map_while(Result::ok).collect::<Vec<_>>();
        let takings = lines.iter().filter_map(|line| read(line)).collect();
        let refunded = lines.iter().filter_map(|line| read(line.strip_prefix(REFUND)?)).collect();
        Ok(Self(Mutex::new(Recollection { takings, refunded, file: Some(file), ..Recollection::default() })))
    }

    /// Everything taken, in order. A payment that stands here twice was charged twice.
    pub fn takings(&self) -> Vec<Taking> {
        self.lock().takings.clone()
    }

    /// What was sent back for a payment.
    pub fn refunded(&self, payment: PaymentId) -> Amount {
        let memory = self.lock();
        let refund = memory.refunded.iter().find(|refund| refund.payment == payment);
        refund.map_or(Amount::ZERO, |refund| refund.amount)
    }

    /// Everything sent back, in order, each payment once.
    pub(super) fn refunds(&self) -> Vec<Taking> {
        self.lock().refunded.clone()
    }

    pub(super) fn take(&self, taking: Taking) -> io::Result<()> {
        let mut memory = self.lock();
        memory.write("", &taking)?;
        memory.takings.push(taking);
        Ok(())
    }

    pub(super) fn took(&self, payment: PaymentId) -> bool {
        self.lock().takings.iter().any(|taking| taking.payment == payment)
    }

    pub(super) fn count_lookup(&self, payment: PaymentId) -> u32 {
        let mut memory = self.lock();
        let count = memory.lookups.entry(payment).or_default();
        *count = count.saturating_add(1);
        *count
    }

    pub(super) fn refund(&self, payment: PaymentId, amount: Amount) -> io::Result<()> {
        let mut memory = self.lock();
        if !memory.refunded.iter().any(|refund| refund.payment == payment) {
            let refund = Taking { payment, amount };
            memory.write(REFUND, &refund)?;
            memory.refunded.push(refund);
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Recollection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recollection {
    fn write(&mut self, what: &str, taking: &Taking) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        // One write, so that whoever is killed in it leaves a line or nothing.
        file.write_all(format!("{what}{} {}\n", taking.payment, taking.amount).as_bytes())?;
        file.sync_data()
    }
}

fn read(line: &str) -> Option<Taking> {
    let (payment, amount) = line.split_once(' ')?;
    Some(Taking { payment: payment.parse().ok()?, amount: amount.parse().ok()? })
}
