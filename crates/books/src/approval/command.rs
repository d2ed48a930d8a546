//! What can be asked of an approval, and what the books answer.

use farthing_protocol::Timestamp;

use crate::audit::Grounds;

use super::{ApprovalId, ApprovalRecord, ApprovalState, Facts};

/// A payment that a policy wants a person to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Its name, should nobody have asked the same before: random.
    pub id: ApprovalId,
    /// What would be paid for what.
    pub facts: Facts,
    /// The level of the policy that asks.
    pub level: String,
    /// Its rule.
    pub rule: String,
    /// Why, in one sentence.
    pub sentence: String,
    /// What was decided on which grounds, for the log.
    pub decided: Option<Grounds>,
    /// Until before when it can be answered and used.
    pub deadline: Timestamp,
    /// Now.
    pub at: Timestamp,
}

/// What a person said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether it may be paid.
    pub allow: bool,
    /// By which way the answer came: `owner`, `webhook`.
    pub by: String,
    /// Why, if they said so.
    pub reason: Option<String>,
    /// What shows that it is theirs; whoever uses the answer verifies it.
    pub proof: Option<String>,
    /// When they said it.
    pub at: Timestamp,
}

/// One change to one approval.
#[derive(Clone, Debug)]
pub enum ApprovalCommand {
    /// Asks, or finds what was asked and answered about the same facts.
    Ask(Box<Question>),
    /// Answers. An approval that is not pending keeps its answer, but a permission can be taken back until it
    /// is used.
    Answer {
        /// Which.
        id: ApprovalId,
        /// What.
        answer: Box<Answer>,
        /// Now.
        at: Timestamp,
    },
    /// Writes down that the deadline passed, if it did.
    Expire {
        /// Which.
        id: ApprovalId,
        /// Now.
        at: Timestamp,
    },
}

/// What the books answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApprovalOutcome {
    /// To `Ask`: nobody had asked.
    Asked(Box<ApprovalRecord>),
    /// The approval as it stands now. To `Ask`: somebody had asked the same. To `Answer`: it stands as the answer
    /// says.
    Stands(Box<ApprovalRecord>),
    /// To `Answer`: it stands otherwise, and the answer changed nothing.
    TooLate(Box<ApprovalRecord>),
    /// There is no such approval.
    NotFound,
}

impl Question {
    pub(crate) fn record(&self) -> ApprovalRecord {
        ApprovalRecord {
            id: self.id,
            facts: self.facts.clone(),
            level: self.level.clone(),
            rule: self.rule.clone(),
            sentence: self.sentence.clone(),
            state: ApprovalState::Pending,
            asked_at: self.at,
            deadline: self.deadline,
            answer: None,
            used_by: None,
            updated_at: self.at,
        }
    }
}
