use super::*;
use crate::PayerKey;
use crate::testing::{Terms as Asked, key, now, signer};
use farthing_money::Home;
use farthing_protocol::{ChargeRequest, Credential};
use farthing_rail::Signer as _;

fn seller() -> Balance {
    Balance::new(Asset::new("USD", 6, Home::Ledger).unwrap(), "https://api.example.com").unwrap()
}

fn order(price: &str) -> Order {
    Order { price: price.parse().unwrap(), description: None, external_id: None }
}

fn verify(credential: &Credential) -> Result<Proof, Refusal> {
    let request = ChargeRequest::from_object(&credential.challenge().request().decode().unwrap()).unwrap();
    seller().verify(&Presented { credential, request: &request, now: now() })
}

/// The example's credential with another payload and source.
fn presented(payload: serde_json::Value, source: Option<&str>) -> Result<Proof, Refusal> {
    let payload = payload.as_object().unwrap().clone();
    verify(&Credential::new(Asked::default().challenge(), payload, source.map(str::to_owned)))
}

fn signature() -> String {
    Asked::default().credential().payload()["signature"].as_str().unwrap().to_owned()
}

#[test]
fn a_price_is_asked_for_in_millionths() {
    assert_eq!(seller().request(&order("0.001 USD")).unwrap(), Asked::default().request());
    assert_eq!(seller().request(&order("0.000001 USD")).unwrap()["amount"], "1");
}

#[test]
fn a_price_in_another_currency_is_refused() {
    let refusal = seller().request(&order("0.001 EUR")).unwrap_err();
    assert_eq!(refusal.0, "0.001 EUR cannot be paid from balances in USD; price it in USD");
}

#[test]
fn a_price_of_nothing_is_refused() {
    assert!(seller().request(&order("0 USD")).unwrap_err().0.contains("free = true"));
}

#[test]
fn a_payer_s_signature_is_a_proof() {
    let credential = Asked::default().credential();
    let proof = verify(&credential).unwrap();
    assert_eq!(proof.key.as_str(), format!("balance/{}", credential.challenge().id().as_str()));
    assert_eq!(proof.payer.unwrap().as_str(), key().to_string());
    assert_eq!(proof.amount, Amount::new(1000));
    assert_eq!(proof.asset.to_string(), "USD.6@ledger");
    let source = key().to_string();
    assert!(presented(credential.payload().clone().into(), Some(&source)).is_ok());
}

#[test]
fn a_payload_of_another_shape_is_an_invalid_payload() {
    let (payer, signature) = (key().to_string(), signature());
    for payload in [
        serde_json::json!({}),
        serde_json::json!({ "payer": payer }),
        serde_json::json!({ "signature": signature }),
        serde_json::json!({ "payer": 1, "signature": signature }),
        serde_json::json!({ "payer": "did:web:example.com", "signature": signature }),
        serde_json::json!({ "payer": payer, "signature": "AAAA" }),
        serde_json::json!({ "payer": payer, "signature": format!("{signature}==") }),
    ] {
        let refusal = presented(payload.clone(), None).unwrap_err();
        assert_eq!(refusal.problem, ProblemType::InvalidPayload, "{payload}");
    }
}

#[test]
fn members_nobody_knows_are_ignored() {
    let payload = serde_json::json!({ "payer": key().to_string(), "signature": signature(), "x": 1 });
    assert!(presented(payload, None).is_ok());
}

#[test]
fn somebody_else_s_signature_fails() {
    let other = PayerKey::from_bytes(
        *"did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK".parse::<PayerKey>().unwrap().as_bytes(),
    );
    let refusal = presented(serde_json::json!({ "payer": other.to_string(), "signature": signature() }), None);
    assert_eq!(refusal.unwrap_err().problem, ProblemType::VerificationFailed);
}

#[test]
fn another_source_than_the_payer_fails() {
    let payload = Asked::default().credential().payload().clone().into();
    let refusal = presented(payload, Some("did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"));
    assert_eq!(refusal.unwrap_err().problem, ProblemType::VerificationFailed);
}

#[test]
fn a_signature_over_another_challenge_fails() {
    for other in [
        Asked { amount: "1", ..Asked::default() },
        Asked { realm: "other.example", ..Asked::default() },
        Asked { digest: Some(b"body"), ..Asked::default() },
        Asked { expires: "2026-01-31T12:04:59Z", ..Asked::default() },
    ] {
        let refusal = presented(other.credential().payload().clone().into(), None).unwrap_err();
        assert_eq!(refusal.problem, ProblemType::VerificationFailed);
    }
}

#[test]
fn a_plain_signature_of_the_challenge_id_fails() {
    let challenge = Asked::default().challenge();
    let signature = signer().sign(challenge.id().as_str().as_bytes()).unwrap();
    let payload = Payload { payer: key(), did: key().to_string(), signature }.to_object();
    assert_eq!(presented(payload.into(), None).unwrap_err().problem, ProblemType::VerificationFailed);
}

#[test]
fn a_balance_kept_elsewhere_fails() {
    for elsewhere in
        [Asked { currency: "eur.6", ..Asked::default() }, Asked { issuer: "https://other.example", ..Asked::default() }]
    {
        let refusal = verify(&elsewhere.credential()).unwrap_err();
        assert_eq!(refusal.problem, ProblemType::VerificationFailed);
    }
}
