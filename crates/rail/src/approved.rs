/// Something a policy has said yes to and whose amount is reserved. Signing takes nothing else.
///
/// Only the wallet's policy engine calls [`Approved::grant`]: the lint table forbids the call
/// everywhere, and the one exception is counted by a test. An approval is used once: it is neither
/// `Clone` nor `Copy`.
#[derive(Debug)]
pub struct Approved<T>(T);

impl<T> Approved<T> {
    /// Approves. The policy engine's alone.
    pub fn grant(subject: T) -> Self {
        Self(subject)
    }

    /// What was approved.
    pub fn get(&self) -> &T {
        &self.0
    }

    /// What was approved, using the approval up.
    pub fn into_inner(self) -> T {
        self.0
    }
}
