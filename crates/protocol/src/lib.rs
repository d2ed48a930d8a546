//! The Machine Payments Protocol (MPP, the HTTP `Payment` authentication scheme) on the wire.
//!
//! A server answers `402` with one or more [`Challenge`]s; a client pays and repeats the request
//! with a [`Credential`] that echoes one of them; the server answers with a [`Receipt`]. This crate
//! turns those objects to and from bytes, binds a challenge to its terms, and nothing else: it has
//! no I/O, reads no clock and draws no random numbers.

pub mod base64url;
pub mod binding;
pub mod caching;
pub mod challenge;
pub mod charge;
pub mod credential;
pub mod digest;
pub mod discovery;
pub mod json;
pub mod jsonrpc;
pub mod names;
pub mod negotiation;
pub mod problem;
pub mod receipt;
pub mod stream;
pub mod subscription;
pub mod time;

pub use binding::{Binder, BindingSecret};
pub use challenge::{Challenge, ChallengeId, ChallengeTemplate};
pub use charge::ChargeRequest;
pub use credential::Credential;
pub use digest::BodyDigest;
pub use json::{EncodedObject, JsonObject};
pub use names::{IntentName, MethodName, Realm};
pub use negotiation::AcceptPayment;
pub use problem::{Problem, ProblemType};
pub use receipt::Receipt;
pub use subscription::SubscriptionRequest;
pub use time::Timestamp;
