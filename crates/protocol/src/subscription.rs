//! The `subscription` intent: its request and the arithmetic of its periods (subscription intent,
//! sections 5.1 and 7).

use farthing_money::Amount;
use serde_json::Value;

use crate::Timestamp;
use crate::json::{JsonError, JsonObject, optional_text, required_text};
use crate::time::Date;

/// The intent's name on the wire.
pub const INTENT: &str = "subscription";

/// What a subscription asks for. The members are a closed set; anything else goes in
/// `method_details`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionRequest {
    /// Base units of `currency` per period; above zero.
    pub amount: Amount,
    /// As in a charge.
    pub currency: String,
    /// How long a period is.
    pub period: Period,
    /// Who is paid.
    pub recipient: Option<String>,
    /// From this instant on there is no authority for further periods.
    pub expires: Option<Timestamp>,
    /// Display text.
    pub description: Option<String>,
    /// The seller's own reference.
    pub external_id: Option<String>,
    /// The method's own fields.
    pub method_details: JsonObject,
}

/// A number of days, weeks or calendar months.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    unit: PeriodUnit,
    /// Digits without a leading zero; it may be larger than any number.
    count: Box<str>,
}

/// What a period counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeriodUnit {
    /// 86,400 seconds.
    Day,
    /// 604,800 seconds.
    Week,
    /// A calendar month in UTC.
    Month,
}

const MEMBERS: [&str; 9] = [
    "amount",
    "currency",
    "periodUnit",
    "periodCount",
    "recipient",
    "subscriptionExpires",
    "description",
    "externalId",
    "methodDetails",
];
const MILLIS_PER_DAY: i64 = 86_400_000;

impl Period {
    /// `count` is the wire text: digits without a leading zero, at least 1.
    pub fn new(unit: PeriodUnit, count: &str) -> Option<Self> {
        let digits = count.bytes().all(|byte| byte.is_ascii_digit());
        let positive = digits && !count.is_empty() && !count.starts_with('0') && count.len() <= 64;
        positive.then(|| Self { unit, count: count.into() })
    }

    /// What it counts.
    pub fn unit(&self) -> PeriodUnit {
        self.unit
    }

    /// The wire text of how many.
    pub fn count(&self) -> &str {
        &self.count
    }

    /// When period `index` starts, counted from 0 at the anchor; nothing when that is beyond any
    /// clock. Months are counted from the original anchor and cut to the length of their month, so
    /// that a short month shortens one period and moves none after it.
    pub fn start(&self, anchor: Timestamp, index: u32) -> Option<Timestamp> {
        let count: i64 = self.count.parse().ok()?;
        let units = count.checked_mul(i64::from(index))?;
        let millis = match self.unit {
            PeriodUnit::Day => anchor.unix_millis().checked_add(units.checked_mul(MILLIS_PER_DAY)?)?,
            PeriodUnit::Week => anchor.unix_millis().checked_add(units.checked_mul(7 * MILLIS_PER_DAY)?)?,
            PeriodUnit::Month => months_later(anchor.unix_millis(), units)?,
        };
        Some(Timestamp::from_unix_millis(millis))
    }

    /// The period that holds an instant, each from its start up to the next; nothing before the
    /// anchor.
    pub fn index_at(&self, anchor: Timestamp, now: Timestamp) -> Option<u32> {
        if now < anchor {
            return None;
        }
        let has_begun = |index: u32| self.start(anchor, index).is_some_and(|start| start <= now);
        let (mut begun, mut not_begun) = (0, u32::MAX);
        while not_begun - begun > 1 {
            let middle = begun + (not_begun - begun) / 2;
            if has_begun(middle) { begun = middle } else { not_begun = middle }
        }
        Some(begun)
    }
}

impl PeriodUnit {
    /// The wire text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    fn read(text: &str) -> Option<Self> {
        [Self::Day, Self::Week, Self::Month].into_iter().find(|unit| unit.as_str() == text)
    }
}

impl SubscriptionRequest {
    /// Reads the members strictly and refuses any other.
    pub fn from_object(object: &JsonObject) -> Result<Self, JsonError> {
        if object.keys().any(|name| !MEMBERS.contains(&name.as_str())) {
            return Err(JsonError::Member { member: "methodDetails", rule: "the place of every other member" });
        }
        let broken = |member, rule| JsonError::Member { member, rule };
        let amount: Amount = required_text(object, "amount")?
            .parse()
            .ok()
            .filter(|amount: &Amount| !amount.is_zero())
            .ok_or(broken("amount", "a whole number of base units above zero, as text"))?;
        let unit = PeriodUnit::read(&required_text(object, "periodUnit")?)
            .ok_or(broken("periodUnit", "\"day\", \"week\" or \"month\""))?;
        let period = Period::new(unit, &required_text(object, "periodCount")?)
            .ok_or(broken("periodCount", "a whole number above zero, as text"))?;
        let expires = optional_text(object, "subscriptionExpires")?
            .map(|text| Timestamp::parse(&text))
            .transpose()
            .map_err(|_| broken("subscriptionExpires", "an RFC 3339 date and time"))?;
        let method_details = match object.get("methodDetails") {
            None => JsonObject::new(),
            Some(Value::Object(details)) => details.clone(),
            Some(_) => return Err(broken("methodDetails", "an object")),
        };
        Ok(Self {
            amount,
            currency: required_text(object, "currency")?,
            period,
            recipient: optional_text(object, "recipient")?,
            expires,
            description: optional_text(object, "description")?,
            external_id: optional_text(object, "externalId")?,
            method_details,
        })
    }

    /// As a JSON object with absent members left out.
    pub fn to_object(&self) -> JsonObject {
        let texts = [
            ("amount", Some(self.amount.to_string())),
            ("currency", Some(self.currency.clone())),
            ("periodUnit", Some(self.period.unit.as_str().to_owned())),
            ("periodCount", Some(self.period.count.to_string())),
            ("recipient", self.recipient.clone()),
            ("subscriptionExpires", self.expires.map(Timestamp::to_rfc3339)),
            ("description", self.description.clone()),
            ("externalId", self.external_id.clone()),
        ];
        let present = texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), Value::String(text?))));
        let mut object: JsonObject = present.collect();
        if !self.method_details.is_empty() {
            object.insert("methodDetails".to_owned(), Value::Object(self.method_details.clone()));
        }
        object
    }
}

/// The same day of the month and time of day so many months later, or the last day that month has.
fn months_later(anchor_millis: i64, months: i64) -> Option<i64> {
    let time_of_day = anchor_millis.rem_euclid(MILLIS_PER_DAY);
    let anchor = Date::from_days(anchor_millis.div_euclid(MILLIS_PER_DAY));
    let month_index = anchor.year.checked_mul(12)?.checked_add(anchor.month - 1)?.checked_add(months)?;
    let year = month_index.div_euclid(12);
    // Far beyond any clock, and well within what the calendar's arithmetic can hold.
    if year.abs() > 200_000_000 {
        return None;
    }
    let first = Date { year, month: month_index.rem_euclid(12) + 1, day: 1 };
    let date = Date { day: anchor.day.min(first.days_in_month()), ..first };
    date.to_days().checked_mul(MILLIS_PER_DAY)?.checked_add(time_of_day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(value: &Value) -> Result<SubscriptionRequest, JsonError> {
        SubscriptionRequest::from_object(value.as_object().unwrap())
    }

    #[test]
    fn a_member_that_breaks_its_rule_is_refused_by_name() {
        let whole = json!({"amount": "1", "currency": "usd", "periodUnit": "day", "periodCount": "1"});
        assert!(read(&whole).is_ok());
        for (member, value) in [
            ("amount", json!("0")),
            ("amount", json!("01")),
            ("amount", json!(" 1")),
            ("currency", Value::Null),
            ("periodUnit", json!("Day")),
            ("periodUnit", json!("year")),
            ("periodCount", json!(1)),
            ("subscriptionExpires", json!("soon")),
            ("methodDetails", json!([])),
        ] {
            let mut broken = whole.clone();
            broken[member] = value;
            assert!(matches!(read(&broken), Err(JsonError::Member { member: named, .. }) if named == member));
        }
        let mut other = whole;
        other["expires"] = json!("2026-01-01T00:00:00Z");
        assert!(read(&other).is_err());
    }

    proptest! {
        #[test]
        fn periods_follow_one_another_without_gaps(
            anchor in 0i64..4_000_000_000_000, later in 0i64..400_000_000_000, count in 1u32..40, unit in 0usize..3,
        ) {
            let unit = [PeriodUnit::Day, PeriodUnit::Week, PeriodUnit::Month][unit];
            let period = Period::new(unit, &count.to_string()).unwrap();
            let (anchor, now) = (Timestamp::from_unix_millis(anchor), Timestamp::from_unix_millis(anchor + later));
            let index = period.index_at(anchor, now).unwrap();
            prop_assert!(period.start(anchor, index).unwrap() <= now);
            prop_assert!(now < period.start(anchor, index + 1).unwrap());
        }

        #[test]
        fn no_count_overflows(count in "[1-9][0-9]{0,30}", index: u32, anchor: i64) {
            let anchor = Timestamp::from_unix_millis(anchor);
            for unit in [PeriodUnit::Day, PeriodUnit::Week, PeriodUnit::Month] {
                let _ = Period::new(unit, &count).unwrap().start(anchor, index);
            }
        }
    }
}
