//! Offers that there is too little money for do not keep others from being paid.

use crate::double;

use std::path::Path;
use std::sync::Arc;

use double::{Asked, Seller, counted, create, open};
use farthing_money::{Amount, Asset, Home};

use farthing_rail::{Answer, Approved, NotPayable, Offer, Payer, Quote, SignError, Signed};
use farthing_rail_balance::BalancePayer;
use farthing_wallet::{Outcome, PayingClient};

const CHAIN: &str = "eip155:42431";

/// Pays in coins on a chain, of which there are so many, and never gets to sign.
struct Coins {
    available: Option<u128>,
}

impl Payer for Coins {
    fn pays(&self) -> (&str, &str) {
        ("tempo", "charge")
    }

    fn quote(&self, offer: &Offer<'_>) -> Result<Quote, NotPayable> {
        let amount = offer.amount.ok_or_else(|| NotPayable("no amount".into()))?;
        let home = Home::Chain { chain: CHAIN.into(), token: "0x20c0000000000000000000000000000000000000".into() };
        Ok(Quote {
            challenge: offer.challenge.clone(),
            origin: offer.origin.clone(),
            amount,
            fee: Amount::new(7),
            asset: Asset::new("pathUSD", 6, home).unwrap(),
            cost: format!("0.{:06} USD", amount.units() + 7).parse().unwrap(),
            payee: Some("0x70997970C51812dc3A010C7d01b50e0d17dc79C8".into()),
            sent_first: false,
            tops_up_for: None,
        })
    }

    fn available<'a>(&'a self, _: &'a Quote) -> Answer<'a, Option<Amount>> {
        let available = self.available.map(Amount::new);
        Box::pin(async move {
            match available {
                Some(available) => Some(available),
                None => std::future::pending().await,
            }
        })
    }

    fn sign(&self, _: Approved<Quote>) -> Answer<'_, Result<Signed, SignError>> {
        Box::pin(std::future::ready(Err(SignError::Key("the coins' key was asked to sign".into()))))
    }
}

fn client(home: &Path, available: Option<u128>) -> PayingClient {
    create(home, Some("total = \"1 USD\""));
    let wallet = open(home);
    let balance = BalancePayer::new(wallet.signer());
    PayingClient::new(wallet, vec![Arc::new(Coins { available }), Arc::new(balance)]).unwrap()
}

fn coins() -> Asked {
    Asked { method: "tempo", amount: "500", currency: "pathUSD", ..Asked::default() }
}

#[tokio::test]
async fn an_offer_without_money_for_it_is_skipped_for_a_dearer_one() {
    let directory = tempfile::tempdir().unwrap();
    let client = client(directory.path(), Some(506));
    let seller = Seller::offering(vec![coins(), Asked::default()]).await;
    let outcome = client.pay(seller.get("/"), None).await.unwrap();
    assert!(matches!(outcome, Outcome::Paid { .. }), "{outcome:?}");
    assert_eq!(counted(client.wallet()).await, (1000, 0), "the skipped offer reserves nothing");
}

#[tokio::test]
async fn too_little_money_is_said_with_the_figures_and_counts_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let client = client(directory.path(), Some(506));
    let seller = Seller::offering(vec![coins()]).await;
    let Outcome::NoOffer { reasons } = client.pay(seller.get("/"), None).await.unwrap() else { panic!("paid") };
    let expected = "tempo/charge: it takes 0.000507 pathUSD, and there is 0.000506 pathUSD on eip155:42431";
    assert_eq!(reasons, [expected]);
    assert_eq!(counted(client.wallet()).await, (0, 0));
    let explained = client.explain(seller.get("/"), None).await.unwrap().offers.remove(0);
    assert_eq!((explained.shortage.as_deref(), explained.chain.as_deref()), (Some(expected), Some(CHAIN)));
    assert!(explained.denied_by.is_none() && !explained.is_payable());
    assert_eq!(explained.payee.as_deref(), Some("0x70997970C51812dc3A010C7d01b50e0d17dc79C8"));
}

#[tokio::test]
async fn with_just_enough_money_the_cheapest_offer_is_signed() {
    let directory = tempfile::tempdir().unwrap();
    let client = client(directory.path(), Some(507));
    let seller = Seller::offering(vec![Asked::default(), coins()]).await;
    let Outcome::Refused { rule: None, sentence } = client.pay(seller.get("/"), None).await.unwrap() else {
        panic!("paid")
    };
    assert!(sentence.contains("the coins' key was asked to sign"), "{sentence}");
}

#[tokio::test]
async fn a_source_that_stays_silent_is_no_reason_not_to_pay() {
    let directory = tempfile::tempdir().unwrap();
    let client = client(directory.path(), None);
    let seller = Seller::offering(vec![coins()]).await;
    let outcome = client.pay(seller.get("/"), None).await.unwrap();
    assert!(matches!(outcome, Outcome::Refused { rule: None, .. }), "{outcome:?}");
}
