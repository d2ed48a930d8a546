//! Problems and the discovery document.

use farthing_protocol::discovery::{PaymentInfo, ServiceInfo, paid_operations};
use farthing_protocol::problem::ProblemType;
use libtest_mimic::Trial;
use serde_json::Value;

use crate::{file, list, text, trial};

pub(crate) fn trials() -> Vec<Trial> {
    [problem_cases(), schema_cases(), example_cases()].into_iter().flatten().collect()
}

fn problem_cases() -> Vec<Trial> {
    let vectors = file(include_str!("problem-types.json"));
    let types = list(&vectors["types"]);
    let count = types.len();
    let all = trial("problem-types", "none_is_missing", move || assert_eq!(ProblemType::ALL.len(), count));
    let each = types.into_iter().map(|(_, case)| {
        trial("problem-types", text(&case, "slug").to_owned(), move || {
            let kind = ProblemType::from_uri(text(&case, "type")).unwrap();
            assert_eq!(kind.slug(), text(&case, "slug"));
            assert_eq!(kind.uri(), text(&case, "type"));
            assert_eq!(kind.title(), text(&case, "title"));
            assert_eq!(Value::from(kind.status()), case["status"]);
        })
    });
    each.chain([all]).collect()
}

fn schema_cases() -> Vec<Trial> {
    let vectors = file(include_str!("discovery.json"));
    let cases = |kind: &str| list(&vectors["derived_cases"][kind]);
    let valid = cases("valid").into_iter().map(|(index, case)| {
        trial("discovery", format!("valid_{index}"), move || {
            let info = PaymentInfo::read_strictly(&case).unwrap();
            assert_eq!(PaymentInfo::read(&case).as_ref(), Ok(&info));
            let written = info.to_value();
            assert_eq!(PaymentInfo::read_strictly(&written), Ok(info));
            if case["offers"].is_array() {
                assert_eq!(written, case);
            }
        })
    });
    let invalid = cases("invalid").into_iter().map(|(index, case)| {
        trial("discovery", format!("invalid_{index}"), move || {
            assert!(PaymentInfo::read_strictly(&case).is_err(), "{case}");
        })
    });
    valid.chain(invalid).collect()
}

fn example_cases() -> Vec<Trial> {
    let vectors = file(include_str!("discovery.json"));
    list(&vectors["spec_examples"])
        .into_iter()
        .map(|(_, case)| {
            trial("discovery", format!("example_{}", text(&case, "section")), move || {
                let json = &case["json"];
                if json["paths"].is_null() {
                    assert!(PaymentInfo::read_strictly(&json["x-payment-info"]).is_ok());
                    return;
                }
                let operations = paid_operations(json.as_object().unwrap());
                assert_eq!(operations.len(), 2);
                assert!(operations.iter().all(|(_, method, info)| method == "post" && info.is_ok()));
                assert_eq!(ServiceInfo::read(&json["x-service-info"]).to_value(), json["x-service-info"]);
            })
        })
        .collect()
}
