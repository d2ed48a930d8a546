//! `offer-receipt`: a server signs what it offers, and after a payment that it was paid, so that a client can
//! show to others what it was promised and gave.
//!
//! Two forms: EIP-712 typed data by a secp256k1 key, and JWS by any key. Here are the exact bytes to sign and
//! what was signed; signing is done by a [`RecoverableSigner`](farthing_rail::RecoverableSigner) or a
//! [`Signer`](farthing_rail::Signer), and whose key it was by whoever can recover and knows keys. A client
//! must still see that this key may speak for the resource, and that what is signed is what it was offered
//! ([`PriceList::signed_offers`](crate::x402::PriceList::signed_offers), [`Receipt::is_of`]): an index beside a
//! signature says nothing.

mod matched;
mod signed;
mod statement;
mod typed;

pub use matched::NotSigned;
pub use signed::{Proof, Signed};
pub use statement::{Offer, Receipt, Statement};

use farthing_protocol::JsonObject;
use serde_json::Value;

use crate::x402::Malformed;

/// The extension's name.
pub const NAME: &str = "offer-receipt";

/// More offers than anybody makes.
const MOST_OFFERS: usize = 64;

/// What a server says in a 402 that signs its offers: to be put under [`NAME`].
pub fn advertisement(offers: &[Signed<Offer>]) -> Value {
    let offers: Vec<Value> = offers.iter().map(|offer| Value::Object(offer.to_object())).collect();
    serde_json::json!({ "info": { "offers": offers } })
}

/// What a server says with the outcome of a payment: to be put under [`NAME`]. Only for a success.
pub fn acknowledgement(receipt: &Signed<Receipt>) -> Value {
    serde_json::json!({ "info": { "receipt": receipt.to_object() } })
}

/// The signed offers of a price list, or why one cannot be read.
pub fn offers(extensions: &JsonObject) -> Vec<Result<Signed<Offer>, Malformed>> {
    let offers = super::info(extensions, NAME).and_then(|info| info.get("offers")).and_then(Value::as_array);
    offers.into_iter().flatten().take(MOST_OFFERS).map(Signed::read).collect()
}

/// The signed receipt of an outcome, if there is one.
pub fn receipt(extensions: &JsonObject) -> Option<Result<Signed<Receipt>, Malformed>> {
    super::info(extensions, NAME)?.get("receipt").map(Signed::read)
}

#[cfg(test)]
mod tests;
