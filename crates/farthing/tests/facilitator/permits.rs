//! Permit2 payments: `exact` through its proxy, and `upto`, of which a part may be taken.

use alloy_primitives::{Address, Bytes, U256, keccak256};
use alloy_sol_types::{Eip712Domain, SolStruct as _};
use farthing_devnet::{PERMIT2, base_sepolia};
use serde_json::{Value, json};

use crate::signed::{LIFE, PRICE, nobody, requirements, second_version, sign};
use crate::stage::{PAYEE, PAYER, SIGNER, Stage};

/// What is made wrong.
type Change<'a> = &'a dyn Fn(&mut Permit);

mod exact {
    alloy_sol_types::sol! {
        struct TokenPermissions { address token; uint256 amount; }
        struct Witness { address to; uint256 validAfter; }
        struct PermitWitnessTransferFrom {
            TokenPermissions permitted; address spender; uint256 nonce; uint256 deadline; Witness witness;
        }
    }
}

mod upto {
    alloy_sol_types::sol! {
        struct TokenPermissions { address token; uint256 amount; }
        struct Witness { address to; address facilitator; uint256 validAfter; }
        struct PermitWitnessTransferFrom {
            TokenPermissions permitted; address spender; uint256 nonce; uint256 deadline; Witness witness;
        }
    }
}

/// A payment before it is signed.
#[derive(Clone)]
pub(crate) struct Permit {
    scheme: &'static str,
    token: Address,
    amount: U256,
    spender: Address,
    nonce: U256,
    deadline: u64,
    to: Address,
    facilitator: Address,
    requirements: Value,
}

impl Permit {
    pub(crate) async fn new(stage: &Stage, scheme: &'static str, nonce: &str) -> Self {
        let mut requirements = requirements();
        requirements["scheme"] = json!(scheme);
        requirements["extra"]["assetTransferMethod"] = json!("permit2");
        if scheme == "upto" {
            requirements["extra"]["facilitatorAddress"] = json!(SIGNER.address.to_string());
        }
        let spender = if scheme == "upto" { base_sepolia::UPTO_PROXY } else { base_sepolia::EXACT_PROXY };
        Self {
            scheme,
            token: base_sepolia::USDC,
            amount: U256::from(PRICE),
            spender,
            nonce: U256::from_be_bytes(keccak256(nonce).0),
            deadline: stage.time().await + LIFE,
            to: PAYEE,
            facilitator: SIGNER.address,
            requirements,
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn signature(&self) -> Bytes {
        let chain = Some(U256::from(base_sepolia::CHAIN_ID));
        let domain = Eip712Domain::new(Some("Permit2".into()), None, chain, Some(PERMIT2), None);
        let (spender, nonce, deadline) = (self.spender, self.nonce, U256::from(self.deadline));
        let digest = if self.scheme == "upto" {
            let permitted = upto::TokenPermissions { token: self.token, amount: self.amount };
            let witness = upto::Witness { to: self.to, facilitator: self.facilitator, validAfter: U256::ZERO };
            upto::PermitWitnessTransferFrom { permitted, spender, nonce, deadline, witness }
                .eip712_signing_hash(&domain)
        } else {
            let permitted = exact::TokenPermissions { token: self.token, amount: self.amount };
            let witness = exact::Witness { to: self.to, validAfter: U256::ZERO };
            exact::PermitWitnessTransferFrom { permitted, spender, nonce, deadline, witness }
                .eip712_signing_hash(&domain)
        };
        sign(PAYER, digest)
    }

    pub(crate) fn request(&self) -> Value {
        let mut witness = json!({ "to": self.to.to_string(), "validAfter": "0" });
        if self.scheme == "upto" {
            witness["facilitator"] = json!(self.facilitator.to_string());
        }
        let payload = json!({
            "signature": self.signature().to_string(),
            "permit2Authorization": {
                "from": PAYER.address.to_string(),
                "permitted": { "token": self.token.to_string(), "amount": self.amount.to_string() },
                "spender": self.spender.to_string(),
                "nonce": self.nonce.to_string(),
                "deadline": self.deadline.to_string(),
                "witness": witness,
            },
        });
        second_version(&payload, &self.requirements)
    }

    /// To settle so much of it.
    fn taking(&self, amount: u64) -> Value {
        let mut request = self.request();
        request["paymentRequirements"]["amount"] = json!(amount.to_string());
        request
    }
}

async fn stage() -> Stage {
    let stage = Stage::new("").await;
    stage.chain.approve_permit2(PAYER.address).await.unwrap();
    stage
}

#[tokio::test]
async fn a_permit_pays_once() {
    let stage = stage().await;
    let request = Permit::new(&stage, "exact", "once").await.request();
    let (sent, _, got) = stage.state().await;
    let hash = stage.settles(&request).await;
    let again = stage.post("/settle", &request).await;
    assert_eq!(again.body["errorReason"], "duplicate_settlement", "{again:?}");
    assert!(again.body["errorMessage"].as_str().unwrap().contains(&hash), "{again:?}");
    let (sent_now, _, got_now) = stage.state().await;
    assert_eq!((sent_now, got_now), (sent + 1, got + U256::from(PRICE)));
}

#[tokio::test]
async fn c_24_each_wrong_thing_of_a_permit_has_its_code() {
    let stage = stage().await;
    let now = stage.time().await;
    let used = Permit::new(&stage, "exact", "used").await;
    stage.settles(&used.request()).await;
    let cases: [(&str, &str, Change<'_>); 7] = [
        ("spender", "invalid_permit2_spender", &|it| it.spender = nobody()),
        ("payee", "invalid_permit2_recipient_mismatch", &|it| it.to = nobody()),
        ("token", "permit2_token_mismatch", &|it| it.token = nobody()),
        ("a unit less", "permit2_amount_mismatch", &|it| it.amount = U256::from(PRICE - 1)),
        ("a unit more", "permit2_amount_mismatch", &|it| it.amount = U256::from(PRICE + 1)),
        ("over", "permit2_deadline_expired", &|it| it.deadline = now - 1),
        ("for ten years", "permit2_deadline_expired", &|it| it.deadline = now + 315_360_000),
    ];
    for (scheme, spender) in [("exact", "invalid_permit2_spender"), ("upto", "upto_facilitator_mismatch")] {
        let good = Permit::new(&stage, scheme, "good").await;
        for (what, code, change) in cases {
            let code = if what == "spender" { spender } else { code };
            stage.refuses(&format!("{scheme} {what}"), &good.clone().with(change).request(), code).await;
        }
        let mut forged = good.request();
        forged["paymentPayload"]["payload"]["signature"] = json!(sign(SIGNER, keccak256("another")).to_string());
        stage.refuses(scheme, &forged, "invalid_permit2_signature").await;
    }
    let again = used.with(|it| it.deadline -= 1).request();
    let verified = stage.post("/verify", &again).await;
    assert_eq!(verified.body["invalidReason"], "permit2_invalid_nonce", "{verified:?}");
}

#[tokio::test]
async fn without_an_allowance_the_remedy_is_named() {
    let stage = Stage::new("").await;
    let request = Permit::new(&stage, "exact", "unapproved").await.request();
    stage.refuses("no allowance", &request, "permit2_allowance_required").await;
}

#[tokio::test]
async fn c_25_of_what_is_permitted_what_was_used_is_taken_once() {
    let stage = stage().await;
    let permit = Permit::new(&stage, "upto", "metered").await;
    assert_eq!(stage.post("/verify", &permit.request()).await.body["isValid"], true);
    let before = stage.state().await;
    for (what, amount) in [("above the cap", PRICE + 1), ("verify below the permitted", PRICE - 1)] {
        let told = stage.post("/verify", &permit.taking(amount)).await;
        assert_eq!(told.body["isValid"], false, "{what} {told:?}");
    }
    let above = stage.post("/settle", &permit.taking(PRICE + 1)).await;
    assert_eq!(above.body["errorReason"], "invalid_upto_evm_payload_settlement_exceeds_amount", "{above:?}");
    assert_eq!(stage.state().await, before);
    let settled = stage.post("/settle", &permit.taking(3_000)).await;
    assert_eq!((&settled.body["success"], &settled.body["amount"]), (&json!(true), &json!("3000")), "{settled:?}");
    let again = stage.post("/settle", &permit.taking(3_000)).await;
    assert_eq!(again.body["errorReason"], "duplicate_settlement", "{again:?}");
    let more = stage.post("/settle", &permit.taking(PRICE)).await;
    assert_eq!(more.body["errorReason"], "duplicate_settlement", "{more:?}");
    let (sent, _, got) = stage.state().await;
    assert_eq!((sent, got), (before.0 + 1, before.2 + U256::from(3_000)));
}

#[tokio::test]
async fn c_25_nothing_used_is_settled_without_a_transaction_and_stays_nothing() {
    let stage = stage().await;
    let permit = Permit::new(&stage, "upto", "nothing").await;
    let before = stage.state().await;
    let settled = stage.post("/settle", &permit.taking(0)).await;
    assert_eq!(settled.body["success"], true, "{settled:?}");
    assert_eq!((&settled.body["transaction"], &settled.body["amount"]), (&json!(""), &json!("0")));
    let full = stage.post("/settle", &permit.request()).await;
    assert_eq!(full.body["errorReason"], "duplicate_settlement", "{full:?}");
    assert_eq!(stage.state().await, before);
}

#[tokio::test]
async fn c_25_only_the_facilitator_that_the_payer_names_may_take() {
    let stage = stage().await;
    let permit = Permit::new(&stage, "upto", "other").await.with(|it| it.facilitator = nobody());
    stage.refuses("another facilitator", &permit.request(), "upto_facilitator_mismatch").await;
}

#[tokio::test]
async fn d_03_settlements_of_different_amounts_at_once_are_one() {
    let stage = stage().await;
    let permit = Permit::new(&stage, "upto", "race").await;
    let sent = stage.sent().await;
    let requests: Vec<Value> = (1..=8).map(|number| permit.taking(number * 1_000)).collect();
    let told = futures_util::future::join_all(requests.iter().map(|request| stage.post("/settle", request))).await;
    assert_eq!(told.iter().filter(|told| told.body["success"] == true).count(), 1, "{told:?}");
    let others = told.iter().filter(|told| told.body["errorReason"] == "duplicate_settlement");
    assert_eq!(others.count(), 7);
    assert_eq!(stage.sent().await, sent + 1);
}

#[tokio::test]
async fn d_04_a_permit_that_somebody_else_brought_into_a_block_before_is_used_and_costs_no_gas() {
    let stage = stage().await;
    let permit = Permit::new(&stage, "exact", "preempted").await;
    preempt(&stage, &permit).await;
    let (sent, gas) = (stage.sent().await, stage.gas_money().await);
    let settled = stage.post("/settle", &permit.request()).await;
    assert_eq!(settled.body["success"], false, "{settled:?} {}", stage.log());
    assert_eq!((stage.sent().await, stage.gas_money().await), (sent, gas));
}

async fn preempt(stage: &Stage, permit: &Permit) {
    use alloy_sol_types::SolCall as _;
    alloy_sol_types::sol! {
        struct Permitted { address token; uint256 amount; }
        struct PermitTransferFrom { Permitted permitted; uint256 nonce; uint256 deadline; }
        struct Witness { address to; uint256 validAfter; }
        function settle(PermitTransferFrom permit, address owner, Witness witness, bytes signature);
    }
    let permitted = Permitted { token: permit.token, amount: permit.amount };
    let (nonce, deadline) = (permit.nonce, U256::from(permit.deadline));
    let call = settleCall {
        permit: PermitTransferFrom { permitted, nonce, deadline },
        owner: PAYER.address,
        witness: Witness { to: permit.to, validAfter: U256::ZERO },
        signature: permit.signature(),
    };
    let somebody = farthing_devnet::ACCOUNTS[5].address;
    stage.chain.node().send(somebody, Some(base_sepolia::EXACT_PROXY), call.abi_encode()).await.unwrap();
}
