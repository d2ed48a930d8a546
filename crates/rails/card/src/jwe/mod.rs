//! JSON Web Encryption in its compact form (RFC 7516), with RSA-OAEP-256 and A256GCM and nothing else.
//!
//! ```text
//! base64url(header) . base64url(key) . base64url(IV) . base64url(ciphertext) . base64url(tag)
//! ```
//!
//! [`Envelope`] is what can be seen of a token without a key: whoever stands between the enablers checks that, and
//! no more. [`EncryptionKey::seal`](crate::EncryptionKey::seal) makes one and [`DecryptionKey::open`] opens it.

mod decryption;
mod envelope;
mod sealing;

pub use decryption::{DecryptionKey, NotOpened, UnusableKey};
pub use envelope::{Envelope, NotAnEnvelope, Part};
pub use sealing::NotSealed;

/// How the content's key is encrypted (RFC 7518, section 4.3).
pub const ALGORITHM: &str = "RSA-OAEP-256";

/// How the content is encrypted (RFC 7518, section 5.3).
pub const ENCRYPTION: &str = "A256GCM";
