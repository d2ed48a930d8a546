//! `kill -9` at every step of a payment that settles on a chain: the chain shows it once or not at all,
//! whoever paid is served once, and the books say what the chain says.
#![cfg(feature = "failpoints")]

use crate::support;

use std::time::Duration;

use farthing_devnet::{Devnet, Options, Source};
use farthing_gateway::failpoint::STEPS;
use support::buyer::Buyer;
use support::payer_on_chain::PayerOnChain;
use support::seller::{Seller, config};
use support::upstream::Upstream;

const PRICE: u64 = 1000;
/// Who is paid, and does nothing else: what it has is what was paid.
const RECIPIENT: usize = 5;
/// Who sends and sponsors. Everybody knows this key: it is the development chain's second account's.
const SELLER_KEY: &str = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";

#[tokio::test(flavor = "multi_thread")]
async fn an_authorization_survives_a_crash_at_every_step() {
    let devnet = Devnet::start(Options::evm(31_337, Source::of_this_process().unwrap())).await.unwrap();
    let asset = format!(
        "{{ contract = \"{}\", code = \"USDC\", decimals = 6, currency = \"USD\", domain = {{ name = \"Test USDC\", \
         version = \"1\" }} }}",
        devnet.token()
    );
    at_every_step(&devnet, "evm", &format!("asset = {asset}\n")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tempo_transaction_survives_a_crash_at_every_step() {
    let devnet = Devnet::start(Options::tempo(Source::of_this_process().unwrap())).await.unwrap();
    at_every_step(&devnet, "tempo", "asset = \"pathUSD\"\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sponsored_transaction_survives_a_crash_at_every_step() {
    let devnet = Devnet::start(Options::tempo(Source::of_this_process().unwrap())).await.unwrap();
    at_every_step(&devnet, "tempo", "asset = \"pathUSD\"\nfee_payer = true\n").await;
}

async fn at_every_step(devnet: &Devnet, method: &str, rail: &str) {
    let rail = format!(
        "[rails.{method}]\nrpc = \"{}\"\nchain = {}\nrecipient = \"{}\"\n\
         signer = {{ key = {{ env = \"SELLER_KEY\" }} }}\n{rail}",
        devnet.rpc(),
        devnet.chain_id(),
        devnet.accounts()[RECIPIENT].address
    );
    let payer = PayerOnChain::of(devnet, 2);
    for step in STEPS {
        crash_and_return(devnet, &payer, method, &rail, step).await;
    }
}

async fn crash_and_return(devnet: &Devnet, payer: &PayerOnChain, method: &str, rail: &str, step: &str) {
    let directory = tempfile::tempdir().unwrap();
    let upstream = Upstream::start().await;
    let buyer = Buyer::new();
    let route = format!(
        "[[route]]\nmatch = \"GET /chain/{{*rest}}\"\nupstream = \"{}\"\nprice = \"0.001 USD\"\naccept = [\"{method}/charge\"]\n",
        upstream.url()
    );
    let honest = support::seller::HONEST_RAIL;
    let config = config(&upstream.url(), &format!("{honest}\n{rail}\n{route}"));
    let key = ("SELLER_KEY", SELLER_KEY);
    let had = received(devnet).await;

    let mut doomed = Seller::start(directory.path(), &config, &[("FARTHING_FAILPOINT", step), key]);
    let url = format!("{}/chain/x", doomed.listen);
    let challenge = buyer.challenges(reqwest::Method::GET, &url).await.remove(0);
    let credential = payer.sign(&challenge).await;
    let before_the_crash = match buyer.get(&url, &credential).send().await {
        Ok(answer) if answer.status() == 200 => answer.bytes().await.is_ok(),
        _ => false,
    };
    doomed.wait_for_death();

    let mut reborn = Seller::start(directory.path(), &config, &[key]);
    let url = format!("{}/chain/x", reborn.listen);
    let answer = settled_answer(&buyer, &url, &credential, step).await;
    let delivered_after = answer == 200;
    let moved = received(devnet).await.wrapping_sub(had);
    assert!(moved == 0 || moved == PRICE, "{method} {step}: the chain shows {moved}");
    assert!(before_the_crash || delivered_after || moved == 0, "{method} {step}: paid, and answered with {answer}");
    assert!(!delivered_after || moved > 0, "{method} {step}: served free");
    let again = buyer.get(&url, &credential).send().await.unwrap().status();
    assert_eq!(again, 402, "{method} {step}: a delivered payment is used up");
    assert_eq!(reborn.charged(), moved, "{method} {step}: the books say otherwise");
    reborn.verify_books();
    assert!(reborn.is_alive());
}

async fn received(devnet: &Devnet) -> u64 {
    // A development account holds 2^64 - 1 of everything, and 64 bits are enough for the difference.
    let balance = devnet.balance(devnet.accounts()[RECIPIENT].address).await.unwrap();
    balance.wrapping_to::<u64>()
}

/// The status once the outcome is known: 503 says to ask again with the same credential.
async fn settled_answer(buyer: &Buyer, url: &str, credential: &str, step: &str) -> u16 {
    for _ in 0..150 {
        let status = buyer.get(url, credential).send().await.unwrap().status().as_u16();
        if !matches!(status, 503 | 409) {
            return status;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("{step}: the outcome stays unknown");
}
