//! The one challenge that the benchmarks issue with `mpp`.

use mpp::protocol::core::Base64UrlJson;
use mpp::{MppError, PaymentChallenge, PaymentCredential, Result, expires, parse_authorization};
use serde_json::json;

const SECRET: &str = "a secret of this benchmark, 32 bytes or more";
const REALM: &str = "127.0.0.1";

/// What is asked for: a thousandth of a dollar.
pub fn request() -> Result<Base64UrlJson> {
    Base64UrlJson::from_value(&json!({
        "amount": "1000", "currency": "usd.6", "methodDetails": { "issuer": "http://127.0.0.1" },
    }))
}

/// A fresh challenge, good for five minutes.
pub fn issue(request: &Base64UrlJson) -> PaymentChallenge {
    let until = expires::minutes(5);
    let request = request.clone();
    PaymentChallenge::with_secret_key_full(
        SECRET,
        REALM,
        "balance",
        "charge",
        request,
        Some(&until),
        None,
        None,
        None,
        None,
    )
}

/// Everything short of the method's own signature: parse, HMAC, expiry.
pub fn check(header: &str) -> Result<PaymentCredential> {
    let credential: PaymentCredential = parse_authorization(header)?;
    let echo = &credential.challenge;
    let issued = PaymentChallenge::with_secret_key_full(
        SECRET,
        REALM,
        echo.method.as_str(),
        echo.intent.as_str(),
        echo.request.clone(),
        echo.expires.as_deref(),
        echo.digest.as_deref(),
        None,
        echo.opaque.clone(),
        echo.header.as_deref(),
    );
    expires::assert(echo.expires.as_deref(), Some(&echo.id))?;
    if issued.id != echo.id {
        return Err(MppError::verification_failed_default());
    }
    Ok(credential)
}
