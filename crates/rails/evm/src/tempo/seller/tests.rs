use std::num::NonZeroU64;

use alloy_primitives::{B256, U256};
use farthing_money::Amount;
use tempo_primitives::transaction::TempoTransaction;

use super::*;
use crate::chain;
use crate::tempo::testing::{
    CHAIN, MEMO, NOW, OTHER, SELLER, TOKEN, account, answering, at_once, call, challenge, leg, order, seller, signed,
    sponsored, verified,
};
use crate::tempo::{Share, SponsorPolicy, TempoSettings, payment_calls};

fn asked(seller: &TempoCharge) -> farthing_protocol::Challenge {
    challenge(&seller.request(&order("1 USD")).unwrap())
}

fn pull(transaction: TempoTransaction) -> Payload {
    Payload::Transaction(signed(transaction).to_bytes().unwrap())
}

fn payment(proof: &Proof) -> Payment {
    serde_json::from_slice(&proof.kept).unwrap()
}

/// What an ordinary seller says to a changed answer.
fn changed(change: impl FnOnce(&mut TempoTransaction)) -> Result<Proof, Refusal> {
    changed_at(&seller(|_| {}), change)
}

fn changed_at(seller: &TempoCharge, change: impl FnOnce(&mut TempoTransaction)) -> Result<Proof, Refusal> {
    let challenge = asked(seller);
    let mut transaction = answering(&challenge);
    change(&mut transaction);
    verified(seller, &challenge, &pull(transaction), None)
}

fn reason(result: Result<Proof, Refusal>) -> String {
    result.unwrap_err().detail
}

fn sponsoring() -> TempoCharge {
    seller(|settings| settings.sponsor = Some(SponsorPolicy::for_chain(CHAIN, TOKEN)))
}

#[test]
fn a_challenge_says_everything() {
    let request = TempoRequest::read(asked(&sponsoring()).request()).unwrap();
    let expected = TempoRequest {
        amount: Amount::new(1_000_000),
        token: TOKEN,
        recipient: SELLER,
        chain: CHAIN,
        fee_payer: true,
        memo: None,
        splits: Vec::new(),
        modes: Modes::PULL,
    };
    assert_eq!(request, expected);
    let shared = sponsoring().request(&order("1 USD")).unwrap();
    assert_eq!(shared["recipient"], SELLER.to_checksum(None));
    assert_eq!(shared["methodDetails"]["chainId"], CHAIN);
}

#[test]
fn a_price_that_cannot_be_carried_is_refused_when_it_is_configured() {
    let seller = seller(|settings| settings.floor = Amount::new(1000));
    assert!(seller.request(&order("1 EUR")).unwrap_err().0.contains("price it in USD"));
    assert!(seller.request(&order("0.000999 USD")).unwrap_err().0.contains("0.001 pathUSD"));
}

#[test]
fn settings_that_do_not_fit_together_are_refused() {
    let refused = |change: fn(&mut TempoSettings)| {
        let mut settings = TempoSettings::new(chain::token(CHAIN, TOKEN).unwrap(), SELLER);
        change(&mut settings);
        TempoCharge::new(settings).unwrap_err().0
    };
    assert!(refused(|settings| settings.recipient = TOKEN).contains("nobody's"));
    assert!(refused(|settings| settings.memo = MemoRule::Any).contains("claimed by anybody"));
    assert!(refused(|settings| settings.modes = Modes::NEITHER).contains("neither"));
    assert!(refused(|settings| settings.sponsor = Some(SponsorPolicy::for_chain(1, TOKEN))).contains("another chain"));
    assert!(
        refused(|settings| {
            settings.shares = vec![Share { recipient: OTHER, per_million: 500_000, memo: None }; 2];
        })
        .contains("leave something")
    );
}

#[test]
fn a_signed_transaction_pays() {
    let seller = seller(|_| {});
    let challenge = asked(&seller);
    let envelope = signed(answering(&challenge));
    let payload = Payload::Transaction(envelope.to_bytes().unwrap());
    let payer = payer_id(CHAIN, &account(0x11).address());
    let proof = verified(&seller, &challenge, &payload, Some(payer.as_str())).unwrap();
    assert_eq!(proof.key.as_str(), format!("eip155:{CHAIN}/tx/{:#x}", envelope.hash()));
    assert_eq!((proof.amount, proof.payer.as_ref()), (Amount::new(1_000_000), Some(&payer)));
    let payment = payment(&proof);
    assert_eq!(payment.token, TOKEN);
    let [leg] = payment.legs.as_slice() else { panic!("one leg") };
    assert_eq!((leg.recipient, leg.amount), (SELLER, U256::from(1_000_000)));
    let Way::Transaction { raw, hash, valid_before, .. } = payment.way else { panic!("a transaction") };
    assert_eq!((raw.to_vec(), hash, valid_before), (envelope.to_bytes().unwrap(), envelope.hash(), Some(NOW + 60)));
}

#[test]
fn a_sponsored_transaction_pays_however_it_is_spelled() {
    let seller = sponsoring();
    let challenge = asked(&seller);
    let envelope = signed(sponsored(answering(&challenge)));
    let proof = verified(&seller, &challenge, &Payload::Transaction(envelope.to_bytes().unwrap()), None).unwrap();
    assert_eq!(proof.key.as_str(), format!("eip155:{CHAIN}/expiring/{:#x}", envelope.replay_hash()));
    let Way::Sponsored { raw, sender, valid_before } = payment(&proof).way else { panic!("sponsored") };
    assert_eq!((raw[0], sender, valid_before), (0x78, account(0x11).address(), NOW + 60));
    // Who pays the fee himself may do so.
    assert!(verified(&seller, &challenge, &pull(answering(&challenge)), None).is_ok());
}

#[test]
fn shares_become_splits_that_must_be_paid() {
    let shared = seller(|settings| {
        settings.shares = vec![Share { recipient: OTHER, per_million: 25_000, memo: Some(MEMO) }];
    });
    let proof = changed_at(&shared, |_| {}).unwrap();
    let amounts: Vec<u64> = payment(&proof).legs.iter().map(|leg| leg.amount.to()).collect();
    assert_eq!(amounts, [975_000, 25_000]);
    let unshared = changed_at(&shared, |transaction| {
        transaction.calls.pop();
    });
    assert!(reason(unshared).contains("no matching payment call found"));
    assert!(shared.request(&order("0.000001 USD")).is_err());
}

#[test]
fn a_hash_pays_once_its_memo_names_the_challenge() {
    let seller = seller(|_| {});
    let challenge = asked(&seller);
    let hash = B256::repeat_byte(0xab);
    let payer = payer_id(CHAIN, &OTHER);
    let proof = verified(&seller, &challenge, &Payload::Hash(hash), Some(payer.as_str())).unwrap();
    assert_eq!(proof.key.as_str(), format!("eip155:{CHAIN}/tx/{hash:#x}"));
    let payment = payment(&proof);
    assert_eq!(payment.payer, Some(OTHER));
    assert!(matches!(payment.legs[0].memo, Memo::Attributed { .. }));
    let Way::Shown { not_before, .. } = payment.way else { panic!("shown") };
    assert_eq!(not_before, NOW - 2);
    let anonymous = verified(&seller, &challenge, &Payload::Hash(hash), None).unwrap();
    assert_eq!(anonymous.payer, None);

    let sponsoring = sponsoring();
    let refused = verified(&sponsoring, &asked(&sponsoring), &Payload::Hash(hash), None);
    assert!(reason(refused).contains("hash is not accepted"));
}

#[test]
fn a_proof_answers_a_price_of_zero_and_nothing_else_does() {
    let seller = seller(|_| {});
    let challenge = challenge(&seller.request(&order("0 USD")).unwrap());
    let payer = account(0x11);
    let (challenge_id, realm) = (challenge.id().as_str(), challenge.realm().as_str());
    let statement = Statement { account: payer.address(), chain: CHAIN, challenge: challenge_id, realm };
    let signature = Payload::Proof(at_once(payer.sign(&statement.message())).unwrap().to_vec());
    let source = payer_id(CHAIN, &payer.address());
    let proof = verified(&seller, &challenge, &signature, Some(source.as_str())).unwrap();
    assert_eq!(proof.key.as_str(), format!("eip155:{CHAIN}/proof/{}", challenge.id().as_str()));
    assert_eq!((proof.amount, payment(&proof).legs), (Amount::ZERO, Vec::new()));
    assert_eq!(payment(&proof).way, Way::Proof { access_key: None });

    let claimed = payer_id(CHAIN, &OTHER);
    let stranger = verified(&seller, &challenge, &signature, Some(claimed.as_str())).unwrap();
    assert!(matches!(payment(&stranger).way, Way::Proof { access_key: Some(_) }));
    assert!(reason(verified(&seller, &challenge, &signature, None)).contains("source"));
    assert!(
        reason(verified(&seller, &asked(&seller), &signature, Some(source.as_str()))).contains("price of zero only")
    );
    assert!(reason(verified(&seller, &challenge, &Payload::Hash(B256::ZERO), None)).contains("answered with a proof"));
}

#[test]
fn hostile_transactions_are_refused_each_with_its_own_reason() {
    let ahead = |seconds| NonZeroU64::new(NOW + seconds);
    let pays = |token, memo| payment_calls(token, &[leg(SELLER, 1_000_000, memo)], MEMO);
    let alpha = "0x20c0000000000000000000000000000000000001".parse().unwrap();
    let cases: [(String, &str); 10] = [
        (reason(changed(|it| it.chain_id = 4217)), "for chain 4217; sign for chain 42431"),
        (reason(changed(|it| it.calls = pays(alpha, Memo::Exactly(MEMO)))), "pays in the token"),
        (reason(changed(|it| it.calls = pays(TOKEN, Memo::Any))), "carries no memo of this challenge"),
        (reason(changed(|it| it.calls = pays(TOKEN, Memo::Exactly(MEMO)))), "carries no memo of this challenge"),
        (reason(changed(|it| it.calls.push(it.calls[0].clone()))), "unauthorized extra calls"),
        (reason(changed(|it| it.calls.push(call(OTHER, "deadbeef")))), "call 2 is no transfer"),
        (reason(changed(|it| it.valid_before = ahead(10 * 365 * 86_400))), "outlives the challenge"),
        (reason(changed(|it| it.valid_before = None)), "never expires"),
        (reason(changed(|it| it.valid_before = ahead(3))), "expires too soon"),
        (reason(changed(|it| it.valid_after = ahead(3))), "not valid yet"),
    ];
    for (reason, expected) in cases {
        assert!(reason.contains(expected), "{reason:?} should say {expected:?}");
    }
    assert!(changed(|it| it.valid_before = ahead(302)).is_ok(), "clients round up to a whole second");
}

#[test]
fn overpayment_and_underpayment_are_refused() {
    for amount in [999_999, 1_000_001] {
        let other = |it: &mut TempoTransaction| {
            let mut input = it.calls[0].input.to_vec();
            input[4 + 32..4 + 64].copy_from_slice(&U256::from(amount).to_be_bytes::<32>());
            it.calls[0].input = input.into();
        };
        assert!(reason(changed(other)).contains(&format!("is paid {amount} base units instead of 1000000")));
    }
}

#[test]
fn a_sponsor_pays_for_no_more_than_a_payment() {
    let seller = sponsoring();
    let refused = |change: fn(&mut TempoTransaction)| {
        reason(changed_at(&seller, |transaction| {
            *transaction = sponsored(transaction.clone());
            change(transaction);
        }))
    };
    let cases = [
        (refused(|it| it.gas_limit = 30_000_000), "gas limit exceeds sponsor policy"),
        (refused(|it| it.calls.push(call(OTHER, "deadbeef"))), "unauthorized extra calls"),
        (refused(|it| it.nonce_key = U256::ZERO), "must use expiring nonce key"),
        (refused(|it| it.fee_token = Some(OTHER)), "must not include fee_token"),
    ];
    for (reason, expected) in cases {
        assert!(reason.contains(expected), "{reason:?} should say {expected:?}");
    }
    let unasked = changed(|transaction| *transaction = sponsored(transaction.clone()));
    assert!(reason(unasked).contains("pays no fees"));
}

#[test]
fn a_source_that_did_not_sign_is_refused() {
    let seller = seller(|_| {});
    let challenge = asked(&seller);
    let payload = pull(answering(&challenge));
    let stranger = payer_id(CHAIN, &OTHER);
    assert!(reason(verified(&seller, &challenge, &payload, Some(stranger.as_str()))).contains("who signed"));
    let elsewhere = payer_id(1, &account(0x11).address());
    assert!(
        reason(verified(&seller, &challenge, &payload, Some(elsewhere.as_str()))).contains("not an account of chain")
    );
}

#[test]
fn a_request_of_another_deployment_is_refused() {
    let ours = seller(|_| {});
    let theirs = seller(|settings| settings.recipient = OTHER);
    let challenge = asked(&theirs);
    let refused = verified(&ours, &challenge, &pull(answering(&challenge)), None);
    assert!(reason(refused).contains("another chain, token or recipient"));
    let signs_only = seller(|settings| settings.modes = Modes { pull: false, push: true });
    assert!(reason(changed_at(&signs_only, |_| {})).contains("not accepted here"));
}

#[test]
fn a_payload_that_cannot_be_read_has_its_own_problem() {
    let seller = seller(|_| {});
    let challenge = asked(&seller);
    let credential = farthing_protocol::Credential::new(challenge.clone(), JsonObject::new(), None);
    let request = farthing_protocol::ChargeRequest::from_object(&challenge.request().decode().unwrap()).unwrap();
    let now = crate::tempo::testing::now();
    let refusal = seller.verify(&Presented { credential: &credential, request: &request, now }).unwrap_err();
    assert_eq!(refusal.problem, ProblemType::InvalidPayload);
}
