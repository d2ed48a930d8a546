//! What a route says about being paid for by sessions.

use std::time::Duration;

use farthing_money::Price;
use toml::Spanned;

use super::file::SessionTable;
use super::{ConfigError, Mistake, Place, quantity};

/// The longest name of a unit, in characters.
const LONGEST_UNIT: usize = 32;

/// What a route says about being paid for by sessions; what it does not say follows from its price.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionConfig {
    /// What the price is for, for people: `token`. A request, unless it says so.
    pub unit: Option<String>,
    /// What a payer is advised to deposit.
    pub deposit: Option<Price>,
    /// The least that is taken for a deposit.
    pub least_deposit: Option<Price>,
    /// The least that a voucher must add.
    pub least_delta: Option<Price>,
    /// The most that may be under way to a payer without being written down as delivered: what a crash costs the
    /// seller, per stream.
    pub slice: Option<Price>,
    /// How long a stream waits for a voucher.
    pub pause: Option<Duration>,
    /// Where any of it stands; nothing when none does.
    pub place: Option<Place>,
}

/// Reads `[route.session]`, whose prices must be in the currency of a unit's and make sense beside it.
pub(super) fn read(table: &Spanned<SessionTable>, price: Price, place: &Place) -> Result<SessionConfig, ConfigError> {
    let refused = |key: &'static str, reason: String| place.refuses(Mistake::Value { key, reason });
    let said = table.get_ref();
    let read = |key: &'static str, text: &Option<String>| -> Result<Option<Price>, ConfigError> {
        let Some(text) = text else { return Ok(None) };
        let read: Price =
            text.parse().map_err(|reason: farthing_money::PriceError| refused(key, reason.to_string()))?;
        if read.currency() != price.currency() {
            let reason = format!("{read} is in another currency than the price; write it in {}", price.currency());
            return Err(refused(key, reason));
        }
        Ok(Some(read))
    };
    let (deposit, least_deposit) = (read("deposit", &said.deposit)?, read("least_deposit", &said.least_deposit)?);
    let (least_delta, slice) = (read("least_delta", &said.least_delta)?, read("slice", &said.slice)?);
    for (key, amount) in [("deposit", deposit), ("least_deposit", least_deposit), ("slice", slice)] {
        if let Some(small) = amount.filter(|amount| amount.millionths() < price.millionths()) {
            return Err(refused(key, format!("{small} does not buy one unit at {price}; write at least {price}")));
        }
    }
    for (key, amount) in [("least_deposit", least_deposit), ("least_delta", least_delta)] {
        if let (Some(amount), Some(advised)) = (amount, deposit)
            && amount.millionths() > advised.millionths()
        {
            let reason = format!("{amount} is more than the deposit of {advised} that payers are advised to make");
            return Err(refused(key, reason));
        }
    }
    let pause = said.pause.as_ref().map(|text| quantity::duration(text)).transpose();
    let pause = pause.map_err(|reason| refused("pause", reason))?;
    Ok(SessionConfig { unit: None, deposit, least_deposit, least_delta, slice, pause, place: Some(place.clone()) })
}

/// Reads a route's `unit`.
pub(super) fn unit(text: &str) -> Result<String, String> {
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    if text.is_empty() || text.len() > LONGEST_UNIT || !plain {
        return Err(format!("a unit is one word of at most {LONGEST_UNIT} letters, such as \"token\""));
    }
    Ok(text.to_owned())
}
