//! A payer on a chain, and a seller that does what a payer's bytes say and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use alloy_primitives::{Address, Bytes, U256, keccak256};
use farthing_devnet::Devnet;
use farthing_money::Amount;
use farthing_protocol::{
    Binder, BindingSecret, Challenge, ChallengeTemplate, Credential, EncodedObject, IntentName, MethodName, Realm,
    Timestamp,
};
use farthing_rail::{
    Answer, Approved, Channel, ChannelPurpose, ChannelStanding, Deposit, Offer, OpenedChannel, Origin, Reclaim,
    RecoverableSigner, Sent, SessionPayer, SessionQuote, SignError, VoucherQuote,
};
use farthing_rail_evm::Account;
use farthing_rail_evm::buyer::{Chains, Purse};
use farthing_rail_evm::session::{ChannelTerms, Randomness, SessionPayload, Vault, VoucherPayload};
use secp256k1::{Message, SECP256K1, SecretKey};
use serde_json::Value;

/// What a unit costs.
pub(crate) const UNIT: u128 = 1_000;
/// What is deposited.
pub(crate) const DEPOSIT: u128 = 50_000;

/// Of the chain's accounts, the one that pays, the one that is paid, and others.
pub(crate) const PAYER: usize = 1;
pub(crate) const PAYEE: usize = 2;
pub(crate) const SPONSOR: usize = 3;
pub(crate) const OPERATOR: usize = 4;

/// A chain, its owner's nodes, and a clock that goes with the chain's.
pub(crate) struct Stage {
    pub(crate) devnet: Devnet,
    pub(crate) chains: Chains,
    pub(crate) purse: Arc<Purse>,
    ahead: Arc<AtomicU64>,
}

struct Key(SecretKey);

impl Stage {
    /// On this chain, with what its owner says of it beside its number and node.
    pub(crate) fn on(devnet: Devnet, said: &str) -> Self {
        let text = format!("[chain.mine]\nchain = {}\nrpc = \"{}\"\n{said}", devnet.chain_id(), devnet.rpc());
        let chains = Chains::parse(&text).unwrap();
        let purse = Arc::new(Purse::new(&chains, &reqwest::Client::new()).unwrap());
        Self { devnet, chains, purse, ahead: Arc::default() }
    }

    pub(crate) fn clock(&self) -> Arc<dyn Fn() -> Timestamp + Send + Sync> {
        let ahead = Arc::clone(&self.ahead);
        Arc::new(move || now().after(Duration::from_secs(ahead.load(Ordering::SeqCst))))
    }

    /// Lets so much time pass, here and on the chain.
    pub(crate) async fn wait(&self, time: Duration) {
        self.devnet.warp(time).await.unwrap();
        self.ahead.fetch_add(time.as_secs(), Ordering::SeqCst);
    }

    /// The challenge of this request, which lives for five minutes.
    pub(crate) fn challenge(&self, method: &str, request: &Value) -> Challenge {
        let realm = Realm::new("api.example.com").unwrap();
        let (method, intent) = (MethodName::new(method).unwrap(), IntentName::new("session").unwrap());
        let request = EncodedObject::encode(request.as_object().unwrap()).unwrap();
        let template = ChallengeTemplate::new(&realm, &method, &intent, &request, None).unwrap();
        let binder = Binder::new(BindingSecret::new(&[0x24; 32]).unwrap(), None);
        let mut header = String::new();
        let expires = (self.clock())().after(Duration::from_secs(300));
        template.issue(&binder, &expires.to_rfc3339(), None, "e30", &mut header);
        Challenge::parse_all([header.as_bytes()]).remove(0).unwrap()
    }

    pub(crate) fn quoted(&self, payer: &dyn SessionPayer, request: &Value) -> SessionQuote {
        let challenge = self.challenge(payer.pays().0, request);
        payer.quote(&Offer { challenge: &challenge, origin: &origin(), amount: None, now: (self.clock())() }).unwrap()
    }

    pub(crate) fn deposit(&self, payer: &dyn SessionPayer, request: &Value, amount: u128) -> Deposit {
        let quote = self.quoted(payer, request);
        payer.deposit(&quote, Amount::new(amount), Amount::new(UNIT)).unwrap()
    }

    pub(crate) async fn opened(&self, payer: &dyn SessionPayer, request: &Value) -> OpenedChannel {
        payer.open(approved(self.deposit(payer, request, DEPOSIT))).await.unwrap()
    }

    pub(crate) async fn topped_up(
        &self,
        payer: &dyn SessionPayer,
        request: &Value,
        channel: &Channel,
        additional: u128,
    ) -> OpenedChannel {
        payer.top_up(channel, approved(self.deposit(payer, request, additional))).await.unwrap()
    }

    /// A voucher for this total, as it is presented.
    pub(crate) async fn voucher(
        &self,
        payer: &dyn SessionPayer,
        request: &Value,
        channel: &Channel,
        total: u128,
        closes: bool,
    ) -> VoucherPayload {
        let quote = VoucherQuote {
            challenge: self.challenge(payer.pays().0, request),
            origin: origin(),
            cumulative: Amount::new(total),
            cost: "0.001 USD".parse().unwrap(),
            closes,
        };
        let credential = payer.voucher(channel, approved(quote)).await.unwrap();
        match SessionPayload::read(credential.payload()).unwrap() {
            SessionPayload::Voucher(voucher) if !closes => voucher,
            SessionPayload::Close { voucher, .. } if closes => voucher,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn standing(&self, payer: &dyn SessionPayer, channel: &Channel) -> ChannelStanding {
        payer.standing(channel, ChannelPurpose::Use).await.unwrap().unwrap()
    }

    /// Says something to a contract in the name of one of the chain's accounts.
    pub(crate) async fn say(&self, from: usize, to: Address, data: Bytes) {
        self.devnet.node().send(address(from), Some(to), data).await.unwrap();
    }

    /// Settles a voucher in the name of an account.
    pub(crate) async fn settle(&self, from: usize, vault: &Vault, terms: &ChannelTerms, voucher: &VoucherPayload) {
        let data = vault.settle(terms, voucher.cumulative, voucher.signature.clone());
        self.say(from, vault.contract, data).await;
    }

    /// Closes with a voucher in the name of its payee.
    pub(crate) async fn close(&self, vault: &Vault, terms: &ChannelTerms, voucher: &VoucherPayload) {
        let total = voucher.cumulative;
        self.say(PAYEE, vault.contract, vault.close(terms, total, total, voucher.signature.clone())).await;
    }

    /// Sends signed bytes; how much gas they took.
    pub(crate) async fn include(&self, raw: &[u8]) -> u64 {
        let raw = Bytes::copy_from_slice(raw);
        let sent: Value =
            self.devnet.node().request("eth_sendRawTransactionSync", serde_json::json!([raw])).await.unwrap();
        assert_eq!(sent["status"], "0x1", "{sent}");
        let used: U256 = serde_json::from_value(sent["gasUsed"].clone()).unwrap();
        used.to()
    }

    pub(crate) async fn has(&self, account: usize) -> u128 {
        self.devnet.balance(address(account)).await.unwrap().to()
    }
}

impl RecoverableSigner for Key {
    fn public_key(&self) -> [u8; 64] {
        self.0.public_key(SECP256K1).serialize_uncompressed()[1..].try_into().unwrap()
    }

    fn sign_keccak<'a>(&'a self, message: &'a [u8]) -> Answer<'a, Result<[u8; 65], SignError>> {
        let digest = Message::from_digest(keccak256(message).0);
        let (id, compact) = SECP256K1.sign_ecdsa_recoverable(digest, &self.0).serialize_compact();
        let mut signature = [0; 65];
        signature[..64].copy_from_slice(&compact);
        signature[64] = u8::try_from(i32::from(id)).unwrap();
        Box::pin(std::future::ready(Ok(signature)))
    }
}

/// One of the accounts that the chain has given money.
pub(crate) fn account(number: usize) -> Account {
    let key = farthing_devnet::ACCOUNTS[number].publicly_known_key;
    Account::new(Arc::new(Key(SecretKey::from_byte_array(key.0).unwrap())))
}

pub(crate) fn address(number: usize) -> Address {
    farthing_devnet::ACCOUNTS[number].address
}

/// Salts that no other channel has.
pub(crate) fn random() -> Randomness {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    Arc::new(|| Some(keccak256(format!("{:?}/{}", now(), COUNT.fetch_add(1, Ordering::SeqCst))).0))
}

/// Approves without a policy, to get at the signature.
#[expect(clippy::disallowed_methods, reason = "tests of the step behind the policy")]
pub(crate) fn approved<T>(subject: T) -> Approved<T> {
    Approved::grant(subject)
}

pub(crate) async fn reclaim(payer: &dyn SessionPayer, channel: &Channel, step: Reclaim) -> Sent {
    payer.reclaim(channel, step, approved(step)).await
}

pub(crate) fn payload(credential: &Credential) -> SessionPayload {
    SessionPayload::read(credential.payload()).unwrap()
}

fn origin() -> Origin {
    "https://api.example.com".parse().unwrap()
}

#[allow(clippy::disallowed_methods)] // a test has nobody who hands it a clock
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp::from_unix_millis(i64::try_from(since.as_millis()).unwrap())
}
