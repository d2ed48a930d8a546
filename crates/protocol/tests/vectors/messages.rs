//! JSON-RPC and MCP messages, WebSocket frames, server-sent events.

use farthing_protocol::JsonObject;
use farthing_protocol::jsonrpc::{self, Capabilities, Demand};
use farthing_protocol::stream::{Event, EventReader, Frame, is_event_stream};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{file, list, text, trial};

pub(crate) fn trials() -> Vec<Trial> {
    [constants(), mcp_cases(), event_cases(), frame_cases()].into_iter().flatten().collect()
}

fn constants() -> Vec<Trial> {
    let constants = file(include_str!("mcp-examples.json"))["constants"].clone();
    vec![trial("mcp-examples", "constants", move || {
        let codes = &constants["codes"];
        assert_eq!(codes["payment_required"], jsonrpc::PAYMENT_REQUIRED);
        assert_eq!(codes["verification_failed"], jsonrpc::VERIFICATION_FAILED);
        assert_eq!(codes["malformed_credential"], jsonrpc::MALFORMED_CREDENTIAL);
        assert_eq!(codes["internal_error"], jsonrpc::INTERNAL_ERROR);
        assert_eq!(constants["meta_credential"], jsonrpc::CREDENTIAL_KEY);
        assert_eq!(constants["meta_receipt"], jsonrpc::RECEIPT_KEY);
        assert_eq!(constants["sdk_only_meta_payment_required"], jsonrpc::DEMAND_KEY);
        assert_eq!(constants["ws_capability_notification"], jsonrpc::CAPABILITIES_METHOD);
    })]
}

fn mcp_cases() -> Vec<Trial> {
    let vectors = file(include_str!("mcp-examples.json"));
    let whole = list(&vectors["messages"]).into_iter().filter(|(_, case)| case["message"].is_object());
    whole
        .map(|(_, case)| {
            let name = format!("line_{}_{}", case["line"], text(&case, "section"));
            trial("mcp-examples", name, move || check_message(case["message"].as_object().unwrap()))
        })
        .collect()
}

fn check_message(message: &JsonObject) {
    let root = Value::Object(message.clone());
    if message.contains_key("methods") {
        assert_eq!(Capabilities::from_object(message).unwrap().to_value(), root);
    }
    if message.contains_key("capabilities") {
        assert!(Capabilities::of_initialize(message).unwrap().has("tempo", "charge"));
    }
    let demand = Demand::of(message);
    match root["error"]["data"]["challenges"].as_array() {
        Some(offered) => {
            let demand = demand.unwrap();
            assert_eq!(root["error"]["code"], demand.code);
            assert_eq!(demand.challenges.len(), offered.len());
            for ((received, challenge), offer) in demand.challenges.iter().zip(offered) {
                assert_eq!(Value::Object(received.clone()), *offer);
                let written = jsonrpc::challenge_to_object(challenge.as_ref().unwrap()).unwrap();
                assert_eq!(Value::Object(written), *offer);
            }
            assert_eq!(demand.problem.is_some(), root["error"]["data"]["problem"].is_object());
        }
        None => assert_eq!(demand, None),
    }
    let metas = [&root["_meta"], &root["params"]["_meta"], &root["result"]["_meta"]];
    let carries = |key: &str| metas.iter().any(|meta| meta[key].is_object());
    assert_eq!(jsonrpc::credential(message).unwrap().is_some(), carries(jsonrpc::CREDENTIAL_KEY));
    assert_eq!(jsonrpc::receipt(message).is_some_and(|receipt| receipt.is_ok()), carries(jsonrpc::RECEIPT_KEY));
    assert!(!jsonrpc::is_notification(message));
}

fn event_cases() -> Vec<Trial> {
    let vectors = file(include_str!("stream-frames.json"));
    let read = |case: &Value| EventReader::new(4096).push(text(case, "raw").as_bytes());
    let as_value = |event: &Event| match event {
        Event::Message(data) => json!({"type": "message", "data": data}),
        Event::Receipt(receipt) => json!({"type": "payment-receipt", "data": receipt.object()}),
        Event::NeedVoucher(need) => json!({"type": "payment-need-voucher", "data": {
            "channelId": need.channel_id, "requiredCumulative": need.required_cumulative,
            "acceptedCumulative": need.accepted_cumulative, "deposit": need.deposit,
        }}),
        other => panic!("a new event {other:?}"),
    };
    let valid = list(&vectors["sse"]["valid"]).into_iter().map(move |(index, case)| {
        trial("stream-frames", format!("sse_valid_{index}"), move || {
            let events = read(&case);
            assert_eq!(events.iter().map(as_value).collect::<Vec<_>>(), [case["parsed"].clone()]);
            let written = events[0].to_text();
            assert_eq!(EventReader::new(4096).push(written.as_bytes()), events);
        })
    });
    let ignored = list(&vectors["sse"]["ignored"]).into_iter().map(move |(index, case)| {
        trial("stream-frames", format!("sse_ignored_{index}"), move || assert_eq!(read(&case), []))
    });
    let media_types = vectors["sse"]["is_event_stream"].as_object().unwrap().clone();
    let media_types = media_types.into_iter().map(|(media_type, expected)| {
        trial("stream-frames", format!("media_type_{media_type}"), move || {
            assert_eq!(is_event_stream(&media_type), expected == true);
        })
    });
    valid.chain(ignored).chain(media_types).collect()
}

fn frame_cases() -> Vec<Trial> {
    let vectors = file(include_str!("stream-frames.json"));
    let frames = &vectors["ws_docs_mppx"];
    let valid = list(&frames["valid"]).into_iter().map(|(index, case)| {
        trial("stream-frames", format!("websocket_valid_{index}"), move || {
            let frame = Frame::parse(text(&case, "raw")).unwrap();
            let mut expected: Value = serde_json::from_str(text(&case, "raw")).unwrap();
            if matches!(frame, Frame::Authorization(_)) {
                expected["authorization"] = Value::from("Payment credential");
            }
            assert_eq!(serde_json::from_str::<Value>(&frame.to_text()).unwrap(), expected);
        })
    });
    let other = list(&frames["not_protocol_frames"]).into_iter().map(|(index, case)| {
        trial("stream-frames", format!("websocket_application_data_{index}"), move || {
            assert_eq!(Frame::parse(case.as_str().unwrap()), None);
        })
    });
    // The frames of another dialect are application data to this one.
    let foreign = list(&vectors["ws_mpp_rs_incompatible"]["frames"]).into_iter().map(|(index, case)| {
        trial("stream-frames", format!("websocket_other_dialect_{index}"), move || {
            assert_eq!(Frame::parse(&case.to_string()), None);
        })
    });
    valid.chain(other).chain(foreign).collect()
}
