//! RFC 9457 problems of the payment scheme (core, section 8).

use serde_json::{Value, json};

use crate::{ChallengeId, json};

/// The media type of a problem body.
pub const MEDIA_TYPE: &str = "application/problem+json";

const BASE: &str = "https://paymentauth.org/problems/";

macro_rules! problem_types {
    ($($(#[doc = $doc:literal])* $name:ident: $slug:literal, $title:literal, $status:literal;)*) => {
        /// The registered problem types.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ProblemType {
            $($(#[doc = $doc])* $name,)*
        }

        impl ProblemType {
            /// Every type, in the order of the registry.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// `payment-required`.
            pub fn slug(self) -> &'static str {
                match self { $(Self::$name => $slug,)* }
            }

            /// The title.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// The HTTP status.
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }
        }
    };
}

problem_types! {
    /// 402. Nothing was paid yet.
    PaymentRequired: "payment-required", "Payment Required", 402;
    /// 402. Less was paid than asked.
    PaymentInsufficient: "payment-insufficient", "Payment Insufficient", 402;
    /// 402. The challenge is over.
    PaymentExpired: "payment-expired", "Payment Expired", 402;
    /// 402. The method refused the proof.
    VerificationFailed: "verification-failed", "Verification Failed", 402;
    /// 402. The credential cannot be read.
    MalformedCredential: "malformed-credential", "Malformed Credential", 402;
    /// 402. The challenge is unknown, used, changed, or for another route.
    InvalidChallenge: "invalid-challenge", "Invalid Challenge", 402;
    /// 400. The route does not offer the credential's method.
    MethodUnsupported: "method-unsupported", "Method Unsupported", 400;
    /// 400. The request itself is at fault, as with two credentials.
    BadRequest: "bad-request", "Bad Request", 400;
    /// 402. The payload does not have the method's shape.
    InvalidPayload: "invalid-payload", "Invalid Payload", 402;
    /// 402. The payer must act before the payment can go on.
    PaymentActionRequired: "payment-action-required", "Payment Action Required", 402;
    /// 500. The server's own fault.
    InternalPaymentError: "internal-payment-error", "Internal Payment Error", 500;
    /// 402. A voucher's signature is wrong.
    SessionInvalidSignature: "session/invalid-signature", "Invalid Signature", 402;
    /// 402. A voucher is signed by somebody else.
    SessionSignerMismatch: "session/signer-mismatch", "Signer Mismatch", 402;
    /// 402. A voucher is above what was deposited.
    SessionAmountExceedsDeposit: "session/amount-exceeds-deposit", "Amount Exceeds Deposit", 402;
    /// 402. A voucher adds too little.
    SessionDeltaTooSmall: "session/delta-too-small", "Delta Too Small", 402;
    /// 410. There is no such channel.
    SessionChannelNotFound: "session/channel-not-found", "Channel Not Found", 410;
    /// 410. The channel is closed for good.
    SessionChannelFinalized: "session/channel-finalized", "Channel Finalized", 410;
    /// 402. The session's challenge is unknown.
    SessionChallengeNotFound: "session/challenge-not-found", "Challenge Not Found", 402;
    /// 402. The session's balance does not cover the next unit.
    SessionInsufficientBalance: "session/insufficient-balance", "Insufficient Balance", 402;
    /// 409. The chain undid the session's transaction.
    SessionTransactionReverted: "session/transaction-reverted", "Transaction Reverted", 409;
}

impl ProblemType {
    /// The full type URI.
    pub fn uri(self) -> String {
        format!("{BASE}{}", self.slug())
    }

    /// The type of a URI; nothing when it is not registered.
    pub fn from_uri(uri: &str) -> Option<Self> {
        let slug = uri.strip_prefix(BASE)?;
        Self::ALL.iter().copied().find(|kind| kind.slug() == slug)
    }
}

/// One problem, safe to show to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which.
    pub kind: ProblemType,
    /// One sentence with the remedy.
    pub detail: String,
    /// The challenge it concerns.
    pub challenge_id: Option<ChallengeId>,
}

impl Problem {
    /// A problem that concerns no challenge in particular.
    pub fn new(kind: ProblemType, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), challenge_id: None }
    }

    /// The `application/problem+json` body.
    pub fn to_json(&self) -> String {
        self.to_value().to_string()
    }

    /// The body as a JSON value.
    pub fn to_value(&self) -> Value {
        let mut body = json!({
            "type": self.kind.uri(),
            "title": self.kind.title(),
            "status": self.kind.status(),
            "detail": self.detail,
        });
        if let (Some(id), Some(members)) = (&self.challenge_id, body.as_object_mut()) {
            members.insert("challengeId".to_owned(), Value::from(id.as_str()));
        }
        body
    }

    /// Reads a body; nothing when it is not a problem of a registered type. Title and status follow
    /// from the type, whatever the body says.
    pub fn parse(body: &[u8]) -> Option<Self> {
        let object = json::parse_object(body).ok()?;
        let text = |name: &str| object.get(name).and_then(Value::as_str);
        Some(Self {
            kind: ProblemType::from_uri(text("type")?)?,
            detail: text("detail").unwrap_or_default().to_owned(),
            challenge_id: text("challengeId").and_then(|id| ChallengeId::read(id).ok()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_reads_back_from_its_body() {
        for kind in ProblemType::ALL {
            let challenge_id = Some(ChallengeId::read("abc").unwrap());
            let problem = Problem { challenge_id, ..Problem::new(*kind, "what to do") };
            assert_eq!(Problem::parse(problem.to_json().as_bytes()), Some(problem));
        }
        assert_eq!(Problem::parse(br#"{"type":"about:blank"}"#), None);
        assert_eq!(Problem::parse(b"not json"), None);
    }
}
