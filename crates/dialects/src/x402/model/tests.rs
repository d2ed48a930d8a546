//! From a price list to what is sent for it and to what a seller makes of that.

use std::time::Duration;

use farthing_money::Amount;
use farthing_protocol::{BodyDigest, Challenge, Credential, JsonObject, Realm, Timestamp};
use serde_json::{Value, json};

use super::{Bound, NotBound, NotOffered, Purchase, nonce};
use crate::x402::extension::{binding, check_echo, payment_identifier};
use crate::x402::{Malformed, Network, PaymentPayload, PaymentRequired, PriceList, Requirements, Settled, Version};

const NOW: Timestamp = Timestamp::from_unix_millis(1_760_000_000_000);
const URL: &str = "https://api.example.com/report?of=me";

fn offer() -> Value {
    json!({
        "scheme": "exact", "network": "eip155:84532", "amount": "10000",
        "asset": "0x036CbD53842c5426634e7929541eC2318f3dCF7e", "payTo": "0x209693Bc6afc0C5328bA36FaF03C514EF312287C",
        "maxTimeoutSeconds": 60, "extra": {"name": "USDC", "version": "2", "new": [1.50]}, "unknown": {"kept": null},
    })
}

fn list(change: impl FnOnce(&mut Value)) -> PriceList {
    let mut list = json!({
        "x402Version": 2, "error": "pay", "accepts": [offer()],
        "resource": {"url": "https://api.example.com/report", "description": "a report", "tags": ["x"]},
        "extensions": {
            "bazaar": {"info": {"input": {"type": "http"}}, "schema": {"type": "object"}},
            "farthing-binding": binding::advertisement(),
        },
    });
    change(&mut list);
    PriceList::from_body(list.to_string().as_bytes()).unwrap()
}

fn offers(list: &PriceList) -> Vec<Result<Challenge, NotOffered>> {
    list.offers(&Purchase {
        method: "GET",
        url: URL,
        digest: None,
        realm: &Realm::new("api.example.com").unwrap(),
        now: NOW,
        longest: Duration::from_secs(120),
        salt: &[7; 16],
    })
}

/// As an EVM payer answers.
fn paid(challenge: &Challenge) -> Credential {
    let nonce: String = nonce(challenge).unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
    let payload = json!({"signature": "0x00", "authorization": {"nonce": format!("0x{nonce}")}});
    Credential::new(challenge.clone(), payload.as_object().unwrap().clone(), None)
}

#[test]
fn what_was_told_comes_back_as_it_was() {
    let list = list(|_| ());
    let challenge = offers(&list).remove(0).unwrap();
    assert_eq!(challenge.method().as_str(), "x402");
    assert_eq!(challenge.expires(), Some(NOW.after(Duration::from_secs(60))));
    let sent = PaymentPayload::of(&paid(&challenge)).unwrap();
    let written = Value::Object(sent.to_object());
    assert_eq!(written["accepted"], offer());
    assert_eq!(written["resource"], Value::Object(list.resource.clone()));
    assert_eq!(written["extensions"]["bazaar"], list.extensions["bazaar"]);
    check_echo(&list.extensions, &sent.extensions).unwrap();
    assert_eq!(PaymentPayload::from_header(sent.to_header().as_bytes()), Ok(sent));
}

#[test]
fn a_seller_finds_the_offer_and_that_the_nonce_is_for_it() {
    let list = list(|_| ());
    let sent = PaymentPayload::of(&paid(&offers(&list).remove(0).unwrap())).unwrap();
    let ours = PaymentRequired::from(list).accepts;
    assert_eq!(sent.answered(&ours), Some(0));
    let bound = |method, resource, digest| sent.check_binding(method, resource, digest, &ours[0]);
    assert_eq!(bound("GET", "https://api.example.com/report", None), Ok(Bound::Yes));
    assert_eq!(bound("POST", "https://api.example.com/report", None), Err(NotBound));
    assert_eq!(bound("GET", "https://api.example.com/other", None), Err(NotBound));
    assert_eq!(bound("GET", "https://api.example.com/report", Some(&BodyDigest::of(b"x"))), Err(NotBound));
    let credential = sent.to_credential(&ours[0], &Realm::new("r").unwrap(), &[1; 32], None).unwrap();
    assert_eq!(credential.payload(), &sent.payload);
    assert_eq!(credential.challenge().request().decode().unwrap(), ours[0].to_request().to_object());
}

#[test]
fn a_salt_is_said_only_where_it_is_asked_for() {
    let list = list(|list| list["extensions"]["farthing-binding"]["info"]["rule"] = "another/1".into());
    let sent = PaymentPayload::of(&paid(&offers(&list).remove(0).unwrap())).unwrap();
    assert_eq!(sent.extensions, list.extensions);
    let ours = PaymentRequired::from(list).accepts;
    assert_eq!(sent.check_binding("GET", "x", None, &ours[0]), Ok(Bound::Unsaid));
}

#[test]
fn a_salt_in_another_form_is_no_excuse() {
    let list = list(|list| list["extensions"]["farthing-binding"]["info"]["salt"] = "short".into());
    let sent = PaymentPayload {
        extensions: list.extensions.clone(),
        ..PaymentPayload::of(&paid(&offers(&list).remove(0).unwrap())).unwrap()
    };
    assert_eq!(sent.check_binding("GET", "x", None, &PaymentRequired::from(list).accepts[0]), Err(NotBound));
}

#[test]
fn a_permit_uses_the_nonce_as_a_number() {
    let list = list(|_| ());
    let mut sent = PaymentPayload::of(&paid(&offers(&list).remove(0).unwrap())).unwrap();
    let ours = PaymentRequired::from(list).accepts;
    // 2^256 - 1, then the same with other spellings: none of them is our nonce, and none panics.
    let largest = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
    for number in [largest, &format!("{largest}0"), "", "01", "-1", "0x1", "0"] {
        let payload = json!({"permit2Authorization": {"nonce": number}});
        sent.payload = payload.as_object().unwrap().clone();
        assert_eq!(sent.check_binding("GET", "https://api.example.com/report", None, &ours[0]), Err(NotBound));
    }
}

#[test]
fn the_first_version_is_answered_in_its_own_words() {
    let required: PaymentRequired = list(|list| list["accepts"] = json!([offer(), offer()])).into();
    let body = Value::Object(required.to_first_version());
    assert_eq!(body["accepts"].as_array().unwrap().len(), 1, "a payment could not tell the two apart");
    let list = PriceList::from_body(body.to_string().as_bytes()).unwrap();
    assert_eq!(list.version, Version::V1);
    let challenge = offers(&list).remove(0).unwrap();
    let sent = PaymentPayload::of(&paid(&challenge)).unwrap();
    let written = Value::Object(sent.to_object());
    assert_eq!(
        written,
        json!({
            "x402Version": 1, "scheme": "exact", "network": "base-sepolia", "payload": sent.payload,
        })
    );
    assert_eq!(sent.answered(&required.accepts), Some(0));
}

#[test]
fn an_entry_that_is_no_offer_says_why() {
    let list = list(|list| {
        let mut entries = vec![offer(); 72];
        entries[0]["amount"] = "010000".into();
        entries[1] = 1.into();
        entries[2]["scheme"] = "two words".into();
        entries[3]["extra"]["long"] = "x".repeat(20_000).into();
        list["accepts"] = entries.into();
    });
    let offers = offers(&list);
    assert_eq!(offers.len(), 65);
    assert!(matches!(offers[0], Err(NotOffered::Malformed(Malformed::Member { member: "amount", .. }))));
    assert!(matches!(offers[1], Err(NotOffered::Malformed(Malformed::Member { member: "accepts", .. }))));
    assert!(matches!(offers[2], Err(NotOffered::Challenge(_))));
    assert!(matches!(offers[3], Err(NotOffered::Echo(_))));
    assert!(offers[4].is_ok());
    assert_eq!(offers[64], Err(NotOffered::Unread(8)));
}

#[test]
fn i_11_a_resource_of_another_site_is_not_bought() {
    let on = |url: &str| offers(&list(|list| list["resource"]["url"] = url.into())).remove(0);
    for url in ["https://api.example.com", "http://API.example.com:80/x", "https://api.example.com:443/", "/report"] {
        assert!(on(url).is_ok(), "{url}");
    }
    for url in [
        "https://example.com/report",
        "https://api.example.com.evil.example/",
        "https://api.example.com@evil.example/",
        "https://evil.example\\@api.example.com/",
        "//evil.example/",
        "https://api.example.com:8443/",
        "mailto:x",
        "x",
        "https://evil.example#api.example.com",
        "https://evil.example?https://api.example.com/",
    ] {
        assert!(matches!(on(url), Err(NotOffered::Elsewhere(_))), "{url}");
    }
}

#[test]
fn schemas_are_not_echoed_when_that_would_be_too_long() {
    let list = list(|list| list["extensions"]["bazaar"]["schema"]["long"] = "x".repeat(40_000).into());
    let sent = PaymentPayload::of(&paid(&offers(&list).remove(0).unwrap())).unwrap();
    assert_eq!(sent.extensions["bazaar"], json!({"info": {"input": {"type": "http"}}}));
    check_echo(&list.extensions, &sent.extensions).unwrap();
}

#[test]
fn a_challenge_from_elsewhere_is_not_answered() {
    let required: PaymentRequired = list(|_| ()).into();
    let id = farthing_protocol::ChallengeId::read("chosen by a stranger").unwrap();
    let challenge = required.accepts[0].to_challenge(id, &Realm::new("r").unwrap(), None, None).unwrap();
    assert_eq!(nonce(&challenge), None);
    let credential = Credential::new(challenge, JsonObject::new(), None);
    assert!(matches!(PaymentPayload::of(&credential), Err(Malformed::Member { member: "opaque", .. })));
}

#[test]
fn an_outcome_names_the_transaction_alone() {
    let network = Network::evm(8453);
    let settled = Settled::paid("eip155:8453/tx/0xab", &network, Some("0xpayer"), Some(Amount::new(7)));
    assert_eq!(settled.transaction, "0xab");
    assert_eq!(Settled::paid("0xab", &network, None, None).transaction, "0xab");
    assert_eq!(Settled::from_header(settled.to_header().as_bytes()), Ok(settled.clone()));
    assert_eq!(settled.in_version(Version::V1).network, "base");
    assert_eq!(Settled::paid("nothing moved", &network, None, None).transaction, "");
    let failed = Settled::failed("insufficient_funds", &network, None);
    assert_eq!((failed.success, failed.transaction.as_str()), (false, ""));
}

#[test]
fn a_changed_echo_is_found() {
    let list = list(|_| ());
    let echo = |change: fn(&mut Value)| {
        let mut echoed = Value::Object(list.extensions.clone());
        change(&mut echoed);
        check_echo(&list.extensions, echoed.as_object().unwrap())
    };
    assert!(echo(|_| ()).is_ok());
    assert!(echo(|echo| *echo = json!({})).is_ok(), "a client that knows no extension echoes none");
    assert!(echo(|echo| echo["bazaar"]["info"]["more"] = 1.into()).is_ok());
    assert!(echo(|echo| echo["own"] = json!({"info": 1})).is_ok());
    assert!(echo(|echo| echo["bazaar"] = json!({"info": {"input": {"type": "http"}}})).is_ok());
    for change in [
        (|echo| echo["bazaar"]["info"]["input"]["type"] = "mcp".into()) as fn(&mut Value),
        |echo| echo["bazaar"]["info"] = json!({}),
        |echo| echo["bazaar"] = Value::Null,
    ] {
        assert_eq!(echo(change).unwrap_err().0, "bazaar");
    }
    let offers = |signature: &str| {
        let extension = json!({"offer-receipt": {"info": {"offers": [{"format": "jws", "signature": signature}]}}});
        extension.as_object().unwrap().clone()
    };
    assert!(check_echo(&offers("a"), &offers("b")).is_ok(), "offers are signed anew each time");
}

#[test]
fn what_is_bought_and_the_salt_decide_the_nonce() {
    let required: PaymentRequired = list(|_| ()).into();
    let offer: &Requirements = &required.accepts[0];
    let nonce = |method, salt: &[u8; 16]| {
        crate::x402::Binding { method, resource: "r", digest: None, accepted: offer, salt }.nonce()
    };
    assert_eq!(nonce("GET", &[1; 16]), nonce("GET", &[1; 16]));
    assert_ne!(nonce("GET", &[1; 16]), nonce("GET", &[2; 16]));
    assert_ne!(nonce("GET", &[1; 16]), nonce("PUT", &[1; 16]));
}

#[test]
fn a_payment_has_one_name_however_often_it_is_sent() {
    let list = list(|list| list["extensions"]["payment-identifier"] = payment_identifier::advertisement(true));
    let credential = paid(&offers(&list).remove(0).unwrap());
    let sent = PaymentPayload::of(&credential).unwrap();
    assert_eq!(payment_identifier::id(&sent.extensions), Ok(Some(credential.challenge().id().as_str())));
    assert_eq!(PaymentPayload::of(&credential), Ok(sent));
}

#[test]
fn a_tool_of_mcp_is_bought_where_that_tool_was_asked_for() {
    let is_there = |asked| super::buyer::is_same_site("mcp://tool/forecast", asked);
    assert!(is_there("https://api.example.com/mcp/tool/forecast"));
    for asked in
        ["https://api.example.com/mcp/tool/other", "https://api.example.com/mcp", "https://api.example.com/forecast"]
    {
        assert!(!is_there(asked), "{asked}");
    }
    assert!(!super::buyer::is_same_site("mcp:///forecast", "https://api.example.com//forecast"));
}
