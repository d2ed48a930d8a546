//! What operators write.

use std::path::Path;

use farthing_gateway::Config;

/// A gateway's configuration: one sentence for whatever is wrong with it, and no secret in that.
pub fn gateway(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let secret = "a secret of the environment, which is long enough";
    let environment = |name: &str| (name == "SECRET").then(|| secret.to_owned());
    if let Err(error) = Config::from_text(text, "farthing.toml", Path::new("/nowhere"), &environment) {
        let sentence = error.to_string();
        assert!(!sentence.is_empty() && !sentence.contains(secret), "{sentence}");
    }
}
