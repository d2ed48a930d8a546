//! What our payer signs, our seller accepts, and a Tempo chain does: gas included.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "test code, helpers of the tests included, behind the policy and with a clock of its own"
)]

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use farthing_devnet::{Devnet, Options, Source};
use farthing_money::Amount;
use farthing_protocol::{
    Binder, BindingSecret, Challenge, ChallengeTemplate, ChargeRequest, Credential, EncodedObject, IntentName,
    MethodName, Realm, Timestamp,
};
use farthing_rail::{
    Answer, Approved, Claim, Method as _, Offer, Order, Payer as _, PaymentId, Presented, Proof, RecoverableSigner,
    Settlement, Settler as _, SignError,
};
use farthing_rail_evm::buyer::Funds;
use farthing_rail_evm::log::{Log, satisfy};
use farthing_rail_evm::rpc::Endpoints;
use farthing_rail_evm::settle::journal::Journal;
use farthing_rail_evm::settle::{ChainSettler, Rules, Settling, Till};
use farthing_rail_evm::tempo::{
    AccessKey, Grant, Limit, PayingKey, Share, SponsorPolicy, TempoCharge, TempoPayer, TempoSettings, cosign,
};
use farthing_rail_evm::{Account, Payment, Way, chain};
use secp256k1::{Message, SECP256K1, SecretKey};
use serde_json::{Value, json};

const SELLER: Address = Address::repeat_byte(0x5e);

struct Key(SecretKey);

impl RecoverableSigner for Key {
    fn public_key(&self) -> [u8; 64] {
        self.0.public_key(SECP256K1).serialize_uncompressed()[1..].try_into().unwrap()
    }

    fn sign_keccak<'a>(&'a self, message: &'a [u8]) -> Answer<'a, Result<[u8; 65], SignError>> {
        let digest = Message::from_digest(keccak256(message).0);
        let (id, compact) = SECP256K1.sign_ecdsa_recoverable(digest, &self.0).serialize_compact();
        let id = u8::try_from(i32::from(id)).unwrap();
        Box::pin(std::future::ready(Ok([compact.as_slice(), &[id]].concat().try_into().unwrap())))
    }
}

fn account(key: B256) -> Account {
    Account::new(Arc::new(Key(SecretKey::from_byte_array(key.0).unwrap())))
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_unix_millis(i64::try_from(since.as_millis()).unwrap())
}

/// A chain, and a payer on it who has five dollars.
struct World {
    chain: Devnet,
    payer: Account,
}

/// What a payment did.
struct Done {
    gas_used: u64,
    gas_limit: u64,
    fee: Amount,
}

impl World {
    async fn start() -> Self {
        let chain = Devnet::start(Options::tempo(Source::of_this_process().unwrap())).await.unwrap();
        let payer = account(B256::repeat_byte(0x77));
        chain.fund(payer.address(), U256::from(5_000_000)).await.unwrap();
        Self { chain, payer }
    }

    fn seller(&self, change: impl FnOnce(&mut TempoSettings)) -> TempoCharge {
        let token = chain::token(self.chain.chain_id(), self.chain.token()).unwrap();
        let mut settings = TempoSettings::new(token, SELLER);
        change(&mut settings);
        TempoCharge::new(settings).unwrap()
    }

    fn paying(key: PayingKey) -> TempoPayer {
        TempoPayer::new(key, Arc::default(), Arc::new(now))
    }

    async fn has(&self, who: Address) -> u64 {
        self.chain.balance(who).await.unwrap().to()
    }

    /// Takes a credential as a gateway would.
    async fn settle(&self, seller: TempoCharge, credential: &Credential) -> Settlement {
        let proof = proven(&seller, credential);
        let claim = Claim { payment: PaymentId::from_bytes([1; 16]), proof, claimed_at: now() };
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::at(folder.path().join("evm.db"));
        let urls = [self.chain.rpc().to_owned()];
        let endpoints = Endpoints::new(reqwest::Client::new(), &urls, 1, Duration::from_secs(5)).unwrap();
        let chain = ChainSettler::new(self.chain.chain_id(), endpoints, journal, Rules::default(), Arc::new(now));
        Settling::new(seller, Arc::new(chain), Till { recipient: SELLER }).settle(&claim).await
    }

    /// Asks, signs, verifies, co-signs where asked to, sends, and reads the receipt.
    async fn pay(&self, payer: &TempoPayer, seller: &TempoCharge, price: &str) -> Done {
        let challenge = challenge(seller, price);
        let origin = "https://api.example.com".parse().unwrap();
        let offer = Offer { challenge: &challenge, origin: &origin, amount: None, now: now() };
        let quote = payer.quote(&offer).unwrap();
        let fee = quote.fee;
        let credential = payer.sign(Approved::grant(quote)).await.unwrap().credential;
        let payment = verified(seller, &credential);
        let raw: Bytes = match &payment.way {
            Way::Transaction { raw, .. } => raw.clone(),
            Way::Sponsored { raw, .. } => {
                let sponsor = account(self.chain.accounts()[2].publicly_known_key);
                cosign(raw, &sponsor, self.chain.token()).await.unwrap().raw.into()
            }
            other => panic!("{other:?}"),
        };
        let receipt: Value = self.chain.node().request("eth_sendRawTransactionSync", json!([raw])).await.unwrap();
        assert_eq!(receipt["status"], "0x1", "{receipt}");
        if let Way::Transaction { hash, .. } = payment.way {
            assert_eq!(receipt["transactionHash"], json!(hash));
        }
        assert_eq!(satisfy(&payment, &logs(&receipt)).unwrap().len(), payment.legs.len());
        let sent: Value =
            self.chain.node().request("eth_getTransactionByHash", json!([receipt["transactionHash"]])).await.unwrap();
        Done { gas_used: number(&receipt["gasUsed"]), gas_limit: number(&sent["gas"]), fee }
    }
}

fn challenge(seller: &TempoCharge, price: &str) -> Challenge {
    let order = Order { price: price.parse().unwrap(), description: None, external_id: None };
    let request = EncodedObject::encode(&seller.request(&order).unwrap()).unwrap();
    let (realm, method) = (Realm::new("api.example.com").unwrap(), MethodName::read("tempo").unwrap());
    let intent = IntentName::new("charge").unwrap();
    let template = ChallengeTemplate::new(&realm, &method, &intent, &request, None).unwrap();
    let binder = Binder::new(BindingSecret::new(&[0x24; 32]).unwrap(), None);
    let mut header = String::new();
    template.issue(&binder, &now().after(Duration::from_secs(300)).to_rfc3339(), None, "e30", &mut header);
    Challenge::parse_all([header.as_bytes()]).remove(0).unwrap()
}

fn proven(seller: &TempoCharge, credential: &Credential) -> Proof {
    let request = ChargeRequest::from_object(&credential.challenge().request().decode().unwrap()).unwrap();
    seller.verify(&Presented { credential, request: &request, now: now() }).unwrap()
}

fn verified(seller: &TempoCharge, credential: &Credential) -> Payment {
    serde_json::from_slice(&proven(seller, credential).kept).unwrap()
}

fn logs(receipt: &Value) -> Vec<Log> {
    let read = |log: &Value| Log {
        address: log["address"].as_str().unwrap().parse().unwrap(),
        topics: log["topics"]
            .as_array()
            .unwrap()
            .iter()
            .map(|topic| topic.as_str().unwrap().parse().unwrap())
            .collect(),
        data: log["data"].as_str().unwrap().parse().unwrap(),
    };
    receipt["logs"].as_array().unwrap().iter().map(read).collect()
}

fn number(value: &Value) -> u64 {
    u64::from_str_radix(value.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}

/// What a payment costs is within what was quoted, with room to spare.
fn check_gas(what: &str, done: &Done) {
    assert!(done.gas_used * 5 <= done.gas_limit * 4, "{what}: {} of {}", done.gas_used, done.gas_limit);
}

#[tokio::test]
async fn a_payer_pays_the_price_and_no_more_than_the_quoted_fee() {
    let world = World::start().await;
    let payer = World::paying(PayingKey::Own(world.payer.clone()));
    let done = world.pay(&payer, &world.seller(|_| {}), "1 USD").await;
    check_gas("the first payment to somebody", &done);
    assert_eq!(world.has(SELLER).await, 1_000_000);
    let left = world.has(world.payer.address()).await;
    assert!(left < 4_000_000 && u128::from(4_000_000 - left) <= done.fee.units(), "{left} left");

    let shared = world.seller(|settings| {
        let share = |byte| Share { recipient: Address::repeat_byte(byte), per_million: 10_000, memo: None };
        settings.shares = (1..=3).map(share).collect();
    });
    check_gas("a payment with three splits", &world.pay(&payer, &shared, "0.1 USD").await);
    assert_eq!(world.has(Address::repeat_byte(3)).await, 1_000);
}

#[tokio::test]
async fn a_sponsored_payer_needs_no_more_than_the_price() {
    let world = World::start().await;
    let sponsor = world.chain.accounts()[2].address;
    let before = world.has(sponsor).await;
    let (id, token) = (world.chain.chain_id(), world.chain.token());
    let seller = world.seller(|settings| settings.sponsor = Some(SponsorPolicy::for_chain(id, token)));
    let payer = World::paying(PayingKey::Own(world.payer.clone()));
    let done = world.pay(&payer, &seller, "5 USD").await;
    check_gas("a sponsored payment", &done);
    assert_eq!((world.has(world.payer.address()).await, done.fee), (0, Amount::ZERO));
    assert_eq!(world.has(SELLER).await, 5_000_000);
    assert!(world.has(sponsor).await < before, "the sponsor paid the fee");
}

/// What the chain is asked about an access key, answered from memory.
struct Knows(bool);

impl Funds for Knows {
    fn of_token<'a>(&'a self, _: u64, _: Address, _: Address) -> Answer<'a, Option<U256>> {
        Box::pin(std::future::ready(None))
    }

    fn of_coin<'a>(&'a self, _: u64, _: Address) -> Answer<'a, Option<U256>> {
        Box::pin(std::future::ready(None))
    }

    fn has_access_key<'a>(&'a self, _: u64, _: Address, _: Address) -> Answer<'a, Option<bool>> {
        Box::pin(std::future::ready(Some(self.0)))
    }
}

#[tokio::test]
async fn a_delegated_key_pays_within_its_limits() {
    let world = World::start().await;
    let key = account(B256::repeat_byte(0x33));
    let grant = Grant {
        chain: world.chain.chain_id(),
        key: key.address(),
        expires: now().after(Duration::from_secs(3600)),
        limits: vec![Limit { token: world.chain.token(), amount: Amount::new(2_500_000), period: None }],
        recipients: vec![SELLER],
    };
    let grant = grant.sign(&world.payer).await.unwrap();
    let key = AccessKey::new(world.payer.address(), key, grant).unwrap();
    let payer = World::paying(PayingKey::Delegated(Box::new(key)));
    let seller = world.seller(|_| {});
    let first = world.pay(&payer.clone().with_funds(Arc::new(Knows(false))), &seller, "1 USD").await;
    check_gas("the payment that brings the grant", &first);
    let known = payer.with_funds(Arc::new(Knows(true)));
    check_gas("the next payment", &world.pay(&known, &seller, "1 USD").await);
    assert_eq!(world.has(SELLER).await, 2_000_000);

    let challenge = challenge(&seller, "1 USD");
    let origin = "https://api.example.com".parse().unwrap();
    let offer = Offer { challenge: &challenge, origin: &origin, amount: None, now: now() };
    let credential = known.sign(Approved::grant(known.quote(&offer).unwrap())).await.unwrap().credential;
    let before = world.has(world.payer.address()).await;
    let settlement = world.settle(seller.clone(), &credential).await;
    let Settlement::Rejected(rejected) = settlement else { panic!("{settlement:?}") };
    assert!(rejected.reason.contains("more base units and the payment is 1000000"), "{}", rejected.reason);
    assert_eq!(world.has(world.payer.address()).await, before, "not even a fee is lost");
    let within = self::challenge(&seller, "0.3 USD");
    let offer = Offer { challenge: &within, origin: &origin, amount: None, now: now() };
    let paid = known.sign(Approved::grant(known.quote(&offer).unwrap())).await.unwrap().credential;
    let settlement = world.settle(seller.clone(), &paid).await;
    assert!(matches!(settlement, Settlement::Settled(_)), "{settlement:?}");

    let Way::Transaction { raw, .. } = verified(&seller, &credential).way else { panic!("a transaction") };
    let beyond = world.chain.node().request::<Value>("eth_sendRawTransactionSync", json!([raw])).await;
    assert!(beyond.is_err() || beyond.unwrap()["status"] == "0x0", "the chain keeps to the limit");
    assert_eq!(world.has(SELLER).await, 2_300_000);
}
