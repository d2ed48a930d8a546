//! Who may ask, how often, and for whom.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use farthing_dialects::x402::Requirements;
use http::StatusCode;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::config::CallerConfig;
use crate::refused::Refused;

/// What a caller without a token is called, where none needs one.
const ANYBODY: &str = "anybody";

/// Everybody who may ask.
pub(crate) enum Callers {
    /// Whoever reaches the listener.
    Open(Caller),
    /// By the hash of the token, so that looking one up tells nothing of another.
    Known(HashMap<[u8; 32], Caller>),
}

/// One who asks.
pub(crate) struct Caller {
    pub(crate) name: String,
    /// Payments it may have settled in a day.
    pub(crate) settlements_per_day: Option<u32>,
    /// Whom its payments may pay; everybody where none is named.
    payees: Vec<String>,
    rate: Option<Rate>,
}

/// A bucket that fills at a steady rate, up to what ten seconds bring.
struct Rate {
    /// Between two requests.
    each: Duration,
    /// How far ahead of the steady rate a caller may be.
    ahead: Duration,
    /// When the bucket was, or will be, full.
    full_at: Mutex<Option<Instant>>,
}

const AHEAD: Duration = Duration::from_secs(10);

impl Callers {
    /// Those of a configuration; none named is everybody.
    pub(crate) fn new(configured: &[CallerConfig]) -> Self {
        if configured.is_empty() {
            return Self::Open(Caller { name: ANYBODY.into(), settlements_per_day: None, payees: vec![], rate: None });
        }
        use secrecy::ExposeSecret;
        let known = configured.iter().map(|caller| {
            let known = Caller {
                name: caller.name.clone(),
                settlements_per_day: caller.settlements_per_day,
                payees: caller.payees.clone(),
                rate: caller.per_minute.map(Rate::per_minute),
            };
            (hash(caller.token.expose_secret().as_bytes()), known)
        });
        Self::Known(known.collect())
    }

    /// Who shows this `Authorization`.
    pub(crate) fn find(&self, authorization: Option<&[u8]>) -> Result<&Caller, Refused> {
        let known = match self {
            Self::Open(anybody) => return Ok(anybody),
            Self::Known(known) => known,
        };
        let token = authorization.and_then(bearer).map(hash);
        token.and_then(|token| known.get(&token)).ok_or_else(|| {
            let message = "show a token of this facilitator: Authorization: Bearer TOKEN";
            Refused::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
        })
    }
}

impl Caller {
    /// Takes one request of what its rate allows.
    pub(crate) fn take(&self, now: Instant) -> Result<(), Refused> {
        self.rate.as_ref().map_or(Ok(()), |rate| rate.take(now)).map_err(|wait| {
            let message = "too many requests; wait as long as Retry-After says";
            Refused::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message).again_after(wait)
        })
    }

    /// Whether its payments may pay whom this one pays.
    pub(crate) fn may_pay(&self, asked: &Requirements) -> Result<(), Refused> {
        if self.payees.is_empty() || self.payees.iter().any(|payee| payee.eq_ignore_ascii_case(&asked.pay_to)) {
            return Ok(());
        }
        let message = "this token settles payments to other accounts; add payTo to the caller's payees";
        Err(Refused::new(StatusCode::FORBIDDEN, "payee_not_allowed", message))
    }
}

impl Rate {
    fn per_minute(count: u32) -> Self {
        let each = Duration::from_secs(60) / count.max(1);
        Self { each, ahead: AHEAD.max(each), full_at: Mutex::new(None) }
    }

    /// Errs with how long to wait.
    fn take(&self, now: Instant) -> Result<(), Duration> {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let next = full_at.map_or(now, |full_at| full_at.max(now)) + self.each;
        let wait = next.saturating_duration_since(now + self.ahead);
        if !wait.is_zero() {
            return Err(wait);
        }
        *full_at = Some(next);
        Ok(())
    }
}

fn bearer(authorization: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = authorization.split_at_checked("bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

fn hash(token: &[u8]) -> [u8; 32] {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn callers() -> Callers {
        Callers::new(&[CallerConfig {
            name: "shop".into(),
            token: "s3cret".into(),
            per_minute: Some(60),
            settlements_per_day: None,
            payees: vec!["0xAb".into()],
        }])
    }

    #[test]
    fn d_09_strangers_are_not_served() {
        let callers = callers();
        assert_eq!(callers.find(Some(b"bearer s3cret")).map(|caller| caller.name.as_str()), Ok("shop"));
        for shown in [None, Some(&b"Bearer "[..]), Some(b"Bearer other"), Some(b"s3cret"), Some(b"Basic s3cret")] {
            assert_eq!(callers.find(shown).err().map(|refused| refused.status), Some(StatusCode::UNAUTHORIZED));
        }
    }

    #[test]
    fn a_rate_lets_a_burst_through_and_then_its_pace() {
        let callers = callers();
        let caller = callers.find(Some(b"Bearer s3cret")).ok().unwrap();
        let begin = Instant::now();
        assert_eq!((0..100).filter(|_| caller.take(begin).is_ok()).count(), 10);
        let wait = caller.take(begin).err().and_then(|refused| refused.retry_after).unwrap();
        assert!(wait <= Duration::from_secs(1));
        assert!(caller.take(begin + wait).is_ok() && caller.take(begin + wait).is_err());
    }
}
