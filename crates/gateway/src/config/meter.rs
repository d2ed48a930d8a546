//! How a route learns from its upstream what a request really cost.

use farthing_money::Price;
use http::HeaderName;
use toml::Spanned;

use super::file::MeterTable;
use super::{ConfigError, Mistake, Place};

/// What the upstream says that a request cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meter {
    /// Where it says it.
    pub reading: Reading,
    /// What one of what it counts costs; nothing where it says a price.
    pub unit: Option<Price>,
}

/// Where an upstream says what a request cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// In this response header, which goes no further.
    Header(HeaderName),
    /// In the JSON of its response, at this pointer.
    Json(String),
}

/// Reads a route's `meter`.
pub(super) fn read(table: &Spanned<MeterTable>, price: Price, place: &Place) -> Result<Meter, ConfigError> {
    let refused = |reason: String| place.refuses(Mistake::Value { key: "meter", reason });
    let MeterTable { header, json, unit } = table.get_ref();
    let unit = unit.as_ref().map(|text| text.parse::<Price>()).transpose();
    let unit = unit.map_err(|reason| refused(format!("its unit: {reason}")))?;
    if let Some(unit) = unit.filter(|unit| unit.currency() != price.currency() || unit.millionths() == 0) {
        let currency = price.currency();
        return Err(refused(format!("a unit of {unit} measures no price in {currency}; write it in {currency}")));
    }
    let reading = match (header, json) {
        (Some(name), None) => match HeaderName::from_bytes(name.as_bytes()) {
            Ok(name) => Reading::Header(name),
            Err(_) => return Err(refused(format!("\"{name}\" is no name of a header"))),
        },
        (None, Some(pointer)) if pointer.starts_with('/') && unit.is_some() => Reading::Json(pointer.clone()),
        (None, Some(_)) => {
            let example = "{ json = \"/usage/total_tokens\", unit = \"0.00002 USD\" }";
            return Err(refused(format!("a count in JSON has a pointer and a unit; write for example {example}")));
        }
        _ => {
            let reason = "it reads either a header or JSON; write for example { header = \"farthing-charge\" }";
            return Err(refused(reason.to_owned()));
        }
    };
    Ok(Meter { reading, unit })
}
