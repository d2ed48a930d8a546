//! Approvals through the handle of the books.

use farthing_books::approval::{Answer, Question};
use farthing_books::{ApprovalCommand, ApprovalId, ApprovalOutcome, ApprovalRecord, Command, Outcome};
use farthing_protocol::Timestamp;
use rusqlite::params;

use crate::tables::approval::{APPROVAL, LATEST, record};
use crate::{Books, StoreError, unexpected};

impl Books {
    /// Asks a person, or finds what was asked and answered about the same facts.
    pub async fn ask(&self, question: Question) -> Result<ApprovalRecord, StoreError> {
        match self.change_approval(ApprovalCommand::Ask(Box::new(question))).await? {
            ApprovalOutcome::Asked(record) | ApprovalOutcome::Stands(record) => Ok(*record),
            ApprovalOutcome::TooLate(_) | ApprovalOutcome::NotFound => {
                Err(StoreError::Unavailable("an approval of this name exists already".to_owned()))
            }
        }
    }

    /// Answers; see [`ApprovalCommand::Answer`].
    pub async fn answer(&self, id: ApprovalId, answer: Answer, at: Timestamp) -> Result<ApprovalOutcome, StoreError> {
        self.change_approval(ApprovalCommand::Answer { id, answer: Box::new(answer), at }).await
    }

    async fn change_approval(&self, command: ApprovalCommand) -> Result<ApprovalOutcome, StoreError> {
        match self.submit(Command::Approval(command)).await? {
            Outcome::Approval(outcome) => Ok(outcome),
            other => Err(unexpected(&other)),
        }
    }

    /// An approval, as it stands at the largest time that was ever seen, or now.
    pub async fn approval(&self, id: ApprovalId, now: Timestamp) -> Result<Option<ApprovalRecord>, StoreError> {
        let sql = format!("SELECT {APPROVAL} FROM approvals WHERE id = ?1");
        self.readers
            .read(move |books| {
                let now = latest(books)?.max(now);
                Ok(books.one(&sql, params![id.0], record)?.map(|record| standing(record, now)))
            })
            .await
    }

    /// The approvals of a wallet, or of all, as they stand, the newest first.
    pub async fn approvals(
        &self,
        wallet: Option<&str>,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<ApprovalRecord>, StoreError> {
        let sql =
            format!("SELECT {APPROVAL} FROM approvals WHERE wallet = ?1 OR ?1 IS NULL ORDER BY sequence DESC LIMIT ?2");
        let wallet = wallet.map(str::to_owned);
        self.readers
            .read(move |books| {
                let now = latest(books)?.max(now);
                let found = books.many(&sql, params![wallet, limit], record)?;
                Ok(found.into_iter().map(|record| standing(record, now)).collect())
            })
            .await
    }

    /// How many approvals of a wallet wait for an answer.
    pub async fn waiting(&self, wallet: &str, now: Timestamp) -> Result<u32, StoreError> {
        // Word for word the condition of the index, or it is not used.
        let sql = "SELECT count(*) FROM approvals WHERE wallet = ?1 AND state = 'pending' AND deadline > ?2";
        let wallet = wallet.to_owned();
        self.readers
            .read(move |books| {
                let now = latest(books)?.max(now);
                Ok(books.one(sql, params![wallet, now.unix_millis()], |row| row.get(0))?.unwrap_or(0))
            })
            .await
    }
}

fn standing(mut record: ApprovalRecord, now: Timestamp) -> ApprovalRecord {
    record.state = record.state_at(now);
    record
}

fn latest(books: &crate::engine::Connection) -> Result<Timestamp, StoreError> {
    let found = books.one(LATEST, params![], |row| Ok(Timestamp::from_unix_millis(row.get(0)?)))?;
    Ok(found.unwrap_or(Timestamp::from_unix_millis(0)))
}
