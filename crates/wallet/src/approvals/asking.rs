use farthing_books::approval::{ApprovalUse, Facts, Question};
use farthing_books::audit::Grounds;
use farthing_books::{ApprovalId, ApprovalState};
use farthing_protocol::Timestamp;
use farthing_store::Books;

use super::ApprovalError;
use super::proof::Authority;
use crate::client::plain;
use crate::policy::{Refused, Rule};

/// More questions than this wait for nobody: a person who has so many answers none.
const MOST_WAITING: u32 = 50;

/// A policy's question about a payment.
pub struct Ask {
    /// The name that the question gets if it is new.
    pub id: ApprovalId,
    /// What would be paid for what.
    pub facts: Facts,
    /// The level that asks.
    pub level: String,
    /// Its rule.
    pub rule: Rule,
    /// Why, in one sentence.
    pub sentence: String,
    /// What was decided on which grounds, for the log.
    pub decided: Option<Grounds>,
    /// Until before when the answer counts.
    pub deadline: Timestamp,
    /// Now.
    pub now: Timestamp,
}

/// The permission for a payment that somebody has to be asked about, if it was given; else the question is
/// asked, unless it is already.
pub async fn permission(books: &Books, authority: Authority<'_>, ask: Ask) -> Result<ApprovalUse, Refused> {
    let Ask { id, facts, level, rule, sentence, decided, deadline, now } = ask;
    let digest = facts.digest();
    let wallet = facts.wallet.clone();
    if books.waiting(&wallet, now).await? >= MOST_WAITING && !is_asked(books, &facts, now).await? {
        let sentence = format!(
            "{sentence}, and {MOST_WAITING} payments of {wallet} wait for an answer already; run: farthing approvals list"
        );
        return Err(Refused::Rule { rule: Rule::Approval, sentence });
    }
    let (word, sentence) = (rule.to_string(), plain(&sentence));
    let question = Question { id, facts, level, rule: word, sentence, decided, deadline, at: now };
    let record = books.ask(question).await?;
    let id = record.id;
    match record.state {
        ApprovalState::Allowed if !authority.gave(&record).map_err(unreadable)? => {
            let sentence =
                format!("the permission {id} is not one that the owner gave; deny it, and look who wrote it");
            Err(Refused::Rule { rule: Rule::Approval, sentence })
        }
        ApprovalState::Allowed => Ok(ApprovalUse { id, facts: digest }),
        ApprovalState::Denied => {
            let reason = record.answer.and_then(|answer| answer.reason).map(|reason| format!(": {}", plain(&reason)));
            let sentence = format!("it was denied{}", reason.unwrap_or_default());
            Err(Refused::Rule { rule: Rule::Approval, sentence })
        }
        _ => Err(Refused::Waits { id, sentence: record.sentence, deadline: record.deadline }),
    }
}

fn unreadable(error: ApprovalError) -> Refused {
    let sentence = format!("nobody can tell who gave the permission: {error}");
    Refused::Rule { rule: Rule::Approval, sentence }
}

/// Whether the same was asked and still stands.
async fn is_asked(books: &Books, facts: &Facts, now: Timestamp) -> Result<bool, Refused> {
    let known = books.approvals(Some(&facts.wallet), now, MOST_WAITING * 2).await?;
    Ok(known.iter().any(|record| record.facts.cover(facts) && record.state != ApprovalState::Used))
}

#[cfg(test)]
mod tests {
    use farthing_books::approval::Answer;
    use farthing_books::testing::questions::{PATIENCE, facts};
    use farthing_books::testing::samples::at;
    use farthing_store::Sharing;

    use super::*;

    fn of(home: &std::path::Path) -> Authority<'_> {
        Authority { home, owner: None }
    }

    fn ask(number: u32, millis: i64) -> Ask {
        Ask {
            id: ApprovalId(number.to_be_bytes().repeat(2).try_into().unwrap()),
            facts: facts(number, 100),
            level: "agent".to_owned(),
            rule: Rule::Payee,
            sentence: "0xab was never paid \u{1b}[2Jbefore".to_owned(),
            decided: None,
            deadline: at(millis + PATIENCE),
            now: at(millis),
        }
    }

    async fn answer(books: &Books, id: ApprovalId, allow: bool) {
        let reason = Some("too dear".to_owned());
        let answer = Answer { allow, by: "owner".to_owned(), reason, proof: None, at: at(1) };
        books.answer(id, answer, at(1)).await.unwrap();
    }

    #[tokio::test]
    async fn a_question_waits_and_its_answer_is_the_permission() {
        let folder = tempfile::tempdir().unwrap();
        let books = Books::open(&folder.path().join("budgets.db"), Sharing::Shared).unwrap();
        let Err(Refused::Waits { id, sentence, deadline }) = permission(&books, of(folder.path()), ask(1, 0)).await
        else {
            panic!()
        };
        assert_eq!((sentence.as_str(), deadline), ("0xab was never paid \u{fffd}[2Jbefore", at(PATIENCE)));
        let again = permission(&books, of(folder.path()), Ask { id: ApprovalId([9; 8]), ..ask(1, 1) }).await;
        assert!(matches!(again, Err(Refused::Waits { id: same, .. }) if same == id));
        answer(&books, id, true).await;
        let facts = facts(1, 100).digest();
        assert_eq!(permission(&books, of(folder.path()), ask(1, 2)).await, Ok(ApprovalUse { id, facts }));
    }

    #[tokio::test]
    async fn a_denial_is_not_asked_again() {
        let folder = tempfile::tempdir().unwrap();
        let books = Books::open(&folder.path().join("budgets.db"), Sharing::Shared).unwrap();
        let Err(Refused::Waits { id, .. }) = permission(&books, of(folder.path()), ask(1, 0)).await else { panic!() };
        answer(&books, id, false).await;
        let denied = permission(&books, of(folder.path()), ask(1, 2)).await;
        let sentence = "it was denied: too dear".to_owned();
        assert_eq!(denied, Err(Refused::Rule { rule: Rule::Approval, sentence }));
    }

    #[tokio::test]
    async fn nobody_is_flooded_with_questions() {
        let folder = tempfile::tempdir().unwrap();
        let books = Books::open(&folder.path().join("budgets.db"), Sharing::Shared).unwrap();
        for number in 0..MOST_WAITING {
            assert!(matches!(permission(&books, of(folder.path()), ask(number, 0)).await, Err(Refused::Waits { .. })));
        }
        let refused = permission(&books, of(folder.path()), ask(MOST_WAITING, 0)).await;
        assert!(matches!(refused, Err(Refused::Rule { rule: Rule::Approval, .. })));
        let known = permission(&books, of(folder.path()), ask(3, 0)).await;
        assert!(matches!(known, Err(Refused::Waits { .. })), "what is asked already is still shown");
    }
}
