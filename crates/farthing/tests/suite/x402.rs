//! One route, several protocols: agents with an x402 wallet and agents with an MPP wallet pay the same gateway,
//! on a chain that poses as Base Sepolia.

use crate::support;

use std::time::Duration;

use alloy_primitives::B256;
use farthing_devnet::{Devnet, Options, Source};
use farthing_dialects::x402::extension::offer_receipt::{Offer, Proof, Receipt, Signed};
use farthing_protocol::Challenge;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use support::FARTHING;
use support::buyer::Buyer;
use support::payer_on_chain::PayerOnChain;
use support::seller::{Seller, config};
use support::upstream::Upstream;
use support::x402_payer::{Paid, X402Payer, read_header};
use tempfile::TempDir;

const PRICE: u64 = 1000;
/// Who is paid, and does nothing else.
const RECIPIENT: usize = 5;
/// Who sends. Everybody knows this key: it is the development chain's second account's.
const SELLER_KEY: &str = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";

struct Shop {
    devnet: Devnet,
    upstream: Upstream,
    directory: TempDir,
    config: String,
    seller: Option<Seller>,
    x402: X402Payer,
    mpp: PayerOnChain,
    buyer: Buyer,
}

impl Shop {
    async fn open() -> Self {
        let devnet = Devnet::start(Options::base_sepolia(Source::of_this_process().unwrap())).await.unwrap();
        let upstream = Upstream::start().await;
        let extra = format!(
            "{}\n[rails.base]\nmethod = \"evm\"\nrpc = \"{}\"\nchain = \"base-sepolia\"\nasset = \"USDC\"\n\
             recipient = \"{}\"\nsigner = {{ key = {{ env = \"SELLER_KEY\" }} }}\nconfirmations = 1\n\n[[route]]\n\
             match = \"GET /both/{{*rest}}\"\nupstream = \"{}\"\nprice = \"0.001 USD\"\nx402_v1 = true\n\
             accept = [\"evm/charge\", \"x402/exact\"]\n",
            support::seller::HONEST_RAIL,
            devnet.rpc(),
            devnet.accounts()[RECIPIENT].address,
            upstream.url(),
        );
        let directory = tempfile::tempdir().unwrap();
        let config = config(&upstream.url(), &extra);
        let seller = Some(Seller::start(directory.path(), &config, &[("SELLER_KEY", SELLER_KEY)]));
        let (x402, mpp, buyer) = (X402Payer::of(&devnet, 2), PayerOnChain::of(&devnet, 2), Buyer::new());
        Self { devnet, upstream, directory, config, seller, x402, mpp, buyer }
    }

    fn seller(&self) -> &Seller {
        self.seller.as_ref().unwrap()
    }

    fn url(&self, path: &str) -> String {
        format!("{}/both/{path}", self.seller().listen)
    }

    /// Kills the gateway and starts another on the same books.
    fn restart(&mut self) {
        drop(self.seller.take());
        self.seller = Some(Seller::start(self.directory.path(), &self.config, &[("SELLER_KEY", SELLER_KEY)]));
    }

    /// What the recipient has, of which differences count: it wraps.
    async fn received(&self) -> u64 {
        self.devnet.balance(self.devnet.accounts()[RECIPIENT].address).await.unwrap().wrapping_to()
    }

    /// Debits less credits of an account of the books.
    async fn account(&self, name: &str) -> i128 {
        let url = format!("{}/admin/accounts", self.seller().admin);
        let listed: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
        let found = listed["accounts"].as_array().unwrap().iter().find(|account| account["account"] == name);
        let sum = |side: &str| found.map_or(0, |account| account[side].as_str().unwrap().parse::<i128>().unwrap());
        sum("debits") - sum("credits")
    }

    fn get(&self, url: &str) -> RequestBuilder {
        self.x402.client.get(url).header("host", "shop.example")
    }

    fn present(&self, url: &str, paid: &Paid) -> RequestBuilder {
        self.get(url).header("payment-signature", paid.second_version())
    }

    /// An MPP credential with an authorization of its own choice.
    fn credential(&self, challenge: &Challenge, paid: &Paid) -> String {
        let source = format!("did:pkh:eip155:84532:{}", self.x402.account.address());
        let Value::Object(payload) = paid.as_credential_payload() else { panic!("an object") };
        farthing_protocol::Credential::new(challenge.clone(), payload, Some(source)).to_header()
    }
}

/// `books reconcile`, with its exit code and what it says.
fn reconcile(shop: &Shop) -> (Option<i32>, Value) {
    let admin = &shop.seller().admin;
    let output =
        std::process::Command::new(FARTHING).args(["books", "reconcile", "--json", "--admin", admin]).output().unwrap();
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_default())
}

async fn answered(request: RequestBuilder) -> (u16, Response) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response)
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_of_both_protocols_pay_one_route_and_each_is_answered_in_its_own_words() {
    let shop = Shop::open().await;
    let (url, before) = (shop.url("x"), shop.received().await);
    let unpaid = shop.get(&url).send().await.unwrap();
    assert_eq!(unpaid.status(), 402);
    let challenges = support::buyer::challenges_of(&unpaid);
    let list = read_header(&unpaid, "payment-required").unwrap();
    let body: Value = unpaid.json().await.unwrap();
    assert_eq!(list["accepts"][0]["amount"], PRICE.to_string());
    assert_eq!((&body["x402Version"], &body["accepts"][0]["maxAmountRequired"]), (&json!(1), &json!("1000")));
    assert_eq!(challenges[0].request().decode().unwrap()["amount"], "1000", "one price");

    let second = shop.x402.pay(&url).await;
    let (status, answer) = answered(shop.present(&url, &second)).await;
    assert_eq!(status, 200, "{}", shop.seller().log());
    let outcome = read_header(&answer, "payment-response").unwrap();
    assert_eq!((&outcome["success"], &outcome["network"]), (&json!(true), &json!("eip155:84532")));
    assert_eq!(outcome["payer"].as_str().unwrap().to_lowercase(), second.from().to_lowercase());
    assert_eq!(outcome["transaction"].as_str().unwrap().len(), 66);

    let first = shop.x402.pay(&url).await;
    let (status, answer) = answered(shop.get(&url).header("x-payment", first.first_version())).await;
    assert_eq!(status, 200);
    assert_eq!(read_header(&answer, "x-payment-response").unwrap()["success"], true);
    assert!(answer.headers().get("payment-response").is_none());

    let (status, answer) = answered(shop.get(&url).header("authorization", shop.mpp.sign(&challenges[0]).await)).await;
    assert_eq!(status, 200);
    assert!(answer.headers().contains_key("payment-receipt") && !answer.headers().contains_key("payment-response"));

    assert_eq!(shop.received().await.wrapping_sub(before), 3 * PRICE);
    assert_eq!((shop.upstream.hits(), shop.seller().charged()), (3, 3 * PRICE));
    shop.seller().verify_books();
}

#[tokio::test(flavor = "multi_thread")]
async fn k_05_one_authorization_in_every_protocol_at_once_is_one_payment_on_the_chain() {
    let shop = Shop::open().await;
    let (url, before) = (shop.url("x"), shop.received().await);
    let challenge = shop.buyer.challenges(Method::GET, &url).await.remove(0);
    let list = shop.x402.price_list(Method::GET, &url).await;
    // The nonce that binds it to the MPP challenge is as good as any to x402.
    let nonce = alloy_primitives::keccak256([challenge.id().as_str(), challenge.realm().as_str()].concat());
    let paid = shop.x402.sign(&list["accepts"][0], &list["resource"], nonce).await;
    let requests = || {
        [
            shop.present(&url, &paid),
            shop.get(&url).header("x-payment", paid.first_version()),
            shop.get(&url).header("authorization", shop.credential(&challenge, &paid)),
        ]
    };
    let answers = futures_util::future::join_all((0..8).flat_map(|_| requests()).map(answered)).await;
    let served = answers.iter().filter(|(status, _)| *status == 200).count();
    assert_eq!(served, 1, "{:?}", answers.iter().map(|(status, _)| status).collect::<Vec<_>>());
    assert_eq!((shop.upstream.hits(), shop.received().await.wrapping_sub(before)), (1, PRICE));
    assert_eq!(shop.seller().charged(), PRICE);
    shop.seller().verify_books();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_08_a_payment_before_a_crash_is_used_up_after_it() {
    let mut shop = Shop::open().await;
    let (url, before) = (shop.url("x"), shop.received().await);
    let paid = shop.x402.pay(&url).await;
    let (status, answer) = answered(shop.present(&url, &paid)).await;
    assert_eq!(status, 200);
    answer.bytes().await.unwrap();
    // Closed a moment after the response went out; before that a crash leaves the payer entitled.
    tokio::time::sleep(Duration::from_millis(300)).await;
    shop.restart();
    let (status, _) = answered(shop.present(&shop.url("x"), &paid)).await;
    assert_eq!((status, shop.upstream.hits()), (402, 1));
    assert_eq!(shop.received().await.wrapping_sub(before), PRICE);
}

#[tokio::test(flavor = "multi_thread")]
async fn l_07_after_an_old_backup_is_restored_no_old_payment_buys_again() {
    let mut shop = Shop::open().await;
    drop(shop.seller.take());
    let saved = tempfile::tempdir().unwrap();
    for file in ["farthing.db", "farthing.db-wal", "chains.db", "chains.db-wal"] {
        let from = shop.directory.path().join(file);
        if from.exists() {
            std::fs::copy(&from, saved.path().join(file)).unwrap();
        }
    }
    shop.restart();
    let url = shop.url("x");
    let list = shop.x402.price_list(Method::GET, &url).await;
    let paid = shop.x402.sign(&list["accepts"][0], &list["resource"], B256::repeat_byte(7)).await;
    assert_eq!(answered(shop.present(&url, &paid)).await.0, 200);
    drop(shop.seller.take());
    for file in ["farthing.db", "farthing.db-wal", "farthing.db-shm", "chains.db", "chains.db-wal", "chains.db-shm"] {
        let _ = std::fs::remove_file(shop.directory.path().join(file));
        let from = saved.path().join(file);
        if from.exists() {
            std::fs::copy(&from, shop.directory.path().join(file)).unwrap();
        }
    }
    shop.restart();
    let (status, _) = answered(shop.present(&shop.url("x"), &paid)).await;
    assert_ne!(status, 200, "the books have forgotten it, and the chain has not");
    assert_eq!(shop.upstream.hits(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn f_09_no_payment_is_found_in_a_log_a_metric_or_an_answer() {
    let shop = Shop::open().await;
    let url = shop.url("x");
    let (good, twice) = (shop.x402.pay(&url).await, shop.x402.pay(&url).await);
    let mut said = String::new();
    for request in [
        shop.present(&url, &good),
        shop.present(&url, &good),
        shop.get(&url).header("x-payment", twice.first_version()),
        shop.present(&shop.url("other"), &twice),
        shop.present(&url, &good).header("x-payment", twice.first_version()),
    ] {
        let (_, answer) = answered(request).await;
        said.push_str(&format!("{:?}", answer.headers()));
        said.push_str(&answer.text().await.unwrap());
    }
    for path in ["/metrics", "/admin/payments", "/admin/accounts"] {
        let admin = format!("{}{path}", shop.seller().admin);
        said.push_str(&reqwest::get(admin).await.unwrap().text().await.unwrap());
    }
    said.push_str(&shop.seller().log());
    for paid in [&good, &twice] {
        for secret in [paid.second_version(), paid.first_version(), paid.signature()] {
            assert!(!said.contains(&secret), "a payment was said: {}...", &secret[..16]);
        }
    }
    assert!(shop.seller().log().contains("TRACE"), "the log says all that it can");
}

#[tokio::test(flavor = "multi_thread")]
async fn l_09_what_the_books_and_the_chain_do_not_agree_on_is_named() {
    let shop = Shop::open().await;
    let (url, recipient) = (shop.url("x"), shop.devnet.accounts()[RECIPIENT].address);
    let paid = shop.x402.pay(&url).await;
    assert_eq!(answered(shop.present(&url, &paid)).await.0, 200);
    // One transfer too many: somebody's that pays for nothing here.
    shop.devnet.fund(recipient, alloy_primitives::U256::from(777)).await.unwrap();
    shop.devnet.mine(700).await.unwrap();
    let mut matched = 0;
    loop {
        let (code, report) = reconcile(&shop);
        matched += report["rails"][0]["matched"].as_u64().unwrap_or_default();
        if matched > 0 && report["suspense"].as_array().is_some_and(|suspense| !suspense.is_empty()) {
            assert_eq!((code, matched), (Some(1), 1), "{report}");
            let mut suspense = report["suspense"].as_array().unwrap().iter();
            assert!(suspense.any(|deposit| deposit["amount"] == "777"), "{report}");
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    // One account on the chain is one account in the books, whatever protocol brought the money.
    let gifts = 777 + 1_000_000_000_000;
    assert_eq!(
        (shop.account("clearing/x402").await, shop.account("confirmed/evm").await),
        (0, i128::from(PRICE) + gifts)
    );
    shop.seller().verify_books();
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_and_receipts_are_signed_by_the_key_that_the_configuration_names() {
    let mut shop = Shop::open().await;
    let named = "development = true\npublic_url = \"https://api.example.com\"\n\
                 offer_signer = { key = { env = \"SELLER_KEY\" } }";
    shop.config = shop.config.replacen("development = true", named, 1);
    shop.restart();
    let signer = |proof: &Proof| match proof {
        Proof::Typed { message, signature } => farthing_keys::account_of(message, signature),
        _ => None,
    };
    let (url, seller) = (shop.url("x"), shop.devnet.accounts()[1].address.to_string());
    let list = read_header(&shop.get(&url).send().await.unwrap(), "payment-required").unwrap();
    let offer = Signed::<Offer>::read(&list["extensions"]["offer-receipt"]["info"]["offers"][0]).unwrap();
    assert_eq!(signer(offer.proof()), Some(seller.clone()));
    assert_eq!(offer.statement().amount.units(), u128::from(PRICE));
    let (status, answer) = answered(shop.present(&url, &shop.x402.pay(&url).await)).await;
    assert_eq!(status, 200, "{}", shop.seller().log());
    let outcome = read_header(&answer, "payment-response").unwrap();
    let receipt = Signed::<Receipt>::read(&outcome["extensions"]["offer-receipt"]["info"]["receipt"]).unwrap();
    assert_eq!(signer(receipt.proof()), Some(seller));
    assert_eq!(receipt.statement().resource_url, "https://api.example.com/both/x");
}
