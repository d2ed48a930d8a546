//! The HMAC that ties a challenge id to its terms (core, section 5.1.2.1).
//!
//! ```text
//! id = base64url( HMAC-SHA256( secret, realm|method|intent|request|expires|digest[|header]|opaque ) )
//! ```
//!
//! An absent optional member is an empty slot, except `header`, whose slot exists only when the
//! member does. Every slot holds the text that stands on the wire. No slot of a [`Challenge`] can
//! hold a `|`: the types of its members refuse one, so text cannot move from slot to slot.

use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::{Challenge, ChallengeId, base64url};

/// The fewest bytes a secret may have.
pub const SHORTEST_SECRET_BYTES: usize = 32;

const HASH_BLOCK_BYTES: usize = 64;

/// At least 32 secret bytes, kept only as a keyed hash state; wiped when dropped, never printed.
pub struct BindingSecret {
    key: Hmac<Sha256>,
}

/// A secret that is too short to bind anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a binding secret has at least 32 bytes; this one has {0}")]
pub struct WeakSecret(pub usize);

/// Issues ids under the current secret and verifies them under the current or the previous one.
#[derive(Debug)]
pub struct Binder {
    current: Arc<BindingSecret>,
    previous: Option<Arc<BindingSecret>>,
}

/// The challenge was not issued by this server, or was changed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the challenge was not issued here or was changed")]
pub struct NotBound;

/// Where the `header` slot stands when there is one. Drafts 01 and 02 put it last; the official
/// suite and SDKs put it before `opaque`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderSlot {
    /// As the suite and the SDKs have it.
    BeforeOpaque,
    /// As the drafts have it.
    Last,
}

/// The order in which we issue. Both orders verify.
pub const ISSUED_HEADER_SLOT: HeaderSlot = HeaderSlot::BeforeOpaque;

/// The slots of a binding as raw wire text, without any check. For vectors and tools; a server
/// binds a [`Challenge`], whose members cannot hold a `|`.
#[derive(Clone, Copy, Debug, Default)]
pub struct BindingSlots<'a> {
    /// Slot 0.
    pub realm: &'a str,
    /// Slot 1.
    pub method: &'a str,
    /// Slot 2.
    pub intent: &'a str,
    /// Slot 3.
    pub request: &'a str,
    /// Slot 4, empty when absent.
    pub expires: &'a str,
    /// Slot 5, empty when absent.
    pub digest: &'a str,
    /// The last of the seven slots, empty when absent.
    pub opaque: &'a str,
    /// The eighth slot, there only when the member is.
    pub header: Option<&'a str>,
}

impl BindingSecret {
    /// Takes the secret; refuses fewer than 32 bytes.
    pub fn new(bytes: &[u8]) -> Result<Self, WeakSecret> {
        if bytes.len() < SHORTEST_SECRET_BYTES {
            return Err(WeakSecret(bytes.len()));
        }
        Ok(Self::unchecked_for_vectors(bytes))
    }

    /// Takes a secret of any length. Only for published vectors that were made with short ones.
    pub fn unchecked_for_vectors(bytes: &[u8]) -> Self {
        // RFC 2104: a key longer than a block is hashed, a shorter one padded with zeros.
        let hashed = Zeroizing::new(if bytes.len() > HASH_BLOCK_BYTES {
            Sha256::digest(bytes).to_vec()
        } else {
            bytes.to_vec()
        });
        let mut block = Zeroizing::new([0; HASH_BLOCK_BYTES]);
        for (padded, byte) in block.iter_mut().zip(hashed.iter()) {
            *padded = *byte;
        }
        Self { key: Hmac::new((&*block).into()) }
    }

    /// The id of these slots under this secret.
    pub fn id(&self, slots: &BindingSlots<'_>, header_slot: HeaderSlot) -> ChallengeId {
        let mut state = self.prefix(slots.realm, slots.method, slots.intent, slots.request);
        push_rest(&mut state, slots, header_slot);
        finish(state)
    }

    /// The hash state after the four slots that are the same for every challenge of a route.
    pub(crate) fn prefix(&self, realm: &str, method: &str, intent: &str, request: &str) -> Hmac<Sha256> {
        let mut state = self.key.clone();
        state.update(realm.as_bytes());
        for slot in [method, intent, request] {
            state.update(b"|");
            state.update(slot.as_bytes());
        }
        state
    }
}

impl fmt::Debug for BindingSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("BindingSecret(..)")
    }
}

impl Binder {
    /// A binder that signs with `current` and still accepts `previous`.
    pub fn new(current: BindingSecret, previous: Option<BindingSecret>) -> Self {
        Self { current: Arc::new(current), previous: previous.map(Arc::new) }
    }

    /// Recomputes the id of an echoed challenge, in constant time per secret and slot order.
    pub fn verify(&self, echoed: &Challenge) -> Result<(), NotBound> {
        let slots = echoed.slots();
        let presented = echoed.id().as_str().as_bytes();
        let orders: &[HeaderSlot] = match slots.header {
            None => &[ISSUED_HEADER_SLOT],
            Some(_) => &[HeaderSlot::BeforeOpaque, HeaderSlot::Last],
        };
        let mut bound = Choice::from(0);
        for secret in [Some(&self.current), self.previous.as_ref()].into_iter().flatten() {
            for order in orders {
                bound |= secret.id(&slots, *order).as_str().as_bytes().ct_eq(presented);
            }
        }
        if bool::from(bound) { Ok(()) } else { Err(NotBound) }
    }

    /// The id for a challenge's terms, under the current secret.
    pub fn id(&self, challenge: &Challenge) -> ChallengeId {
        self.id_of(&challenge.slots())
    }

    pub(crate) fn id_of(&self, slots: &BindingSlots<'_>) -> ChallengeId {
        self.current.id(slots, ISSUED_HEADER_SLOT)
    }

    pub(crate) fn current(&self) -> &Arc<BindingSecret> {
        &self.current
    }
}

/// Hashes the slots after `request`.
pub(crate) fn push_rest(state: &mut Hmac<Sha256>, slots: &BindingSlots<'_>, header_slot: HeaderSlot) {
    for slot in [slots.expires, slots.digest] {
        state.update(b"|");
        state.update(slot.as_bytes());
    }
    let (before, after) = match header_slot {
        HeaderSlot::BeforeOpaque => (slots.header, None),
        HeaderSlot::Last => (None, slots.header),
    };
    for slot in [before, Some(slots.opaque), after].into_iter().flatten() {
        state.update(b"|");
        state.update(slot.as_bytes());
    }
}

pub(crate) fn finish(state: Hmac<Sha256>) -> ChallengeId {
    ChallengeId::from_binding(base64url::encode(state.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::challenge::ChallengeDraft;
    use crate::{BodyDigest, EncodedObject, IntentName, JsonObject, MethodName, Realm, Timestamp};

    fn secret(byte: u8) -> BindingSecret {
        BindingSecret::new(&[byte; 32]).unwrap()
    }

    fn draft() -> ChallengeDraft {
        ChallengeDraft::new(
            Realm::new("api.example.com").unwrap(),
            MethodName::new("tempo").unwrap(),
            IntentName::new("charge").unwrap(),
            EncodedObject::encode(&JsonObject::new()).unwrap(),
        )
    }

    #[test]
    fn a_secret_has_32_bytes_and_is_never_printed() {
        assert_eq!(BindingSecret::new(&[b's'; 31]).unwrap_err(), WeakSecret(31));
        let printed = format!("{:?}", Binder::new(secret(b's'), Some(secret(b's'))));
        assert!(!printed.contains("115") && !printed.contains("ss"), "{printed}");
    }

    #[test]
    fn a_rotated_secret_still_verifies_until_it_is_dropped() {
        let challenge = draft().bind(&Binder::new(secret(1), None)).unwrap();
        assert_eq!(Binder::new(secret(2), Some(secret(1))).verify(&challenge), Ok(()));
        assert_eq!(Binder::new(secret(2), Some(secret(3))).verify(&challenge), Err(NotBound));
        assert_eq!(Binder::new(secret(2), None).verify(&challenge), Err(NotBound));
    }

    #[test]
    fn both_orders_of_the_header_slot_verify() {
        let binder = Binder::new(secret(1), None);
        let ours = draft().field(crate::challenge::CredentialField::PaymentAuthorization).bind(&binder).unwrap();
        let theirs_id = secret(1).id(&ours.slots(), HeaderSlot::Last);
        assert_ne!(ours.id(), &theirs_id);
        let theirs = ours.clone().with_id(theirs_id);
        assert_eq!(binder.verify(&ours), Ok(()));
        assert_eq!(binder.verify(&theirs), Ok(()));
    }

    #[test]
    fn every_bound_member_changes_the_id_and_the_description_does_not() {
        let binder = Binder::new(secret(1), None);
        let plain = draft().bind(&binder).unwrap();
        let described = draft().description("text").bind(&binder).unwrap();
        assert_eq!(plain.id(), described.id());
        let opaque = EncodedObject::from_wire("e30").unwrap();
        let changed = [
            draft().expires(Timestamp::from_unix_millis(0)),
            draft().digest(BodyDigest::of(b"")),
            draft().opaque(opaque),
            draft().field(crate::challenge::CredentialField::PaymentAuthorization),
        ];
        for draft in changed {
            let moved = draft.bind(&binder).unwrap().with_id(plain.id().clone());
            assert_eq!(binder.verify(&moved), Err(NotBound));
        }
    }
}
