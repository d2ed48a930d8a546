use std::sync::Arc;

use farthing_money::{Amount, Price};
use farthing_protocol::{
    Binder, BindingSecret, Challenge, ChallengeTemplate, ChargeRequest, Credential, EncodedObject, IntentName,
    JsonObject, MethodName, ProblemType, Realm,
};
use farthing_rail::{
    Approved, Channel, Method as _, Offer, OpenedChannel, Origin, Presented, Refusal, SessionAction,
    SessionMethod as _, SessionOrder, SessionPayer as _, VoucherQuote,
};

use super::*;
use crate::testing::{SOON, now, read, signer};
use crate::{Balance, asset_of};

const ISSUER: &str = "https://api.example.com";
const SPECIFICATION: &str = include_str!("../../../../../docs/methods/balance.md");

fn seller() -> BalanceSession {
    BalanceSession::on(&Balance::new(asset_of("usd.6").unwrap(), ISSUER).unwrap()).unwrap()
}

fn payer() -> BalanceSessionPayer {
    BalanceSessionPayer::new(Arc::new(signer()))
}

fn order() -> SessionOrder {
    SessionOrder {
        price: "0.00002 USD".parse().unwrap(),
        unit: "token".to_owned(),
        suggested_deposit: "0.05 USD".parse().unwrap(),
        least_delta: None,
        description: None,
    }
}

fn challenge_for(request: &JsonObject) -> Challenge {
    let (method, intent) = (MethodName::new("balance").unwrap(), IntentName::new("session").unwrap());
    let realm = Realm::new("api.example.com").unwrap();
    let template =
        ChallengeTemplate::new(&realm, &method, &intent, &EncodedObject::encode(request).unwrap(), None).unwrap();
    let mut header = String::new();
    template.issue(&Binder::new(BindingSecret::new(&[0x24; 32]).unwrap(), None), SOON, None, "e30", &mut header);
    read(&header)
}

fn challenge() -> Challenge {
    challenge_for(&seller().session_request(&order()).unwrap())
}

fn quoted(challenge: &Challenge, origin: &str) -> Result<farthing_rail::SessionQuote, farthing_rail::NotPayable> {
    let origin: Origin = origin.parse().unwrap();
    payer().quote(&Offer { challenge, origin: &origin, amount: None, now: now() })
}

#[expect(clippy::disallowed_methods, reason = "a test stands in for the policy engine")]
fn approved<T>(subject: T) -> Approved<T> {
    Approved::grant(subject)
}

fn opened(challenge: &Challenge, deposit: u128, first: u128) -> OpenedChannel {
    let quote = quoted(challenge, ISSUER).unwrap();
    let deposit = payer().deposit(&quote, Amount::new(deposit), Amount::new(first)).unwrap();
    block_on(payer().open(approved(deposit))).unwrap()
}

fn total(channel: &Channel, cumulative: u128, closes: bool) -> Result<Credential, farthing_rail::SignError> {
    let quote = VoucherQuote {
        challenge: challenge(),
        origin: ISSUER.parse().unwrap(),
        cumulative: Amount::new(cumulative),
        cost: Price::from_millionths(1, "USD".parse().unwrap()),
        closes,
    };
    block_on(payer().voucher(channel, approved(quote)))
}

fn presented(credential: &Credential) -> Result<SessionAction, Refusal> {
    let request = ChargeRequest::from_object(&credential.challenge().request().decode().unwrap()).unwrap();
    seller().read(&Presented { credential, request: &request, now: now() })
}

fn block_on<T>(answer: farthing_rail::Answer<'_, T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(answer).as_mut().poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("nothing here waits"),
    }
}

fn changed(credential: &Credential, member: &str, value: &str) -> Credential {
    let mut payload = credential.payload().clone();
    payload.insert(member.to_owned(), value.into());
    Credential::new(credential.challenge().clone(), payload, None)
}

#[test]
fn what_the_payer_signs_the_seller_reads() {
    let OpenedChannel { channel, credential, to_send } = opened(&challenge(), 50_000, 20);
    assert_eq!(to_send, None);
    let SessionAction::Open(opening) = presented(&credential).unwrap() else { panic!("an opening") };
    assert_eq!((opening.deposit.units(), opening.voucher.cumulative.units()), (50_000, 20));
    assert_eq!(
        (opening.voucher.channel.as_str(), opening.signer.as_str()),
        (channel.id.as_str(), opening.payer.as_str())
    );

    let session = opening.voucher.session;
    let SessionAction::Voucher(voucher) = presented(&total(&channel, 40, false).unwrap()).unwrap() else { panic!() };
    assert_eq!((voucher.session, voucher.cumulative.units(), voucher.signer), (session, 40, opening.signer));
    let SessionAction::Close(last) = presented(&total(&channel, 0, true).unwrap()).unwrap() else { panic!() };
    assert_eq!(last.cumulative.units(), 0, "the last total says what was really spent");

    let quote = quoted(&challenge(), ISSUER).unwrap();
    let more = payer().deposit(&quote, Amount::new(10_000), Amount::ZERO).unwrap();
    let topped = block_on(payer().top_up(&channel, approved(more))).unwrap();
    assert_eq!(topped.channel.deposit.units(), 60_000);
    let SessionAction::TopUp(addition) = presented(&topped.credential).unwrap() else { panic!("an addition") };
    assert_eq!((addition.session, addition.deposit.units()), (session, 10_000));
}

#[test]
fn what_was_not_signed_is_refused() {
    let opened = opened(&challenge(), 50_000, 20);
    for (member, value) in [("deposit", "50001"), ("cumulativeAmount", "21"), ("action", "close"), ("action", "new")] {
        let refusal = presented(&changed(&opened.credential, member, value));
        assert!(refusal.is_err() || member == "action" && value == "close", "{member} {value}: {refusal:?}");
    }
    let other = format!("0x{}", "ab".repeat(32));
    assert!(presented(&changed(&opened.credential, "channelId", &other)).is_err());
    let voucher = total(&opened.channel, 40, false).unwrap();
    let refused = presented(&changed(&voucher, "cumulativeAmount", "41")).unwrap_err();
    assert_eq!(refused.problem, ProblemType::SessionInvalidSignature);
    assert!(presented(&changed(&voucher, "channelId", &other)).is_err());
    assert!(presented(&changed(&voucher, "channelId", &opened.channel.id.to_uppercase())).is_err());
}

#[test]
fn nothing_is_signed_above_the_deposit_or_below_what_was_signed() {
    let channel = opened(&challenge(), 50_000, 40).channel;
    assert!(total(&channel, 50_001, false).is_err() && total(&channel, 50_001, true).is_err());
    assert!(total(&channel, 39, false).is_err());
    assert!(total(&channel, 50_000, false).is_ok());
    let elsewhere = Channel { terms: "another".to_owned(), ..channel };
    assert!(total(&elsewhere, 60, false).is_err());
}

#[test]
fn an_offer_of_somebody_else_s_books_is_not_payable() {
    assert!(quoted(&challenge(), "https://evil.example").is_err());
    let mut quote = quoted(&challenge(), ISSUER).unwrap();
    quote.unit_amount = Amount::new(1);
    let deposit = payer().deposit(&quote, Amount::new(1_000), Amount::new(1)).unwrap();
    assert!(block_on(payer().open(approved(deposit))).is_err(), "what is signed is what was offered");
}

#[test]
fn a_price_that_a_deposit_does_not_cover_is_refused_at_start() {
    let small = SessionOrder { suggested_deposit: "0.00001 USD".parse().unwrap(), ..order() };
    assert!(seller().session_request(&small).is_err());
    let foreign = SessionOrder { price: "0.001 EUR".parse().unwrap(), ..order() };
    assert!(seller().session_request(&foreign).is_err());
    assert_eq!(seller().terms().intent.as_str(), "session");
}

#[test]
fn the_specification_s_test_vector_is_what_this_software_signs() {
    let challenge = challenge();
    let opened = opened(&challenge, 50_000, 20);
    let request = SessionRequest::read(challenge.request()).unwrap();
    let key = signer_key();
    let deposit = deposit_message(&challenge, &key.to_string(), &opened.channel.id, Amount::new(50_000)).unwrap();
    let voucher = voucher_message(&request, &key.to_string(), &opened.channel.id, Amount::new(20)).unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let member = |name: &str| opened.credential.payload()[name].as_str().unwrap().to_owned();
    for part in [text(&deposit), text(&voucher), member("depositSignature"), member("signature")] {
        assert!(SPECIFICATION.contains(&part), "docs/methods/balance.md lacks:\n{part}");
    }
}

fn signer_key() -> crate::PayerKey {
    crate::testing::key()
}
