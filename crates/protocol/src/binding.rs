//! The HMAC that ties a challenge id to its terms (core, section 5.1.2.1).

use crate::{Challenge, ChallengeId};

/// At least 32 secret bytes; wiped when dropped, never printed.
pub struct BindingSecret;

/// A secret that is too short to bind anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a binding secret has at least 32 bytes; this one has {0}")]
pub struct WeakSecret(pub usize);

impl BindingSecret {
    /// Takes the secret; refuses fewer than 32 bytes.
    pub fn new(bytes: &[u8]) -> Result<Self, WeakSecret> {
        let _ = bytes;
        todo!()
    }
}

/// Issues ids under the current secret and verifies them under the current or the previous one.
pub struct Binder;

/// The challenge was not issued by this server, or was changed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the challenge was not issued here or was changed")]
pub struct NotBound;

impl Binder {
    /// A binder that signs with `current` and still accepts `previous`.
    pub fn new(current: BindingSecret, previous: Option<BindingSecret>) -> Self {
        let _ = (current, previous);
        todo!()
    }
    /// Recomputes the id of an echoed challenge, in constant time per secret and slot order.
    pub fn verify(&self, echoed: &Challenge) -> Result<(), NotBound> {
        let _ = echoed;
        todo!()
    }
    /// The id for a challenge's terms, under the current secret.
    pub fn id(&self, challenge: &Challenge) -> ChallengeId {
        let _ = challenge;
        todo!()
    }
}
