use super::*;
use crate::testing::{Terms, key, now, signer};
use farthing_rail::{Method as _, Presented};

fn payer() -> BalancePayer {
    BalancePayer::new(Arc::new(signer()))
}

fn quoted_from(origin: &str, terms: &Terms) -> Result<Quote, NotPayable> {
    let challenge = terms.challenge();
    let origin = origin.parse().unwrap();
    payer().quote(&Offer { challenge: &challenge, origin: &origin, amount: None, now: now() })
}

fn quoted(terms: &Terms) -> Result<Quote, NotPayable> {
    quoted_from("https://api.example.com", terms)
}

fn refused(terms: Terms) -> String {
    quoted(&terms).unwrap_err().0
}

/// Approves without a policy, to get at the signature.
#[expect(clippy::disallowed_methods, reason = "tests of the step behind the policy")]
fn signed(quote: Quote) -> Result<Credential, SignError> {
    let payer = payer();
    let mut answer = payer.sign(Approved::grant(quote));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match answer.as_mut().poll(&mut context) {
        std::task::Poll::Ready(result) => result.map(|signed| signed.credential),
        std::task::Poll::Pending => panic!("signing does not wait"),
    }
}

#[test]
fn a_quote_is_what_the_signature_would_pay() {
    let quote = quoted(&Terms::default()).unwrap();
    assert_eq!(quote.amount, Amount::new(1000));
    assert_eq!(quote.fee, Amount::ZERO);
    assert_eq!(quote.cost.to_string(), "0.001 USD");
    assert_eq!(quote.asset.to_string(), "USD.6@ledger");
    assert_eq!(quote.payee.as_deref(), Some("https://api.example.com"));
}

#[test]
fn what_is_signed_the_seller_accepts() {
    let credential = signed(quoted(&Terms::default()).unwrap()).unwrap();
    assert_eq!(credential.source(), Some(key().to_string().as_str()));
    let seller = crate::Balance::new(crate::asset_of("usd.6").unwrap(), "https://api.example.com").unwrap();
    let request = credential.challenge().request().decode().unwrap();
    let request = farthing_protocol::ChargeRequest::from_object(&request).unwrap();
    let proof = seller.verify(&Presented { credential: &credential, request: &request, now: now() }).unwrap();
    assert_eq!(proof.amount, Amount::new(1000));
}

#[test]
fn another_method_is_refused() {
    assert_eq!(refused(Terms { method: "tempo", ..Terms::default() }), "tempo/charge is not a prepaid balance");
}

#[test]
fn currencies_that_are_not_millionths_are_refused() {
    for currency in ["usd", "USD", "usd.2", "zzz.6", "USD.6"] {
        assert!(refused(Terms { currency, ..Terms::default() }).contains("is not a currency"), "{currency}");
    }
}

#[test]
fn amounts_that_are_not_plain_counts_are_refused() {
    for amount in ["", "-1", "1.5", "1e3", "01", "0x10"] {
        assert!(refused(Terms { amount, ..Terms::default() }).contains("cannot be read"), "{amount}");
    }
    assert!(refused(Terms { patch: r#"{"amount": 1000}"#, ..Terms::default() }).contains("cannot be read"));
    assert!(refused(Terms { amount: "0", ..Terms::default() }).contains("is zero"));
    assert!(refused(Terms { amount: "18446744073709551616", ..Terms::default() }).contains("larger than any price"));
}

#[test]
fn an_amount_read_differently_by_others_is_refused() {
    let challenge = Terms::default().challenge();
    let origin = "https://api.example.com".parse().unwrap();
    let offer = Offer { challenge: &challenge, origin: &origin, amount: Some(Amount::new(1)), now: now() };
    assert!(payer().quote(&offer).unwrap_err().0.contains("differently"));
}

#[test]
fn a_recipient_is_refused() {
    assert!(refused(Terms { patch: r#"{"recipient": "0xabc"}"#, ..Terms::default() }).contains("recipient"));
}

#[test]
fn a_missing_issuer_is_refused() {
    for patch in [r#"{"methodDetails": null}"#, r#"{"methodDetails": {}}"#, r#"{"methodDetails": {"issuer": ""}}"#] {
        assert!(refused(Terms { patch, ..Terms::default() }).contains("names no issuer"), "{patch}");
    }
}

#[test]
fn a_later_version_is_refused() {
    for version in ["2", "0", "\"1\"", "1.5", "[]"] {
        let patch = format!(r#"{{"methodDetails": {{"issuer": "https://api.example.com", "version": {version}}}}}"#);
        let refusal = refused(Terms { patch: patch.leak(), ..Terms::default() });
        assert!(refusal.contains("version"), "{version}: {refusal}");
    }
    let first = r#"{"methodDetails": {"issuer": "https://api.example.com", "version": 1, "unknown": true}}"#;
    assert!(quoted(&Terms { patch: first, ..Terms::default() }).is_ok());
}

#[test]
fn an_expired_offer_is_refused() {
    for expires in ["2026-01-31T11:59:59Z", "2026-01-31T12:00:00Z"] {
        assert!(refused(Terms { expires, ..Terms::default() }).contains("expired at"), "{expires}");
    }
}

#[test]
fn an_offer_that_stays_payable_for_days_is_refused() {
    let day = Terms { expires: "2026-02-01T12:00:00Z", ..Terms::default() };
    assert!(quoted(&day).is_ok());
    let longer = Terms { expires: "2026-02-01T12:00:01Z", ..Terms::default() };
    assert!(refused(longer).contains("24 hours"));
}

#[test]
fn an_offer_that_never_expires_is_refused() {
    let header = Terms::default().header();
    let without: Vec<&str> = header.split(", ").filter(|parameter| !parameter.starts_with("expires")).collect();
    let challenge = crate::testing::read(&without.join(", "));
    assert_eq!(challenge.expires(), None);
    let origin = "https://api.example.com".parse().unwrap();
    let refusal = payer().quote(&Offer { challenge: &challenge, origin: &origin, amount: None, now: now() });
    assert!(refusal.unwrap_err().0.contains("never expires"));
}

#[test]
fn the_issuer_is_the_server_asked() {
    let issued = |issuer: &'static str| Terms { issuer, realm: "api.example.com", ..Terms::default() };
    for issuer in ["https://api.example.com", "https://API.example.com:443/", "api.example.com"] {
        assert!(quoted(&issued(issuer)).is_ok(), "{issuer}");
    }
    assert!(quoted_from("https://api.example.com:8443", &issued("api.example.com")).is_ok());
}

#[test]
fn a_challenge_handed_on_by_another_server_is_refused() {
    for issuer in ["api.example.com", "https://api.example.com"] {
        for origin in ["https://shop.example", "https://api.example.com.shop.example", "https://127.0.0.1.nip.io"] {
            let relayed = quoted_from(origin, &Terms { issuer, ..Terms::default() });
            assert!(relayed.unwrap_err().0.contains("but the offer came from"), "{issuer} {origin}");
        }
    }
    assert!(quoted_from("http://api.example.com", &Terms::default()).is_err(), "another scheme is another server");
}

#[test]
fn on_loopback_the_realm_may_name_the_issuer() {
    let terms = Terms { issuer: "api.example.com", ..Terms::default() };
    for origin in ["http://127.0.0.1:4020", "http://localhost:4020", "http://[::1]:4020"] {
        assert!(quoted_from(origin, &terms).is_ok(), "{origin}");
        assert!(quoted_from(origin, &Terms { realm: "other", ..terms.clone() }).is_err(), "{origin}");
    }
}

#[test]
fn a_quote_that_differs_from_its_challenge_is_not_signed() {
    let quote = quoted(&Terms::default()).unwrap();
    let other = "0.002 USD".parse().unwrap();
    for changed in [
        Quote { amount: Amount::new(999), ..quote.clone() },
        Quote { fee: Amount::new(1), ..quote.clone() },
        Quote { asset: crate::asset_of("eur.6").unwrap(), ..quote.clone() },
        Quote { cost: other, ..quote.clone() },
        Quote { payee: None, ..quote.clone() },
        Quote { origin: "https://shop.example".parse().unwrap(), ..quote.clone() },
        Quote { challenge: Terms { amount: "2000", ..Terms::default() }.challenge(), ..quote.clone() },
    ] {
        assert!(matches!(signed(changed), Err(SignError::Differs(_))));
    }
}

#[test]
fn a_key_that_is_not_the_named_one_is_not_used() {
    struct Mislabelled;
    impl Signer for Mislabelled {
        fn did(&self) -> &str {
            "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"
        }
        fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
            signer().sign(message)
        }
    }
    let mislabelled = BalancePayer::new(Arc::new(Mislabelled));
    let refusal = mislabelled.credential(&quoted(&Terms::default()).unwrap()).unwrap_err();
    assert!(matches!(refusal, SignError::Key(_)));
}
