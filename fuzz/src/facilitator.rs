//! What the operator of a facilitator writes.

use std::collections::BTreeSet;
use std::path::Path;

use farthing_facilitator::Config;
use secrecy::ExposeSecret;

/// A facilitator's configuration: what it comes to lets no stranger settle at the operator's cost and shows no secret;
/// otherwise there is one sentence, without a secret either.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let secret = "a token of the environment, which is long enough";
    let environment = |name: &str| match name {
        "TOKEN" => Some(secret.to_owned()),
        "OTHER" => Some("another token, which is long enough too".to_owned()),
        "SHORT" => Some("too short".to_owned()),
        _ => None,
    };
    match Config::read(text, Path::new("/nowhere/facilitator.toml"), &environment) {
        Ok(config) => {
            assert!(!config.chains.is_empty(), "there is something to settle on");
            assert!(!config.callers.is_empty() || config.listen.ip().is_loopback(), "strangers stay outside");
            let tokens: BTreeSet<&str> = config.callers.iter().map(|caller| caller.token.expose_secret()).collect();
            assert_eq!(tokens.len(), config.callers.len(), "a token names its caller");
            assert!(tokens.iter().all(|token| token.len() >= 16), "no token can be guessed");
            assert!(!format!("{config:?}").contains(secret), "no secret is shown");
        }
        Err(error) => {
            let sentence = error.to_string();
            assert!(!sentence.is_empty() && !sentence.contains(secret), "{sentence}");
        }
    }
}
