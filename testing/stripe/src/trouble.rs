/// What goes wrong with one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// This status, before anything happens, and nothing is stored under the key: 409, 429, 503, 401.
    NotLetIn(u16),
    /// This status, before anything happens, stored under the key for good: 500.
    Failed(u16),
    /// It happens, and this status is stored under the key for good: 500.
    FailedAfter(u16),
    /// No answer, and nothing happens.
    LostBefore,
    /// It happens, and the answer is lost.
    LostAfter,
    /// It happens, and the answer waits for so many milliseconds.
    Slow(u64),
}

impl Trouble {
    /// Whether the call has its effect.
    pub(crate) const fn happens(self) -> bool {
        matches!(self, Self::FailedAfter(_) | Self::LostAfter | Self::Slow(_))
    }
}
