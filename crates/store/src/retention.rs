//! Letting go of what the books need no more: a page at a time, through the writer, each page in one transaction.

use std::time::Duration;

use farthing_books::retention::{Unsound, latest_horizon, may_leave};
use farthing_books::{Command, Outcome, PaymentRecord, Pruned};
use farthing_protocol::{ChallengeId, Timestamp};
use farthing_rail::PaymentId;
use rusqlite::params;

use crate::chore::Chore;
use crate::tables::retention::{PRUNED, pruned};
use crate::tables::rows::{self, PAYMENT};
use crate::{Books, StoreError, unexpected};

/// So many payments are looked at and taken out at a time: others write in between.
const PAGE: u32 = 200;
const A_DAY: Duration = Duration::from_secs(24 * 3_600);
/// So long a payment may have stayed open and is still found the next time.
const LATE: Duration = Duration::from_secs(90 * 24 * 3_600);

/// Why nothing more was let go of. What left before is carried forward.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PruneError {
    /// The books did not answer, or may not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The books contradict themselves.
    #[error(transparent)]
    Unsound(#[from] Unsound),
}

impl From<PruneError> for StoreError {
    fn from(error: PruneError) -> Self {
        match error {
            PruneError::Store(error) => error,
            PruneError::Unsound(unsound) => Self::Damaged(unsound.to_string()),
        }
    }
}

/// Where it is looked for what may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// From the beginning.
    Everywhere,
    /// From a quarter of a year before the horizon that was: what was open for longer than that is not found.
    FromLastTime,
}

/// What was let go of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pruning {
    /// What was over before this instant: the one asked for, or an earlier one that is far enough from the newest claim.
    pub until: Timestamp,
    /// So many payments left, just now.
    pub payments: u64,
    /// With so many transfers, whose sums are carried forward.
    pub transfers: u64,
}

impl Books {
    /// Lets go of what was over before an instant and is needed no more: payments out of balances with their
    /// transfers, whose sums are carried forward, and the responses kept for any payment. What is open stays, and what
    /// a rail moved, and everything less than a week older than the newest claim. Nothing from before the horizon can be
    /// claimed from then on. It may be ended at any moment, and goes on where it was when it is begun anew. What left so
    /// far is said after every page.
    pub async fn prune(
        &self,
        before: Timestamp,
        look: Look,
        mut so_far: impl FnMut(&Pruning),
    ) -> Result<Pruning, PruneError> {
        let last_time = self.pruned().await?.until.filter(|_| look == Look::FromLastTime);
        let newest = self
            .readers
            .read(|books| books.one("SELECT coalesce(max(claimed_at), 0) FROM payments", &[], |row| row.get(0)));
        let newest = Timestamp::from_unix_millis(newest.await?.unwrap_or_default());
        let until = before.min(latest_horizon(newest));
        self.chore(Chore::Horizon(until)).await?;
        let mut pruning = Pruning { until, payments: 0, transfers: 0 };
        let mut place = (last_time.map_or(i64::MIN, |until| until.before(LATE).unix_millis()), 0);
        while let Some(page) = self.page(place, until).await? {
            place = page.place;
            if page.payments.is_empty() && page.answered.is_empty() {
                continue;
            }
            let taken = self.chore(Chore::TakeOut { payments: page.payments, answered: page.answered }).await?;
            pruning.payments += taken.payments;
            pruning.transfers += taken.transfers;
            so_far(&pruning);
        }
        Ok(pruning)
    }

    /// Uses a credential that pays nothing: `true` for the first time, over all processes that share the books.
    pub async fn visit(&self, challenge: &ChallengeId, until: Timestamp) -> Result<bool, StoreError> {
        match self.submit(Command::Visit { challenge: challenge.clone(), until }).await? {
            Outcome::Visited { first } => Ok(first),
            other => Err(unexpected(&other)),
        }
    }

    /// Forgets the visits whose challenges have been over for a day: longer than clocks of machines are apart.
    pub async fn forget_visits(&self, now: Timestamp) -> Result<(), StoreError> {
        self.chore(Chore::ForgetVisits(now.before(A_DAY))).await?;
        Ok(())
    }

    /// What left the books so far.
    pub async fn pruned(&self) -> Result<Pruned, StoreError> {
        Ok(self.readers.read(|books| books.one(PRUNED, &[], pruned)).await?.unwrap_or_default())
    }

    /// The next payments in the order in which they were claimed, up to an instant; nothing after the last.
    async fn page(&self, after: (i64, i64), until: Timestamp) -> Result<Option<Page>, StoreError> {
        let sql = format!(
            "SELECT {PAYMENT}, sequence, (SELECT count(*) FROM responses r WHERE r.payment = payments.id) FROM payments \
             WHERE claimed_at < ?3 AND (claimed_at, sequence) > (?1, ?2) ORDER BY claimed_at, sequence LIMIT ?4"
        );
        let found = self.readers.read(move |books| {
            books.many(&sql, params![after.0, after.1, until.unix_millis(), PAGE], |row| {
                Ok((rows::payment(row)?, row.get(rows::PAYMENT_COLUMNS)?, row.get(rows::PAYMENT_COLUMNS + 1)?))
            })
        });
        let found: Vec<(PaymentRecord, i64, i64)> = found.await?;
        let Some((last, sequence, _)) = found.last() else { return Ok(None) };
        let mut page = Page { place: (last.claimed_at.unix_millis(), *sequence), ..Page::default() };
        for (payment, _, responses) in found {
            let is_over = payment.state.is_final() && payment.updated_at < until;
            page.answered.extend((is_over && responses > 0).then_some(payment.id));
            page.payments.extend(may_leave(&payment, until).then_some(payment.id));
        }
        Ok(Some(page))
    }
}

/// Payments that were looked at.
#[derive(Debug, Default)]
struct Page {
    /// Where the next one begins.
    place: (i64, i64),
    /// Those that may leave.
    payments: Vec<PaymentId>,
    /// Those whose responses may.
    answered: Vec<PaymentId>,
}
