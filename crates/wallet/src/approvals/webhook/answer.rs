use farthing_books::approval::Answer;
use farthing_books::{ApprovalRecord, ApprovalState};
use farthing_protocol::Timestamp;
use serde::{Deserialize, Serialize};

use super::WebhookSecret;

/// An answer is taken for so long after it was signed, and so much ahead of this machine's clock.
const TOLERANCE: i64 = 5 * 60 * 1_000;
/// The longest reason, in bytes.
const LONGEST_REASON: usize = 400;
/// Says in a proof by which way an answer came.
pub(super) const WAY: &str = "webhook";

/// What the receiver of a webhook says to a question: in the body of its response, or later to the console.
///
/// `signature` is `v1,` and the Base64 of the HMAC-SHA-256, under the webhook's secret, of
/// `answer.{id}.{facts}.{decision}.{at}.{reason}`, where an absent reason is empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedAnswer {
    /// The approval.
    pub id: String,
    /// The digest of the facts that were looked at.
    pub facts: String,
    /// Yes or no.
    pub decision: Decision,
    /// When it was signed, in seconds since 1970.
    pub at: i64,
    /// Why, if they say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The signature.
    pub signature: String,
}

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// It may be paid.
    Allow,
    /// It may not.
    Deny,
}

/// Why an answer is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAnswered {
    /// It was not signed with this webhook's secret, or was changed.
    #[error("the answer is not signed with the webhook's secret")]
    Forged,
    /// It was signed too long ago, or ahead of time.
    #[error("the answer was not signed within five minutes of now; sign it when it is sent, and look at the clocks")]
    Old,
    /// It is to another question.
    #[error("the answer is to other facts than the ones that were asked about")]
    OtherFacts,
    /// The question has an answer already: this is a repetition, or came out of order.
    #[error("the question is answered already")]
    Answered,
    /// A reason that is longer than a person reads.
    #[error("the reason is too long; write at most 400 bytes")]
    Reason,
}

impl SignedAnswer {
    /// The answer to this question, if it is one and nobody answered before. A permission can be taken back.
    pub(crate) fn check(
        &self,
        secret: &WebhookSecret,
        record: &ApprovalRecord,
        now: Timestamp,
    ) -> Result<Answer, NotAnswered> {
        if self.reason.as_deref().is_some_and(|reason| reason.len() > LONGEST_REASON) {
            return Err(NotAnswered::Reason);
        }
        if !secret.verifies(self.text().as_bytes(), &self.signature) {
            return Err(NotAnswered::Forged);
        }
        if self.id != record.id.to_string() || self.facts != record.facts.digest().to_string() {
            return Err(NotAnswered::OtherFacts);
        }
        let at = self.at.checked_mul(1_000).filter(|at| at.abs_diff(now.unix_millis()) <= TOLERANCE.unsigned_abs());
        let at = at.map(Timestamp::from_unix_millis).ok_or(NotAnswered::Old)?;
        let allow = self.decision == Decision::Allow;
        let takes_back = !allow && record.state == ApprovalState::Allowed;
        if record.state != ApprovalState::Pending && !takes_back {
            return Err(NotAnswered::Answered);
        }
        let proof = Some(format!("{WAY} {}", self.signature));
        Ok(Answer { allow, by: WAY.to_owned(), reason: self.reason.clone(), proof, at })
    }

    fn text(&self) -> String {
        let decision = match self.decision {
            Decision::Allow => "allow",
            Decision::Deny => "deny",
        };
        let reason = self.reason.as_deref().unwrap_or_default();
        format!("answer.{}.{}.{decision}.{}.{reason}", self.id, self.facts, self.at)
    }

    /// Signs it; for receivers, and for tests.
    #[must_use]
    pub fn signed(mut self, secret: &WebhookSecret) -> Self {
        self.signature = secret.sign(self.text().as_bytes());
        self
    }
}

/// Whether a permission in the books is one that this secret signed, for exactly the facts beside it.
pub(super) fn is_proven(secret: &WebhookSecret, record: &ApprovalRecord) -> bool {
    let Some(answer) = &record.answer else { return false };
    let signature = answer.proof.as_deref().and_then(|proof| proof.strip_prefix(WAY)).map(str::trim_start);
    let text = |signature: &str| {
        SignedAnswer {
            id: record.id.to_string(),
            facts: record.facts.digest().to_string(),
            decision: if answer.allow { Decision::Allow } else { Decision::Deny },
            at: answer.at.unix_millis() / 1_000,
            reason: answer.reason.clone(),
            signature: signature.to_owned(),
        }
        .text()
    };
    signature.is_some_and(|signature| secret.verifies(text(signature).as_bytes(), signature))
}

#[cfg(test)]
mod tests {
    use farthing_books::testing::questions::{facts, question};
    use farthing_books::testing::samples::at;

    use super::*;

    fn secret(byte: u8) -> WebhookSecret {
        use base64::Engine as _;
        format!("whsec_{}", base64::engine::general_purpose::STANDARD.encode([byte; 32])).parse().unwrap()
    }

    fn record(state: ApprovalState) -> ApprovalRecord {
        let question = question(1, facts(1, 100), 0);
        ApprovalRecord {
            id: question.id,
            facts: question.facts,
            level: question.level,
            rule: question.rule,
            sentence: question.sentence,
            state,
            asked_at: question.at,
            deadline: question.deadline,
            answer: None,
            used_by: None,
            updated_at: question.at,
        }
    }

    fn said(decision: Decision) -> SignedAnswer {
        let record = record(ApprovalState::Pending);
        SignedAnswer {
            id: record.id.to_string(),
            facts: record.facts.digest().to_string(),
            decision,
            at: at(0).unix_millis() / 1_000,
            reason: Some("fine".to_owned()),
            signature: String::new(),
        }
        .signed(&secret(1))
    }

    fn check(answer: &SignedAnswer, state: ApprovalState, millis: i64) -> Result<Answer, NotAnswered> {
        answer.check(&secret(1), &record(state), at(millis))
    }

    #[test]
    fn w_33_an_answer_counts_when_it_is_signed_for_these_facts_and_now() {
        let answer = check(&said(Decision::Allow), ApprovalState::Pending, TOLERANCE).unwrap();
        assert!(answer.allow && answer.reason.as_deref() == Some("fine"));
        let answered = ApprovalRecord { answer: Some(answer), ..record(ApprovalState::Allowed) };
        assert!(is_proven(&secret(1), &answered) && !is_proven(&secret(2), &answered));
        let dearer = ApprovalRecord { facts: facts(1, 101), ..answered.clone() };
        assert!(!is_proven(&secret(1), &dearer), "facts that were changed in the books");
        let mut turned = answered;
        turned.answer.as_mut().unwrap().allow = false;
        assert!(!is_proven(&secret(1), &turned));
    }

    #[test]
    fn w_33_a_forged_answer_is_refused() {
        let good = said(Decision::Deny);
        let forged = [
            SignedAnswer { decision: Decision::Allow, ..good.clone() },
            SignedAnswer { at: good.at + 1, ..good.clone() },
            SignedAnswer { reason: None, ..good.clone() },
            SignedAnswer { signature: String::new(), ..good.clone() },
            good.clone().signed(&secret(2)),
        ];
        for answer in forged {
            assert_eq!(check(&answer, ApprovalState::Pending, 0), Err(NotAnswered::Forged), "{answer:?}");
        }
    }

    #[test]
    fn w_33_an_old_answer_is_refused() {
        for millis in [TOLERANCE + 1, -TOLERANCE - 1] {
            assert_eq!(check(&said(Decision::Allow), ApprovalState::Pending, millis), Err(NotAnswered::Old));
        }
        let never = SignedAnswer { at: i64::MAX, ..said(Decision::Allow) }.signed(&secret(1));
        assert_eq!(check(&never, ApprovalState::Pending, 0), Err(NotAnswered::Old));
    }

    #[test]
    fn w_33_an_answer_to_another_question_is_refused() {
        let other_name = SignedAnswer { id: "00".repeat(8), ..said(Decision::Allow) }.signed(&secret(1));
        let dearer = facts(1, 101).digest().to_string();
        let other_facts = SignedAnswer { facts: dearer, ..said(Decision::Allow) }.signed(&secret(1));
        for answer in [other_name, other_facts] {
            assert_eq!(check(&answer, ApprovalState::Pending, 0), Err(NotAnswered::OtherFacts), "{answer:?}");
        }
    }

    #[test]
    fn w_33_a_repeated_answer_and_one_out_of_order_are_refused() {
        for state in [ApprovalState::Allowed, ApprovalState::Denied, ApprovalState::Used, ApprovalState::Expired] {
            assert_eq!(check(&said(Decision::Allow), state, 0), Err(NotAnswered::Answered), "{state:?}");
        }
        for state in [ApprovalState::Denied, ApprovalState::Used, ApprovalState::Expired] {
            assert_eq!(check(&said(Decision::Deny), state, 0), Err(NotAnswered::Answered), "{state:?}");
        }
        assert!(check(&said(Decision::Deny), ApprovalState::Allowed, 0).is_ok(), "a permission taken back");
    }
}
