use farthing_rail::{Capture, Method, Presented};
use serde_json::json;

use super::*;
use crate::evm::testing::{NOW, SELLER, SPENDER, STRANGER, at_once, now, payer, usdc};
use crate::x402::testing::{challenge, request, with_detail};
use crate::x402::{X402Exact, X402Settings, X402Upto};

/// What a test's chain says: so much of the token, and so much allowed to Permit2.
struct Chain(u64, Option<u64>);

impl Funds for Chain {
    fn of_token<'a>(&'a self, _: u64, _: Address, _: Address) -> Answer<'a, Option<U256>> {
        Box::pin(std::future::ready(Some(U256::from(self.0))))
    }

    fn of_coin<'a>(&'a self, _: u64, _: Address) -> Answer<'a, Option<U256>> {
        Box::pin(std::future::ready(None))
    }

    fn as_arguments(&self, chain: u64, _: Address) -> Option<String> {
        (self.0 > 0).then(|| format!("--chain c{chain} --token USDC"))
    }

    fn allowance<'a>(&'a self, _: u64, _: Address, _: Address, spender: Address) -> Answer<'a, Option<U256>> {
        assert_eq!(spender, PERMIT2);
        Box::pin(std::future::ready(self.1.map(U256::from)))
    }
}

fn exact() -> X402Payer {
    X402Payer::exact(payer(), &Chains::default(), Arc::new(now))
}

fn upto() -> X402Payer {
    X402Payer::upto(payer(), &Chains::default(), Arc::new(now)).with_funds(Arc::new(Chain(5000, Some(700))))
}

fn settings(transfer: Transfer) -> X402Settings {
    X402Settings::seller(usdc(), SELLER, transfer)
}

fn seller(transfer: Transfer) -> X402Exact {
    X402Exact::new(settings(transfer)).unwrap()
}

fn quote(payer: &X402Payer, challenge: &Challenge) -> Result<Quote, NotPayable> {
    let origin = "https://api.example.com".parse().unwrap();
    payer.quote(&Offer { challenge, origin: &origin, amount: None, now: now() })
}

fn why_not(payer: &X402Payer, request: &ChargeRequest) -> String {
    quote(payer, &challenge(payer.pays().1, request, [7; 32])).unwrap_err().0
}

#[expect(clippy::disallowed_methods, reason = "tests of the step behind the policy")]
fn sign(payer: &X402Payer, quote: Quote) -> Result<Credential, SignError> {
    at_once(payer.sign(Approved::grant(quote))).map(|signed| signed.credential)
}

/// Quotes and signs an offer, and has its seller check what came of it.
fn buy(payer: &X402Payer, seller: &dyn Method) -> Credential {
    let request = request(seller);
    let challenge = challenge(payer.pays().1, &request, [7; 32]);
    let quoted = quote(payer, &challenge).unwrap();
    assert_eq!((quoted.amount.units(), quoted.fee.units(), quoted.sent_first), (1000, 0, false));
    let credential = sign(payer, quoted.clone()).unwrap();
    seller.verify(&Presented { credential: &credential, request: &request, now: now() }).unwrap();
    let dearer = Quote { amount: Amount::new(2000), ..quoted };
    assert!(matches!(sign(payer, dearer), Err(SignError::Differs(_))));
    credential
}

#[test]
fn what_the_wallet_signs_is_what_the_seller_takes() {
    let credential = buy(&exact(), &seller(Transfer::Eip3009));
    let signed = &credential.payload()["authorization"];
    assert_eq!(signed["nonce"], B256::repeat_byte(7).to_string());
    assert_eq!(signed["validBefore"], (NOW + 120).to_string());
    assert!(credential.payload().len() == 2 && credential.payload().contains_key("signature"));

    let permit2 = exact().with_funds(Arc::new(Chain(5000, Some(5000))));
    let credential = buy(&permit2, &seller(Transfer::Permit2));
    let signed = &credential.payload()["permit2Authorization"];
    assert_eq!(signed["nonce"], U256::from_be_bytes([7; 32]).to_string());

    let metered = X402Upto::new(settings(Transfer::Permit2), SPENDER).unwrap();
    assert_eq!(metered.terms().capture, Capture::Actual);
    let credential = buy(&upto(), &metered);
    let witness = &credential.payload()["permit2Authorization"]["witness"];
    assert_eq!(witness["facilitator"], SPENDER.to_checksum(None));
}

#[test]
fn a_signature_lives_as_long_as_the_offer_lets_it_and_two_minutes_at_most() {
    let request = request(&seller(Transfer::Eip3009));
    let ends = |seconds: u64| {
        let challenge = challenge(EXACT, &with_detail(&request, "maxTimeoutSeconds", seconds), [7; 32]);
        let quoted = quote(&exact(), &challenge).map_err(|error| error.0)?;
        let end = sign(&exact(), quoted).unwrap().payload()["authorization"]["validBefore"].clone();
        Ok::<_, String>(end.as_str().unwrap().parse::<u64>().unwrap() - NOW)
    };
    assert_eq!([ends(6), ends(60), ends(300), ends(10 * 365 * 86_400)], [Ok(6), Ok(60), Ok(120), Ok(120)]);
    assert!(ends(5).unwrap_err().contains("too little time"));
}

#[test]
fn i_08_i_13_i_23_what_is_no_token_on_file_or_signs_otherwise_is_not_paid() {
    let offered = request(&seller(Transfer::Eip3009));
    let other = ChargeRequest { currency: STRANGER.to_string(), ..offered.clone() };
    assert!(why_not(&exact(), &other).contains("no token this wallet knows"));
    // The address of the real one, on another chain.
    assert!(why_not(&exact(), &with_detail(&offered, "network", "eip155:84532")).contains("no token"));
    assert!(why_not(&exact(), &with_detail(&offered, "network", "solana:mainnet")).contains("no token"));
    for extra in [json!({"name": "USDC"}), json!({"name": "USD Coin", "version": "1"}), json!({"version": 2})] {
        assert!(why_not(&exact(), &with_detail(&offered, "extra", extra)).contains("not that of USDC"));
    }
    // What is left out is on file here.
    let silent = with_detail(&offered, "extra", json!({}));
    assert!(quote(&exact(), &challenge(EXACT, &silent, [7; 32])).is_ok());
}

#[test]
fn an_offer_that_would_lose_the_money_or_cannot_be_settled_is_not_paid() {
    let offered = request(&seller(Transfer::Eip3009));
    let payee = |payee: Address| ChargeRequest { recipient: Some(payee.to_string()), ..offered.clone() };
    assert!(why_not(&exact(), &payee(Address::ZERO)).contains("nobody's account"));
    assert!(why_not(&exact(), &payee(usdc().contract)).contains("own contract"));
    let free = ChargeRequest { amount: Amount::ZERO, ..offered.clone() };
    assert!(why_not(&exact(), &free).contains("for nothing"));
    let odd = with_detail(&offered, "extra", json!({"assetTransferMethod": "erc7710"}));
    assert!(why_not(&exact(), &odd).contains("cannot sign for"));
    let permit2 = with_detail(&offered, "extra", json!({"assetTransferMethod": "permit2"}));
    assert!(why_not(&exact(), &permit2).contains("not known"));
    assert!(why_not(&upto(), &offered).contains("facilitatorAddress"));
}

#[test]
fn what_permit2_may_not_move_is_not_to_be_spent() {
    let metered = X402Upto::new(settings(Transfer::Permit2), SPENDER).unwrap();
    let quoted = quote(&upto(), &challenge(UPTO, &request(&metered), [7; 32])).unwrap();
    assert_eq!(at_once(upto().available(&quoted)), Some(Amount::new(700)));
    let simple = exact().with_funds(Arc::new(Chain(5000, None)));
    let quoted = quote(&simple, &challenge(EXACT, &request(&seller(Transfer::Eip3009)), [7; 32])).unwrap();
    assert_eq!(at_once(simple.available(&quoted)), Some(Amount::new(5000)));
    let silent = exact().with_funds(Arc::new(Chain(5000, None)));
    let quoted = quote(&silent, &challenge(EXACT, &request(&seller(Transfer::Permit2)), [7; 32])).unwrap();
    assert_eq!(at_once(silent.available(&quoted)), Some(Amount::ZERO));
}

#[test]
fn for_want_of_an_allowance_the_command_that_gives_it_is_named() {
    let metered = X402Upto::new(settings(Transfer::Permit2), SPENDER).unwrap();
    let offered = challenge(UPTO, &request(&metered), [7; 32]);
    let hindrance = |held, allowed| {
        let payer = upto().with_funds(Arc::new(Chain(held, allowed)));
        at_once(payer.hindrance(&quote(&payer, &offered).unwrap(), "agent"))
    };
    let told = hindrance(5000, Some(700)).unwrap();
    assert_eq!(
        told,
        "it takes 0.001 USDC through Permit2, which may move 0.0007 USDC of this account; run: farthing wallet allow \
         agent --chain c8453 --token USDC --amount \"0.001 USD\""
    );
    assert_eq!(hindrance(999, Some(700)), None, "there is too little money to begin with");
    assert!(hindrance(5000, None).unwrap().contains("does not say how much USDC Permit2 may move"));
    let simple = exact().with_funds(Arc::new(Chain(5000, Some(0))));
    let quoted = quote(&simple, &challenge(EXACT, &request(&seller(Transfer::Eip3009)), [7; 32])).unwrap();
    assert_eq!(at_once(simple.hindrance(&quoted, "agent")), None, "an authorization needs no allowance");
}

#[test]
fn what_a_payment_leaves_on_its_chain_is_known_from_the_credential() {
    let credential = buy(&exact(), &seller(Transfer::Eip3009));
    let (chain, trace) = exact().trace(&credential).unwrap();
    let nonce = B256::repeat_byte(7);
    let (token, payer) = (usdc().contract, payer().address());
    assert_eq!((chain, trace), (8453, Trace::Authorization { token, payer, nonce, valid_before: NOW + 120 }));
    let metered = X402Upto::new(settings(Transfer::Permit2), SPENDER).unwrap();
    let (_, trace) = upto().trace(&buy(&upto(), &metered)).unwrap();
    assert_eq!(trace, Trace::Permit2 { payer, nonce: nonce.into(), deadline: NOW + 120 });
}
