//! A seller of `upto` without a signer, and payers who permit it.

use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::{Address, Bytes, U256, keccak256};
use alloy_sol_types::{SolCall as _, sol};
use farthing_devnet::{ACCOUNTS, Devnet, Options, PERMIT2, Source, base_sepolia};
use farthing_dialects::x402::Requirements;
use farthing_protocol::{ChallengeId, ChargeRequest, Credential, Realm};
use farthing_rail::{Claim, Order, PaymentId, Presented, Settler};
use farthing_rail_evm::x402::{Permit, Proxy};
use farthing_testing_rpc::facilitator::{Line, Scripted};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::stage::{NETWORK, PAYEE, PAYER, now, sellers, sign};

/// Who captures, and whom payers name.
pub(crate) const FACILITATOR: Address = ACCOUNTS[6].address;
/// What a payer permits.
pub(crate) const CAP: u128 = 10_000;

sol! {
    struct TokenPermissions { address token; uint256 amount; }
    struct PermitTransferFrom { TokenPermissions permitted; uint256 nonce; uint256 deadline; }
    struct Witness { address to; address facilitator; uint256 validAfter; }
    function settle(PermitTransferFrom permit, uint256 amount, address owner, Witness witness, bytes signature);
    function transfer(address to, uint256 value) returns (bool);
    function invalidateUnorderedNonces(uint256 wordPos, uint256 mask);
}

pub(crate) struct Permitted {
    pub(crate) chain: Devnet,
    pub(crate) facilitator: Scripted,
    pub(crate) seller: Arc<dyn Settler>,
    _folder: TempDir,
}

/// A permit that was claimed.
pub(crate) struct Promise {
    pub(crate) claim: Claim,
    permit: Permit,
}

impl Permitted {
    /// A seller whose facilitator says that it captures, and whose payer has allowed Permit2.
    pub(crate) async fn new() -> Self {
        let chain = Devnet::start(Options::base_sepolia(Source::of_this_process().unwrap())).await.unwrap();
        let facilitator = Scripted::new(NETWORK, vec![]).await.unwrap();
        facilitator.supports(captures(&json!({ "facilitatorAddress": FACILITATOR.to_string() })));
        let folder = tempfile::tempdir().unwrap();
        let mut sellers = sellers(folder.path(), &facilitator.url(), chain.rpc(), "permit2").unwrap();
        sellers.retain(|seller| seller.terms().intent.as_str() == "upto");
        let permitted = Self { seller: sellers.remove(0), chain, facilitator, _folder: folder };
        permitted.becomes_ready().await;
        permitted.chain.approve_permit2(PAYER.address).await.unwrap();
        permitted
    }

    pub(crate) async fn becomes_ready(&self) {
        for _ in 0..300 {
            if self.seller.readiness().is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("never ready: {:?}", self.seller.readiness());
    }

    pub(crate) fn offer(&self) -> ChargeRequest {
        let order = Order { price: "0.01 USD".parse().unwrap(), description: None, external_id: None };
        ChargeRequest::from_object(&self.seller.request(&order).unwrap()).unwrap()
    }

    /// A payment of up to [`CAP`] whose bytes are in order.
    pub(crate) async fn promise(&self, nonce: &str) -> Promise {
        let request = self.offer();
        let asked = Requirements::from_request("upto", &request).unwrap();
        let seconds = u64::try_from(now().unix_millis() / 1000).unwrap();
        let unsigned = Permit {
            from: PAYER.address,
            token: base_sepolia::USDC,
            permitted: U256::from(CAP),
            spender: Proxy::Upto.address(),
            nonce: keccak256(nonce).into(),
            deadline: U256::from(seconds + asked.max_timeout_seconds),
            to: PAYEE,
            facilitator: Some(FACILITATOR),
            valid_after: U256::ZERO,
            signature: Bytes::new(),
        };
        let signature = sign(unsigned.digest(base_sepolia::CHAIN_ID, Proxy::Upto));
        let permit = Permit { signature, ..unsigned };
        let (id, realm) = (ChallengeId::read(nonce).unwrap(), Realm::read("shop.example").unwrap());
        let challenge = asked.to_challenge(id, &realm, None, None).unwrap();
        let payment = PaymentId::answering(&challenge);
        let credential = Credential::new(challenge, permit.to_object(), None);
        let proof = self.seller.verify(&Presented { credential: &credential, request: &request, now: now() }).unwrap();
        Promise { claim: Claim { payment, proof, claimed_at: now() }, permit }
    }

    /// The facilitator takes so much; the transaction.
    pub(crate) async fn take(&self, promise: &Promise, amount: u128) -> String {
        self.send(FACILITATOR, Proxy::Upto.address(), promise.settling(amount)).await
    }

    /// The payer makes the permit worthless.
    pub(crate) async fn spend_nonce(&self, promise: &Promise) {
        let nonce = promise.permit.nonce;
        let (word, bit) = (nonce >> 8, U256::from(1) << (nonce & U256::from(255)));
        let call = invalidateUnorderedNoncesCall { wordPos: word, mask: bit };
        self.send(PAYER.address, PERMIT2, call.abi_encode()).await;
    }

    /// The payer sends so much by itself, in a transaction that looks as if it took it of the permit.
    pub(crate) async fn send_as_if_taken(&self, promise: &Promise, amount: u128) {
        let mut call = transferCall { to: PAYEE, value: U256::from(amount) }.abi_encode();
        call.extend(promise.settling(amount));
        self.send(PAYER.address, base_sepolia::USDC, call).await;
    }

    async fn send(&self, from: Address, to: Address, call: Vec<u8>) -> String {
        let receipt = self.chain.node().send(from, Some(to), call).await.unwrap();
        assert_eq!(receipt["status"], "0x1", "{receipt}");
        receipt["transactionHash"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn got(&self) -> U256 {
        self.chain.balance(PAYEE).await.unwrap()
    }
}

impl Promise {
    fn settling(&self, amount: u128) -> Vec<u8> {
        let Permit { from, token, permitted, nonce, deadline, to, valid_after, signature, .. } = self.permit.clone();
        let permitted = TokenPermissions { token, amount: permitted };
        let call = settleCall {
            permit: PermitTransferFrom { permitted, nonce, deadline },
            amount: U256::from(amount),
            owner: from,
            witness: Witness { to, facilitator: FACILITATOR, validAfter: valid_after },
            signature,
        };
        call.abi_encode()
    }
}

/// `/supported` of somebody who captures, with this `extra`.
pub(crate) fn captures(extra: &Value) -> Line {
    let kind = json!({ "x402Version": 2, "scheme": "upto", "network": NETWORK, "extra": extra });
    Line::Json(200, json!({ "kinds": [kind] }))
}

/// What a facilitator says that it took.
pub(crate) fn took(transaction: &str, amount: u128) -> Line {
    let payer = PAYER.address.to_string();
    let body = json!({ "success": true, "payer": payer, "transaction": transaction, "network": NETWORK,
        "amount": amount.to_string() });
    Line::Json(200, body)
}
