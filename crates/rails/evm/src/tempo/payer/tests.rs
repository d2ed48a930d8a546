use std::time::Duration;

use alloy_primitives::{Address, U256};
use farthing_money::Asset;
use farthing_protocol::JsonObject;
use serde_json::{Value, json};

use super::*;
use crate::tempo::testing::{
    CHAIN, MEMO, NOW, OTHER, SELLER, TOKEN, account, at_once, challenge, challenge_until, now, order, seller, verified,
};
use crate::tempo::{Grant, Limit, MemoRule, Modes, SponsorPolicy, TempoCharge};
use crate::{Payment, Way};
use farthing_rail::Method as _;

fn payer() -> TempoPayer {
    TempoPayer::new(PayingKey::Own(account(0x11)), Arc::default(), Arc::new(now))
}

fn delegated() -> (TempoPayer, AccessKey) {
    let (root, key) = (account(0x11), account(0x33));
    let limits = vec![Limit { token: TOKEN, amount: Amount::new(5_000_000), period: None }];
    let expires = now().after(Duration::from_secs(3600));
    let grant = Grant { chain: CHAIN, key: key.address(), expires, limits, recipients: Vec::new() };
    let grant = at_once(grant.sign(&root)).unwrap();
    let key = AccessKey::new(root.address(), key, grant).unwrap();
    (TempoPayer { key: PayingKey::Delegated(Box::new(key.clone())), ..payer() }, key)
}

fn quoted_by(payer: &TempoPayer, challenge: &Challenge) -> Result<Quote, NotPayable> {
    let origin = "https://api.example.com".parse().unwrap();
    payer.quote(&Offer { challenge, origin: &origin, amount: None, now: now() })
}

fn asked(seller: &TempoCharge, price: &str) -> Challenge {
    challenge(&seller.request(&order(price)).unwrap())
}

/// Approves without a policy, to get at the signature.
#[expect(clippy::disallowed_methods, reason = "tests of the step behind the policy")]
fn signed_by(payer: &TempoPayer, quote: Quote) -> Result<Credential, SignError> {
    at_once(payer.sign(Approved::grant(quote))).map(|signed| signed.credential)
}

/// What the seller makes of the payer's answer to its challenge.
fn paid(payer: &TempoPayer, seller: &TempoCharge, price: &str) -> Payment {
    let challenge = asked(seller, price);
    let credential = signed_by(payer, quoted_by(payer, &challenge).unwrap()).unwrap();
    let payload = Payload::read(credential.payload()).unwrap();
    let proof = verified(seller, &challenge, &payload, credential.source()).unwrap();
    serde_json::from_slice(&proof.kept).unwrap()
}

fn refused(change: Value) -> String {
    let mut request = seller(|_| {}).request(&order("1 USD")).unwrap();
    merge(&mut request, change);
    quoted_by(&payer(), &challenge(&request)).unwrap_err().0
}

fn merge(request: &mut JsonObject, change: Value) {
    for (name, value) in change.as_object().unwrap().clone() {
        match (request.get_mut(&name), value) {
            (Some(Value::Object(old)), Value::Object(new)) => old.extend(new),
            (_, value) => drop(request.insert(name, value)),
        }
    }
}

#[test]
fn a_quote_is_the_price_and_at_most_the_fee() {
    let quote = quoted_by(&payer(), &asked(&seller(|_| {}), "1 USD")).unwrap();
    assert_eq!((quote.amount, quote.fee), (Amount::new(1_000_000), Amount::new(10_000)));
    assert_eq!(quote.cost.to_string(), "1.01 USD");
    assert_eq!(
        quote.asset,
        "pathUSD.6@eip155:42431/0x20c0000000000000000000000000000000000000".parse::<Asset>().unwrap()
    );
    assert_eq!(quote.payee, Some(SELLER.to_checksum(None)));
}

#[test]
fn what_is_signed_the_seller_accepts() {
    let payment = paid(&payer(), &seller(|_| {}), "1 USD");
    assert_eq!(payment.payer, Some(account(0x11).address()));
    let Way::Transaction { raw, valid_before, .. } = payment.way else { panic!("a transaction") };
    assert_eq!(valid_before, Some(NOW + 25));
    let envelope = Envelope::parse(&raw).unwrap();
    assert_eq!(envelope.transaction().fee_token, Some(TOKEN));
}

#[test]
fn splits_and_memos_are_paid() {
    let split = seller(|settings| {
        settings.shares = vec![crate::tempo::Share { recipient: OTHER, per_million: 1000, memo: None }];
        settings.memo = MemoRule::Exactly(MEMO);
        settings.modes = Modes::PULL;
    });
    assert_eq!(paid(&payer(), &split, "1 USD").legs.len(), 2);
    let two = quoted_by(&payer(), &asked(&split, "1 USD")).unwrap();
    assert_eq!(two.fee, Amount::new(17_500));
}

#[test]
fn a_sponsored_payment_costs_its_price() {
    let sponsoring = seller(|settings| settings.sponsor = Some(SponsorPolicy::for_chain(CHAIN, TOKEN)));
    let quote = quoted_by(&payer(), &asked(&sponsoring, "1 USD")).unwrap();
    assert_eq!((quote.fee, quote.cost.to_string().as_str()), (Amount::ZERO, "1 USD"));
    let Way::Sponsored { raw, .. } = paid(&payer(), &sponsoring, "1 USD").way else { panic!("sponsored") };
    assert_eq!(raw[0], 0x78);
}

#[test]
fn a_price_of_zero_is_proved() {
    let free = seller(|_| {});
    let quote = quoted_by(&payer(), &asked(&free, "0 USD")).unwrap();
    assert_eq!((quote.amount, quote.fee), (Amount::ZERO, Amount::ZERO));
    assert_eq!(paid(&payer(), &free, "0 USD").way, Way::Proof { access_key: None });
    let (delegated, key) = delegated();
    assert_eq!(paid(&delegated, &free, "0 USD").way, Way::Proof { access_key: Some(key.address()) });
}

struct Known(bool);

impl Funds for Known {
    fn of_token<'a>(&'a self, _: u64, _: Address, _: Address) -> Answer<'a, Option<U256>> {
        Box::pin(std::future::ready(Some(U256::from(7))))
    }

    fn of_coin<'a>(&'a self, _: u64, _: Address) -> Answer<'a, Option<U256>> {
        Box::pin(std::future::ready(None))
    }

    fn has_access_key<'a>(&'a self, _: u64, _: Address, _: Address) -> Answer<'a, Option<bool>> {
        Box::pin(std::future::ready(Some(self.0)))
    }

    fn reaches(&self, chain: u64) -> bool {
        chain == CHAIN
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "tests of the step behind the policy")]
fn where_only_a_hash_is_taken_the_transaction_is_signed_to_be_sent() {
    let payer = payer().with_funds(Arc::new(Known(true)));
    let pushing = seller(|settings| settings.modes = Modes { pull: false, push: true });
    let quote = quoted_by(&payer, &asked(&pushing, "1 USD")).unwrap();
    assert!(quote.sent_first && quote.fee > Amount::ZERO);
    let signed = at_once(payer.sign(Approved::grant(quote.clone()))).unwrap();
    let envelope = Envelope::parse(&signed.to_send.unwrap()).unwrap();
    assert_eq!(Payload::read(signed.credential.payload()), Ok(Payload::Hash(envelope.hash())));
    let unapproved = Quote { sent_first: false, ..quote };
    assert!(matches!(signed_by(&payer, unapproved), Err(SignError::Differs(_))));

    let both = quoted_by(&payer, &asked(&seller(|_| {}), "1 USD")).unwrap();
    assert!(!both.sent_first);
    assert_eq!(at_once(payer.sign(Approved::grant(both))).unwrap().to_send, None);
    let soon =
        challenge_until(&pushing.request(&order("1 USD")).unwrap(), &now().after(Duration::from_secs(29)).to_rfc3339());
    assert!(quoted_by(&payer, &soon).unwrap_err().0.contains("too soon"));
}

#[test]
fn a_delegated_key_pays_for_its_account_and_brings_its_grant_once() {
    let (payer, key) = delegated();
    for known in [false, true] {
        let payer = payer.clone().with_funds(Arc::new(Known(known)));
        let payment = paid(&payer, &seller(|_| {}), "1 USD");
        assert_eq!(payment.payer, Some(account(0x11).address()));
        let Way::Transaction { raw, .. } = payment.way else { panic!("a transaction") };
        let envelope = Envelope::parse(&raw).unwrap();
        assert_eq!(envelope.sender().access_key, Some(key.address()));
        assert_eq!(envelope.transaction().key_authorization.is_none(), known);
        let quote = quoted_by(&payer, &asked(&seller(|_| {}), "1 USD")).unwrap();
        assert_eq!(at_once(payer.available(&quote)), Some(Amount::new(7)));
    }
    let on_chain = AccessKey::on_chain(account(0x11).address(), account(0x33));
    let on_chain = TempoPayer { key: PayingKey::Delegated(Box::new(on_chain)), ..payer.clone() };
    let fee = |payer: &TempoPayer| quoted_by(payer, &asked(&seller(|_| {}), "1 USD")).unwrap().fee;
    assert_eq!(fee(&on_chain), Amount::new(12_500));
    assert!(fee(&payer) > Amount::new(100_000), "bringing a grant costs a lot");
    assert!(matches!(paid(&on_chain, &seller(|_| {}), "1 USD").way, Way::Transaction { .. }));
    let prepared = |known| at_once(payer.clone().with_funds(Arc::new(Known(known))).prepared());
    assert_eq!(fee(&prepared(true)), fee(&on_chain));
    assert_eq!(fee(&prepared(false)), fee(&payer));

    let sponsoring = seller(|settings| settings.sponsor = Some(SponsorPolicy::for_chain(CHAIN, TOKEN)));
    let quote = quoted_by(&payer, &asked(&sponsoring, "1 USD")).unwrap();
    assert!(signed_by(&payer, quote).unwrap_err().to_string().contains("no server sponsors"));
    let known = payer.with_funds(Arc::new(Known(true)));
    assert!(matches!(paid(&known, &sponsoring, "1 USD").way, Way::Sponsored { .. }));
}

#[test]
fn offers_that_are_not_understood_whole_are_not_payable() {
    assert!(
        refused(json!({"currency": "0x20c00000000000000000000000000000000000ff"}))
            .contains("no token this wallet knows")
    );
    assert!(refused(json!({"methodDetails": {"chainId": 1}})).contains("on chain 1 is no token"));
    assert!(refused(json!({"amount": "1.5"})).contains("cannot be read"));
    assert!(refused(json!({"amount": "18446744073709551615"})).contains("larger than any price"));
    assert!(refused(json!({"recipient": TOKEN.to_string()})).contains("nobody's account"));
    assert!(refused(json!({"methodDetails": {"supportedModes": ["push"]}})).contains("no node of chain 42431"));
    let splits = json!([{"amount": "1000000", "recipient": OTHER.to_string()}]);
    assert!(refused(json!({"methodDetails": {"splits": splits}})).contains("not less than the amount"));
    assert!(refused(json!({"methodDetails": {"memo": "0x11"}})).contains("methodDetails.memo"));
}

#[test]
fn an_offer_that_ends_too_soon_or_too_late_is_not_payable() {
    let request = seller(|_| {}).request(&order("1 USD")).unwrap();
    let until = |seconds| challenge_until(&request, &now().after(Duration::from_secs(seconds)).to_rfc3339());
    let refused = |seconds| quoted_by(&payer(), &until(seconds)).unwrap_err().0;
    assert!(refused(0).contains("expired at"));
    assert!(refused(5).contains("too soon"));
    assert!(refused(86_401).contains("24 hours"));
    let soon = signed_by(&payer(), quoted_by(&payer(), &until(10)).unwrap()).unwrap();
    let Payload::Transaction(raw) = Payload::read(soon.payload()).unwrap() else { panic!("a transaction") };
    assert_eq!(Envelope::parse(&raw).unwrap().transaction().valid_before, NonZeroU64::new(NOW + 10));
}

#[test]
fn a_quote_that_differs_from_its_challenge_is_not_signed() {
    let ordinary = seller(|_| {});
    let quote = quoted_by(&payer(), &asked(&ordinary, "1 USD")).unwrap();
    for changed in [
        Quote { amount: Amount::new(999_999), ..quote.clone() },
        Quote { fee: Amount::ZERO, ..quote.clone() },
        Quote { asset: "USD.6@ledger".parse().unwrap(), ..quote.clone() },
        Quote { cost: "1 USD".parse().unwrap(), ..quote.clone() },
        Quote { payee: None, ..quote.clone() },
        Quote { challenge: asked(&ordinary, "2 USD"), ..quote.clone() },
        Quote { challenge: asked(&seller(|settings| settings.recipient = OTHER), "1 USD"), ..quote.clone() },
    ] {
        assert!(matches!(signed_by(&payer(), changed), Err(SignError::Differs(_))));
    }
    let later = TempoPayer { clock: Arc::new(|| now().after(Duration::from_secs(301))), ..payer() };
    assert!(signed_by(&later, quote).unwrap_err().to_string().contains("expired"));
}

#[test]
fn another_amount_in_the_shared_fields_is_refused() {
    let challenge = asked(&seller(|_| {}), "1 USD");
    let origin = "https://api.example.com".parse().unwrap();
    let offer = Offer { challenge: &challenge, origin: &origin, amount: Some(Amount::new(1)), now: now() };
    assert!(payer().quote(&offer).unwrap_err().0.contains("differently"));
}
