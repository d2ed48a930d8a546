//! What goes into one commit, and what is left of it when that fails.

use farthing_books::{Command, Outcome};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::StoreError;
use crate::engine::Became;

/// Who waits for an outcome; holds a place in the queue until then.
pub(crate) struct Waiter {
    pub(crate) answer: oneshot::Sender<Result<Outcome, StoreError>>,
    pub(crate) _place: OwnedSemaphorePermit,
}

/// The commands of one commit, each with who waits for it.
#[derive(Default)]
pub(crate) struct Batch {
    commands: Vec<Command>,
    waiters: Vec<Option<Waiter>>,
    doubt: Option<Doubt>,
}

/// What depends on whether a batch is in the books although its commit failed.
struct Doubt {
    /// So many commands, the first of all, are of that batch. To be written again if it is not there.
    left: usize,
    /// What gives back that which it took for those who were told that it failed. To be written if it is there.
    given_back: Vec<Command>,
}

impl Batch {
    pub(crate) fn push(&mut self, command: Command, waiter: Option<Waiter>) {
        self.commands.push(command);
        self.waiters.push(waiter);
    }

    pub(super) fn commands(&self) -> &[Command] {
        &self.commands
    }

    pub(crate) fn len(&self) -> usize {
        self.commands.len()
    }

    /// Whether there is nothing to be done, and nothing to be found out.
    pub(crate) fn is_empty(&self) -> bool {
        self.commands.is_empty() && !self.is_in_doubt()
    }

    pub(super) fn is_in_doubt(&self) -> bool {
        self.doubt.is_some()
    }

    pub(super) fn answer(&mut self, outcomes: Vec<Outcome>) {
        self.commands.clear();
        for (waiter, outcome) in self.waiters.drain(..).zip(outcomes) {
            match (waiter, outcome) {
                (Some(waiter), outcome) => waiter.tell(Ok(outcome)),
                (None, Outcome::OutOfOrder(payment)) => {
                    tracing::warn!(payment = %payment.id, state = payment.state.as_str(), "a step came out of order");
                }
                (None, _) => {}
            }
        }
    }

    pub(super) fn nothing_left(&self) -> Result<(), StoreError> {
        match self.commands.len() {
            0 => Ok(()),
            left => Err(StoreError::Unavailable(format!("{left} steps could not be made durable before the end"))),
        }
    }

    /// Tells everybody that it failed. What nobody waits for stays, in its order, for another try.
    pub(crate) fn fail(&mut self, error: &StoreError) {
        let commands = std::mem::take(&mut self.commands);
        let waiters = std::mem::take(&mut self.waiters);
        for (command, waiter) in commands.into_iter().zip(waiters) {
            match waiter {
                Some(waiter) => waiter.tell(Err(error.clone())),
                None => self.push(command, None),
            }
        }
    }

    /// Its commit failed, and it may be in the books all the same, with these outcomes. Comes before [`Self::fail`].
    pub(super) fn doubt(&mut self, outcomes: &[Outcome]) {
        let given_back: Vec<Command> = self
            .commands
            .iter()
            .zip(&self.waiters)
            .zip(outcomes)
            .filter(|((_, waiter), _)| waiter.is_some())
            .filter_map(|((command, _), outcome)| command.given_back(outcome))
            .collect();
        let left = self.waiters.iter().filter(|waiter| waiter.is_none()).count();
        self.doubt = (left > 0 || !given_back.is_empty()).then_some(Doubt { left, given_back });
    }

    /// It is known what became of the batch whose commit failed.
    pub(super) fn learn(&mut self, became: Became) {
        let Some(Doubt { left, given_back }) = self.doubt.take() else { return };
        let instead = match became {
            Became::Lost => return,
            Became::Durable => given_back,
            Became::Unknown => {
                tracing::warn!(
                    steps = left,
                    "nobody can say whether these steps are in the books; they are not written again, because whoever \
                     took this process for dead recovered what it was at"
                );
                Vec::new()
            }
        };
        self.waiters.splice(..left, instead.iter().map(|_| None));
        self.commands.splice(..left, instead);
    }
}

impl Waiter {
    pub(crate) fn tell(self, answer: Result<Outcome, StoreError>) {
        // Whoever went away meanwhile finds the outcome by asking again.
        let _ = self.answer.send(answer);
    }
}
