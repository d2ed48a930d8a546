use std::time::Duration;

use farthing_protocol::challenge::ChallengeError;
use farthing_protocol::json::{JsonError, parse_object};
use farthing_protocol::{
    BodyDigest, Challenge, ChargeRequest, Credential, EncodedObject, JsonObject, Realm, Timestamp, base64url,
};
use farthing_rail::Origin;
use serde_json::Value;

use crate::x402::extension::{binding, payment_identifier};
use crate::x402::{
    Accepted, Answers, Binding, Entry, METHOD, Malformed, PaymentPayload, PriceList, Requirements, Salt, Version,
};

/// What is echoed goes with its schemas as long as it is shorter than this in base64, in bytes: a longer
/// header is cut off on the way to some servers, and nobody needs a schema back.
const LONGEST_WITH_SCHEMAS: usize = 3 * 1024;

/// What a client wants to buy, and the least it must know to sign for that and nothing else.
#[derive(Clone, Copy, Debug)]
pub struct Purchase<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// The URL that answered 402.
    pub url: &'a str,
    /// The digest of the request's body, where it has one.
    pub digest: Option<&'a BodyDigest>,
    /// The host of the URL.
    pub realm: &'a Realm,
    /// Now.
    pub now: Timestamp,
    /// For how long a payment may be valid at most, whatever the server wants.
    pub longest: Duration,
    /// Fresh random bytes for each purchase.
    pub salt: &'a Salt,
}

/// Why an entry of a price list is no offer to this client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotOffered {
    /// It breaks a rule of the protocol.
    #[error("the entry cannot be read: {0}")]
    Malformed(#[from] Malformed),
    /// Its resource is on another site than the one that was asked.
    #[error("the entry sells {0:?}, which is not on the site that was asked")]
    Elsewhere(String),
    /// What must be echoed is too large, or has numbers that would be rounded.
    #[error("the entry cannot be echoed: {0}")]
    Echo(JsonError),
    /// It has no form as a challenge.
    #[error("the entry cannot be taken as an offer: {0}")]
    Challenge(#[from] ChallengeError),
    /// It stands behind more entries than anybody reads.
    #[error("{0} more entries were not read")]
    Unread(usize),
}

impl PriceList {
    /// A challenge for each entry, in the order of the list, or why there is none. The id of each is a nonce
    /// that is made from what is bought; it ends when a payment for it must.
    pub fn offers(&self, purchase: &Purchase<'_>) -> Vec<Result<Challenge, NotOffered>> {
        let offers = self.entries.iter().map(|entry| self.offer(entry, purchase));
        let unread = Some(self.unread).filter(|count| *count > 0).map(|count| Err(NotOffered::Unread(count)));
        offers.chain(unread).collect()
    }

    fn offer(&self, entry: &Entry, purchase: &Purchase<'_>) -> Result<Challenge, NotOffered> {
        let offer = entry.offer.as_ref().map_err(Clone::clone)?;
        let resource = entry.resource.url.as_str();
        if !is_same_site(resource, purchase.url) {
            return Err(NotOffered::Elsewhere(resource.chars().take(128).collect()));
        }
        let nonce = Binding {
            method: purchase.method,
            resource,
            digest: purchase.digest,
            accepted: offer,
            salt: purchase.salt,
        };
        let valid = Duration::from_secs(offer.max_timeout_seconds).min(purchase.longest);
        let echo = Echo::of(self, entry, purchase.salt).encode().map_err(NotOffered::Echo)?;
        let draft = offer.draft(purchase.realm, Some(purchase.now.after(valid)), purchase.digest)?;
        let id = nonce.challenge_id().ok_or(ChallengeError::Id)?;
        Ok(draft.opaque(echo).with_id(id)?)
    }
}

impl PaymentPayload {
    /// What is sent for a credential that answers a challenge of [`PriceList::offers`]. Sensitive.
    pub fn of(credential: &Credential) -> Result<Self, Malformed> {
        let challenge = credential.challenge();
        let opaque = challenge.opaque().filter(|_| challenge.method().as_str() == METHOD);
        let echo = opaque.and_then(|opaque| Echo::decode(&opaque.decode().ok()?));
        let echo = echo.ok_or(Malformed::member("opaque", "what an offer of x402 was given"))?;
        let answers = match echo.version {
            Version::V2 => Answers::Offer(Accepted::read(echo.accepted)?),
            Version::V1 => {
                let request = challenge.request().decode().and_then(|object| ChargeRequest::from_object(&object));
                let request = request.map_err(|error| Malformed::Json(error.to_string()))?;
                let offer = Requirements::from_request(challenge.intent().as_str(), &request)?;
                Answers::Scheme { scheme: offer.scheme, network: offer.network }
            }
        };
        let mut extensions = echo.extensions;
        if let Some(salt) = &echo.salt {
            binding::add_salt(&mut extensions, salt);
        }
        // The same name each time that the same credential is sent.
        payment_identifier::add(&mut extensions, challenge.id().as_str());
        Ok(Self {
            version: echo.version,
            answers,
            payload: credential.payload().clone(),
            resource: Some(echo.resource).filter(|resource| !resource.is_empty()),
            extensions,
        })
    }
}

/// The nonce that a payment for this challenge must use: 32 bytes. `None` where the id is not one of
/// [`PriceList::offers`].
pub fn nonce(challenge: &Challenge) -> Option<[u8; 32]> {
    base64url::decode(challenge.id().as_str()).ok()?.try_into().ok()
}

/// What a payment sends back, kept in `opaque` of the challenge: a flat object of texts, so that every
/// number stays as it was written.
struct Echo {
    version: Version,
    accepted: JsonObject,
    resource: JsonObject,
    extensions: JsonObject,
    /// Where the server asked for it.
    salt: Option<Salt>,
}

impl Echo {
    fn of(list: &PriceList, entry: &Entry, salt: &Salt) -> Self {
        let told = |object: &JsonObject| match list.version {
            Version::V1 => JsonObject::new(),
            Version::V2 => object.clone(),
        };
        let extensions = told(&list.extensions);
        let salt = binding::is_advertised(&extensions).then_some(*salt);
        Self { version: list.version, accepted: told(&entry.told), resource: list.resource.clone(), extensions, salt }
    }

    fn encode(mut self) -> Result<EncodedObject, JsonError> {
        match self.encode_whole() {
            Ok(echo) if echo.as_str().len() <= LONGEST_WITH_SCHEMAS => Ok(echo),
            whole => {
                let extensions = self.extensions.values_mut().filter_map(Value::as_object_mut);
                let schemas = extensions.filter_map(|extension| extension.remove("schema")).count();
                if schemas == 0 { whole } else { self.encode_whole() }
            }
        }
    }

    fn encode_whole(&self) -> Result<EncodedObject, JsonError> {
        let mut echo = JsonObject::new();
        echo.insert("version".to_owned(), self.version.number().to_string().into());
        let objects = [("accepted", &self.accepted), ("resource", &self.resource), ("extensions", &self.extensions)];
        for (name, object) in objects.into_iter().filter(|(_, object)| !object.is_empty()) {
            let text = serde_json::to_string(object).unwrap_or_default();
            echo.insert(name.to_owned(), text.into());
        }
        if let Some(salt) = &self.salt {
            echo.insert("salt".to_owned(), base64url::encode(salt).into());
        }
        EncodedObject::encode(&echo)
    }

    fn decode(echo: &JsonObject) -> Option<Self> {
        let text = |name: &str| echo.get(name).and_then(Value::as_str);
        let object = |name: &str| text(name).map_or(Some(JsonObject::new()), |text| parse_object(text.as_bytes()).ok());
        Some(Self {
            version: match text("version")? {
                "1" => Version::V1,
                "2" => Version::V2,
                _ => return None,
            },
            accepted: object("accepted")?,
            resource: object("resource")?,
            extensions: object("extensions")?,
            salt: match text("salt") {
                Some(salt) => Some(binding::read_salt(salt)?),
                None => None,
            },
        })
    }
}

/// Whether a resource is where the client asked: the same host and port. The scheme may differ, since a
/// server behind another one that speaks TLS takes itself for `http`.
///
/// A tool's own name for itself, `mcp://tool/forecast`, names no site: it is where the client asked when the
/// client asked for that tool, as `https://api.example.com/mcp/tool/forecast`.
pub(in crate::x402) fn is_same_site(resource: &str, asked: &str) -> bool {
    if let Some(tool) = resource.strip_prefix("mcp:/") {
        return tool.starts_with("/tool/") && asked.ends_with(tool);
    }
    if resource.starts_with('/') && !resource.starts_with("//") {
        return true;
    }
    let host = |origin: Origin| origin.as_str().split_once("://").map(|(_, host)| host.to_owned());
    match (site(resource).and_then(host), site(asked).and_then(host)) {
        (Some(resource), Some(asked)) => resource == asked,
        _ => false,
    }
}

/// The origin of a URL; `None` where two readers could see two.
fn site(url: &str) -> Option<Origin> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    format!("{scheme}://{authority}").parse().ok()
}
