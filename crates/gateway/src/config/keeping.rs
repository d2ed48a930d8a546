//! What a rail's table says about looking after its sessions.

use std::time::Duration;

use farthing_money::{Currency, Price};
use serde::Deserialize;

use super::quantity;

/// How sessions of a rail are settled, when they are closed, and how much value the seller carries that was
/// delivered for vouchers and is not collected. Amounts in another currency than the asset's count one for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// A session is settled once so much of it is delivered and not collected.
    pub settle_amount: Option<Price>,
    /// Or when the oldest of it was delivered so long ago.
    pub settle_age: Duration,
    /// Or when nothing was bought with it for so long.
    pub settle_idle: Duration,
    /// A session that nothing was bought with for so long is closed, and the rest given back.
    pub idle_close: Duration,
    /// The most that is carried of one payer.
    pub max_unsettled_per_payer: Option<Price>,
    /// The most that is carried in all.
    pub max_unsettled: Option<Price>,
}

/// One of whatever the asset counts.
pub(crate) const SETTLE_AMOUNT: u64 = 1;
/// Ten of them.
pub(crate) const MAX_UNSETTLED_PER_PAYER: u64 = 10;
/// A thousand of them.
pub(crate) const MAX_UNSETTLED: u64 = 1_000;

impl Default for Keeping {
    fn default() -> Self {
        Self {
            settle_amount: None,
            settle_age: Duration::from_secs(3_600),
            settle_idle: Duration::from_secs(600),
            idle_close: Duration::from_secs(86_400),
            max_unsettled_per_payer: None,
            max_unsettled: None,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    settle: Option<Settle>,
    idle_close: Option<String>,
    max_unsettled_per_payer: Option<String>,
    max_unsettled: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settle {
    amount: Option<String>,
    age: Option<String>,
    idle: Option<String>,
}

/// Reads `[rails.NAME.sessions]`, or says what to write instead.
pub(super) fn read(table: toml::Value) -> Result<Keeping, String> {
    let table: Table = table.try_into().map_err(|error: toml::de::Error| error.message().to_owned())?;
    let settle = table.settle.unwrap_or_default();
    let price = |text: Option<String>| -> Result<Option<Price>, String> {
        text.map(|text| text.parse().map_err(|error: farthing_money::PriceError| error.to_string())).transpose()
    };
    let duration = |text: Option<String>, otherwise| text.map_or(Ok(otherwise), |text| quantity::duration(&text));
    let defaults = Keeping::default();
    let keeping = Keeping {
        settle_amount: price(settle.amount)?,
        settle_age: duration(settle.age, defaults.settle_age)?,
        settle_idle: duration(settle.idle, defaults.settle_idle)?,
        idle_close: duration(table.idle_close, defaults.idle_close)?,
        max_unsettled_per_payer: price(table.max_unsettled_per_payer)?,
        max_unsettled: price(table.max_unsettled)?,
    };
    let amounts = [keeping.settle_amount, keeping.max_unsettled_per_payer, keeping.max_unsettled];
    let currencies: Vec<Currency> = amounts.iter().flatten().map(|price| price.currency()).collect();
    if currencies.windows(2).any(|pair| pair.first() != pair.last()) {
        return Err("its amounts are in several currencies; write them all in that of the rail's asset".to_owned());
    }
    if let (Some(settled), Some(most)) = (keeping.settle_amount, keeping.max_unsettled_per_payer)
        && settled.millionths() > most.millionths()
    {
        return Err(format!(
            "sessions are settled at {settled}, and no payer may owe more than {most}; settle earlier"
        ));
    }
    Ok(keeping)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(text: &str) -> Result<Keeping, String> {
        read(toml::Value::Table(text.parse().unwrap()))
    }

    #[test]
    fn what_is_not_said_is_as_it_is_without() {
        assert_eq!(reading(""), Ok(Keeping::default()));
        let said = reading("settle = { amount = \"0.5 USD\", idle = \"1m\" }\nmax_unsettled = \"7 USD\"").unwrap();
        assert_eq!(said.settle_amount, Some("0.5 USD".parse().unwrap()));
        assert_eq!((said.settle_age, said.settle_idle), (Duration::from_secs(3_600), Duration::from_secs(60)));
        assert_eq!(said.max_unsettled, Some("7 USD".parse().unwrap()));
    }

    #[test]
    fn what_makes_no_sense_is_refused_in_words() {
        for (text, word) in [
            ("settle = \"1 USD\"", "invalid type"),
            ("settle = { amount = \"1\" }", "1"),
            ("idle_close = \"soon\"", "is not a duration"),
            ("patience = \"1s\"", "unknown field"),
            ("max_unsettled = \"1 USD\"\nmax_unsettled_per_payer = \"1 EUR\"", "several currencies"),
            ("settle = { amount = \"2 USD\" }\nmax_unsettled_per_payer = \"1 USD\"", "settle earlier"),
        ] {
            let refused = reading(text).unwrap_err();
            assert!(refused.contains(word), "{text}: {refused}");
        }
    }
}
