//! The `Idempotency-Key` of a paid request.

use farthing_protocol::{ProblemType, Realm};
use farthing_rail::PayerId;
use http::{HeaderMap, HeaderName};
use sha2::{Digest, Sha256};

use crate::denial::Denial;
use crate::quote::Scope;

pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const LONGEST: usize = 255;

/// A client's own name for a request that it may have to repeat, as the request says it.
pub(crate) struct Said(Vec<u8>);

/// The name together with what is asked for under it.
pub(super) struct Key {
    scope: [u8; 32],
    said: Vec<u8>,
}

impl Said {
    /// Reads the one key of a request, if it has one.
    pub(crate) fn read(headers: &HeaderMap) -> Result<Option<Self>, Denial> {
        let mut values = headers.get_all(&IDEMPOTENCY_KEY).iter();
        let Some(value) = values.next() else { return Ok(None) };
        let fits = (1..=LONGEST).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic);
        if !fits || values.next().is_some() {
            let detail = format!("A request has one Idempotency-Key of 1 to {LONGEST} printable characters.");
            return Err(Denial::new(ProblemType::BadRequest, detail));
        }
        Ok(Some(Self(value.as_bytes().to_vec())))
    }

    /// The name itself.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The identifier that x402 gives a payment. A blank keeps it apart from what a header can say.
    pub(super) fn from_identifier(id: String) -> Self {
        Self(format!("payment-identifier {id}").into_bytes())
    }

    /// The key of this request: under the same name, another one has another.
    pub(super) fn within(self, scope: &Scope) -> Key {
        Key { scope: *scope.as_bytes(), said: self.0 }
    }
}

impl Key {
    /// The key as the books know it: nobody meets a key of another payer or another request.
    pub(super) fn bound_to(&self, realm: &Realm, payer: Option<&PayerId>) -> [u8; 32] {
        self.named("farthing/idempotency/1", realm, payer)
    }

    /// The key of the top-up that comes before the request.
    pub(super) fn for_top_up(&self, realm: &Realm, payer: Option<&PayerId>) -> [u8; 32] {
        self.named("farthing/idempotency-of-top-up/1", realm, payer)
    }

    fn named(&self, kind: &str, realm: &Realm, payer: Option<&PayerId>) -> [u8; 32] {
        let mut hasher = Sha256::new();
        for part in [kind, realm.as_str(), payer.map_or("", PayerId::as_str)] {
            hasher.update(part.as_bytes());
            hasher.update([0]);
        }
        hasher.update(self.scope);
        hasher.update(&self.said);
        hasher.finalize().into()
    }
}
