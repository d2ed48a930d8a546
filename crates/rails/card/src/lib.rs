//! Cards by encrypted network tokens: the payment method `card`, intent `charge`.
//!
//! Four take part. The client's enabler (a vault, a token service) makes a network token and encrypts it to a key of
//! the server's enabler (an acquirer's gateway), which alone opens it and asks the card's bank. Between them stand the
//! wallet and the gateway, to which the token is opaque: [`buyer::CardPayer`] and [`Card`]. The enablers are the
//! traits [`buyer::ClientEnabler`] and [`seller::ServerEnabler`].
//!
//! **The only enablers in this crate are a [`sandbox`]**, which moves no money and says so in every receipt. Money
//! takes an acquirer who takes network tokens, a token service, and what the card industry demands of whoever touches
//! either; `docs/methods/card.md` is the page for operators.
//!
//! A token, a name, an address and the digits of a card stand in no log, no error, no `Debug` and, in clear, in no
//! books.

use std::sync::LazyLock;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

pub mod buyer;
mod currency;
pub mod jwe;
mod key;
mod network;
mod payload;
mod personal;
mod request;
pub mod sandbox;
pub mod seller;
mod token;

pub use currency::{NotACurrency, asset_of};
pub use key::{EncryptionKey, KeySet, KeySource, NotAKey, NotAKeySet, NotAKeySource};
pub use network::{Network, NotANetwork};
pub use payload::{InvalidPayload, Payload};
pub use personal::Personal;
pub use request::{CardRequest, NotACardRequest};
pub use seller::Card;
pub use token::{DynamicData, DynamicKind, NetworkToken, NotAToken};

/// The method's name on the wire.
pub const METHOD: &str = "card";

/// The intent served.
pub const INTENT: &str = "charge";

/// Where keys, IVs and cryptograms come from.
pub type Random = &'static (dyn SecureRandom + Sync);

/// The machine's own randomness, for whoever has no other.
pub fn machine_randomness() -> Random {
    static MACHINE: LazyLock<SystemRandom> = LazyLock::new(SystemRandom::new);
    &*MACHINE
}
