mod read_back;

use serde_json::{Value, json};

use super::testing::*;
use crate::session::RESERVE;
use farthing_money::Amount;
use farthing_rail::{Approved, Channel, Deposit, Offer, OpenedChannel, SessionPayer, SignError, VoucherQuote};

/// Approves without a policy, to get at the signature.
#[expect(clippy::disallowed_methods, reason = "tests of the step behind the policy")]
pub(super) fn approved<T>(subject: T) -> Approved<T> {
    Approved::grant(subject)
}

pub(super) fn opened(payer: &dyn SessionPayer, deposit: Deposit) -> Result<OpenedChannel, SignError> {
    at_once(payer.open(approved(deposit)))
}

fn voucher(
    payer: &dyn SessionPayer,
    offer: &Value,
    channel: &Channel,
    total: u128,
    closes: bool,
) -> Result<(), SignError> {
    let quote = VoucherQuote {
        challenge: challenge(payer.pays().0, offer),
        origin: "https://api.example.com".parse().unwrap(),
        cumulative: Amount::new(total),
        cost: "0.001 USD".parse().unwrap(),
        closes,
    };
    at_once(payer.voucher(channel, approved(quote))).map(drop)
}

/// Each payer with an offer that it takes.
fn payers() -> Vec<(Box<dyn SessionPayer>, Value)> {
    vec![
        (Box::new(on_tempo()), stream()),
        (Box::new(on_tempo()), reserve()),
        (Box::new(on_evm()), evm(&["authorization"])),
    ]
}

#[test]
fn a_quote_says_what_a_unit_costs_and_what_the_seller_suggests() {
    for (payer, offer) in payers() {
        let quote = quoted(payer.as_ref(), &offer).unwrap();
        assert_eq!((quote.unit_amount, quote.unit_cost.to_string().as_str()), (Amount::new(1000), "0.001 USD"));
        assert_eq!(quote.payee, Some(SELLER.to_checksum(None)));
        assert_eq!(quote.suggested_deposit.is_some(), offer.get("suggestedDeposit").is_some());
    }
}

#[test]
fn a_hint_is_a_channel_s_name_or_nothing() {
    let payer = on_tempo();
    let hint = |details: Value| quoted(&payer, &changed(reserve(), json!({"methodDetails": details}))).unwrap().hint;
    let name = format!("0x{}", "Ab".repeat(32));
    assert_eq!(hint(json!({"channelId": name})), Some(name.to_lowercase()));
    assert_eq!(hint(json!({"sessionSnapshot": {"channelId": name}})), Some(name.to_lowercase()));
    assert_eq!(hint(json!({"sessionSnapshot": {"channelId": "mine"}})), None);
    assert_eq!(hint(json!({})), None);
}

#[test]
fn offers_of_one_seller_have_the_same_terms_and_others_have_not() {
    for (payer, offer) in payers() {
        let terms = |change: Value| quoted(payer.as_ref(), &changed(offer.clone(), change)).unwrap().terms;
        assert_eq!(terms(json!({"amount": "7", "unitType": "token"})), terms(json!({})));
        assert_ne!(terms(json!({"recipient": OTHER})), terms(json!({})));
    }
    let operated = changed(reserve(), json!({"methodDetails": {"operator": OTHER}}));
    assert_ne!(quoted(&on_tempo(), &operated).unwrap().terms, quoted(&on_tempo(), &reserve()).unwrap().terms);
}

#[test]
fn a_deposit_goes_into_no_strangers_escrow() {
    for (payer, offer) in payers() {
        let foreign = changed(offer, json!({"methodDetails": {"escrowContract": OTHER}}));
        let refusal = refused(payer.as_ref(), &foreign);
        assert!(refusal.contains("none that this wallet trusts") || refusal.contains("alone"), "{refusal}");
    }
    let reserve_as_v1 = changed(reserve(), json!({"methodDetails": {"sessionProtocol": "v1"}}));
    assert!(refused(&on_tempo(), &reserve_as_v1).contains("none that this wallet trusts"));
    let elsewhere = changed(stream(), json!({"methodDetails": {"chainId": 1337}}));
    assert!(refused(&on_tempo(), &elsewhere).contains("none that this wallet trusts"));
    let reserve_on_base = changed(evm(&["authorization"]), json!({"methodDetails": {"escrowContract": RESERVE}}));
    assert!(refused(&on_evm(), &reserve_on_base).contains("none that this wallet trusts"));
}

#[test]
fn what_is_not_asked_in_earnest_is_not_payable() {
    for (payer, offer) in payers() {
        let refused = |change: Value| refused(payer.as_ref(), &changed(offer.clone(), change));
        assert!(refused(json!({"amount": "0"})).contains("above zero"));
        assert!(refused(json!({"amount": "1.5"})).contains("cannot be read"));
        assert!(refused(json!({"recipient": offer["currency"]})).contains("nobody's account"));
        let escrow = &offer["methodDetails"]["escrowContract"];
        assert!(refused(json!({"recipient": escrow})).contains("nobody's account"));
        assert!(refused(json!({"currency": OTHER})).contains("no token this wallet knows"));
        assert!(refused(json!({"methodDetails": {"chainId": 1}})).contains("chain 1"));
        assert!(refused(json!({"suggestedDeposit": -1})).contains("suggestedDeposit"));
        assert!(refused(json!({"methodDetails": {"minVoucherDelta": "1e3"}})).contains("minVoucherDelta"));
    }
    for token_like in ["0x20c0000000000000000000000000000000000007", "0x20C0000000000000000000000000000000000000"] {
        let to_token = changed(reserve(), json!({"recipient": token_like}));
        assert!(refused(&on_tempo(), &to_token).contains("nobody's account"));
    }
}

#[test]
fn what_a_seller_suggests_to_deposit_is_no_more_than_a_suggestion() {
    let greedy = changed(reserve(), json!({"suggestedDeposit": "340282366920938463463374607431768211455"}));
    let deposit = deposit(&on_tempo(), &greedy, 50_000);
    assert_eq!(deposit.amount, Amount::new(50_000));
    let quote = deposit.quote;
    for amount in [quote.suggested_deposit.unwrap(), Amount::new(1 << 96), Amount::ZERO, Amount::new(999)] {
        assert!(on_tempo().deposit(&quote, amount, Amount::new(1000)).is_err(), "{amount}");
    }
}

#[test]
fn a_deposit_that_is_not_what_was_approved_is_not_signed() {
    for (payer, offer) in payers() {
        let deposit = deposit(payer.as_ref(), &offer, 50_000);
        let mut changed_ones = vec![
            Deposit { cost: "0.01 USD".parse().unwrap(), ..deposit.clone() },
            Deposit { fee: Amount::new(1), ..deposit.clone() },
            Deposit { amount: Amount::new(50_001), ..deposit.clone() },
            Deposit { first: Amount::new(999), ..deposit.clone() },
        ];
        let mut other_payee = deposit.clone();
        other_payee.quote.payee = Some(OTHER.to_checksum(None));
        let mut other_challenge = deposit.clone();
        other_challenge.quote.challenge =
            challenge(payer.pays().0, &changed(offer.clone(), json!({"recipient": OTHER})));
        changed_ones.extend([other_payee, other_challenge]);
        for changed in changed_ones {
            assert!(matches!(opened(payer.as_ref(), changed), Err(SignError::Differs(_))));
        }
        assert!(opened(payer.as_ref(), deposit).is_ok());
    }
}

#[test]
fn a_voucher_is_never_below_what_was_signed_or_above_what_is_deposited() {
    for (payer, offer) in payers() {
        let channel = opened(payer.as_ref(), deposit(payer.as_ref(), &offer, 50_000)).unwrap().channel;
        assert_eq!((channel.deposit, channel.signed), (Amount::new(50_000), Amount::new(1000)));
        let voucher = |total, closes| voucher(payer.as_ref(), &offer, &channel, total, closes);
        for (total, closes) in [(0, false), (999, false), (50_001, false), (u128::MAX, false), (50_001, true)] {
            assert!(matches!(voucher(total, closes), Err(SignError::Differs(_))), "{total}");
        }
        // The last one says what was really spent.
        for (total, closes) in [(1000, false), (1001, false), (50_000, false), (0, true), (999, true), (50_000, true)] {
            assert_eq!(voucher(total, closes), Ok(()));
        }
    }
}

#[test]
fn a_channel_signs_for_no_other_offer_and_a_damaged_one_for_none() {
    for (payer, offer) in payers() {
        let channel = opened(payer.as_ref(), deposit(payer.as_ref(), &offer, 50_000)).unwrap().channel;
        let other = changed(offer.clone(), json!({"recipient": OTHER}));
        assert!(voucher(payer.as_ref(), &other, &channel, 2000, false).is_err());
        let renamed = Channel { id: format!("0x{}", "00".repeat(32)), ..channel.clone() };
        assert!(voucher(payer.as_ref(), &offer, &renamed, 2000, false).is_err());
        let emptied = Channel { kept: Vec::new(), ..channel };
        assert!(voucher(payer.as_ref(), &offer, &emptied, 2000, false).is_err());
    }
}

#[test]
fn an_offer_that_ends_too_soon_takes_no_deposit() {
    for (payer, offer) in payers() {
        let soon = now().after(std::time::Duration::from_secs(5));
        let challenge = challenge_until(payer.pays().0, &offer, soon);
        let origin = "https://api.example.com".parse().unwrap();
        let quoted = Offer { challenge: &challenge, origin: &origin, amount: None, now: now() };
        let quote = payer.quote(&quoted).unwrap();
        let refusal = payer.deposit(&quote, Amount::new(50_000), Amount::new(1000)).unwrap_err();
        assert!(refusal.0.contains("too soon"), "{refusal}");
    }
}

#[test]
fn an_offer_that_has_ended_takes_no_deposit_and_still_a_voucher() {
    for (payer, offer) in payers() {
        let channel = opened(payer.as_ref(), deposit(payer.as_ref(), &offer, 50_000)).unwrap().channel;
        let origin: farthing_rail::Origin = "https://api.example.com".parse().unwrap();
        let challenge = challenge_until(payer.pays().0, &offer, now());
        let late = Offer { challenge: &challenge, origin: &origin, amount: None, now: now() };
        assert!(payer.quote(&late).unwrap_err().0.contains("expired"));
        let cost = "0.001 USD".parse().unwrap();
        let quote = VoucherQuote { challenge, origin, cumulative: Amount::new(2000), cost, closes: false };
        assert!(at_once(payer.voucher(&channel, approved(quote))).is_ok());
    }
}
