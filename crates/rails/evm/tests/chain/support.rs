//! A seller on a chain, and payers to go with it.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use farthing_devnet::{Devnet, Options, Source};
use farthing_money::Amount;
use farthing_protocol::{JsonObject, Timestamp};
use farthing_rail::{
    Answer, Capture, Claim, ExpectedFee, Finality, Licence, Method, Order, PaymentId, Presented, Proof, ProofKey,
    Protocol, RecoverableSigner, Refusal, Settled, Settlement, Settler as _, SignError, Terms, Unpriceable,
};
use farthing_rail_evm::chain::{Token, by_code};
use farthing_rail_evm::rpc::Endpoints;
use farthing_rail_evm::settle::journal::Journal;
use farthing_rail_evm::settle::sender::{self, Clock, FeeBounds, Sender};
use farthing_rail_evm::settle::{ChainSettler, Rules, Settling, Sponsor, Till};
use farthing_rail_evm::{Account, Leg, Memo, Payment, Way};
use farthing_testing_rpc::faults::Faults;
use secp256k1::{Message, SECP256K1, SecretKey};

pub(crate) const CHAIN: u64 = 8453;
/// A cent.
pub(crate) const CENT: u128 = 10_000;
/// Blocks after which these tests call a block final.
pub(crate) const FINALITY: u64 = 3;
/// Enough gas money for thousands of transactions.
const PLENTY: u128 = 100_000_000_000_000_000_000;

/// A seller whose recipient is its signer, on a chain behind faults.
pub(crate) struct World {
    pub(crate) devnet: Devnet,
    pub(crate) faults: Faults,
    pub(crate) seller: Settling<Bare>,
    pub(crate) chain: Arc<ChainSettler>,
    pub(crate) journal: Journal,
    pub(crate) signer: Address,
    pub(crate) token: Token,
    payments: AtomicU64,
    folder: Arc<tempfile::TempDir>,
}

/// A method that only has terms: what settling needs of one.
#[derive(Debug)]
pub(crate) struct Bare(Terms);

pub(crate) struct Key(pub(crate) SecretKey);

impl World {
    pub(crate) async fn evm() -> Self {
        Self::evm_with(rules()).await
    }

    /// A chain without a clock of its own: it mines for transactions only.
    pub(crate) async fn evm_at_rest() -> Self {
        Self::evm_at_rest_with(rules()).await
    }

    pub(crate) async fn evm_at_rest_with(rules: Rules) -> Self {
        let options = Options { block_time: None, ..Options::evm(CHAIN, Source::of_this_process().unwrap()) };
        Self::on(Devnet::start(options).await.unwrap(), rules).await
    }

    pub(crate) async fn evm_with(rules: Rules) -> Self {
        let devnet = Devnet::start(Options::evm(CHAIN, Source::of_this_process().unwrap())).await.unwrap();
        Self::on(devnet, rules).await
    }

    /// A chain that poses as Base Sepolia, with what x402 needs.
    pub(crate) async fn base_sepolia() -> Self {
        Self::base_sepolia_with(rules()).await
    }

    pub(crate) async fn base_sepolia_with(rules: Rules) -> Self {
        let options = Options::base_sepolia(Source::of_this_process().unwrap());
        Self::on(Devnet::start(options).await.unwrap(), rules).await
    }

    /// A seller who takes these nodes for those of another chain.
    pub(crate) fn seller_for_chain(&self, chain: u64) -> Settling<Bare> {
        let token = Token { chain, ..self.token.clone() };
        seller(&token, self::chain(&[self.faults.url()], self.journal.clone(), &token, rules(), Licence::always()))
    }

    /// The same seller, who sends while this holds.
    pub(crate) fn seller_while(&self, licence: Licence) -> Settling<Bare> {
        seller(&self.token, self::chain(&[self.faults.url()], self.journal.clone(), &self.token, rules(), licence))
    }

    pub(crate) async fn tempo() -> Self {
        let devnet = Devnet::start(Options::tempo(Source::of_this_process().unwrap())).await.unwrap();
        Self::on(devnet, rules()).await
    }

    pub(crate) async fn on(devnet: Devnet, rules: Rules) -> Self {
        let faults = Faults::in_front_of(devnet.rpc()).await.unwrap();
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let journal = Journal::open(&folder.path().join("evm.db")).unwrap();
        let chain = devnet.chain_id();
        let asset = Token::asset(chain, devnet.token(), "USDC", 6).unwrap();
        let domain = Some(farthing_rail_evm::chain::SigningDomain { name: "Test USDC".into(), version: "1".into() });
        let currency = "USD".parse().unwrap();
        let of_tests = || Token { chain, contract: devnet.token(), asset, currency, domain };
        let on_file = by_code(chain, "USDC").filter(|token| token.contract == devnet.token());
        let token = on_file.unwrap_or_else(of_tests);
        let account = account(0);
        let signer = account.address();
        devnet.set_gas(signer, U256::from(PLENTY)).await.unwrap();
        let chain = self::chain(&[faults.url()], journal.clone(), &token, rules, Licence::always());
        let seller = seller(&token, Arc::clone(&chain));
        Self { devnet, faults, seller, chain, journal, signer, token, payments: AtomicU64::new(0), folder }
    }

    /// The seller's process ends and another begins, with the same journal.
    pub(crate) async fn restart(self) -> Self {
        let Self { devnet, faults, seller, chain, journal, signer, token, payments, folder } = self;
        drop((seller, chain));
        drop(journal);
        let path = folder.path().join("evm.db");
        let journal = loop {
            match Journal::open(&path) {
                Ok(journal) => break journal,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        let chain = self::chain(&[faults.url()], journal.clone(), &token, rules(), Licence::always());
        let seller = self::seller(&token, Arc::clone(&chain));
        Self { devnet, faults, seller, chain, journal, signer, token, payments, folder }
    }

    /// Talks to the node itself from here on, for what is measured.
    pub(crate) fn direct(self) -> Self {
        let urls = [self.devnet.rpc().to_owned()];
        self.asking(&urls)
    }

    fn asking(mut self, urls: &[String]) -> Self {
        self.chain = chain(urls, self.journal.clone(), &self.token, rules(), Licence::always());
        self.seller = seller(&self.token, Arc::clone(&self.chain));
        self
    }

    /// Asks the node itself too, from here on, and believes what both say.
    pub(crate) fn with_a_second_opinion(self) -> Self {
        let urls = [self.devnet.rpc().to_owned(), self.faults.url()];
        self.asking(&urls)
    }

    /// A claim on a payment that is kept as it would be in the books.
    pub(crate) fn claim(&self, payment: &Payment) -> Claim {
        let number = self.payments.fetch_add(1, Ordering::Relaxed);
        let units = payment.legs.iter().fold(U256::ZERO, |sum, leg| sum + leg.amount);
        let proof = Proof {
            key: ProofKey::new(format!("eip155:{CHAIN}/test/{number}")),
            payer: payment
                .payer
                .map(|payer| farthing_rail::PayerId::new(format!("did:pkh:eip155:{}:{payer}", payment.chain))),
            amount: Amount::new(units.to()),
            asset: self.token.asset.clone(),
            kept: serde_json::to_vec(payment).unwrap(),
        };
        Claim { payment: PaymentId::from_bytes(u128::from(number).to_be_bytes()), proof, claimed_at: now() }
    }

    /// An authorization of so much from one of the chain's accounts to the seller, good for so long.
    pub(crate) async fn authorization(&self, payer: usize, value: u128, valid_for: u64) -> Payment {
        self.authorization_from(account(payer).address(), payer, value, valid_for).await
    }

    /// The same from any account, signed by one of the chain's.
    pub(crate) async fn authorization_from(&self, from: Address, by: usize, value: u128, valid_for: u64) -> Payment {
        let to = self.signer;
        let (valid_after, valid_before) = (U256::ZERO, U256::from(seconds() + valid_for));
        let nonce = fresh();
        let value = U256::from(value);
        let typed = keccak256(
            "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 \
             validBefore,bytes32 nonce)",
        );
        let words = [from.into_word(), to.into_word(), value.into(), valid_after.into(), valid_before.into(), nonce];
        let signature = self.sign(by, typed, &words).await;
        let way =
            Way::Authorization { from, to, value, valid_after, valid_before, nonce, signature, by_contract: false };
        let legs = vec![Leg { recipient: to, amount: value, memo: Memo::Any }];
        Payment { chain: self.token.chain, token: self.token.contract, payer: Some(from), legs, way }
    }

    /// EIP-712: the struct of this type with these words, signed for the token.
    pub(crate) async fn sign(&self, payer: usize, typed: B256, words: &[B256]) -> Bytes {
        let body = [&[typed], words].concat().concat();
        let separator = self.token.separator().unwrap();
        let message = [&[0x19, 0x01], separator.as_slice(), keccak256(body).as_slice()].concat();
        account(payer).sign(&message).await.unwrap()
    }

    pub(crate) async fn settle(&self, claim: &Claim) -> Settlement {
        tokio::time::timeout(Duration::from_secs(60), self.seller.settle(claim)).await.expect("settling hangs")
    }

    /// Looks a payment up until the chain says what became of it.
    pub(crate) async fn resolve(&self, claim: &Claim) -> Settlement {
        for _ in 0..150 {
            match self.seller.lookup(claim).await {
                Settlement::Unknown(unknown) => tracing::debug!(reason = unknown.reason, "still unknown"),
                settlement => return settlement,
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("nothing is known: {:?}", self.seller.lookup(claim).await);
    }

    /// Base units of the token. Anvil gives Tempo's accounts all that 64 bits can count, so more is wider.
    pub(crate) async fn has(&self, account: Address) -> u128 {
        self.devnet.balance(account).await.unwrap().to()
    }

    /// How many transactions of the signer are included.
    pub(crate) async fn included(&self) -> u64 {
        let parameters = serde_json::json!([self.signer, "latest"]);
        let count: U256 = self.devnet.node().request("eth_getTransactionCount", parameters).await.unwrap();
        count.to()
    }
}

impl Method for Bare {
    fn terms(&self) -> &Terms {
        &self.0
    }

    fn request(&self, _: &Order) -> Result<JsonObject, Unpriceable> {
        Err(Unpriceable("it only settles".to_owned()))
    }

    fn verify(&self, _: &Presented<'_>) -> Result<Proof, Refusal> {
        Err(Refusal::new(farthing_protocol::ProblemType::VerificationFailed, "it only settles"))
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

pub(crate) fn rules() -> Rules {
    Rules { finality: FINALITY, patience: Duration::from_secs(3), unseen: Duration::from_secs(2), ..Rules::default() }
}

fn chain(urls: &[String], journal: Journal, token: &Token, rules: Rules, licence: Licence) -> Arc<ChainSettler> {
    let endpoints = endpoints(urls, urls.len());
    let clock: Clock = Arc::new(now);
    let account = account(0);
    let around = sender::Surroundings {
        chain: token.chain,
        journal: journal.clone(),
        now: Arc::clone(&clock),
        licence,
        terms: sender::Terms {
            endpoints: endpoints.clone(),
            fees: FeeBounds::default(),
            finality: rules.finality,
            resend_after: Duration::from_secs(1),
        },
    };
    let sender = Sender::new(account.clone(), around);
    let policy = farthing_rail_evm::tempo::SponsorPolicy::for_chain(token.chain, token.contract);
    let sponsor = Sponsor { account, fee_token: token.contract, policy };
    let chain = ChainSettler::new(token.chain, endpoints, journal, rules, clock);
    Arc::new(chain.with_sender(sender).with_sponsor(sponsor))
}

fn seller(token: &Token, chain: Arc<ChainSettler>) -> Settling<Bare> {
    let till = Till { recipient: chain.signer().unwrap() };
    let terms = Terms {
        method: farthing_protocol::MethodName::new("evm").unwrap(),
        intent: farthing_protocol::IntentName::new("charge").unwrap(),
        asset: token.asset.clone(),
        floor: Amount::new(1),
        fee: ExpectedFee::NONE,
        finality: Finality::After(Duration::from_secs(3)),
        refundable: true,
        validity: Duration::from_secs(60),
        protocol: Protocol::Payment,
        capture: Capture::Whole,
    };
    Settling::new(Bare(terms), chain, till)
}

pub(crate) fn endpoints(urls: &[String], quorum: usize) -> Endpoints {
    Endpoints::new(reqwest::Client::new(), urls, quorum, Duration::from_secs(2)).unwrap()
}

/// One of the accounts that the chain has given money.
pub(crate) fn account(number: usize) -> Account {
    let key = farthing_devnet::ACCOUNTS[number].publicly_known_key;
    Account::new(Arc::new(Key(SecretKey::from_byte_array(key.0).unwrap())))
}

#[allow(clippy::disallowed_methods)] // a test has nobody who hands it a clock
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp::from_unix_millis(i64::try_from(since.as_millis()).unwrap())
}

pub(crate) fn seconds() -> u64 {
    u64::try_from(now().unix_millis() / 1000).unwrap()
}

/// A nonce that no other test uses.
pub(crate) fn fresh() -> B256 {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    keccak256(format!("{:?}/{}", now(), COUNT.fetch_add(1, Ordering::Relaxed)))
}

#[track_caller]
pub(crate) fn settled(settlement: Settlement) -> Settled {
    match settlement {
        Settlement::Settled(settled) => settled,
        other => panic!("not settled: {other:?}"),
    }
}

/// The detail that a payer is told.
#[track_caller]
pub(crate) fn refusal(settlement: Settlement) -> String {
    match settlement {
        Settlement::Rejected(rejected) => rejected.refusal.detail,
        other => panic!("not rejected: {other:?}"),
    }
}

/// Different movements, one for each payment.
#[track_caller]
pub(crate) fn assert_distinct(settlements: &[Settled]) {
    let keys: HashSet<_> = settlements.iter().flat_map(|settled| &settled.consumed).collect();
    assert_eq!(keys.len(), settlements.len());
}
