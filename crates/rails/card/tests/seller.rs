//! What a gateway takes, what the enabler makes of it, and what nobody gets to see.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code, the helpers of tests included")]

mod support;

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use farthing_money::Amount;
use farthing_protocol::Timestamp;
use farthing_rail::{Claim, Cursor, Direction, Method as _, Refund, Settlement, Settler as _};
use farthing_rail_card::jwe::Envelope;
use farthing_rail_card::sandbox::SandboxClient;
use farthing_rail_card::seller::{Done, Outcome, movement};
use farthing_rail_card::{Card, DynamicKind, NetworkToken, Payload, Personal, machine_randomness};
use serde_json::{Value, json};
use support::{
    START, Stage, TABLE, Told, Twisted, challenge, challenge_of, claim, from_table, order, over, paid, verify, word,
};
use tempfile::TempDir;

fn clock() -> Arc<AtomicI64> {
    Arc::new(AtomicI64::new(START))
}

fn now() -> Timestamp {
    Timestamp::from_unix_millis(START)
}

async fn told(answers: impl IntoIterator<Item = Option<Outcome>>) -> (Card, Claim, Arc<AtomicI64>) {
    let clock = clock();
    let card = over(Told::to(answers), &clock);
    let offered = challenge(&card, 1);
    let payload = paid(&offered, SandboxClient::new(machine_randomness())).await;
    let claim = claim(&card, &offered, &payload.to_object(), now()).unwrap();
    (card, claim, clock)
}

fn done(amount: u128) -> Outcome {
    let at = Timestamp::from_unix_millis(START);
    Outcome::Done(Done { reference: "auth-1".to_owned(), amount: Amount::new(amount), at, fee: Amount::new(7) })
}

fn in_doubt() -> Outcome {
    Outcome::InDoubt { reason: "no answer".to_owned(), ask_again: Duration::from_secs(3) }
}

#[tokio::test]
async fn a_payment_settles_once_and_goes_back_once() {
    let stage = Stage::new();
    let offered = challenge(&stage.card, 1);
    let claim = stage.claim(&offered, &stage.payload(&offered).await.to_object()).unwrap();
    assert_eq!(claim.proof.amount, Amount::new(500));
    let Settlement::Settled(settled) = stage.card.settle(&claim).await else { panic!("a sandbox takes it") };
    assert_eq!(settled.consumed, [movement(&settled.reference)]);
    let Settlement::Settled(found) = stage.card.lookup(&claim).await else { panic!("it is found") };
    assert_eq!(found, settled);
    let refund = Refund {
        payment: claim.payment,
        reference: settled.reference.clone(),
        payer: None,
        amount: Amount::new(500),
        asset: claim.proof.asset.clone(),
    };
    let back = stage.card.refund(&refund).await;
    assert_eq!(stage.card.refund(&refund).await, back);
    let statement = stage.card.statement(&Cursor::default()).await.unwrap();
    let lines: Vec<_> = statement.movements.iter().map(|line| (line.direction, line.amount.units())).collect();
    assert_eq!(lines, [(Direction::In, 500), (Direction::Out, 500)]);
    assert_eq!(stage.card.statement(&statement.next).await.unwrap().movements, []);
}

#[tokio::test]
async fn n_08_a_ciphertext_counts_once_whatever_challenge_it_is_shown_for() {
    let stage = Stage::new();
    let (first, second) = (challenge(&stage.card, 1), challenge(&stage.card, 2));
    let payload = stage.payload(&first).await.to_object();
    let (one, other) = (stage.claim(&first, &payload).unwrap(), stage.claim(&second, &payload).unwrap());
    // The books refuse the second by this key; what comes past them, the enabler refuses.
    assert_eq!(one.proof.key, other.proof.key);
    assert_ne!(one.payment, other.payment);
    assert_eq!(word(&stage.card.settle(&other).await), "rejected");
    assert_eq!(word(&stage.card.settle(&one).await), "settled");
    assert_ne!(stage.payload(&first).await.encrypted, stage.payload(&first).await.encrypted);
}

#[tokio::test]
async fn n_09_a_cryptogram_that_was_used_or_has_ended_is_refused() {
    let stage = Stage::new();
    let twist = |offered, change: fn(&mut NetworkToken)| {
        let sealed = Sealed { change };
        async move { paid(offered, sealed).await.to_object() }
    };
    let (first, second, third) = (challenge(&stage.card, 1), challenge(&stage.card, 2), challenge(&stage.card, 3));
    let same = |token: &mut NetworkToken| {
        token.dynamic.value = Some(Personal::new("same".to_owned()));
        token.challenge = None;
    };
    let one = stage.claim(&first, &twist(&first, same).await).unwrap();
    let other = stage.claim(&second, &twist(&second, same).await).unwrap();
    assert_eq!(word(&stage.card.settle(&one).await), "settled");
    assert_eq!(word(&stage.card.settle(&other).await), "rejected");
    let ended = |token: &mut NetworkToken| token.dynamic.expires = Some(Timestamp::from_unix_millis(START));
    let late = stage.claim(&third, &twist(&third, ended).await).unwrap();
    assert_eq!(word(&stage.card.settle(&late).await), "rejected");
    let fourth = challenge(&stage.card, 4);
    let over = |token: &mut NetworkToken| token.ends = Personal::new("2025-12".to_owned());
    let old = stage.claim(&fourth, &twist(&fourth, over).await).unwrap();
    assert_eq!(word(&stage.card.settle(&old).await), "rejected");
}

/// Makes the sandbox's tokens, changed before they are encrypted.
struct Sealed {
    change: fn(&mut NetworkToken),
}

impl farthing_rail_card::buyer::ClientEnabler for Sealed {
    fn networks(&self) -> &[farthing_rail_card::Network] {
        &[farthing_rail_card::Network::Visa]
    }

    fn token<'a>(
        &'a self,
        order: &'a farthing_rail_card::buyer::TokenOrder,
    ) -> farthing_rail::Answer<'a, Result<Payload, farthing_rail::SignError>> {
        Box::pin(async move {
            let payload = SandboxClient::new(machine_randomness()).token(order).await?;
            let mut token = NetworkToken {
                number: Personal::new("0000000000000001".to_owned()),
                ends: Personal::new("2099-12".to_owned()),
                indicator: None,
                dynamic: farthing_rail_card::DynamicData {
                    kind: DynamicKind::ShortForm,
                    value: Some(Personal::new("fresh".to_owned())),
                    expires: Some(order.expires),
                },
                challenge: Some(order.challenge.clone()),
            };
            (self.change)(&mut token);
            let sealed = order.key.seal(token.to_plain().as_bytes(), machine_randomness()).unwrap();
            Ok(Payload { encrypted: Personal::new(sealed), ..payload })
        })
    }
}

#[tokio::test]
async fn n_10_a_payload_that_lacks_what_the_request_wants_is_refused_before_the_claim() {
    let folder = TempDir::new().unwrap();
    let card = from_table(&format!("{TABLE}billing_required = true\n"), &folder, &clock(), true).unwrap();
    let offered = challenge(&card, 1);
    let good = paid(&offered, SandboxClient::new(machine_randomness())).await.to_object();
    assert!(verify(&card, &offered, &good, now()).is_ok());
    let with = |name: &str, value: Value| {
        let mut payload = good.clone();
        payload.insert(name.to_owned(), value);
        verify(&card, &offered, &payload, now()).unwrap_err()
    };
    for (name, value) in [
        ("encryptedPayload", json!(7)),
        ("encryptedPayload", json!("a.b.c.d")),
        ("network", json!("diners")),
        ("panLastFour", json!("123")),
        ("panLastFour", json!("12x4")),
        ("panExpirationMonth", json!("13")),
        ("panExpirationMonth", json!("1")),
        ("panExpirationYear", json!("26")),
        ("panExpirationYear", json!("2025")),
        ("billingAddress", Value::Null),
        ("billingAddress", json!({})),
        ("billingAddress", json!({ "line1": ["nested"] })),
        ("billingAddress", json!("Main Street 1")),
        ("cardholderFullName", json!("")),
        ("cardholderFullName", json!("x".repeat(257))),
        ("paymentAccountReference", json!(1)),
    ] {
        let refusal = with(name, value.clone());
        assert_eq!(refusal.problem.slug(), "invalid-payload", "{name} {value}");
        assert!(!refusal.detail.contains("Main Street"), "{}", refusal.detail);
    }
    for name in
        ["encryptedPayload", "network", "panLastFour", "panExpirationMonth", "panExpirationYear", "billingAddress"]
    {
        let mut payload = good.clone();
        payload.remove(name);
        let refusal = verify(&card, &offered, &payload, now()).unwrap_err();
        assert_eq!(refusal.problem.slug(), "invalid-payload", "{name}");
        assert!(refusal.detail.contains(name), "{}", refusal.detail);
    }
    assert_eq!(with("network", json!("amex")).problem.slug(), "verification-failed");
}

#[tokio::test]
async fn n_11_a_token_for_another_key_or_offer_is_refused_before_the_claim() {
    let (stage, other) = (Stage::new(), over(Told::to([]), &clock()));
    let (ours, theirs) = (challenge(&stage.card, 1), challenge(&other, 1));
    let for_others = stage.payload(&theirs).await.to_object();
    let refusal = stage.claim(&ours, &for_others).unwrap_err();
    assert_eq!(refusal.problem.slug(), "verification-failed");
    assert!(refusal.detail.contains("another key"), "{}", refusal.detail);
    assert!(stage.claim(&theirs, &for_others).unwrap_err().detail.contains("another key or currency"));
}

#[tokio::test]
async fn n_12_each_outcome_has_one_meaning_and_no_reason_reaches_the_payer() {
    for (outcome, meaning) in [
        (done(500), "settled"),
        (Outcome::Declined("code 51".to_owned()), "rejected"),
        (Outcome::Unusable("cryptogram code 82".to_owned()), "rejected"),
        (in_doubt(), "unknown"),
    ] {
        let (card, claim, _) = told([Some(outcome.clone())]).await;
        let settlement = card.settle(&claim).await;
        assert_eq!(word(&settlement), meaning, "{outcome:?}");
        if let Settlement::Rejected(rejected) = settlement {
            assert_eq!(rejected.refusal.problem.slug(), "verification-failed");
            assert!(!rejected.refusal.detail.contains("code") && rejected.reason.contains("code"));
        }
    }
}

#[tokio::test]
async fn n_13_another_amount_than_was_asked_for_is_never_a_payment() {
    for amount in [0, 499, 501, 50_000] {
        let (card, claim, _) = told([Some(done(amount)), Some(done(amount))]).await;
        assert_eq!(word(&card.settle(&claim).await), "unknown", "{amount}");
        assert_eq!(word(&card.lookup(&claim).await), "unknown", "{amount}");
    }
}

#[tokio::test]
async fn n_14_an_answer_that_is_lost_is_found_and_nothing_is_asked_for_twice() {
    let (card, claim, clock) = told([Some(in_doubt()), None, Some(done(500))]).await;
    assert_eq!(word(&card.settle(&claim).await), "unknown");
    assert_eq!(word(&card.lookup(&claim).await), "unknown");
    assert_eq!(word(&card.lookup(&claim).await), "settled");
    let (card, claim, late) = (over(Told::to([None, None]), &clock), claim, clock);
    assert_eq!(word(&card.lookup(&claim).await), "unknown");
    late.fetch_add(600_000, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(word(&card.lookup(&claim).await), "rejected");
}

#[tokio::test]
async fn n_15_after_a_crash_a_payment_is_looked_up_and_never_made_again() {
    let stage = Stage::new();
    let (first, second) = (challenge(&stage.card, 1), challenge(&stage.card, 2));
    let taken = stage.claim(&first, &stage.payload(&first).await.to_object()).unwrap();
    let not_taken = stage.claim(&second, &stage.payload(&second).await.to_object()).unwrap();
    let Settlement::Settled(settled) = stage.card.settle(&taken).await else { panic!("a sandbox takes it") };
    let stage = stage.again();
    let Settlement::Settled(found) = stage.card.lookup(&taken).await else { panic!("it is found") };
    assert_eq!(found, settled);
    // What the process before closed opens for nobody: even a second settlement could take nothing.
    assert_eq!(word(&stage.card.settle(&not_taken).await), "rejected");
    assert_eq!(word(&stage.card.lookup(&not_taken).await), "unknown");
    stage.pass(600);
    assert_eq!(word(&stage.card.lookup(&not_taken).await), "rejected");
    // And the key is the same, so that challenges of before the crash can still be paid.
    assert_eq!(challenge(&stage.card, 1), first);
}

#[tokio::test]
async fn n_16_nothing_about_a_person_or_a_card_is_shown_or_kept() {
    let stage = Stage::new();
    let offered = challenge(&stage.card, 1);
    let mut payload = stage.payload(&offered).await;
    payload.holder = Some(Personal::new("Ada Lovelace".to_owned()));
    payload.last_four = Personal::new("4321".to_owned());
    payload.account_reference = Some(Personal::new("V0010013022123456789012345678".to_owned()));
    payload.billing_address = Some(Personal::new(r#"{"line1":"Ockham Park"}"#.to_owned()));
    let claim = stage.claim(&offered, &payload.to_object()).unwrap();
    let settlement = stage.card.settle(&claim).await;
    let file = std::fs::read_to_string(stage.folder.path().join("card-sandbox.jsonl")).unwrap();
    let kept = String::from_utf8_lossy(&claim.proof.kept).into_owned();
    let shown = format!("{payload:?} {claim:?} {settlement:?} {:?} {file} {kept}", stage.card);
    let secrets = ["Ada", "4321", "V001", "Ockham", "0000000000000001", payload.encrypted.reveal()];
    for secret in secrets {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    let token = NetworkToken {
        number: Personal::new("4111111111111111".to_owned()),
        ends: Personal::new("2030-12".to_owned()),
        indicator: None,
        dynamic: farthing_rail_card::DynamicData {
            kind: DynamicKind::LongForm,
            value: Some(Personal::new("cryptogram".to_owned())),
            expires: None,
        },
        challenge: None,
    };
    let shown = format!("{token:?}");
    assert!(!shown.contains("4111") && !shown.contains("cryptogram") && !shown.contains("2030"), "{shown}");
    assert_eq!(NetworkToken::read(token.to_plain().as_bytes()).unwrap(), token);
}

#[tokio::test]
async fn n_17_a_sandbox_says_that_it_is_one_and_runs_in_development_only() {
    let (stage, folder) = (Stage::new(), TempDir::new().unwrap());
    let members = stage.card.receipt_members();
    assert_eq!(members["sandbox"], true);
    assert!(members["notice"].as_str().unwrap().contains("no money moves"));
    let offered = challenge(&stage.card, 1);
    let claim = stage.claim(&offered, &stage.payload(&offered).await.to_object()).unwrap();
    let Settlement::Settled(settled) = stage.card.settle(&claim).await else { panic!("a sandbox takes it") };
    assert!(settled.reference.starts_with("sandbox-"));
    let refusal = from_table(TABLE, &folder, &clock(), false).unwrap_err();
    assert!(refusal.contains("gateway.development = true"), "{refusal}");
    assert!(!folder.path().join("card-sandbox-key.der").exists());
    let refusal = from_table(&TABLE.replace("sandbox", "visa"), &folder, &clock(), true).unwrap_err();
    assert!(refusal.contains("docs/methods/card.md"), "{refusal}");
}

#[tokio::test]
async fn a_declined_token_is_declined() {
    let stage = Stage::new();
    let offered = challenge(&stage.card, 1);
    let payload = paid(&offered, SandboxClient::new(machine_randomness()).declined()).await;
    let claim = stage.claim(&offered, &payload.to_object()).unwrap();
    let Settlement::Rejected(rejected) = stage.card.settle(&claim).await else { panic!("it is declined") };
    assert!(rejected.refusal.detail.contains("declined"));
    assert_eq!(stage.card.statement(&Cursor::default()).await.unwrap().movements, []);
}

#[test]
fn a_price_that_a_card_cannot_carry_is_refused_when_the_gateway_starts() {
    let stage = Stage::new();
    let refused = |price: &str| stage.card.request(&order(price)).unwrap_err().to_string();
    assert!(refused("0.49 USD").contains("below 0.5 USD"));
    assert!(refused("5 EUR").contains("price it in USD"));
    assert!(refused("0.505 USD").contains("0.505 USD"));
    let folder = TempDir::new().unwrap();
    for (line, words) in [
        ("token = 1", "has no key \"token\""),
        ("networks = []", "[\"visa\"]"),
        ("networks = [\"diners\"]", "[\"visa\"]"),
        ("billing_required = \"yes\"", "true or false"),
        ("floor = \"1 EUR\"", "is in USD"),
        ("validity = \"7d\"", "\"5m\""),
    ] {
        let refusal = from_table(&format!("{TABLE}{line}\n"), &folder, &clock(), true).unwrap_err();
        assert!(refusal.contains(words), "{line}: {refusal}");
    }
}

#[tokio::test]
async fn n_18_a_changed_token_reaches_the_enabler_and_no_further() {
    let stage = Stage::new();
    let offered = challenge(&stage.card, 1);
    let payload = paid(
        &offered,
        Twisted(|_, payload| {
            let (rest, tag) = payload.encrypted.reveal().rsplit_once('.').unwrap();
            let first = if tag.starts_with('A') { 'B' } else { 'A' };
            Payload { encrypted: Personal::new(format!("{rest}.{first}{}", &tag[1..])), ..payload }
        }),
    )
    .await;
    let text = payload.encrypted.reveal().as_str();
    assert!(Envelope::read(text).is_ok());
    let claim = stage.claim(&offered, &payload.to_object()).unwrap();
    assert_eq!(word(&stage.card.settle(&claim).await), "rejected");
    let other = challenge_of(&stage.card.request(&order("6 USD")).unwrap(), 1);
    assert_ne!(other.id(), offered.id());
}
