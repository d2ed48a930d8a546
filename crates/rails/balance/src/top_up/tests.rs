use farthing_money::Home;
use farthing_protocol::Credential;
use farthing_rail::simulated::{Memory, Script, SimulatedPayer, SimulatedRail, Surroundings};
use farthing_rail::{NotPayable, Offer, Origin, Payer as _};

use super::*;
use crate::TopUpPayer;
use crate::testing::{Terms as Said, key, now, signer};

fn rail() -> Arc<dyn Settler> {
    let surroundings = Surroundings {
        now: Box::new(now),
        sleep: Box::new(|_| Box::pin(std::future::ready(()))),
        late_by: std::time::Duration::ZERO,
    };
    Arc::new(SimulatedRail::new(Script::honest(), Arc::<Memory>::default(), surroundings).unwrap())
}

fn top_up(amount: &str) -> Result<TopUp, Unpriceable> {
    let balance = Balance::in_currency("USD".parse().unwrap(), "https://api.example.com").unwrap();
    TopUp::over(rail(), amount.parse().unwrap(), &balance)
}

fn order(price: &str) -> Order {
    Order { price: price.parse().unwrap(), description: None, external_id: None }
}

/// A challenge of the simulated rail with these details of a top-up of five dollars.
fn challenge(patch: &str) -> farthing_protocol::Challenge {
    let object = top_up("5 USD").unwrap().request(&order("0.001 USD")).unwrap();
    let mut details = object["methodDetails"][MEMBER].as_object().unwrap().clone();
    details.extend(serde_json::from_str::<JsonObject>(patch).unwrap());
    let patch = serde_json::json!({
        "amount": object["amount"], "currency": object["currency"], "methodDetails": { MEMBER: details },
    });
    let patch: &'static str = patch.to_string().leak();
    Said { method: "simulated", patch, ..Said::default() }.challenge()
}

fn quoted(patch: &str) -> Result<farthing_rail::Quote, NotPayable> {
    let (challenge, origin) = (challenge(patch), "https://api.example.com".parse::<Origin>().unwrap());
    let payer = TopUpPayer::over(Arc::new(SimulatedPayer), Arc::new(signer()));
    payer.quote(&Offer { challenge: &challenge, origin: &origin, amount: None, now: now() })
}

#[test]
fn the_offer_is_the_rails_own_with_what_the_balance_gets() {
    let top_up = top_up("5 USD").unwrap();
    assert_eq!(top_up.terms().intent.as_str(), TOP_UP);
    let request = ChargeRequest::from_object(&top_up.request(&order("0.001 USD")).unwrap()).unwrap();
    assert_eq!(request.amount, Amount::new(5_000_000));
    let details = TopUpDetails::read(&request).unwrap();
    assert_eq!((details.credits.units(), details.price.units()), (5_000_000, 1_000));
    assert_eq!(details.asset, Asset::new("USD", 6, Home::Ledger).unwrap());
}

#[test]
fn a_price_above_the_top_up_and_another_currency_are_refused_when_the_route_is_read() {
    assert!(top_up("5 USD").unwrap().request(&order("5.000001 USD")).is_err());
    assert!(top_up("5 EUR").is_err());
}

#[test]
fn a_credential_says_whose_balance_it_fills() {
    let (top_up, challenge) = (top_up("5 USD").unwrap(), challenge("{}"));
    let request = ChargeRequest::from_object(&challenge.request().decode().unwrap()).unwrap();
    let mut payload = JsonObject::new();
    payload.insert("token".into(), challenge.id().as_str().into());
    let verify = |source: Option<String>| {
        let credential = Credential::new(challenge.clone(), payload.clone(), source);
        top_up.verify(&Presented { credential: &credential, request: &request, now: now() })
    };
    let proof = verify(Some(key().to_string())).unwrap();
    assert_eq!(proof.payer.unwrap().as_str(), key().to_string());
    for nobody in [None, Some("did:web:example.com".to_owned())] {
        assert_eq!(verify(nobody).unwrap_err().problem, ProblemType::InvalidPayload);
    }
}

#[test]
fn a_payer_tops_up_what_it_gets_whole_at_the_server_that_offers_it() {
    let quote = quoted("{}").unwrap();
    assert_eq!(quote.cost, "5 USD".parse().unwrap());
    assert_eq!(quote.tops_up_for, Some("0.001 USD".parse().unwrap()));
    for (lie, why) in [
        (r#"{"credits":"4999999"}"#, "less than is paid"),
        (r#"{"credits":"5000001"}"#, "more than is paid"),
        (r#"{"price":"5000001"}"#, "a request for more than it brings"),
        (r#"{"currency":"eur.6"}"#, "another currency"),
        (r#"{"issuer":"https://elsewhere.example"}"#, "somebody else's books"),
        (r#"{"credits":5000000}"#, "a number"),
    ] {
        assert!(quoted(lie).is_err(), "{why}");
    }
}
