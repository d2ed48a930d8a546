//! Questions of several callers in one round trip.
//!
//! Whoever comes while others are being answered waits for the next group; a hundred payments that
//! come at once cost a handful of requests. What several of a group ask in the same words, such as
//! what gas costs, is asked once.

use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use tokio::sync::oneshot;

use super::RpcError;
use super::questions::Question;

/// So many callers share a round trip: public nodes turn larger requests away.
const MOST_CALLERS: usize = 32;
/// So many groups are on their way at a time.
const MOST_GROUPS: usize = 4;
/// So many must wait before another group goes while one is on its way. What a request costs beside its
/// questions is most of what a node close by does; a node far away lets so many wait soon enough.
const WORTH_ANOTHER: usize = 16;

pub(super) type Answers = Vec<Result<Value, RpcError>>;

/// Who waits to be asked for.
#[derive(Debug, Default)]
pub(super) struct Together(Mutex<Queue>);

#[derive(Debug, Default)]
struct Queue {
    waiting: Vec<Waiting>,
    /// How many groups are on their way.
    groups: usize,
}

#[derive(Debug)]
struct Waiting {
    questions: Vec<Question>,
    answer: oneshot::Sender<Answers>,
}

/// What is asked in one round trip, and for whom.
pub(super) struct Group {
    pub(super) questions: Vec<Question>,
    /// For each caller, where its answers are among the group's.
    callers: Vec<(Vec<usize>, oneshot::Sender<Answers>)>,
}

impl Together {
    /// Lines up. The second value says whether the caller must see to it that another group goes.
    pub(super) fn wait(&self, questions: Vec<Question>) -> (oneshot::Receiver<Answers>, bool) {
        let (answer, answered) = oneshot::channel();
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        queue.waiting.push(Waiting { questions, answer });
        let is_worth_it = queue.groups == 0 || queue.waiting.len() >= WORTH_ANOTHER;
        let is_needed = is_worth_it && queue.groups < MOST_GROUPS;
        queue.groups += usize::from(is_needed);
        (answered, is_needed)
    }

    /// The next group; none when nobody waits, and whoever asked is then done.
    pub(super) fn next(&self) -> Option<Group> {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever has gone is not asked for.
        queue.waiting.retain(|waiting| !waiting.answer.is_closed());
        if queue.waiting.is_empty() {
            queue.groups -= 1;
            return None;
        }
        let count = queue.waiting.len().min(MOST_CALLERS);
        Some(Group::of(queue.waiting.drain(..count)))
    }
}

impl Group {
    fn of(waiting: impl Iterator<Item = Waiting>) -> Self {
        let mut group = Self { questions: Vec::new(), callers: Vec::new() };
        for Waiting { questions, answer } in waiting {
            let places = questions.into_iter().map(|question| group.place_of(question)).collect();
            group.callers.push((places, answer));
        }
        group
    }

    fn place_of(&mut self, question: Question) -> usize {
        let asked = self.questions.iter().position(|asked| *asked == question);
        asked.unwrap_or_else(|| {
            self.questions.push(question);
            self.questions.len() - 1
        })
    }

    /// Gives everybody what was said to them.
    pub(super) fn hand_out(self, answers: &[Result<Value, RpcError>], silence: &RpcError) {
        for (places, caller) in self.callers {
            let said = |place: usize| answers.get(place).cloned().unwrap_or_else(|| Err(silence.clone()));
            // Whoever asked may have gone.
            let _ = caller.send(places.into_iter().map(said).collect());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::At;
    use alloy_primitives::Address;

    #[test]
    fn what_everybody_asks_is_asked_once_and_everybody_gets_the_own_answers() {
        let together = Together::default();
        let balance = |account: u8| Question::balance(Address::repeat_byte(account), At::Latest);
        let silence = RpcError::NoAnswer { node: "node".to_owned(), why: "no answer".to_owned() };
        let (mut first, is_needed) = together.wait(vec![balance(1), Question::priority_fee()]);
        assert!(is_needed);
        let (mut second, _) = together.wait(vec![Question::priority_fee(), balance(2)]);
        let (gone, _) = together.wait(vec![balance(3)]);
        drop(gone);
        let group = together.next().unwrap();
        assert_eq!(group.questions, [balance(1), Question::priority_fee(), balance(2)]);
        group.hand_out(&[Ok("one".into()), Ok("tip".into())], &silence);
        assert_eq!(first.try_recv().unwrap(), [Ok("one".into()), Ok("tip".into())]);
        assert_eq!(second.try_recv().unwrap(), [Ok("tip".into()), Err(silence)]);
        assert!(together.next().is_none());
    }

    #[test]
    fn groups_are_bounded_and_nobody_is_left_waiting() {
        let together = Together::default();
        let waiting: Vec<_> = (0..100).map(|_| together.wait(vec![Question::chain_id()])).collect();
        let workers = waiting.iter().filter(|(_, is_needed)| *is_needed).count();
        assert_eq!(workers, MOST_GROUPS);
        let mut sizes = Vec::new();
        for _ in 0..workers {
            while let Some(group) = together.next() {
                sizes.push(group.callers.len());
            }
        }
        assert_eq!(sizes, [32, 32, 32, 4]);
        assert!(together.wait(Vec::new()).1, "a group can go again");
    }
}
