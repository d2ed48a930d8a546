//! What a route counts of a response, and what that costs.

use std::num::NonZeroU64;

use farthing_money::Price;
use http::HeaderName;
use toml::Spanned;

use super::file::MeterTable;
use super::{ConfigError, Mistake, Place};

/// What is counted, and what it costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meter {
    /// What is counted, and where it is read.
    pub reading: Reading,
    /// The price of `per` of what is counted. Without it the route's price is meant, or the upstream says a
    /// price and not a count.
    pub unit: Option<Price>,
    /// See `unit`.
    pub per: NonZeroU64,
}

/// What is counted, and where it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// What this response header says, which goes no further.
    Header(HeaderName),
    /// What this trailer says, which goes no further.
    Trailer(HeaderName),
    /// What stands in the JSON of the response, at this pointer.
    Json(String),
    /// Bytes of the response's body, as they go out.
    Bytes,
    /// Server-sent events, as they go out.
    Events,
    /// Tokens of a model, as the `usage` of its answer or its stream counts them.
    Tokens(Tokens),
}

/// Which tokens of a model are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tokens {
    /// Those it read.
    Input,
    /// Those it wrote.
    Output,
    /// Both.
    Total,
}

impl Meter {
    /// Whether it counts while the response goes out; else the upstream says once what the whole of it cost.
    pub fn counts_as_it_goes(&self) -> bool {
        matches!(self.reading, Reading::Bytes | Reading::Events | Reading::Tokens(_))
    }

    /// Whether a whole response can be measured before it goes out, within the route's price as the most that is
    /// taken.
    pub fn measures_ahead(&self) -> bool {
        match self.reading {
            Reading::Header(_) | Reading::Json(_) => true,
            Reading::Bytes | Reading::Tokens(_) => self.unit.is_some(),
            Reading::Trailer(_) | Reading::Events => false,
        }
    }

    /// What a session asks for a unit on a route of this price: what is counted, or the most that a request costs.
    pub fn unit_price(&self, price: Price) -> Price {
        if self.counts_as_it_goes() { self.unit.unwrap_or(price) } else { price }
    }

    /// What a unit of a session is called, for people.
    pub fn unit_name(&self) -> String {
        let (one, many) = match self.reading {
            Reading::Header(_) | Reading::Trailer(_) | Reading::Json(_) => return "request".to_owned(),
            Reading::Bytes => ("byte", "bytes"),
            Reading::Events => ("event", "events"),
            Reading::Tokens(_) => ("token", "tokens"),
        };
        if self.per.get() == 1 { one.to_owned() } else { format!("{} {many}", self.per) }
    }
}

/// Reads a route's `meter`.
pub(super) fn read(table: &Spanned<MeterTable>, price: Price, place: &Place) -> Result<Meter, ConfigError> {
    let table = table.get_ref();
    let read = || {
        let meter = Meter { reading: reading(table)?, unit: unit(table, price)?, per: per(table)? };
        let counts = meter.counts_as_it_goes() || meter.unit.is_some();
        match &meter.reading {
            Reading::Json(_) if meter.unit.is_none() => {
                let example = "{ json = \"/usage/total_tokens\", unit = \"0.00002 USD\" }";
                Err(format!("a count in JSON has a pointer and a unit; write for example {example}"))
            }
            _ if table.per.is_some() && !counts => {
                Err("`per` says how many the price is for, and this reads a price; remove `per`".to_owned())
            }
            _ => Ok(meter),
        }
    };
    read().map_err(|reason: String| place.refuses(Mistake::Value { key: "meter", reason }))
}

fn reading(table: &MeterTable) -> Result<Reading, String> {
    let MeterTable { header, trailer, json, bytes, events, tokens, .. } = table;
    let named =
        |name: &str| HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("\"{name}\" is no name of a header"));
    match (header, trailer, json, bytes, events, tokens) {
        (Some(name), None, None, None, None, None) => named(name).map(Reading::Header),
        (None, Some(name), None, None, None, None) => named(name).map(Reading::Trailer),
        (None, None, Some(pointer), None, None, None) if pointer.starts_with('/') => Ok(Reading::Json(pointer.clone())),
        (None, None, Some(pointer), None, None, None) => {
            Err(format!("\"{pointer}\" is no pointer into JSON; write for example \"/usage/total_tokens\""))
        }
        (None, None, None, Some(true), None, None) => Ok(Reading::Bytes),
        (None, None, None, None, Some(true), None) => Ok(Reading::Events),
        (None, None, None, None, None, Some(which)) => match which.as_str() {
            "input" => Ok(Reading::Tokens(Tokens::Input)),
            "output" => Ok(Reading::Tokens(Tokens::Output)),
            "total" => Ok(Reading::Tokens(Tokens::Total)),
            _ => Err(format!("tokens = \"{which}\" counts nothing; write \"output\", \"input\" or \"total\"")),
        },
        _ => {
            Err("it counts one thing: header, trailer or json = what the upstream says, bytes = true, events = true, \
                  or tokens = \"output\"; write for example { tokens = \"output\" }"
                .to_owned())
        }
    }
}

fn unit(table: &MeterTable, price: Price) -> Result<Option<Price>, String> {
    let Some(text) = &table.unit else { return Ok(None) };
    let unit = text.parse::<Price>().map_err(|reason| format!("its unit: {reason}"))?;
    let currency = price.currency();
    if unit.currency() != currency || unit.millionths() == 0 {
        return Err(format!("a unit of {unit} measures no price in {currency}; write it in {currency}"));
    }
    Ok(Some(unit))
}

fn per(table: &MeterTable) -> Result<NonZeroU64, String> {
    let per = table.per.map_or(Some(NonZeroU64::MIN), |per| u64::try_from(per).ok().and_then(NonZeroU64::new));
    per.ok_or_else(|| "`per` is how many the price is for; write for example per = 1000".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meter(text: &str) -> Result<Meter, String> {
        let table: Spanned<MeterTable> =
            toml::from_str::<std::collections::BTreeMap<String, Spanned<MeterTable>>>(&format!("meter = {text}"))
                .map_err(|error| error.message().to_owned())?
                .remove("meter")
                .unwrap();
        let place = Place { file: "farthing.toml".to_owned(), line: Some(1) };
        read(&table, "0.001 USD".parse().unwrap(), &place).map_err(|error| error.to_string())
    }

    #[test]
    fn a_meter_counts_one_thing() {
        let readings = [
            (
                r#"{ header = "farthing-charge" }"#,
                Reading::Header(HeaderName::from_static("farthing-charge")),
                "request",
            ),
            (r#"{ trailer = "x-cost" }"#, Reading::Trailer(HeaderName::from_static("x-cost")), "request"),
            (r#"{ json = "/cost", unit = "0.0001 USD" }"#, Reading::Json("/cost".to_owned()), "request"),
            (r#"{ bytes = true, per = 1000 }"#, Reading::Bytes, "1000 bytes"),
            (r#"{ events = true }"#, Reading::Events, "event"),
            (r#"{ tokens = "output" }"#, Reading::Tokens(Tokens::Output), "token"),
            (r#"{ tokens = "total", per = 1000000 }"#, Reading::Tokens(Tokens::Total), "1000000 tokens"),
        ];
        for (text, reading, unit) in readings {
            let meter = meter(text).unwrap();
            assert_eq!((&meter.reading, meter.unit_name().as_str()), (&reading, unit), "{text}");
        }
    }

    #[test]
    fn what_counts_nothing_is_refused_with_the_remedy() {
        let refused = [
            (r#"{}"#, "it counts one thing"),
            (r#"{ bytes = true, events = true }"#, "it counts one thing"),
            (r#"{ bytes = false }"#, "it counts one thing"),
            (r#"{ tokens = "reasoning" }"#, "write \"output\""),
            (r#"{ json = "usage", unit = "0.0001 USD" }"#, "no pointer"),
            (r#"{ json = "/usage" }"#, "a pointer and a unit"),
            (r#"{ header = "a b" }"#, "no name of a header"),
            (r#"{ header = "x-cost", per = 1000 }"#, "remove `per`"),
            (r#"{ tokens = "output", per = 0 }"#, "per = 1000"),
            (r#"{ tokens = "output", per = -1 }"#, "per = 1000"),
            (r#"{ tokens = "output", unit = "0.0001 EUR" }"#, "write it in USD"),
            (r#"{ tokens = "output", unit = "0 USD" }"#, "write it in USD"),
            (r#"{ byte = true }"#, "unknown field"),
        ];
        for (text, remedy) in refused {
            let said = meter(text).unwrap_err();
            assert!(said.contains(remedy), "{text}: {said}");
        }
    }

    #[test]
    fn a_session_is_priced_by_what_is_counted_and_else_by_the_most_that_a_request_costs() {
        let price: Price = "0.05 USD".parse().unwrap();
        let unit = |text: &str| meter(text).unwrap().unit_price(price).to_string();
        assert_eq!(unit(r#"{ tokens = "output" }"#), "0.05 USD");
        assert_eq!(unit(r#"{ tokens = "output", unit = "0.00002 USD" }"#), "0.00002 USD");
        assert_eq!(unit(r#"{ json = "/tokens", unit = "0.00002 USD" }"#), "0.05 USD");
    }
}
