//! Between x402's words and ours: the one place where the two meet.
//!
//! An offer is a [`ChargeRequest`](farthing_protocol::ChargeRequest) of the method `x402`, whose intent is the scheme:
//!
//! | `PaymentRequirements` | `ChargeRequest` |
//! |---|---|
//! | `amount` | `amount` |
//! | `asset` | `currency` |
//! | `payTo` | `recipient` |
//! | `network`, `maxTimeoutSeconds`, `extra` | members of `methodDetails` |
//!
//! A payment is a [`Credential`](farthing_protocol::Credential) whose payload is the scheme's own.
//!
//! **A buyer** reads a 402 as a [`PriceList`](super::PriceList), says what it wants ([`Purchase`]) and gets a
//! challenge for each entry, or why there is none: [`PriceList::offers`](super::PriceList::offers). A payer signs
//! one of them as it would any other, with the nonce that is the challenge's id ([`nonce`]), and
//! [`PaymentPayload::of`](super::PaymentPayload::of) turns the credential into what is sent, in the version of
//! the list, with everything echoed that must be. A challenge of the method `x402` that comes from anywhere else
//! than `offers`, such as a `WWW-Authenticate` line, must not be paid: its id would be a stranger's nonce.
//!
//! **A seller** reads a [`PaymentPayload`](super::PaymentPayload), finds which of its own offers it answers
//! ([`PaymentPayload::answered`](super::PaymentPayload::answered)), checks what the client echoes
//! ([`check_echo`](super::extension::check_echo)) and the nonce
//! ([`PaymentPayload::check_binding`](super::PaymentPayload::check_binding)), and has a credential of it
//! ([`PaymentPayload::to_credential`](super::PaymentPayload::to_credential)). What came of it is said with
//! [`Settled::paid`](super::Settled::paid) and [`Settled::failed`](super::Settled::failed).

mod buyer;
mod offer;
mod outcome;
mod seller;

pub(in crate::x402) use buyer::is_same_site;
pub use buyer::{NotOffered, Purchase, nonce};
pub use seller::{Bound, NotBound, challenge_id};

#[cfg(test)]
mod tests;
