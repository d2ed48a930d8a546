use super::*;
use crate::evm::testing::*;
use crate::evm::{EvmSettings, Share};
use farthing_protocol::{Credential, JsonObject};
use farthing_rail::Method as _;
use serde_json::json;

/// What a test's chain says.
#[derive(Clone, Copy, Default)]
struct Chain {
    token: Option<u64>,
    coin: Option<u64>,
    allowance: Option<u64>,
    nonce: Option<u64>,
}

fn says<'a, T: Send + 'a>(value: T) -> Answer<'a, T> {
    Box::pin(std::future::ready(value))
}

impl Funds for Chain {
    fn of_token<'a>(&'a self, _: u64, _: Address, _: Address) -> Answer<'a, Option<U256>> {
        says(self.token.map(U256::from))
    }

    fn of_coin<'a>(&'a self, _: u64, _: Address) -> Answer<'a, Option<U256>> {
        says(self.coin.map(U256::from))
    }

    fn allowance<'a>(&'a self, _: u64, _: Address, _: Address, spender: Address) -> Answer<'a, Option<U256>> {
        assert_eq!(spender, PERMIT2);
        says(self.allowance.map(U256::from))
    }

    fn next_nonce<'a>(&'a self, _: u64, _: Address) -> Answer<'a, Option<u64>> {
        says(self.nonce)
    }

    fn reaches(&self, _: u64) -> bool {
        self.nonce.is_some()
    }
}

const CHAINS: &str = "[chain.base]\nrpc = \"http://127.0.0.1:1\"\nnative_price = \"4000 USD\"\n";

fn wallet(chains: &str) -> EvmPayer {
    EvmPayer::new(payer(), &Chains::parse(chains).unwrap(), Arc::new(now))
}

fn quote(payer: &EvmPayer, challenge: &Challenge) -> Result<Quote, NotPayable> {
    let origin = "https://api.example.com".parse().unwrap();
    payer.quote(&Offer { challenge, origin: &origin, amount: None, now: now() })
}

fn why_not(payer: &EvmPayer, challenge: &Challenge) -> String {
    quote(payer, challenge).unwrap_err().0
}

#[expect(clippy::disallowed_methods, reason = "tests of the step behind the policy")]
fn sign_quote(payer: &EvmPayer, quote: Quote) -> Result<Credential, SignError> {
    at_once(payer.sign(Approved::grant(quote))).map(|signed| signed.credential)
}

/// A challenge of our seller with some members of its request replaced; `null` removes.
fn changed(settings: EvmSettings, pointer: &str, members: serde_json::Value) -> Challenge {
    let mut request = serde_json::Value::Object(charge(settings).request(&order()).unwrap());
    let object = request.pointer_mut(pointer).unwrap().as_object_mut().unwrap();
    let members: JsonObject = serde_json::from_value(members).unwrap();
    for (name, value) in members {
        if value.is_null() {
            object.remove(&name)
        } else {
            object.insert(name, value)
        };
    }
    challenge_of("evm", request.as_object().unwrap())
}

fn accepting(kinds: &[CredentialKind]) -> EvmSettings {
    EvmSettings { accept: kinds.to_vec(), spender: Some(SPENDER), ..settings() }
}

#[test]
fn an_authorization_is_preferred_costs_no_fee_and_is_what_the_seller_takes() {
    let seller =
        charge(accepting(&[CredentialKind::Permit2, CredentialKind::Transaction, CredentialKind::Authorization]));
    let challenge = challenge(&seller);
    let wallet = wallet(CHAINS);
    let quote = quote(&wallet, &challenge).unwrap();
    assert_eq!((quote.amount.units(), quote.fee.units()), (1000, 0));
    assert_eq!(quote.cost.to_string(), "0.001 USD");
    assert_eq!(quote.payee, Some(SELLER.to_checksum(None)));
    let credential = sign_quote(&wallet, quote).unwrap();
    let proof = verify(&seller, &credential).unwrap();
    let crate::Way::Authorization { valid_before, .. } = payment(&proof).way else { panic!() };
    assert_eq!(valid_before, U256::from(NOW + 300), "with the challenge");
}

#[test]
fn a_signature_lives_ten_minutes_at_most() {
    let far = now().after(std::time::Duration::from_secs(3600));
    assert_eq!(ends(far, now()), U256::from(NOW + 600));
    assert_eq!(ends(now().after(std::time::Duration::from_secs(60)), now()), U256::from(NOW + 60));
}

#[test]
fn a_permit_is_signed_where_an_allowance_is_known() {
    let share = Share { recipient: STRANGER, per_million: 50_000, memo: None };
    let seller = charge(EvmSettings { shares: vec![share], ..accepting(&[CredentialKind::Permit2]) });
    let challenge = challenge(&seller);
    assert!(why_not(&wallet(CHAINS), &challenge).contains("allowance"));

    let told = wallet(CHAINS).with_permit2(BASE, usdc().contract);
    let credential = sign_quote(&told, quote(&told, &challenge).unwrap()).unwrap();
    let proof = verify(&seller, &credential).unwrap();
    assert!(matches!(payment(&proof).way, crate::Way::Permit2 { batch: true, .. }));

    let asking = |chain: Chain| {
        let wallet = wallet(CHAINS).with_funds(Arc::new(chain));
        let quote = quote(&wallet, &challenge).unwrap();
        at_once(wallet.available(&quote)).map(Amount::units)
    };
    assert_eq!(asking(Chain { token: Some(5000), allowance: Some(2000), ..Chain::default() }), Some(2000));
    assert_eq!(asking(Chain { token: Some(500), allowance: Some(2000), ..Chain::default() }), Some(500));
    assert_eq!(asking(Chain { token: Some(5000), ..Chain::default() }), Some(0), "unknown is not offered");

    let hindrance = |wallet: &EvmPayer| at_once(wallet.hindrance(&quote(wallet, &challenge).unwrap(), "agent"));
    let asking = wallet(CHAINS).with_funds(Arc::new(Chain { token: Some(5000), ..Chain::default() }));
    assert!(
        hindrance(&asking).unwrap().contains("run: farthing wallet chain add"),
        "no chain of this double has a name"
    );
    assert_eq!(hindrance(&told), None, "its owner says that there is an allowance");
}

#[test]
fn a_permit_for_nobody_is_not_signed() {
    let challenge = changed(accepting(&[CredentialKind::Permit2]), "/methodDetails", json!({ "spender": null }));
    let wallet = wallet(CHAINS).with_permit2(BASE, usdc().contract);
    assert!(why_not(&wallet, &challenge).contains("who will submit"));
}

#[test]
fn a_transaction_is_signed_only_where_the_coin_has_a_price() {
    let seller = charge(accepting(&[CredentialKind::Transaction]));
    let challenge = challenge(&seller);
    let coin = GasBounds::on(BASE).most().to::<u64>();
    let chain = Chain { token: Some(5000), coin: Some(coin), nonce: Some(7), ..Chain::default() };
    let unpriced = wallet("[chain.base]\nrpc = \"http://127.0.0.1:1\"\n").with_funds(Arc::new(chain));
    assert!(why_not(&unpriced, &challenge).contains("native_price"));

    let wallet_on = |chain: Chain| wallet(CHAINS).with_funds(Arc::new(chain));
    let priced = wallet_on(chain);
    let quoted = quote(&priced, &challenge).unwrap();
    assert_eq!((quoted.fee.units(), quoted.cost.to_string()), (80_000, "0.081 USD".to_owned()));
    assert_eq!(at_once(priced.available(&quoted)), Some(Amount::new(85_000)));
    let poor = wallet_on(Chain { coin: Some(coin - 1), ..chain });
    assert_eq!(at_once(poor.available(&quoted)), Some(Amount::ZERO));
    let proof = verify(&seller, &sign_quote(&priced, quoted.clone()).unwrap()).unwrap();
    let crate::Way::Transaction { sender, nonce, .. } = payment(&proof).way else { panic!() };
    assert_eq!((sender, nonce.number), (payer().address(), 7));
    let mute = wallet_on(Chain { nonce: None, ..chain });
    assert!(matches!(sign_quote(&mute, quoted), Err(SignError::Key(_))));
}

#[test]
fn what_a_server_says_of_a_token_is_not_believed() {
    let with = |pointer: &str, members| why_not(&wallet(CHAINS), &changed(settings(), pointer, members));
    assert!(with("", json!({ "currency": STRANGER.to_checksum(None) })).contains("no token this wallet knows"));
    assert!(with("/methodDetails", json!({ "chainId": 1 })).contains("no token this wallet knows"));
    assert!(with("/methodDetails", json!({ "decimals": 18 })).contains("18 decimals"));
    assert!(with("", json!({ "recipient": usdc().contract.to_checksum(None) })).contains("lost"));
    let hash = changed(accepting(&[CredentialKind::Hash]), "", json!({}));
    assert!(why_not(&wallet(CHAINS), &hash).contains("farthing wallet chain add"));
}

#[test]
fn nothing_is_signed_that_differs_from_what_was_approved() {
    let challenge = challenge(&charge(settings()));
    let wallet = wallet(CHAINS);
    let quoted = quote(&wallet, &challenge).unwrap();
    let other = changed(settings(), "", json!({ "amount": "2000" }));
    let changes: [&dyn Fn(&mut Quote); 5] = [
        &|quote| quote.challenge = other.clone(),
        &|quote| quote.fee = Amount::new(1),
        &|quote| quote.cost = "0.002 USD".parse().unwrap(),
        &|quote| quote.payee = Some(STRANGER.to_checksum(None)),
        &|quote| quote.asset = crate::chain::by_code(1, "USDC").unwrap().asset,
    ];
    for change in changes {
        let mut quote = quoted.clone();
        change(&mut quote);
        assert!(matches!(sign_quote(&wallet, quote), Err(SignError::Differs(_))));
    }
    assert!(sign_quote(&wallet, quoted).is_ok());
}

#[test]
fn an_offer_that_is_over_or_about_to_be_is_not_paid() {
    let challenge = challenge(&charge(settings()));
    let origin = "https://api.example.com".parse().unwrap();
    let later = |seconds| {
        let now = now().after(std::time::Duration::from_secs(seconds));
        wallet(CHAINS).quote(&Offer { challenge: &challenge, origin: &origin, amount: None, now })
    };
    assert!(later(285).is_ok());
    assert!(later(286).unwrap_err().0.contains("too soon"));
    assert!(later(300).unwrap_err().0.contains("expired"));
    let misread = Offer { challenge: &challenge, origin: &origin, amount: Some(Amount::new(1)), now: now() };
    assert!(wallet(CHAINS).quote(&misread).unwrap_err().0.contains("differently"));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "tests of the step behind the policy")]
fn where_only_a_hash_is_taken_the_transaction_is_signed_to_be_sent() {
    let challenge = challenge(&charge(accepting(&[CredentialKind::Hash])));
    let reaching = || Arc::new(Chain { nonce: Some(7), ..Chain::default() });
    let unpriced = wallet("[chain.base]\nrpc = \"http://127.0.0.1:1\"\n").with_funds(reaching());
    assert!(why_not(&unpriced, &challenge).contains("native_price"));
    let wallet = wallet(CHAINS).with_funds(reaching());
    let quote = quote(&wallet, &challenge).unwrap();
    assert!(quote.sent_first && quote.fee > Amount::ZERO);
    let signed = at_once(wallet.sign(Approved::grant(quote))).unwrap();
    let raw = signed.to_send.unwrap();
    assert_eq!(transaction::read(&raw).unwrap().tx().nonce, 7);
    assert_eq!(Payload::read(signed.credential.payload()), Ok(Payload::Hash(keccak256(&raw))));
}
