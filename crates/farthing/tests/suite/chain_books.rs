//! After reading a chain's statement the books hold exactly what the chain says moved.

use crate::support;

use std::process::Command;
use std::time::Duration;

use farthing_devnet::{Devnet, Options, Source};
use serde_json::Value;
use support::FARTHING;
use support::buyer::Buyer;
use support::payer_on_chain::PayerOnChain;
use support::seller::{Seller, config};
use support::upstream::Upstream;

/// The seller, who is paid, sponsors and refunds: everybody knows the development accounts' keys.
const SELLER: usize = 1;
const SELLER_KEY: &str = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
/// Another account of the seller, which only is paid.
const TILL: usize = 5;
/// Who gets a share.
const PARTNER: usize = 6;

#[tokio::test(flavor = "multi_thread")]
async fn the_bank_account_is_what_the_recipient_has_after_sponsored_split_and_refunded_payments() {
    let shop = Shop::open(SELLER).await;
    let before = shop.has(SELLER).await;
    let partner = shop.has(PARTNER).await;
    let first = shop.buy().await;
    shop.buy().await;
    shop.refund(&first).await;
    assert_eq!(shop.has(PARTNER).await - partner, 50, "two shares");
    let moved = shop.has(SELLER).await - before;
    assert!(moved < 1000 - 50, "the fees of three transactions are ours, and the refund is whole: {moved}");
    shop.reconcile_until("confirmed/tempo", moved).await;
    assert_eq!(shop.account("clearing/tempo").await, 0);
    assert_eq!(shop.account("shares/tempo").await, 50);
    assert_eq!(shop.account("refunds").await, 1000);
    assert_eq!(1000 - 50 - shop.account("fees/tempo").await, moved, "revenue less all that left");
    shop.seller.verify_books();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_sponsor_with_an_account_of_its_own_pays_is_ours_too() {
    let shop = Shop::open(TILL).await;
    let before = (shop.has(TILL).await, shop.has(SELLER).await);
    shop.buy().await;
    let till = shop.has(TILL).await - before.0;
    let sponsor = shop.has(SELLER).await - before.1;
    assert_eq!(till, 975);
    assert!(sponsor < 0, "it paid a fee");
    shop.reconcile_until("confirmed/tempo", till + sponsor).await;
    assert_eq!(shop.account("clearing/tempo").await, 0);
    assert_eq!(shop.account("fees/tempo").await, -sponsor);
    shop.seller.verify_books();
}

struct Shop {
    devnet: Devnet,
    seller: Seller,
    payer: PayerOnChain,
    buyer: Buyer,
    _directory: tempfile::TempDir,
    _upstream: Upstream,
}

impl Shop {
    async fn open(recipient: usize) -> Self {
        let devnet = Devnet::start(Options::tempo(Source::of_this_process().unwrap())).await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let upstream = Upstream::start().await;
        let head = devnet.node().request::<alloy_primitives::U64>("eth_blockNumber", serde_json::json!([])).await;
        let extra = format!(
            "[rails.tempo]\nrpc = \"{}\"\nchain = {}\nrecipient = \"{}\"\nasset = \"pathUSD\"\nfee_payer = true\n\
             signer = {{ key = {{ env = \"SELLER_KEY\" }} }}\nstatement_from = {}\n\
             shares = [{{ recipient = \"{}\", per_million = 25000 }}]\n\n[[route]]\nmatch = \"GET /chain/{{*rest}}\"\n\
             upstream = \"{}\"\nprice = \"0.001 USD\"\naccept = [\"tempo/charge\"]\n",
            devnet.rpc(),
            devnet.chain_id(),
            devnet.accounts()[recipient].address,
            head.unwrap().to::<u64>() + 1,
            devnet.accounts()[PARTNER].address,
            upstream.url(),
        );
        let extra = format!("{}\n{extra}", support::seller::HONEST_RAIL);
        let seller = Seller::start(directory.path(), &config(&upstream.url(), &extra), &[("SELLER_KEY", SELLER_KEY)]);
        let payer = PayerOnChain::of(&devnet, 2);
        Self { devnet, seller, payer, buyer: Buyer::new(), _directory: directory, _upstream: upstream }
    }

    /// Base units; a development account holds 2^64 - 1 of everything, and more after it was paid.
    async fn has(&self, account: usize) -> i128 {
        i128::try_from(self.devnet.balance(self.devnet.accounts()[account].address).await.unwrap().to::<u128>())
            .unwrap()
    }

    /// Buys once; the payment's name.
    async fn buy(&self) -> String {
        let url = format!("{}/chain/x", self.seller.listen);
        let challenge = self.buyer.challenges(reqwest::Method::GET, &url).await.remove(0);
        let credential = self.payer.sign(&challenge).await;
        let answer = self.buyer.get(&url, &credential).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", self.seller.log());
        answer.bytes().await.unwrap();
        let listed = self.get("/admin/payments?limit=100").await;
        listed["payments"].as_array().unwrap().last().unwrap()["id"].as_str().unwrap().to_owned()
    }

    async fn refund(&self, payment: &str) {
        for _ in 0..150 {
            let url = format!("{}/admin/payments/{payment}/refund", self.seller.admin);
            let order = reqwest::Client::new().post(url).json(&serde_json::json!({ "reason": "a test" }));
            if order.send().await.unwrap().status() == 200 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("the refund is never confirmed: {}", self.seller.log());
    }

    /// Reads the statement until it is deep enough to show everything.
    async fn reconcile_until(&self, account: &str, wanted: i128) {
        for _ in 0..150 {
            let admin = &self.seller.admin;
            let output = Command::new(FARTHING).args(["books", "reconcile", "--admin", admin]).output().unwrap();
            if output.status.success()
                && self.account(account).await == wanted
                && self.account("clearing/tempo").await == 0
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("{account} never holds {wanted}: {}", self.get("/admin/accounts").await);
    }

    /// Debits less credits of an account.
    async fn account(&self, name: &str) -> i128 {
        let accounts = self.get("/admin/accounts").await;
        let found = accounts["accounts"].as_array().unwrap().iter().find(|account| account["account"] == name);
        let sum = |side: &str| found.map_or(0, |account| account[side].as_str().unwrap().parse().unwrap());
        sum("debits") - sum("credits")
    }

    async fn get(&self, path: &str) -> Value {
        reqwest::get(format!("{}{path}", self.seller.admin)).await.unwrap().json().await.unwrap()
    }
}
