//! Where a signed payment is money to whoever holds it, a server's refusal gives no room back.

use crate::double;

use std::path::Path;
use std::sync::{Arc, Mutex};

use double::{Act, Seller, counted, create, open};
use farthing_protocol::{Credential, ProblemType};
use farthing_rail::{Answer, Approved, Became, NotPayable, Offer, Payer, Quote, SignError, Signed};
use farthing_rail_balance::BalancePayer;
use farthing_wallet::client::Settled;
use farthing_wallet::policy::Rule;
use farthing_wallet::{Outcome, PayingClient};

/// Pays as a balance does, and says that its credentials are money.
struct Cash {
    payer: BalancePayer,
    /// What the chain will say.
    became: Arc<Mutex<Became>>,
}

impl Payer for Cash {
    fn pays(&self) -> (&str, &str) {
        self.payer.pays()
    }

    fn quote(&self, offer: &Offer<'_>) -> Result<Quote, NotPayable> {
        self.payer.quote(offer)
    }

    fn is_bearer(&self) -> bool {
        true
    }

    fn became<'a>(&'a self, _credential: &'a Credential) -> Answer<'a, Became> {
        let became = *self.became.lock().unwrap();
        Box::pin(std::future::ready(became))
    }

    fn sign(&self, approved: Approved<Quote>) -> Answer<'_, Result<Signed, SignError>> {
        self.payer.sign(approved)
    }
}

fn client(home: &Path, policy: &str) -> (PayingClient, Arc<Mutex<Became>>) {
    create(home, Some(policy));
    reopened(home)
}

/// As the next process opens the wallet.
fn reopened(home: &Path) -> (PayingClient, Arc<Mutex<Became>>) {
    let (wallet, became) = (open(home), Arc::new(Mutex::new(Became::Unknown)));
    let payer = Cash { payer: BalancePayer::new(wallet.signer()), became: Arc::clone(&became) };
    (PayingClient::new(wallet, vec![Arc::new(payer)]).unwrap(), became)
}

async fn refused(client: &PayingClient, seller: &Seller) {
    seller.will([Act::Refuse(ProblemType::VerificationFailed)]);
    let outcome = client.pay(seller.get("/"), None).await.unwrap();
    assert!(matches!(outcome, Outcome::Unknown { repeatable: false, .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_refused_payment_that_can_no_longer_be_taken_gives_its_room_back_to_the_next_call() {
    let directory = tempfile::tempdir().unwrap();
    let seller = Seller::start().await;
    let (client, _) = client(directory.path(), "total = \"0.001 USD\"");
    refused(&client, &seller).await;
    drop(client);
    let (client, became) = reopened(directory.path());
    let stopped = client.pay(seller.get("/other"), None).await.unwrap();
    assert!(matches!(stopped, Outcome::Refused { rule: Some(Rule::Total), .. }), "{stopped:?}");
    *became.lock().unwrap() = Became::Never;
    let paid = client.pay(seller.get("/other"), None).await.unwrap();
    assert!(matches!(paid, Outcome::Paid { .. }), "{paid:?}");
    assert_eq!(counted(client.wallet()).await, (1000, 0));
    assert_eq!(client.settle().await.unwrap(), Settled::default(), "nothing is left to find out");
}

#[tokio::test]
async fn a_refused_payment_that_was_taken_all_the_same_is_spent() {
    let directory = tempfile::tempdir().unwrap();
    let seller = Seller::start().await;
    let (client, became) = client(directory.path(), "total = \"0.0015 USD\"");
    refused(&client, &seller).await;
    assert_eq!(client.settle().await.unwrap(), Settled { unknown: 1, ..Settled::default() });
    assert_eq!(counted(client.wallet()).await, (0, 1000));
    *became.lock().unwrap() = Became::Paid;
    assert_eq!(client.settle().await.unwrap(), Settled { paid: 1, ..Settled::default() });
    assert_eq!(counted(client.wallet()).await, (1000, 0));
    assert_eq!(client.settle().await.unwrap(), Settled::default());
}

#[tokio::test]
async fn a_server_that_refuses_and_takes_all_the_same_gets_no_more_than_the_policy_allows() {
    let directory = tempfile::tempdir().unwrap();
    let (client, _) = client(directory.path(), "total = \"0.0025 USD\"");
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
