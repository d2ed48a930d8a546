use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use farthing_money::Amount;

use crate::PaymentId;

/// What a line of the file begins with that says what was sent back.
const REFUND: &str = "refund ";

/// What the simulated rail took, and from whom it was asked. Counted apart from the gateway's
/// books, so that a test can compare the two. Processes that keep it in one file are at one rail: each knows what the
/// others took.
#[derive(Debug, Default)]
pub struct Memory(Mutex<Recollection>);

#[derive(Debug, Default)]
struct Recollection {
    takings: Vec<Taking>,
    lookups: BTreeMap<PaymentId, u32>,
    refunded: Vec<Taking>,
    file: Option<File>,
    /// How much of the file is known here, in bytes.
    known: u64,
}

/// One time the rail took money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taking {
    /// For which payment.
    pub payment: PaymentId,
    /// How much.
    pub amount: Amount,
}

/// What a reader did not know yet.
pub(super) struct News {
    pub(super) taken: Vec<Taking>,
    /// Each payment once.
    pub(super) returned: Vec<Taking>,
    /// How many takings and returns there are now.
    pub(super) known: (usize, usize),
}

impl Memory {
    /// Remembers in this file too, and begins with what it holds.
    pub fn kept_in(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).read(true).open(path)?;
        let mut memory = Recollection { file: Some(file), ..Recollection::default() };
        memory.hear_of_others()?;
        Ok(Self(Mutex::new(memory)))
    }

    /// Everything taken, in order. A payment that stands here twice was charged twice.
    pub fn takings(&self) -> Vec<Taking> {
        self.recall().takings.clone()
    }

    /// What was sent back for a payment.
    pub fn refunded(&self, payment: PaymentId) -> Amount {
        let memory = self.recall();
        let refund = memory.refunded.iter().find(|refund| refund.payment == payment);
        refund.map_or(Amount::ZERO, |refund| refund.amount)
    }

    /// The last that was taken.
    pub(super) fn last(&self) -> Option<Taking> {
        self.recall().takings.last().cloned()
    }

    /// What is not among the first so many that were taken, and that were sent back.
    pub(super) fn after(&self, taken: usize, returned: usize) -> News {
        let memory = self.recall();
        let rest = |all: &[Taking], known: usize| all.get(known..).unwrap_or_default().to_vec();
        News {
            taken: rest(&memory.takings, taken),
            returned: rest(&memory.refunded, returned),
            known: (memory.takings.len(), memory.refunded.len()),
        }
    }

    pub(super) fn take(&self, taking: Taking) -> io::Result<()> {
        self.lock().keep("", taking)
    }

    pub(super) fn took(&self, payment: PaymentId) -> io::Result<bool> {
        let mut memory = self.lock();
        memory.hear_of_others()?;
        Ok(memory.takings.iter().any(|taking| taking.payment == payment))
    }

    pub(super) fn count_lookup(&self, payment: PaymentId) -> u32 {
        let mut memory = self.lock();
        let count = memory.lookups.entry(payment).or_default();
        *count = count.saturating_add(1);
        *count
    }

    pub(super) fn refund(&self, payment: PaymentId, amount: Amount) -> io::Result<()> {
        let mut memory = self.lock();
        memory.hear_of_others()?;
        match memory.refunded.iter().any(|refund| refund.payment == payment) {
            true => Ok(()),
            false => memory.keep(REFUND, Taking { payment, amount }),
        }
    }

    /// With what others did, where that can be read.
    fn recall(&self) -> MutexGuard<'_, Recollection> {
        let mut memory = self.lock();
        let _ = memory.hear_of_others();
        memory
    }

    fn lock(&self) -> MutexGuard<'_, Recollection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recollection {
    /// What is in a file is heard of from there, in the order in which it came to stand in it.
    fn keep(&mut self, what: &str, taking: Taking) -> io::Result<()> {
        let Some(file) = &mut self.file else {
            self.hear(what, taking);
            return Ok(());
        };
        // One write, so that whoever is killed in it leaves a line or nothing.
        file.write_all(format!("{what}{} {}\n", taking.payment, taking.amount).as_bytes())?;
        file.sync_data()?;
        self.hear_of_others()
    }

    /// Reads what stands in the file since it was read last.
    fn hear_of_others(&mut self) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut news = String::new();
        file.seek(SeekFrom::Start(self.known))?;
        file.read_to_string(&mut news)?;
        // Somebody may just be writing the last line.
        let whole = news.rfind('\n').map_or(0, |end| end + 1);
        self.known = self.known.saturating_add(u64::try_from(whole).unwrap_or(u64::MAX));
        for line in news.get(..whole).unwrap_or_default().lines() {
            let what = if line.starts_with(REFUND) { REFUND } else { "" };
            if let Some(taking) = line.strip_prefix(what).and_then(read) {
                self.hear(what, taking);
            }
        }
        Ok(())
    }

    fn hear(&mut self, what: &str, taking: Taking) {
        match what {
            REFUND => self.refunded.push(taking),
            _ => self.takings.push(taking),
        }
    }
}

fn read(line: &str) -> Option<Taking> {
    let (payment, amount) = line.split_once(' ')?;
    Some(Taking { payment: payment.parse().ok()?, amount: amount.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use farthing_protocol::ChallengeId;

    fn taking(name: &str) -> Taking {
        let challenge = ChallengeId::read(&format!("testChallenge-{name:0>29}")).unwrap();
        Taking { payment: PaymentId::of(&challenge), amount: Amount::new(7) }
    }

    #[test]
    fn who_keeps_it_in_one_file_knows_what_the_others_took() {
        let path = std::env::temp_dir().join(format!("farthing-memory-{}", std::process::id()));
        let (one, other) = (Memory::kept_in(&path).unwrap(), Memory::kept_in(&path).unwrap());
        one.take(taking("1")).unwrap();
        assert!(other.took(taking("1").payment).unwrap());
        other.take(taking("2")).unwrap();
        one.refund(taking("1").payment, Amount::new(7)).unwrap();
        other.refund(taking("1").payment, Amount::new(7)).unwrap();
        assert_eq!(one.takings(), [taking("1"), taking("2")]);
        for memory in [&one, &other] {
            let news = memory.after(1, 0);
            assert_eq!((news.taken, news.returned, news.known), (vec![taking("2")], vec![taking("1")], (2, 1)));
        }
        assert_eq!(one.last(), Some(taking("2")));
        std::fs::remove_file(path).unwrap();
    }
}
