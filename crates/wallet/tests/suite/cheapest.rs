//! Of several rails the wallet takes the one that really costs least: what is paid and the fee on top of it.

use crate::double;

use std::sync::Arc;

use double::{Asked, Seller, create, open};
use farthing_money::{Amount, Asset, Home};
use farthing_rail::{Answer, Approved, NotPayable, Offer, Payer, Quote, SignError, Signed};
use farthing_wallet::PayingClient;

/// Pays over a rail that takes so much on top, and perhaps fills a balance with it.
struct Over {
    method: &'static str,
    fee: u128,
    tops_up: bool,
}

impl Payer for Over {
    fn pays(&self) -> (&str, &str) {
        (self.method, "charge")
    }

    fn quote(&self, offer: &Offer<'_>) -> Result<Quote, NotPayable> {
        let amount = offer.amount.ok_or_else(|| NotPayable("no amount".into()))?;
        let unit = "0.000001 USD".parse().unwrap();
        Ok(Quote {
            challenge: offer.challenge.clone(),
            origin: offer.origin.clone(),
            amount,
            fee: Amount::new(self.fee),
            asset: Asset::new("USD", 6, Home::Account(self.method.into())).unwrap(),
            cost: format!("0.{:06} USD", amount.units() + self.fee).parse().unwrap(),
            payee: None,
            sent_first: false,
            tops_up_for: self.tops_up.then_some(unit),
        })
    }

    fn sign(&self, _: Approved<Quote>) -> Answer<'_, Result<Signed, SignError>> {
        Box::pin(std::future::ready(Err(SignError::Key("nothing is paid in this test".into()))))
    }
}

#[tokio::test]
async fn of_several_rails_the_cheapest_with_its_fee_comes_first_and_a_top_up_last() {
    let directory = tempfile::tempdir().unwrap();
    create(directory.path(), Some("total = \"1 USD\""));
    let over = |method, fee, tops_up| Arc::new(Over { method, fee, tops_up }) as Arc<dyn Payer>;
    let payers =
        vec![over("simulated", 0, true), over("tempo", 700, false), over("evm", 0, false), over("stripe", 0, false)];
    let client = PayingClient::new(open(directory.path()), payers).unwrap();
    let asked = |method, amount| Asked { method, amount, ..Asked::default() };
    // Tempo asks for the least and takes the most gas.
    let offers = vec![asked("simulated", "100"), asked("tempo", "500"), asked("stripe", "1000"), asked("evm", "900")];
    let seller = Seller::offering(offers).await;
    let explained = client.explain(seller.get("/"), None).await.unwrap().offers;
    let order = explained.iter().map(|offer| (offer.method.as_str(), offer.cost.to_string())).collect::<Vec<_>>();
    let expected = [
        ("evm/charge", "0.0009 USD"),
        ("stripe/charge", "0.001 USD"),
        ("tempo/charge", "0.0012 USD"),
        ("simulated/charge", "0.0001 USD"),
    ];
    assert_eq!(order, expected.map(|(method, cost)| (method, cost.to_owned())));
}
