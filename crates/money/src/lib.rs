//! Money as exact integers.
//!
//! A [`Price`] is what a seller writes ("0.001 USD"). An [`Asset`] is what a payment moves: a
//! code, a number of decimals, and the place that holds it. An [`Amount`] counts an asset's base
//! units. Getting from one to the other is exact or fails with a reason; where a conversion can
//! leave a remainder, the caller names the [`Rounding`] and is handed the remainder.
//!
//! There is no float, no unchecked operator and no default rounding in this crate.

mod amount;
mod asset;
mod price;
mod rate;

pub use amount::{Amount, AmountError};
pub use asset::{Asset, AssetError, Home, MAX_DECIMALS};
pub use price::{Currency, Price, PriceError};
pub use rate::{Converted, Rate, RateError, Rounding};
