//! What is counted of a stream.

use super::events::EventBytes;
use super::tokens::TokenCount;
use crate::config::Reading;

/// One count, from the beginning of a response.
pub(crate) enum Counter {
    Bytes(u64),
    Events(u64),
    Tokens(Box<TokenCount>),
}

impl Counter {
    /// What this reading counts as it goes; nothing for one that the upstream says once.
    pub(crate) fn of(reading: &Reading) -> Option<Self> {
        match reading {
            Reading::Bytes => Some(Self::Bytes(0)),
            Reading::Events => Some(Self::Events(0)),
            Reading::Tokens(which) => Some(Self::Tokens(Box::new(TokenCount::new(*which)))),
            Reading::Header(_) | Reading::Trailer(_) | Reading::Json(_) => None,
        }
    }

    /// Counts one whole event: whether it corrects what was counted before it.
    pub(crate) fn take(&mut self, event: EventBytes<'_>) -> bool {
        match self {
            Self::Bytes(count) => *count = count.saturating_add(event.0.len() as u64),
            Self::Events(count) => *count = count.saturating_add(u64::from(event.has_data())),
            Self::Tokens(tokens) => return tokens.take(event),
        }
        false
    }

    /// Counts one message of a WebSocket: whether it corrects what was counted before it.
    pub(crate) fn take_message(&mut self, message: &[u8]) -> bool {
        match self {
            Self::Bytes(count) => *count = count.saturating_add(message.len() as u64),
            Self::Events(count) => *count = count.saturating_add(1),
            Self::Tokens(tokens) => return tokens.take_message(message),
        }
        false
    }

    /// So many so far.
    pub(crate) fn count(&self) -> u64 {
        match self {
            Self::Bytes(count) | Self::Events(count) => *count,
            Self::Tokens(tokens) => tokens.count(),
        }
    }

    /// Whether nobody ever said how many there were.
    pub(crate) fn is_guess(&self) -> bool {
        matches!(self, Self::Tokens(tokens) if !tokens.is_said())
    }
}
