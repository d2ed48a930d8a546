//! A seller without a signer, a chain, and a facilitator that is a double.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::{Eip712Domain, SolCall as _, SolStruct as _, sol};
use farthing_devnet::{ACCOUNTS, DevelopmentAccount, Devnet, Options, Source, base_sepolia};
use farthing_dialects::x402::Requirements;
use farthing_protocol::{ChallengeId, ChargeRequest, Credential, Realm, Timestamp};
use farthing_rail::{Acceptor, Claim, Order, PaymentId, Presented, Settler};
use farthing_rail_evm::{Place, Seller};
use farthing_testing_rpc::facilitator::{Line, Scripted};
use farthing_testing_rpc::faults::Faults;
use secp256k1::{Message, SECP256K1, SecretKey};
use serde_json::{Value, json};
use tempfile::TempDir;
use zeroize::Zeroizing;

pub(crate) const PAYER: DevelopmentAccount = ACCOUNTS[2];
pub(crate) const PAYEE: Address = ACCOUNTS[3].address;
const STRANGER: Address = ACCOUNTS[5].address;
pub(crate) const NETWORK: &str = "eip155:84532";
/// What the facilitator is shown.
pub(crate) const SECRET: &str = "Bearer the secret of the shop";

sol! {
    struct TransferWithAuthorization {
        address from;
        address to;
        uint256 value;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }

    function transferWithAuthorization(
        address from, address to, uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce, bytes signature
    );
    function cancelAuthorization(address authorizer, bytes32 nonce, uint8 v, bytes32 r, bytes32 s);
}

pub(crate) struct Stage {
    pub(crate) chain: Devnet,
    pub(crate) node: Faults,
    pub(crate) facilitator: Scripted,
    pub(crate) seller: Arc<dyn Settler>,
    _folder: TempDir,
}

/// A payment that was claimed.
pub(crate) struct Bought {
    pub(crate) claim: Claim,
    message: TransferWithAuthorization,
    signature: Bytes,
}

impl Stage {
    /// A facilitator that answers with these lines, and says that it settles this.
    pub(crate) async fn new(lines: Vec<Line>) -> Self {
        let stage = Self::unready(lines, |_| ()).await;
        stage.becomes_ready().await;
        stage
    }

    /// The same before it has said anything.
    pub(crate) async fn unready(lines: Vec<Line>, prepare: impl FnOnce(&Scripted)) -> Self {
        let chain = Devnet::start(Options::base_sepolia(Source::of_this_process().unwrap())).await.unwrap();
        let node = Faults::in_front_of(chain.rpc()).await.unwrap();
        let facilitator = Scripted::new(NETWORK, lines).await.unwrap();
        prepare(&facilitator);
        let folder = tempfile::tempdir().unwrap();
        let seller = seller(folder.path(), &facilitator.url(), &node.url()).unwrap();
        Self { chain, node, facilitator, seller, _folder: folder }
    }

    pub(crate) async fn becomes_ready(&self) {
        for _ in 0..200 {
            if self.seller.readiness().is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("never ready: {:?}", self.seller.readiness());
    }

    /// A payment that its bytes speak for, on its way to being settled.
    pub(crate) async fn buy(&self, nonce: &str) -> Bought {
        let order = Order { price: "0.01 USD".parse().unwrap(), description: None, external_id: None };
        let request = ChargeRequest::from_object(&self.seller.request(&order).unwrap()).unwrap();
        let asked = Requirements::from_request("exact", &request).unwrap();
        let seconds = u64::try_from(now().unix_millis() / 1000).unwrap();
        let message = TransferWithAuthorization {
            from: PAYER.address,
            to: PAYEE,
            value: U256::from(asked.amount.units()),
            validAfter: U256::ZERO,
            validBefore: U256::from(seconds + asked.max_timeout_seconds),
            nonce: keccak256(nonce),
        };
        let signature = sign(message.eip712_signing_hash(&domain()));
        let payload = json!({
            "signature": signature.to_string(),
            "authorization": {
                "from": message.from.to_string(), "to": message.to.to_string(), "value": message.value.to_string(),
                "validAfter": "0", "validBefore": message.validBefore.to_string(), "nonce": message.nonce.to_string(),
            },
        });
        let (id, realm) = (ChallengeId::read(nonce).unwrap(), Realm::read("shop.example").unwrap());
        let challenge = asked.to_challenge(id, &realm, None, None).unwrap();
        let payment = PaymentId::answering(&challenge);
        let credential = Credential::new(challenge, payload.as_object().unwrap().clone(), None);
        let presented = Presented { credential: &credential, request: &request, now: now() };
        let proof = self.seller.verify(&presented).unwrap();
        Bought { claim: Claim { payment, proof, claimed_at: now() }, message, signature }
    }

    /// The facilitator, or anybody, brings the payment into a block; the transaction.
    pub(crate) async fn submit(&self, bought: &Bought) -> String {
        let TransferWithAuthorization { from, to, value, validAfter, validBefore, nonce } = bought.message.clone();
        let signature = bought.signature.clone();
        let call = transferWithAuthorizationCall { from, to, value, validAfter, validBefore, nonce, signature };
        self.send(STRANGER, call.abi_encode()).await
    }

    /// A transaction that pays nothing of this.
    pub(crate) async fn another_transaction(&self) -> String {
        self.submit(&self.buy("another").await).await
    }

    async fn send(&self, from: Address, call: Vec<u8>) -> String {
        let receipt = self.chain.node().send(from, Some(self.chain.token()), call).await.unwrap();
        receipt["transactionHash"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn got(&self) -> U256 {
        self.chain.balance(PAYEE).await.unwrap()
    }
}

/// What an honest facilitator says of a transaction.
pub(crate) fn settled(transaction: &str) -> Value {
    json!({ "success": true, "payer": PAYER.address.to_string(), "transaction": transaction, "network": NETWORK })
}

pub(crate) fn seller(folder: &Path, facilitator: &str, node: &str) -> Result<Arc<dyn Settler>, String> {
    Ok(sellers(folder, facilitator, node, "eip3009")?.remove(0))
}

/// One for each scheme of a table that moves the token in this way.
pub(crate) fn sellers(
    folder: &Path,
    facilitator: &str,
    node: &str,
    transfer: &str,
) -> Result<Vec<Arc<dyn Settler>>, String> {
    let text = format!(
        "facilitator = \"{facilitator}\"\nrpc = \"{node}\"\nchain = 84532\nrecipient = \"{PAYEE}\"\nasset = \"USDC\"\n\
         transfer = \"{transfer}\"\nconfirmations = 1\nfinality = 12\nheaders = {{ authorization = {{ env = \"SHOP\" }} }}\n"
    );
    let keys = |_: &toml::Value| Err("there is no signer here".to_owned());
    let secrets = |_: &toml::Table, _: &str| Ok(Zeroizing::new(SECRET.to_owned()));
    let place = Place { data: folder, keys: &keys, secrets: &secrets, licence: &farthing_rail::Licence::always() };
    let acceptors = Seller::new(Arc::new(now)).acceptors("x402", "shop", &text.parse().unwrap(), &place)?;
    let settler = |acceptor| match acceptor {
        Acceptor::External(settler) => settler,
        _ => panic!("the money is on a chain"),
    };
    Ok(acceptors.into_iter().map(settler).collect())
}

fn domain() -> Eip712Domain {
    let chain = Some(U256::from(base_sepolia::CHAIN_ID));
    Eip712Domain::new(Some("USDC".into()), Some("2".into()), chain, Some(base_sepolia::USDC), None)
}

pub(crate) fn sign(digest: B256) -> Bytes {
    let key = SecretKey::from_byte_array(PAYER.publicly_known_key.0).unwrap();
    let signature = SECP256K1.sign_ecdsa_recoverable(Message::from_digest(digest.0), &key);
    let (recovery, compact) = signature.serialize_compact();
    let mut bytes = compact.to_vec();
    bytes.push(27 + u8::try_from(i32::from(recovery)).unwrap());
    bytes.into()
}

#[allow(clippy::disallowed_methods)] // a test has nobody who hands it a clock
pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp::from_unix_millis(i64::try_from(since.as_millis()).unwrap())
}
