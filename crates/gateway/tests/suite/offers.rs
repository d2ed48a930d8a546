//! One payment method over several rails, and what is sold for nothing.

use crate::support;

use std::sync::Arc;
use std::time::Duration;

use farthing_gateway::config::RailFactory;
use farthing_gateway::{Config, Gateway, Running};
use farthing_money::{Amount, Asset, Rounding};
use farthing_protocol::{ChargeRequest, IntentName, JsonObject, MethodName};
use farthing_rail::{
    Acceptor, Capture, ExpectedFee, Finality, Method, Order, PayerId, Presented, Proof, ProofKey, Protocol, Refusal,
    Terms, Unpriceable,
};
use farthing_store::{Books, Sharing};
use http::StatusCode;
use support::{Client, SECRET, Upstream, client};

/// A prepaid method on several chains: each has its own currency.
struct OnChain(Terms);

impl OnChain {
    fn acceptor(asset: &str, floor: u128) -> Acceptor {
        let terms = Terms {
            method: MethodName::new("evm").unwrap(),
            intent: IntentName::new("charge").unwrap(),
            asset: asset.parse::<Asset>().unwrap(),
            floor: Amount::new(floor),
            fee: ExpectedFee::NONE,
            finality: Finality::Immediate,
            refundable: true,
            validity: Duration::from_secs(300),
            protocol: Protocol::Payment,
            capture: Capture::Whole,
        };
        Acceptor::Prepaid(Arc::new(Self(terms)))
    }
}

impl Method for OnChain {
    fn terms(&self) -> &Terms {
        &self.0
    }

    fn request(&self, order: &Order) -> Result<JsonObject, Unpriceable> {
        let converted = order.price.in_asset(&self.0.asset, Rounding::Exact);
        let request = ChargeRequest {
            amount: converted.map_err(|error| Unpriceable(error.to_string()))?.amount,
            currency: self.0.asset.to_string(),
            recipient: None,
            description: None,
            external_id: None,
            method_details: JsonObject::new(),
        };
        Ok(request.to_object())
    }

    fn verify(&self, presented: &Presented<'_>) -> Result<Proof, Refusal> {
        assert_eq!(presented.request.currency, self.0.asset.to_string(), "the credential came to the right rail");
        let id = presented.credential.challenge().id().as_str();
        Ok(Proof {
            key: ProofKey::new(format!("evm/{id}")),
            payer: Some(PayerId::new("alice")),
            amount: presented.request.amount,
            asset: self.0.asset.clone(),
            kept: Vec::new(),
        })
    }
}

const BASE: &str = "USDC.6@eip155:8453/0x01";
const POLYGON: &str = "USDC.6@eip155:137/0x02";

/// Two tables of one method, which learn their names and no key that is not theirs.
fn rails() -> RailFactory {
    Arc::new(|method, table, context| {
        assert_eq!((method, table.len()), ("evm", 0));
        assert!(context.data.is_dir());
        match context.name {
            "base" => Ok(vec![OnChain::acceptor(BASE, 1)]),
            "polygon" => Ok(vec![OnChain::acceptor(POLYGON, 0)]),
            other => Err(format!("there is no chain \"{other}\"")),
        }
    })
}

struct Shop {
    _folder: tempfile::TempDir,
    upstream: Upstream,
    books: Books,
    running: Running,
}

impl Shop {
    async fn open(price: &str, accept: &str) -> Result<Self, String> {
        let folder = tempfile::tempdir().unwrap();
        let upstream = Upstream::start().await;
        let text = format!(
            "[gateway]\nlisten = \"127.0.0.1:0\"\nrealm = \"test\"\ndevelopment = true\nsecret = \"{SECRET}\"\n\
             [rails.base]\nmethod = \"evm\"\n[rails.polygon]\nmethod = \"evm\"\n\
             [[route]]\nmatch = \"GET /a\"\nupstream = \"http://{}\"\nprice = \"{price}\"\naccept = {accept}\n",
            upstream.address
        );
        let config = Config::from_text(&text, "farthing.toml", folder.path(), &|_| None).unwrap();
        let books = Books::open(&folder.path().join("farthing.db"), Sharing::Exclusive).unwrap();
        let running = Gateway::start(config, rails(), books.clone()).await.map_err(|error| error.to_string())?;
        Ok(Self { _folder: folder, upstream, books, running })
    }

    fn client(&self) -> Client {
        Client::new(self.running.addresses().public, "alice")
    }

    /// The currencies that are offered.
    async fn offers(&self) -> Vec<String> {
        let asked = self.client().get("/a").await;
        asked.challenges().iter().map(currency).collect()
    }
}

fn currency(challenge: &farthing_protocol::Challenge) -> String {
    let request = challenge.request().decode().unwrap();
    request["currency"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_method_is_offered_over_every_rail_and_a_table_by_its_name() {
    for (accept, offered) in [
        (r#"["evm/charge"]"#, vec![BASE, POLYGON]),
        (r#"["polygon/charge", "evm/charge"]"#, vec![POLYGON, BASE]),
        (r#"["base"]"#, vec![BASE]),
    ] {
        assert_eq!(Shop::open("0.001 USD", accept).await.unwrap().offers().await, offered, "{accept}");
    }
    let unknown = Shop::open("0.001 USD", r#"["solana/charge"]"#).await.err().unwrap();
    assert!(unknown.contains("configured here: base/charge, polygon/charge"), "{unknown}");
}

#[tokio::test]
async fn a_credential_goes_to_the_rail_whose_challenge_it_answers() {
    let shop = Shop::open("0.001 USD", r#"["evm/charge"]"#).await.unwrap();
    let buyer = shop.client();
    for asset in [BASE, POLYGON] {
        let grant = farthing_books::Command::Grant {
            id: farthing_books::TransferId([u8::try_from(asset.len()).unwrap(); 16]),
            payer: PayerId::new("alice"),
            asset: asset.parse().unwrap(),
            amount: Amount::new(1_000),
            at: farthing_protocol::Timestamp::from_unix_millis(0),
        };
        shop.books.submit(grant).await.unwrap();
        let asked = buyer.get("/a").await;
        let challenge = asked.challenges().into_iter().find(|challenge| currency(challenge) == asset).unwrap();
        let paid = buyer.get_with("/a", &client::credential(challenge.clone(), serde_json::json!({}))).await;
        assert_eq!(paid.status, StatusCode::OK, "{paid:?}");
        let record = shop.books.payment_of(&challenge).await.unwrap().unwrap();
        assert_eq!(record.asset.to_string(), asset);
    }
    assert_eq!(shop.upstream.hits(), 2);
}

#[tokio::test]
async fn nothing_is_a_price_where_the_method_says_so() {
    let shop = Shop::open("0 USD", r#"["polygon/charge"]"#).await.unwrap();
    let paid = shop.client().buy("/a").await;
    assert_eq!(paid.status, StatusCode::OK, "{paid:?}");
    assert!(shop.books.verify().await.unwrap().is_clean());
    let refused = Shop::open("0 USD", r#"["base/charge"]"#).await.err().unwrap();
    assert!(refused.contains("is below the 0.000001 USDC that base/charge moves at least"), "{refused}");
}
