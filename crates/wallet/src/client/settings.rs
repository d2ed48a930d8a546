use std::time::Duration;

/// How patient a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How often, at most, a server may name a new price for one request.
    pub rounds: u32,
    /// How often, at most, one credential is sent.
    pub attempts: u32,
    /// The longest wait before a credential is sent again, whatever the server asks for.
    pub longest_wait: Duration,
    /// How long a server may stay silent.
    pub silence: Duration,
    /// For how long, at most, what answers an offer of x402 can be taken, whatever the server asks for.
    pub longest_validity: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        let (longest_wait, silence) = (Duration::from_secs(10), Duration::from_secs(60));
        Self { rounds: 3, attempts: 5, longest_wait, silence, longest_validity: Duration::from_secs(120) }
    }
}
