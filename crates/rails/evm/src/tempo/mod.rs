//! The `tempo` payment method, intent `charge` (draft-tempo-charge): TIP-20 transfers on Tempo.
//!
//! A payer signs a Tempo transaction (type 0x76) and the seller sends it, paying its fee if the
//! challenge says so; or the payer sends it and shows its hash; or, for a price of zero, signs a
//! proof. [`Envelope`] reads the transactions, [`match_calls`] decides whether they pay what is
//! asked, [`SponsorPolicy`] bounds what a stranger's transaction may cost the seller.

mod access_key;
mod calls;
mod envelope;
mod fields;
mod gas;
mod keychain;
mod memo;
mod payer;
mod paying_key;
mod payload;
mod proof;
mod request;
mod seller;
mod sender;
mod settings;
mod sponsor;

pub use access_key::{AccessKey, Grant, GrantError, Limit, SignedGrant};
pub use calls::{CallError, match_calls, payment_calls};
pub(crate) use calls::{memo_of, swap_length};
pub use envelope::{Envelope, EnvelopeError, leave_fee, signing_message};
pub use gas::GasPrices;
pub(crate) use gas::limit as gas_limit;
pub(crate) use keychain::{KEYCHAIN, KeyState, read_remaining, remaining};
pub use memo::{attributed, attribution};
pub(crate) use payer::earnest::{check_life, valid_before, valid_until};
pub use payer::{Clock, TempoPayer};
pub use paying_key::PayingKey;
pub use payload::{InvalidPayload, Payload};
pub use proof::{ProofError, Statement};
pub use request::{Modes, NotATempoRequest, Split, TempoRequest};
pub use seller::TempoCharge;
pub(crate) use seller::end_of;
pub(crate) use sender::read_signature;
pub use sender::{Sender, SenderError};
pub use settings::{MemoRule, Share, TempoSettings};
pub use sponsor::{CosignError, Cosigned, SponsorPolicy, SponsorRefusal, cosign};

#[cfg(test)]
pub(crate) mod testing;

/// The method's name on the wire.
pub const METHOD: &str = "tempo";

/// The intent served.
pub const INTENT: &str = "charge";

#[cfg(test)]
mod tests;
