//! What nobody else may see, and where bytes of it are looked for.
//!
//! Secrets belong on no connection, in no log, in no error and in no line of the trace. Credentials belong on the way
//! from a payer to a gateway and nowhere else: not to the upstream, and in no answer.

use std::sync::Arc;

use memchr::memmem::Finder;

/// Fewer bytes than these are found by chance.
const SHORTEST: usize = 16;

/// Something that nobody else may see.
#[derive(Clone)]
struct Secret {
    what: Arc<str>,
    finder: Finder<'static>,
}

/// Things that nobody else may see.
#[derive(Clone, Default)]
pub struct Secrets(Vec<Secret>);

impl Secrets {
    /// Adds bytes that are secret as they are, and however they are written.
    pub fn add_key(&mut self, what: &str, bytes: &[u8]) {
        let hexadecimal = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let base64 = farthing_protocol::base64url::encode(bytes);
        for form in [bytes, hexadecimal.as_bytes(), base64.as_bytes()] {
            self.add(what, form);
        }
    }

    /// Adds bytes that are secret as they are.
    pub fn add(&mut self, what: &str, bytes: &[u8]) {
        let is_known = self.0.iter().any(|known| known.finder.needle() == bytes);
        if bytes.len() >= SHORTEST && !is_known {
            self.0.push(Secret { what: what.into(), finder: Finder::new(bytes).into_owned() });
        }
    }

    /// What these bytes give away.
    pub fn given_away_by(&self, bytes: &[u8]) -> Option<Arc<str>> {
        let given_away = self.0.iter().find(|secret| secret.finder.find(bytes).is_some());
        given_away.map(|secret| Arc::clone(&secret.what))
    }

    /// How many there are, each form for itself.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_in_every_form() {
        let key: Vec<u8> = (100..132).collect();
        let mut secrets = Secrets::default();
        secrets.add_key("a key", &key);
        let hexadecimal = "6465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f8081828384";
        let base64 = "ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1-f4CBgoM";
        let raw = [b"before".as_slice(), &key, b"behind"].concat();
        assert_eq!(secrets.given_away_by(&raw).as_deref(), Some("a key"));
        assert_eq!(secrets.given_away_by(format!("key={hexadecimal};").as_bytes()).as_deref(), Some("a key"));
        assert_eq!(secrets.given_away_by(format!("{{\"key\":\"{base64}\"}}").as_bytes()).as_deref(), Some("a key"));
        assert_eq!(secrets.given_away_by(b"nothing of it"), None);
    }
}
