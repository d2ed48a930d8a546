//! `kill -9` at every step of a payment in x402's words: the chain shows it once or not at all, whoever paid is
//! served once, and the books say what the chain says. For `upto`, what was used and not the price.
#![cfg(feature = "failpoints")]

use crate::support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use farthing_devnet::{Devnet, Options, Source};
use farthing_dialects::x402::model::Purchase;
use farthing_dialects::x402::{PaymentPayload, PriceList};
use farthing_gateway::failpoint::STEPS;
use farthing_protocol::Realm;
use farthing_rail::{Approved, Offer, Payer};
use farthing_rail_evm::buyer::{Chains, Purse};
use farthing_rail_evm::x402::X402Payer;
use reqwest::{Client, RequestBuilder};
use support::payer_on_chain::{PayerOnChain, now};
use support::seller::{Seller, config};

/// Who is paid, and does nothing else: what it has is what was paid.
const RECIPIENT: usize = 5;
/// Who pays.
const PAYER: usize = 2;
/// Who sends. Everybody knows this key: it is the development chain's second account's.
const SELLER_KEY: (&str, &str) = ("SELLER_KEY", "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d");

/// A scheme and how it is sold.
struct Case {
    scheme: &'static str,
    route: &'static str,
    /// What a request comes to, in millionths of a dollar.
    price: u64,
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exact_payment_survives_a_crash_at_every_step() {
    at_every_step(&Case { scheme: "exact", route: "accept = [\"x402/exact\"]", price: 1000 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_payment_survives_a_crash_at_every_step() {
    let route = "accept = [\"x402/upto\"]\nmeter = { header = \"farthing-charge\" }";
    at_every_step(&Case { scheme: "upto", route, price: 400 }).await;
}

async fn at_every_step(case: &Case) {
    let devnet = Devnet::start(Options::base_sepolia(Source::of_this_process().unwrap())).await.unwrap();
    devnet.approve_permit2(devnet.accounts()[PAYER].address).await.unwrap();
    for step in STEPS {
        crash_and_return(&devnet, case, step).await;
    }
}

async fn crash_and_return(devnet: &Devnet, case: &Case, step: &str) {
    let directory = tempfile::tempdir().unwrap();
    let upstream = metered().await;
    let extra = format!(
        "{}\n[rails.base]\nmethod = \"evm\"\nrpc = \"{}\"\nchain = \"base-sepolia\"\nrecipient = \"{}\"\n\
         asset = \"USDC\"\naccept = [\"authorization\", \"permit2\"]\nconfirmations = 1\n\
         signer = {{ key = {{ env = \"SELLER_KEY\" }} }}\n\n[[route]]\nmatch = \"GET /x402/{{*rest}}\"\n\
         upstream = \"http://{upstream}\"\nprice = \"0.001 USD\"\n{}\n",
        support::seller::HONEST_RAIL,
        devnet.rpc(),
        devnet.accounts()[RECIPIENT].address,
        case.route,
    );
    let config = config(&format!("http://{upstream}"), &extra);
    let (scheme, had) = (case.scheme, received(devnet).await);

    let mut doomed = Seller::start(directory.path(), &config, &[("FARTHING_FAILPOINT", step), SELLER_KEY]);
    let client = Client::new();
    let payment = sign(devnet, &client, case, &format!("{}/x402/x", doomed.listen)).await;
    let before_the_crash = match present(&client, &doomed, &payment).send().await {
        Ok(answer) if answer.status() == 200 => answer.bytes().await.is_ok(),
        _ => false,
    };
    doomed.wait_for_death();

    let mut reborn = Seller::start(directory.path(), &config, &[SELLER_KEY]);
    let answer = settled_answer(&client, &reborn, &payment, step).await;
    let delivered_after = answer == 200;
    let moved = received(devnet).await.wrapping_sub(had);
    assert!(moved == 0 || moved == case.price, "{scheme} {step}: the chain shows {moved}");
    assert!(before_the_crash || delivered_after || moved == 0, "{scheme} {step}: paid, and answered with {answer}");
    assert!(!delivered_after || moved > 0, "{scheme} {step}: served free");
    // The payer names its payment, so a delivered one is answered with what is kept, and nothing is bought again.
    let again = present(&client, &reborn, &payment).send().await.unwrap();
    let is_kept = again.headers().contains_key("idempotent-replayed");
    assert!(is_kept || again.status() == 402, "{scheme} {step}: served again with {}", again.status());
    assert_eq!(reborn.charged(), moved, "{scheme} {step}: the books say otherwise");
    reborn.verify_books();
    assert!(reborn.is_alive());
}

/// A server that says what a request really costs.
async fn metered() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(async || ([("farthing-charge", "0.0004 USD")], "content"));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

/// The `Host` outlives a gateway that comes back on another port.
fn present(client: &Client, seller: &Seller, payment: &str) -> RequestBuilder {
    client.get(format!("{}/x402/x", seller.listen)).header("host", "shop.example").header("payment-signature", payment)
}

#[expect(clippy::disallowed_methods, reason = "this payer has no policy: it signs whatever a test shows it")]
async fn sign(devnet: &Devnet, client: &Client, case: &Case, url: &str) -> String {
    let unpaid = client.get(url).header("host", "shop.example").send().await.unwrap();
    let list = PriceList::from_header(unpaid.headers()["payment-required"].as_bytes()).unwrap();
    let realm = Realm::new("shop.example").unwrap();
    let mut salt = [0; 16];
    aws_lc_rs::rand::fill(&mut salt).unwrap();
    let purchase = Purchase {
        method: "GET",
        url: "http://shop.example/x402/x",
        digest: None,
        realm: &realm,
        now: now(),
        longest: Duration::from_secs(120),
        salt: &salt,
    };
    let challenge = list.offers(&purchase).remove(0).unwrap();
    let account = PayerOnChain::of(devnet, PAYER).account;
    let chains = format!("[chain.here]\nchain = {}\nrpc = [\"{}\"]\n", devnet.chain_id(), devnet.rpc());
    let chains = Chains::parse(&chains).unwrap();
    let payer = match case.scheme {
        "upto" => X402Payer::upto(account, &chains, Arc::new(now)),
        _ => X402Payer::exact(account, &chains, Arc::new(now)),
    };
    // A permit is signed only where the chain can be asked for its allowance.
    let payer = payer.with_funds(Arc::new(Purse::new(&chains, client).unwrap()));
    let origin = "http://shop.example".parse().unwrap();
    let offer = Offer { challenge: &challenge, origin: &origin, amount: None, now: now() };
    let signed = payer.sign(Approved::grant(payer.quote(&offer).unwrap())).await.unwrap();
    PaymentPayload::of(&signed.credential).unwrap().to_header()
}

async fn received(devnet: &Devnet) -> u64 {
    devnet.balance(devnet.accounts()[RECIPIENT].address).await.unwrap().wrapping_to::<u64>()
}

/// The status once the outcome is known: 503 says to ask again with the same payment.
async fn settled_answer(client: &Client, seller: &Seller, payment: &str, step: &str) -> u16 {
    for _ in 0..150 {
        let status = present(client, seller, payment).send().await.unwrap().status().as_u16();
        if !matches!(status, 503 | 409) {
            return status;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("{step}: the outcome stays unknown");
}
