//! What a program is told when its request has no answer of its server.

use farthing_wallet::WalletName;
use http::header::{CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, PROXY_AUTHENTICATE, RETRY_AFTER};
use http::{Response, StatusCode};
use serde_json::{Map, Value};

use crate::body::Body;

/// The header that says, in one word, why an answer is not the server's.
pub(crate) const REFUSAL: HeaderName = HeaderName::from_static("farthing-refusal");

/// The header that names the question a person was asked.
pub(crate) const APPROVAL: HeaderName = HeaderName::from_static("farthing-approval");

/// Seconds after which what is not known yet may be asked again.
const SOON: u64 = 2;
const WHEN_A_PERSON_MAY_HAVE_ANSWERED: u64 = 10;

/// Why a request has no answer of its server. Answered with the status of [`Refusal::status`], a `Farthing-Refusal` header
/// that holds [`Refusal::word`], and a problem document (RFC 9457) with the reason in one sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The policy, or a safety rule, does not let it be paid.
    #[error("{sentence}")]
    Policy {
        /// Whose policy.
        wallet: WalletName,
        /// The rule that says so, if it was the policy.
        rule: Option<String>,
        /// The reason.
        sentence: String,
    },
    /// A person is asked whether it may be paid. Once they allow it, the same request pays.
    #[error("{sentence}; farthing approvals allow {id} lets the same request pay, until {until}")]
    Approval {
        /// Whose money.
        wallet: WalletName,
        /// The question.
        id: String,
        /// Why it is asked.
        sentence: String,
        /// Until when it can be answered.
        until: String,
    },
    /// It asks for a payment, and nothing that is offered can be paid.
    #[error("{sentence}")]
    NoOffer {
        /// One reason or several.
        sentence: String,
    },
    /// A payment was sent, and what became of it is not known.
    #[error("{sentence}")]
    Unknown {
        /// What is known.
        sentence: String,
        /// Whether the same request again presents the same payment, and pays nothing anew.
        repeatable: bool,
    },
    /// The wallet could not do its part; nothing was paid.
    #[error("{sentence}")]
    Wallet {
        /// What went wrong.
        sentence: String,
    },
    /// The server cannot be reached, or is not who it says.
    #[error("the server cannot be reached: {reason}")]
    Unreachable {
        /// Why.
        reason: String,
    },
    /// The address is not public.
    #[error(
        "{host} is or leads to a private address, where this proxy does not go; its owner can list it with \
         --allow-private {host}:{port}"
    )]
    Private {
        /// The host.
        host: String,
        /// The port.
        port: u16,
    },
    /// A tunnel to a port that is not listed.
    #[error("tunnels lead to ports 443 and 80; the proxy's owner can list another with --allow-port {port}")]
    Port {
        /// The port.
        port: u16,
    },
    /// The request inside a tunnel names another server than the tunnel.
    #[error("the request names another host than the tunnel that it came through")]
    OtherHost,
    /// Not a request for a proxy.
    #[error("this is a proxy: set HTTP_PROXY and HTTPS_PROXY to its address, and ask for whole URLs")]
    NotForAProxy,
    /// No credential, or one that nobody has.
    #[error("the proxy's user is a wallet, and its password a token of farthing proxy token")]
    Credential,
    /// The upload was sent through, for it is too long to keep, and then a payment was asked for.
    #[error("a payment is asked for, and the upload is longer than the {limit} bytes that are kept to be sent again")]
    TooLong {
        /// The most bytes that are kept.
        limit: usize,
    },
    /// The client sent less than it said, or too slowly.
    #[error("the upload broke off")]
    BrokenOff,
}

impl Refusal {
    /// The status that it is answered with.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Policy { .. } | Self::Approval { .. } | Self::NoOffer { .. } | Self::TooLong { .. } => {
                StatusCode::PAYMENT_REQUIRED
            }
            Self::Unknown { repeatable: true, .. } => StatusCode::SERVICE_UNAVAILABLE,
            // A program that repeats by itself on 503 would pay anew.
            Self::Unknown { repeatable: false, .. } | Self::Unreachable { .. } => StatusCode::BAD_GATEWAY,
            Self::Wallet { .. } => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Private { .. } | Self::Port { .. } => StatusCode::FORBIDDEN,
            Self::OtherHost => StatusCode::MISDIRECTED_REQUEST,
            Self::NotForAProxy | Self::BrokenOff => StatusCode::BAD_REQUEST,
            Self::Credential => StatusCode::PROXY_AUTHENTICATION_REQUIRED,
        }
    }

    /// What the `Farthing-Refusal` header says.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Policy { .. } => "policy",
            Self::Approval { .. } => "approval",
            Self::NoOffer { .. } => "no-offer",
            Self::Unknown { repeatable: true, .. } => "unknown",
            Self::Unknown { repeatable: false, .. } => "lost",
            Self::Wallet { .. } => "wallet",
            Self::Unreachable { .. } => "unreachable",
            Self::Private { .. } => "private-address",
            Self::Port { .. } => "port",
            Self::OtherHost => "other-host",
            Self::NotForAProxy => "not-for-a-proxy",
            Self::Credential => "credential",
            Self::TooLong { .. } => "upload-too-long",
            Self::BrokenOff => "upload-broken-off",
        }
    }

    /// The answer.
    pub(crate) fn answer(&self) -> Response<Body> {
        let mut members = Map::new();
        members.insert("type".into(), format!("urn:farthing:refusal:{}", self.word()).into());
        members.insert("title".into(), self.status().canonical_reason().unwrap_or_default().into());
        members.insert("status".into(), self.status().as_u16().into());
        members.insert("detail".into(), self.to_string().into());
        if let Self::Policy { wallet, rule, .. } = self {
            members.insert("wallet".into(), wallet.as_str().into());
            members.extend(rule.clone().map(|rule| ("rule".to_owned(), Value::from(rule))));
        }
        if let Self::Approval { wallet, id, until, .. } = self {
            members.insert("wallet".into(), wallet.as_str().into());
            members.insert("approval".into(), id.as_str().into());
            members.insert("until".into(), until.as_str().into());
        }
        let mut response = Response::new(Body::from(format!("{}\n", Value::Object(members))));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(REFUSAL, HeaderValue::from_static(self.word()));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match self {
            Self::Unknown { repeatable: true, .. } => {
                headers.insert(RETRY_AFTER, HeaderValue::from(SOON));
            }
            Self::Approval { id, .. } => {
                headers.insert(RETRY_AFTER, HeaderValue::from(WHEN_A_PERSON_MAY_HAVE_ANSWERED));
                headers.extend(HeaderValue::from_str(id).map(|id| (APPROVAL, id)));
            }
            Self::Credential => {
                headers.insert(PROXY_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"farthing\""));
            }
            Self::BrokenOff => {
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        response
    }
}
