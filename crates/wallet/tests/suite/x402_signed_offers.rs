//! Offers and receipts that a seller signed, and what somebody between made of them. Counted is what was signed
//! to pay, and which servers were shown a payment.

use crate::x402_double;

use std::time::Duration;

use farthing_dialects::x402::extension::offer_receipt::{self, Offer, Receipt, Signed, Statement};
use farthing_dialects::x402::{PaymentPayload, PaymentRequired, Requirements, Settled};
use farthing_keys::Secp256k1Key;
use farthing_wallet::Outcome;
use farthing_wallet::policy::Rule;
use serde_json::{Value, json};
use x402_double::{Buyer, Shop, TRANSACTION, demand, encoded, entry, goods, list, now, reasons, took};

const POLICY: &str = "total = \"0.1 USD\"";
const THIEF: &str = "0x000000000000000000000000000000000000dEaD";
/// The seller's key and somebody else's.
const KEYS: [&str; 2] = [
    "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
];

fn signed<S: Statement>(statement: S, key: &str) -> Signed<S> {
    let signature = Secp256k1Key::from_hex(key).unwrap().sign_keccak(&statement.to_typed_message()).unwrap();
    Signed::typed(statement, signature)
}

fn seller() -> String {
    Secp256k1Key::from_hex(KEYS[0]).unwrap().address().unwrap()
}

/// What a list of this one entry offers.
fn requirements(entry: &Value) -> Requirements {
    let list = encoded(&list("http://127.0.0.1", vec![entry.clone()]));
    PaymentRequired::from_header(list.as_bytes()).unwrap().accepts.remove(0)
}

fn offer(origin: &str) -> Offer {
    Offer::new(&format!("{origin}/report"), &requirements(&entry("10000")), Some(now().after(Duration::from_secs(60))))
}

fn with(mut list: Value, offers: &[Signed<Offer>]) -> Value {
    list["extensions"] = json!({ offer_receipt::NAME: offer_receipt::advertisement(offers) });
    list
}

/// A list of one entry, which the seller signed.
fn signed_list(origin: &str) -> Value {
    with(list(origin, vec![entry("10000")]), &[signed(offer(origin), KEYS[0])])
}

fn pinned(shop: &Shop) -> Buyer {
    let (origin, seller) = (&shop.origin, seller().to_lowercase());
    Buyer::new(&format!("{POLICY}\n[[origin]]\nurl = \"{origin}\"\noffer_signer = \"{seller}\""))
}

/// Asserts that nothing was signed or shown, and gives the reason.
async fn refused(list: impl Fn(&str) -> Value + Send + Sync + 'static) -> String {
    let (buyer, shop) = (Buyer::new(POLICY), Shop::honest(list).await);
    let said = reasons(buyer.pay(&shop).await);
    assert_eq!((buyer.inked.count(), shop.credentials(), buyer.counted().await), (0, 0, (0, 0)), "{said}");
    said
}

#[tokio::test]
async fn control_a_signed_offer_is_paid_pinned_or_not() {
    let shop = Shop::honest(signed_list).await;
    for buyer in [Buyer::new(POLICY), pinned(&shop)] {
        assert!(matches!(buyer.pay(&shop).await, Outcome::Paid { .. }));
    }
}

#[tokio::test]
async fn h_04_a_list_that_differs_from_what_is_signed_is_not_paid() {
    let changes: [fn(&mut Value); 6] = [
        |entry| entry["payTo"] = THIEF.into(),
        |entry| entry["amount"] = "10001".into(),
        |entry| entry["amount"] = "9999".into(),
        |entry| entry["scheme"] = "upto".into(),
        |entry| entry["network"] = "eip155:8453".into(),
        |entry| entry["asset"] = THIEF.into(),
    ];
    for change in changes {
        let said = refused(move |origin| {
            let mut list = signed_list(origin);
            change(&mut list["accepts"][0]);
            list
        })
        .await;
        assert!(said.contains("none of the offers that the server signed"), "{said}");
    }
}

#[tokio::test]
async fn h_04_an_altered_signed_offer_is_its_signer_s_no_more() {
    let altered = |origin: &str| {
        let mut list = signed_list(origin);
        list["accepts"][0]["payTo"] = THIEF.into();
        list["extensions"][offer_receipt::NAME]["info"]["offers"][0]["payload"]["payTo"] = THIEF.into();
        list
    };
    let shop = Shop::honest(altered).await;
    let buyer = pinned(&shop);
    assert!(matches!(buyer.pay(&shop).await, Outcome::Refused { rule: Some(Rule::OfferSigner), .. }));
    assert_eq!((buyer.inked.count(), shop.credentials()), (0, 0));
}

#[tokio::test]
async fn h_04_what_is_no_signature_is_not_paid() {
    for (place, value) in [
        ("signature", json!(format!("0x{}1b", "ff".repeat(64)))),
        ("signature", json!("0x")),
        ("format", json!("pgp")),
        ("payload", json!({})),
    ] {
        refused(move |origin| {
            let mut list = signed_list(origin);
            list["extensions"][offer_receipt::NAME]["info"]["offers"][0][place] = value.clone();
            list
        })
        .await;
    }
}

#[tokio::test]
async fn h_04_an_index_beside_a_signature_says_nothing() {
    let index = |origin: &str, index: u64| {
        let mut list = signed_list(origin);
        list["accepts"].as_array_mut().unwrap().insert(0, entry("9000"));
        list["extensions"][offer_receipt::NAME]["info"]["offers"][0]["acceptIndex"] = index.into();
        list
    };
    for pointing in [0, 1, 7] {
        let shop = Shop::honest(move |origin| index(origin, pointing)).await;
        let buyer = pinned(&shop);
        assert!(matches!(buyer.pay(&shop).await, Outcome::Paid { .. }), "{pointing}");
        assert_eq!(buyer.inked.amounts(), [10_000], "the cheaper entry is not what was signed");
    }
}

#[tokio::test]
async fn h_04_an_expired_offer_and_one_for_another_site_are_not_paid() {
    let expired = refused(|origin| {
        let offer = Offer { valid_until: Some(u64::try_from(now().unix_millis() / 1000).unwrap()), ..offer(origin) };
        with(list(origin, vec![entry("10000")]), &[signed(offer, KEYS[0])])
    });
    assert!(expired.await.contains("has expired"));
    for url in ["https://api.example.com/report", "/report"] {
        let elsewhere = refused(move |origin| {
            let offer = Offer { resource_url: url.to_owned(), ..offer(origin) };
            with(list(origin, vec![entry("10000")]), &[signed(offer, KEYS[0])])
        });
        assert!(elsewhere.await.contains("not on the site"));
    }
}

#[tokio::test]
async fn h_06_where_a_signer_is_pinned_nothing_else_is_paid() {
    let lists: [fn(&str) -> Value; 3] = [
        |origin| list(origin, vec![entry("10000")]),
        |origin| with(list(origin, vec![entry("10000")]), &[signed(offer(origin), KEYS[1])]),
        |origin| {
            let input = Signed::jws_input(&offer(origin), "EdDSA", "did:web:127.0.0.1#key").unwrap();
            with(list(origin, vec![entry("10000")]), &[Signed::jws(&input, &[7; 64]).unwrap()])
        },
    ];
    for list in lists {
        let shop = Shop::honest(list).await;
        let buyer = pinned(&shop);
        let outcome = buyer.pay(&shop).await;
        let Outcome::Refused { rule: Some(Rule::OfferSigner), sentence } = outcome else { panic!("{outcome:?}") };
        assert!(sentence.contains(&seller().to_lowercase()), "{sentence}");
        assert_eq!((buyer.inked.count(), shop.credentials(), buyer.counted().await), (0, 0, (0, 0)));
    }
}

/// A shop that says this of a payment that it took.
async fn receipting(change: impl Fn(&mut Receipt) + Send + Sync + 'static) -> Shop {
    Shop::start(move |shop, seen| match seen.payment() {
        Some(payment) => goods(&receipted(&shop.origin, &payment, &change)),
        None => demand(&list(&shop.origin, vec![entry("10000")])),
    })
    .await
}

fn receipted(origin: &str, payment: &PaymentPayload, change: impl Fn(&mut Receipt)) -> Settled {
    let mut settled = took(payment);
    let mut receipt = Receipt {
        network: payment.network().clone(),
        resource_url: format!("{origin}/report"),
        payer: settled.payer.clone().unwrap(),
        issued_at: u64::try_from(now().unix_millis() / 1000).unwrap(),
        transaction: None,
    };
    change(&mut receipt);
    let extension = offer_receipt::acknowledgement(&signed(receipt, KEYS[0]));
    settled.extensions.insert(offer_receipt::NAME.to_owned(), extension);
    settled
}

#[tokio::test]
async fn a_signed_receipt_is_kept_with_its_signer() {
    let (buyer, shop) = (Buyer::new(POLICY), receipting(|_| {}).await);
    let Outcome::Paid { receipt: Some(receipt), .. } = buyer.pay(&shop).await else { panic!("not paid") };
    assert_eq!((receipt.reference.as_str(), &receipt.extra["signedBy"]), (TRANSACTION, &Value::from(seller())));
    let kept = Signed::<Receipt>::read(&receipt.extra["signedReceipt"]).unwrap();
    assert_eq!(kept.statement().resource_url, format!("{}/report", shop.origin));
}

#[tokio::test]
async fn h_04_a_receipt_of_another_payment_is_not_kept_and_the_payment_counts() {
    let changes: [fn(&mut Receipt); 4] = [
        |receipt| receipt.payer = THIEF.into(),
        |receipt| receipt.resource_url = "https://api.example.com/report".into(),
        |receipt| receipt.network = farthing_dialects::x402::Network::evm(8453),
        |receipt| receipt.issued_at -= 3600,
    ];
    for change in changes {
        let (buyer, shop) = (Buyer::new(POLICY), receipting(change).await);
        let Outcome::Paid { receipt: Some(receipt), .. } = buyer.pay(&shop).await else { panic!("not paid") };
        assert!(!receipt.extra.contains_key("signedReceipt"), "{receipt:?}");
        assert_eq!(buyer.counted().await, (10_000, 0));
    }
}

/// What `cargo xtask interop` has the SDK verify is what we sign and read.
#[test]
fn the_vector_for_the_sdk_is_what_we_sign() {
    let vector: Value = serde_json::from_str(include_str!("../vectors/signed-offers.json")).unwrap();
    let url = "https://api.example.com/report";
    let offer = Offer { resource_url: url.to_owned(), ..offer("") };
    let required = with(list("https://api.example.com", vec![entry("10000")]), &[signed(offer.clone(), KEYS[0])]);
    let receipt = Receipt {
        network: offer.network,
        resource_url: url.to_owned(),
        payer: THIEF.to_owned(),
        issued_at: u64::try_from(now().unix_millis() / 1000).unwrap(),
        transaction: None,
    };
    let reference = format!("eip155:84532/tx/{TRANSACTION}");
    let mut settled = Settled::paid(&reference, &receipt.network, Some(THIEF), None);
    let extension = offer_receipt::acknowledgement(&signed(receipt, KEYS[0]));
    settled.extensions.insert(offer_receipt::NAME.to_owned(), extension);
    let ours = json!({ "required": encoded(&required), "response": settled.to_header(), "signer": seller() });
    assert_eq!(vector, ours, "{ours}");
}
