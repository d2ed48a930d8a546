//! A payment that moves before it is presented is made once, and nothing of it is given back.

use crate::double;

use std::path::Path;
use std::sync::{Arc, Mutex};

use double::{Seller, counted, create, open};
use farthing_rail::{Answer, Approved, NotPayable, Offer, Payer, Quote, Sent, SignError, Signed};
use farthing_rail_balance::BalancePayer;
use farthing_wallet::{Outcome, PayingClient};

/// What a chain was sent, and what it will say of it.
#[derive(Default)]
struct Chain {
    says: Vec<Sent>,
    sent: Vec<Vec<u8>>,
    signed: u8,
}

/// Pays as a balance does, and sends something to a chain before.
struct Pushing(BalancePayer, Arc<Mutex<Chain>>);

impl Payer for Pushing {
    fn pays(&self) -> (&str, &str) {
        self.0.pays()
    }

    fn quote(&self, offer: &Offer<'_>) -> Result<Quote, NotPayable> {
        self.0.quote(offer).map(|quote| Quote { sent_first: true, ..quote })
    }

    fn is_bearer(&self) -> bool {
        true
    }

    fn sign(&self, approved: Approved<Quote>) -> Answer<'_, Result<Signed, SignError>> {
        Box::pin(async move {
            let signed = self.0.sign(approved).await?;
            let mut chain = self.1.lock().unwrap();
            chain.signed += 1;
            Ok(Signed { to_send: Some(vec![chain.signed]), ..signed })
        })
    }

    fn send<'a>(&'a self, to_send: &'a [u8]) -> Answer<'a, Sent> {
        let mut chain = self.1.lock().unwrap();
        chain.sent.push(to_send.to_vec());
        let said = chain.says.pop().unwrap_or(Sent::Moved);
        Box::pin(std::future::ready(said))
    }
}

fn client(home: &Path, says: Vec<Sent>) -> (PayingClient, Arc<Mutex<Chain>>) {
    create(home, Some("total = \"0.01 USD\""));
    let (wallet, chain) = (open(home), Arc::new(Mutex::new(Chain { says, ..Chain::default() })));
    let payer = Pushing(BalancePayer::new(wallet.signer()), Arc::clone(&chain));
    (PayingClient::new(wallet, vec![Arc::new(payer)]).unwrap(), chain)
}

#[tokio::test]
async fn a_payment_of_which_nothing_is_known_is_sent_again_and_not_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    let (client, chain) = client(directory.path(), vec![Sent::Unknown("silence".into())]);
    let seller = Seller::start().await;
    let outcome = client.pay(seller.get("/"), None).await.unwrap();
    assert!(matches!(outcome, Outcome::Unknown { repeatable: true, .. }), "{outcome:?}");
    assert_eq!((seller.presentations(), counted(client.wallet()).await), (0, (0, 1000)));
    let outcome = client.pay(seller.get("/"), None).await.unwrap();
    assert!(matches!(outcome, Outcome::Paid { .. }), "{outcome:?}");
    assert_eq!((seller.presentations(), counted(client.wallet()).await), (1, (1000, 0)));
    assert_eq!(chain.lock().unwrap().sent, [[1], [1]]);
}

#[tokio::test]
async fn a_payment_that_never_moves_stays_counted_and_the_next_call_pays_anew() {
    let directory = tempfile::tempdir().unwrap();
    let (client, chain) = client(directory.path(), vec![Sent::Never("it failed".into())]);
    let seller = Seller::start().await;
    let outcome = client.pay(seller.get("/"), None).await.unwrap();
    let Outcome::Unknown { repeatable: false, sentence, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(sentence, "it failed; it stays counted, and the next call pays anew");
    assert_eq!((seller.presentations(), counted(client.wallet()).await), (0, (0, 1000)));
    assert!(matches!(client.pay(seller.get("/"), None).await.unwrap(), Outcome::Paid { .. }));
    assert_eq!(counted(client.wallet()).await, (1000, 1000));
    assert_eq!(chain.lock().unwrap().sent, [[1], [2]]);
}
