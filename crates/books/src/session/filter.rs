use farthing_rail::{PayerId, SessionId};

use super::SessionState;

/// Which sessions to list; what is `None` does not matter. In the order in which they were opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionFilter {
    /// Only those that have not ended.
    pub in_progress: bool,
    /// How far they are.
    pub state: Option<SessionState>,
    /// Whose they are.
    pub payer: Option<PayerId>,
    /// The name of the rail's table.
    pub rail: Option<String>,
    /// The last session of the page before.
    pub after: Option<SessionId>,
    /// At most so many.
    pub limit: u32,
}

impl Default for SessionFilter {
    /// The first hundred.
    fn default() -> Self {
        Self { in_progress: false, state: None, payer: None, rail: None, after: None, limit: 100 }
    }
}
