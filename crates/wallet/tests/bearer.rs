//! Where a signed payment is money to whoever holds it, a server's refusal gives no room back.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code, helpers of the tests included")]

mod double;

use std::path::Path;
use std::sync::Arc;

use double::{Act, Seller, counted, create, open};
use farthing_protocol::ProblemType;
use farthing_rail::{Answer, Approved, NotPayable, Offer, Payer, Quote, SignError, Signed};
use farthing_rail_balance::BalancePayer;
use farthing_wallet::policy::Rule;
use farthing_wallet::{Outcome, PayingClient};

/// Pays as a balance does, and says that its credentials are money.
struct Cash(BalancePayer);

impl Payer for Cash {
    fn pays(&self) -> (&str, &str) {
        self.0.pays()
    }

    fn quote(&self, offer: &Offer<'_>) -> Result<Quote, NotPayable> {
        self.0.quote(offer)
    }

    fn is_bearer(&self) -> bool {
        true
    }

    fn sign(&self, approved: Approved<Quote>) -> Answer<'_, Result<Signed, SignError>> {
        self.0.sign(approved)
    }
}

fn client(home: &Path, policy: &str) -> PayingClient {
    create(home, Some(policy));
    let wallet = open(home);
    let payer = Cash(BalancePayer::new(wallet.signer()));
    PayingClient::new(wallet, vec![Arc::new(payer)]).unwrap()
}

#[tokio::test]
async fn a_server_that_refuses_and_takes_all_the_same_gets_no_more_than_the_policy_allows() {
    let directory = tempfile::tempdir().unwrap();
    let client = client(directory.path(), "total = \"0.0025 USD\"");
    let seller = Seller::start().await;
    for (calls, problem) in [(1, ProblemType::VerificationFailed), (2, ProblemType::InvalidPayload)] {
        seller.will([Act::Refuse(problem)]);
        let outcome = client.pay(seller.get("/"), None).await.unwrap();
        let Outcome::Unknown { repeatable: false, sentence, .. } = outcome else { panic!("the server was believed") };
        assert!(sentence.contains("can still be taken"), "{sentence}");
        assert_eq!(counted(client.wallet()).await, (0, 1000 * calls));
        assert_eq!(seller.presentations(), u32::try_from(calls).unwrap(), "nothing else is signed in its place");
    }
    let refused = client.pay(seller.get("/"), None).await.unwrap();
    assert!(matches!(refused, Outcome::Refused { rule: Some(Rule::Total), .. }), "{refused:?}");
    assert_eq!(seller.presentations(), 2);
}
