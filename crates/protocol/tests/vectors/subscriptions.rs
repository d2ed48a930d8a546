//! Subscription periods and requests.

use farthing_protocol::Timestamp;
use farthing_protocol::subscription::{Period, PeriodUnit, SubscriptionRequest};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{file, list, text, trial};

const FILE: &str = "subscription-periods";

pub(crate) fn trials() -> Vec<Trial> {
    let vectors = file(include_str!("subscription-periods.json"));
    let boundaries = list(&vectors["cases"]).into_iter().map(|(_, case)| {
        trial(FILE, text(&case, "name").to_owned(), move || {
            let unit = [PeriodUnit::Day, PeriodUnit::Week, PeriodUnit::Month];
            let unit = unit.into_iter().find(|unit| unit.as_str() == text(&case, "periodUnit")).unwrap();
            let period = Period::new(unit, text(&case, "periodCount")).unwrap();
            let anchor = Timestamp::parse(text(&case, "anchor")).unwrap();
            for (index, boundary) in list(&case["boundaries"]) {
                let index = u32::try_from(index).unwrap();
                let start = period.start(anchor, index).unwrap();
                assert_eq!(start.to_rfc3339(), boundary.as_str().unwrap());
                assert_eq!(period.index_at(anchor, start), Some(index));
                let before = Timestamp::from_unix_millis(start.unix_millis() - 1);
                assert_eq!(period.index_at(anchor, before), index.checked_sub(1));
            }
        })
    });
    let counts = [("period_string_valid", true), ("period_string_invalid", false)];
    let counts = counts.into_iter().flat_map(|(member, valid)| {
        list(&vectors[member]).into_iter().map(move |(index, case)| {
            trial(FILE, format!("{member}_{index}"), move || {
                assert_eq!(Period::new(PeriodUnit::Day, case.as_str().unwrap()).is_some(), valid);
                let request = json!({"amount": "1", "currency": "usd", "periodUnit": "day", "periodCount": case});
                assert_eq!(SubscriptionRequest::from_object(request.as_object().unwrap()).is_ok(), valid);
            })
        })
    });
    let requests = list(&vectors["request_examples"]).into_iter().map(|(index, case)| {
        trial(FILE, format!("request_example_{index}"), move || {
            let request = SubscriptionRequest::from_object(case.as_object().unwrap()).unwrap();
            assert_eq!(Value::Object(request.to_object()), case);
        })
    });
    let cancelled = list(&vectors["lifecycle"]).into_iter().filter(|(_, case)| case["access_until"].is_string());
    let cancelled = cancelled.map(|(_, case)| {
        trial(FILE, text(&case, "name").to_owned(), move || {
            let instant = |name: &str| Timestamp::parse(text(&case, name)).unwrap();
            let period = Period::new(PeriodUnit::Month, "1").unwrap();
            let paid = u32::try_from(case["paid_through_period"].as_u64().unwrap()).unwrap();
            assert_eq!(period.index_at(instant("anchor"), instant("cancel_at")), Some(paid));
            assert_eq!(period.start(instant("anchor"), paid + 1), Some(instant("access_until")));
        })
    });
    boundaries.chain(counts).chain(requests).chain(cancelled).collect()
}
