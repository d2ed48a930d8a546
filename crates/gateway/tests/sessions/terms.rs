//! What a route says of its sessions, and what may be said.

use serde_json::json;

use crate::support::payer::session_challenge;
use crate::support::session::PURSE;
use crate::support::{PAID, Setup};
use crate::world;

#[tokio::test]
async fn the_price_of_a_unit_is_offered_beside_single_payments_and_told_in_the_documents() {
    let world = world().await;
    let asked = world.client("alice").get("/metered/a?q=1").await;
    asked.refused("payment-required");
    let names: Vec<String> =
        asked.challenges().iter().map(|it| format!("{}/{}", it.method().as_str(), it.intent().as_str())).collect();
    assert_eq!(names, ["channel/session", "purse/session", "double/charge"]);
    let request = session_challenge(&asked, PURSE).request().decode().unwrap();
    assert_eq!(
        (&request["amount"], &request["suggestedDeposit"], &request["unitType"]),
        (&json!("20"), &json!("2000"), &json!("answer"))
    );
    let document = world.client("alice").get("/openapi.json").await.json();
    let info = &document["paths"]["/metered/{name}"]["get"]["x-payment-info"];
    let offers = info["offers"].as_array().unwrap();
    assert_eq!(offers.len(), 3);
    assert_eq!((&offers[0]["intent"], &offers[0]["amount"]), (&json!("session"), &json!("20")));
    let strict = ["intent", "method", "amount", "currency", "description"];
    assert!(offers.iter().all(|offer| offer.as_object().unwrap().keys().all(|key| strict.contains(&key.as_str()))));
}

#[tokio::test]
async fn terms_of_sessions_that_make_no_sense_are_refused_with_their_line() {
    let refused = [
        ("deposit = \"0.00001 USD\"", "does not buy one unit"),
        ("deposit = \"1 EUR\"", "another currency"),
        ("deposit = \"much\"", "`deposit`"),
        ("least_delta = \"1 USD\"\ndeposit = \"0.5 USD\"", "more than the deposit"),
        ("slice = \"0 USD\"", "does not buy one unit"),
        ("pause = \"soon\"", "not a duration"),
        ("deposits = \"1 USD\"", "unknown field"),
    ];
    for (terms, reason) in refused {
        let routes = format!(
            "[rails.purse]\n[[route]]\nmatch = \"GET /a\"\nupstream = \"UPSTREAM\"\nprice = \"0.00002 USD\"\naccept = \
             [\"purse/session\"]\n[route.session]\n{terms}\n"
        );
        let error = Setup::with_routes(&routes).try_start().await.err().unwrap();
        assert!(error.contains(reason) && error.contains("farthing.toml:"), "{terms}: {error}");
    }
    for terms in ["unit = \"token\"", "unit = \"two words\"", "[route.session]\npause = \"1s\""] {
        let routes = PAID.replace("accept", &format!("{}\naccept", if terms.starts_with('[') { "" } else { terms }));
        let routes = if terms.starts_with('[') { format!("{routes}\n{terms}\n") } else { routes };
        let error = Setup::with_routes(&routes).try_start().await.err().unwrap();
        let reason = if terms.contains("two") { "one word" } else { "accepts none" };
        assert!(error.contains(reason), "{terms}: {error}");
    }
}
