use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use farthing_money::{Amount, Price};
use farthing_rail::Origin;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What would be bought, by what would be signed and by the request it is for. Facts only: what a seller
/// says to people is not in here, so that it cannot decide anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Purchase {
    /// Where the credential would go.
    #[serde(with = "as_text")]
    pub origin: Origin,
    /// The request's method: `GET`.
    pub http_method: String,
    /// The request's path, without the query, which may hold secrets.
    pub path: String,
    /// How it would be paid: `balance/charge`.
    pub method: String,
    /// What would be moved, as books write it: `USDC.6@eip155:8453/0x...`.
    pub asset: String,
    /// The chain it is on (CAIP-2), if it is on one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<String>,
    /// Who is paid, where the method names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payee: Option<String>,
    /// What it costs, fees included: of a deposit the whole of it, of a voucher what this call has signed for
    /// in all.
    #[serde(with = "as_text")]
    pub cost: Price,
    /// What kind of claim on money would be given away.
    pub authority: Authority,
    /// What the caller says it is for: `project=atlas`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The most for this call, on top of every policy.
    #[serde(default, with = "as_optional_text", skip_serializing_if = "Option::is_none")]
    pub max: Option<Price>,
    /// Where the caller sent the request, when a redirect to another origin led to the offer.
    #[serde(default, with = "as_optional_text", skip_serializing_if = "Option::is_none")]
    pub redirected_from: Option<Origin>,
    /// The accounts that signed the offer; each signature is good.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offer_signers: Vec<String>,
}

/// What kind of claim on money is given away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Authority {
    /// One payment.
    Charge,
    /// Money put into a balance at the seller, which payments then spend.
    TopUp {
        /// What the request costs that it is paid for.
        #[serde(with = "as_text")]
        unit: Price,
    },
    /// One payment that allows more of them: a subscription, which is collected until it is cancelled.
    Recurring {
        /// How long a period is, in the offer's words: `1 month`.
        period: String,
    },
    /// Money put into a session, which vouchers then spend.
    Deposit {
        /// What a unit costs there.
        #[serde(with = "as_text")]
        unit: Price,
        /// What the wallet has unspent in sessions on the same terms already.
        #[serde(with = "as_text")]
        locked: Price,
        /// What it has unspent in all sessions already.
        #[serde(with = "as_text")]
        locked_in_all: Price,
        /// How many sessions it has, with this one if that is new.
        sessions: u32,
        /// The same as a level counts it, where that is more than the wallet's own: of a wallet with its cards, of a
        /// group with all of its wallets.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        held: Vec<Held>,
    },
    /// A larger part of what lies in a session.
    Voucher {
        /// What a unit costs there.
        #[serde(with = "as_text")]
        unit: Price,
        /// The total that would be signed for, in base units.
        #[serde(with = "as_text")]
        cumulative: Amount,
        /// What is deposited, in base units, as far as the wallet knows.
        #[serde(with = "as_text")]
        deposit: Amount,
        /// Whether it buys by the piece, so that `per_payment` limits the piece and not the call.
        streams: bool,
        /// Whether it is the last one, which asks for nothing new.
        closes: bool,
    },
}

/// What lies unspent in the sessions that one level counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// The level's name.
    pub level: String,
    /// How much already, one sum for each currency.
    #[serde(with = "as_texts")]
    pub locked: Vec<Price>,
    /// How many sessions, with this one if that is new.
    pub sessions: u32,
}

/// What the wallet remembers of a seller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// Whether this payee was paid at this origin before.
    pub payee_paid: bool,
    /// What this resource cost when it was first paid, or when a person last approved its price.
    #[serde(default, with = "as_optional_text", skip_serializing_if = "Option::is_none")]
    pub pinned: Option<Price>,
}

/// Values that have one text form, written as it.
mod as_text {
    use super::*;

    pub(super) fn serialize<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The same for lists of them.
mod as_texts {
    use super::*;

    pub(super) fn serialize<T: Display, S: Serializer>(values: &[T], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(ToString::to_string))
    }

    pub(super) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<T>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        texts.iter().map(|text| text.parse().map_err(serde::de::Error::custom)).collect()
    }
}

/// The same for values that may be missing.
mod as_optional_text {
    use super::*;

    pub(super) fn serialize<T: Display, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.collect_str(value),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<T>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purchase_reads_back_from_its_json() {
        let price = |text: &str| text.parse::<Price>().unwrap();
        let mut purchase = crate::decide::tests::purchase("0.001 USD", "https://api.example.com");
        let voucher = Authority::Voucher {
            unit: price("0.0001 USD"),
            cumulative: Amount::new(u128::MAX),
            deposit: Amount::ZERO,
            streams: true,
            closes: false,
        };
        let deposit = Authority::Deposit {
            unit: price("0.0001 USD"),
            locked: price("0 USD"),
            locked_in_all: price("1 EUR"),
            sessions: 3,
            held: vec![Held { level: "agent".into(), locked: vec![price("1 EUR"), price("2 USD")], sessions: 4 }],
        };
        let top_up = Authority::TopUp { unit: price("0.001 USD") };
        let recurring = Authority::Recurring { period: "1 month".into() };
        for authority in [Authority::Charge, recurring, top_up, voucher, deposit] {
            purchase.authority = authority;
            let text = serde_json::to_string(&purchase).unwrap();
            assert_eq!(serde_json::from_str::<Purchase>(&text).unwrap(), purchase, "{text}");
        }
        let known = Known { payee_paid: true, pinned: Some(price("1 USD")) };
        assert_eq!(serde_json::from_value::<Known>(serde_json::to_value(known).unwrap()).unwrap(), known);
    }
}
