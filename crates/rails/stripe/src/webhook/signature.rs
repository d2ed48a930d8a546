use std::time::Duration;

use aws_lc_rs::hmac;
use farthing_protocol::Timestamp;
use zeroize::Zeroizing;

/// How far a message's time may be from ours, in either direction.
const TOLERANCE: Duration = Duration::from_secs(5 * 60);
/// More signatures than keys can be under rotation.
const MOST: usize = 8;

/// The secret that Stripe signs a webhook's messages with: `whsec_...`.
pub struct SigningSecret(Zeroizing<String>);

/// Not such a secret; it is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is the signing secret of a webhook, which begins with whsec_")]
pub struct NotASigningSecret;

impl SigningSecret {
    /// Reads a secret.
    pub fn parse(text: &str) -> Result<Self, NotASigningSecret> {
        let rest = text.strip_prefix("whsec_").filter(|rest| rest.len() >= 8).ok_or(NotASigningSecret)?;
        let is_plain = rest.bytes().all(|byte| byte.is_ascii_graphic());
        if is_plain { Ok(Self(Zeroizing::new(text.to_owned()))) } else { Err(NotASigningSecret) }
    }

    /// Whether a message is signed with this secret, now: `t=SECONDS,v1=HEX[,v1=HEX..]` over the seconds, a dot
    /// and the body as it came. Signatures of other schemes are passed over. The refusal says which part is wrong.
    pub fn check(&self, header: &str, body: &[u8], now: Timestamp) -> Result<(), &'static str> {
        let mut seconds = None;
        let mut tags = Vec::new();
        for part in header.split(',') {
            match part.trim().split_once('=') {
                Some(("t", value)) if seconds.is_none() => seconds = Some(value),
                Some(("t", _)) => return Err("it has two times"),
                Some(("v1", value)) => tags.push(value),
                _ => {}
            }
        }
        let seconds = seconds.ok_or("it has no time")?;
        let is_number = !seconds.is_empty() && seconds.len() <= 12 && seconds.bytes().all(|byte| byte.is_ascii_digit());
        let at = seconds.parse::<i64>().ok().filter(|_| is_number).and_then(|at| at.checked_mul(1_000));
        let at = Timestamp::from_unix_millis(at.ok_or("its time is no number")?);
        let apart = if at <= now { now.since(at) } else { at.since(now) };
        if apart > TOLERANCE {
            return Err("its time is not now");
        }
        if tags.is_empty() || tags.len() > MOST {
            return Err("it has no signature of scheme v1, or too many");
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.as_bytes());
        let signed = [seconds.as_bytes(), b".", body].concat();
        let is_ours = |tag: &&str| bytes(tag).is_some_and(|tag| hmac::verify(&key, &signed, &tag).is_ok());
        if tags.iter().any(is_ours) { Ok(()) } else { Err("its signature is another's") }
    }
}

impl std::fmt::Debug for SigningSecret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SigningSecret(..)")
    }
}

/// 32 bytes in hexadecimal.
fn bytes(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use farthing_testing_stripe::signature;
    use proptest::prelude::*;

    const SECRET: &str = "whsec_TestSecret";
    const AT: i64 = 1_769_860_800;

    fn check(header: &str, body: &str) -> Result<(), &'static str> {
        let now = Timestamp::from_unix_millis(AT * 1_000);
        SigningSecret::parse(SECRET).unwrap().check(header, body.as_bytes(), now)
    }

    #[test]
    fn s_35_a_message_is_signed_now_with_our_secret() {
        assert_eq!(check(&signature(SECRET, AT, "{}"), "{}"), Ok(()));
        assert_eq!(check(&signature(SECRET, AT - 300, "{}"), "{}"), Ok(()));
        assert_eq!(check(&signature(SECRET, AT - 301, "{}"), "{}"), Err("its time is not now"));
        assert_eq!(check(&signature(SECRET, AT + 301, "{}"), "{}"), Err("its time is not now"));
        assert_eq!(check(&signature("whsec_other", AT, "{}"), "{}"), Err("its signature is another's"));
        assert_eq!(check(&signature(SECRET, AT, "{}"), "{ }"), Err("its signature is another's"));
    }

    #[test]
    fn s_35_one_of_several_signatures_is_enough_and_other_schemes_are_none() {
        let (ours, others) = (signature(SECRET, AT, "{}"), signature("whsec_before", AT, "{}"));
        let tag = |header: &str| header.split_once("v1=").unwrap().1.to_owned();
        let rotated = format!("t={AT},v1={},v1={}", tag(&others), tag(&ours));
        assert_eq!(check(&rotated, "{}"), Ok(()));
        let test_mode = format!("t={AT},v0={}", tag(&ours));
        assert!(check(&test_mode, "{}").is_err());
        let many = format!("t={AT}{}", format!(",v1={}", tag(&ours)).repeat(9));
        assert!(check(&many, "{}").is_err());
    }

    #[test]
    fn s_35_a_header_of_another_form_is_refused() {
        let good = signature(SECRET, AT, "{}");
        for header in ["", "t", "t=,v1=", &good.replace("t=", "t=+"), &format!("t={AT},{good}"), "v1=00", &good[..40]] {
            assert!(check(header, "{}").is_err(), "{header}");
        }
        for text in ["", "whsec_", "sk_test_1234567890", "whsec_with space in it"] {
            assert!(SigningSecret::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn s_35_nothing_made_up_is_taken(header in ".{0,200}", body in ".{0,50}") {
            prop_assert!(check(&header, &body).is_err());
        }
    }
}
