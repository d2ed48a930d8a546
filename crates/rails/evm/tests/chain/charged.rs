//! Charges on an EVM chain from end to end: what our payer signs, our seller believes and the chain
//! takes.

use std::sync::Arc;

use alloy_primitives::{Address, Bytes, U256, keccak256};
use farthing_protocol::{
    Binder, BindingSecret, Challenge, ChallengeTemplate, ChargeRequest, Credential, EncodedObject, IntentName, Realm,
};
use farthing_rail::{Approved, Claim, Method, Offer, Order, Payer, PaymentId, Presented, Proof, Settled};
use farthing_rail_evm::Way;
use farthing_rail_evm::buyer::{Chains, Purse};
use farthing_rail_evm::evm::calldata::PERMIT2;
use farthing_rail_evm::evm::{
    Authorization, CredentialKind, EvmCharge, EvmPayer, EvmSettings, Payload, Permit2Transfer, Share, Spelling,
    payer_id,
};
use farthing_rail_evm::usdc::{UsdcCharge, UsdcPayer, UsdcSettings};

use crate::support::{CHAIN, World, account, now, seconds, settled};

const SHARER: Address = Address::repeat_byte(0x5a);

/// The payer: the second of the chain's accounts.
const PAYER: usize = 1;

impl World {
    pub(crate) fn settings(&self, accept: &[CredentialKind]) -> EvmSettings {
        let settings = EvmSettings::new(self.token.clone(), self.signer);
        EvmSettings { accept: accept.to_vec(), spender: Some(self.signer), ..settings }
    }

    /// What the payer's owner has written about the chain.
    pub(crate) fn chains(&self) -> Chains {
        let (rpc, contract) = (self.devnet.rpc(), self.token.contract);
        let text = format!(
            "[chain.base]\nrpc = \"{rpc}\"\nnative_price = \"4000 USD\"\n[[chain.base.token]]\ncontract = \"{contract}\"\n\
             code = \"USDC\"\ndecimals = 6\ncurrency = \"USD\"\ndomain = {{ name = \"Test USDC\", version = \"1\" }}\n"
        );
        Chains::parse(&text).unwrap()
    }

    pub(crate) fn wallet(&self) -> EvmPayer {
        let chains = self.chains();
        let purse = Purse::new(&chains, &reqwest::Client::new()).unwrap();
        EvmPayer::new(account(PAYER), &chains, Arc::new(now)).with_funds(Arc::new(purse))
    }

    /// Lets Permit2 take what it likes from an account.
    async fn allow_permit2(&self, owner: Address) {
        let selector = keccak256("approve(address,uint256)");
        let data = [&selector[..4], PERMIT2.into_word().as_slice(), &[0xff; 32]].concat();
        self.devnet.node().send(owner, Some(self.token.contract), data).await.unwrap();
    }

    /// Has a method verify a credential and the chain settle what it proves.
    pub(crate) async fn takes(&self, number: u8, method: &dyn Method, credential: &Credential) -> (Proof, Settled) {
        let request = ChargeRequest::from_object(&credential.challenge().request().decode().unwrap()).unwrap();
        let proof = method.verify(&Presented { credential, request: &request, now: now() }).unwrap();
        let payment = PaymentId::from_bytes([0x80 | number; 16]);
        let claim = Claim { payment, proof: proof.clone(), claimed_at: now() };
        (proof, settled(self.settle(&claim).await))
    }
}

pub(crate) fn challenge(method: &dyn Method) -> Challenge {
    let order = Order { price: "0.01 USD".parse().unwrap(), description: None, external_id: Some("order-7".into()) };
    let request = EncodedObject::encode(&method.request(&order).unwrap()).unwrap();
    let (realm, intent) = (Realm::new("api.example.com").unwrap(), IntentName::new("charge").unwrap());
    let template = ChallengeTemplate::new(&realm, &method.terms().method, &intent, &request, None).unwrap();
    let binder = Binder::new(BindingSecret::new(&[0x24; 32]).unwrap(), None);
    let expires = now().after(method.terms().validity).to_rfc3339();
    let mut header = String::new();
    template.issue(&binder, &expires, None, "e30", &mut header);
    Challenge::parse_all([header.as_bytes()]).remove(0).unwrap()
}

/// Quotes, asks whether there is enough, and signs.
#[expect(clippy::disallowed_methods, reason = "tests of the step behind the policy")]
pub(crate) async fn paid(payer: &dyn Payer, challenge: &Challenge) -> Credential {
    let origin = "https://api.example.com".parse().unwrap();
    let quote = payer.quote(&Offer { challenge, origin: &origin, amount: None, now: now() }).unwrap();
    assert!(payer.available(&quote).await.is_none_or(|available| available >= quote.amount));
    payer.sign(Approved::grant(quote)).await.unwrap().credential
}

fn way(proof: &Proof) -> Way {
    serde_json::from_slice::<farthing_rail_evm::Payment>(&proof.kept).unwrap().way
}

#[tokio::test(flavor = "multi_thread")]
async fn our_payer_pays_our_seller_in_every_kind_it_signs() {
    let world = World::evm().await;
    let (wallet, payer) = (world.wallet(), account(PAYER).address());

    let charge = EvmCharge::new(world.settings(&[CredentialKind::Authorization])).unwrap();
    let before = (world.has(payer).await, world.has(world.signer).await);
    let (proof, _) = world.takes(1, &charge, &paid(&wallet, &challenge(&charge)).await).await;
    assert!(matches!(way(&proof), Way::Authorization { by_contract: false, .. }));
    assert_eq!((world.has(payer).await, world.has(world.signer).await), (before.0 - 10_000, before.1 + 10_000));

    let charge = EvmCharge::new(world.settings(&[CredentialKind::Transaction])).unwrap();
    let (proof, settled) = world.takes(2, &charge, &paid(&wallet, &challenge(&charge)).await).await;
    let Way::Transaction { hash, .. } = way(&proof) else { panic!() };
    assert_eq!(settled.reference, format!("{hash:#x}"));
    assert_eq!(world.has(payer).await, before.0 - 20_000);

    world.allow_permit2(payer).await;
    let share = Share { recipient: SHARER, per_million: 250_000, memo: None };
    for (number, shares, sharer) in [(3, Vec::new(), 0), (4, vec![share], 2_500)] {
        let settings = EvmSettings { shares, ..world.settings(&[CredentialKind::Permit2]) };
        let charge = EvmCharge::new(settings).unwrap();
        world.takes(number, &charge, &paid(&wallet, &challenge(&charge)).await).await;
        assert_eq!(world.has(SHARER).await, sharer);
    }
    assert_eq!(world.has(payer).await, before.0 - 40_000);

    let charge = UsdcCharge::new(UsdcSettings::new(world.token.clone(), world.signer)).unwrap();
    let usdc = UsdcPayer::new(account(PAYER), &world.chains(), Arc::new(now));
    world.takes(5, &charge, &paid(&usdc, &challenge(&charge)).await).await;
    assert_eq!(world.has(payer).await, before.0 - 50_000);
}

/// A wallet that encodes the witness as EIP-712 has it signs another hash than the draft's text; Permit2
/// takes either.
#[tokio::test(flavor = "multi_thread")]
async fn a_permit_in_the_canonical_spelling_settles_too() {
    let world = World::evm().await;
    let payer = account(PAYER);
    world.allow_permit2(payer.address()).await;
    let charge = EvmCharge::new(world.settings(&[CredentialKind::Permit2])).unwrap();
    let challenge = challenge(&charge);
    let unsigned = Permit2Transfer {
        permitted: vec![(world.token.contract, U256::from(10_000))],
        nonce: U256::from(7),
        deadline: U256::from(seconds() + 120),
        transfers: vec![(world.signer, U256::from(10_000))],
        challenge_hash: keccak256([challenge.id().as_str(), "api.example.com"].concat()),
        external_id: "order-7".into(),
        signature: Bytes::new(),
    };
    let signature = payer.sign(&unsigned.message(CHAIN, world.signer, Spelling::Canonical)).await.unwrap();
    let payload = Payload::Permit2(Permit2Transfer { signature, ..unsigned }).to_object();
    let source = payer_id(CHAIN, &payer.address()).as_str().to_owned();
    let before = world.has(world.signer).await;
    world.takes(1, &charge, &Credential::new(challenge, payload, Some(source))).await;
    assert_eq!(world.has(world.signer).await, before + 10_000);
}

/// The wallet is a contract; its owner's key signs. Bytes alone cannot tell, so the chain is asked.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_a_contract_pays_where_that_is_allowed() {
    let world = World::evm().await;
    let owner = account(PAYER);
    let creation = farthing_devnet::contracts::TEST_WALLET.creation().unwrap();
    let code = [creation.as_ref(), owner.address().into_word().as_slice()].concat();
    let wallet = world.devnet.deploy(code.into()).await.unwrap();
    world.devnet.fund(wallet, U256::from(1_000_000)).await.unwrap();

    let settings = world.settings(&[CredentialKind::Authorization]);
    let charge = EvmCharge::new(EvmSettings { contract_payers: true, ..settings.clone() }).unwrap();
    let challenge = challenge(&charge);
    let unsigned = Authorization {
        from: wallet,
        to: world.signer,
        value: U256::from(10_000),
        valid_after: U256::ZERO,
        valid_before: U256::from(seconds() + 120),
        nonce: keccak256([challenge.id().as_str(), "api.example.com"].concat()),
        signature: Bytes::new(),
    };
    let message = unsigned.message(&world.token.separator().unwrap());
    let signature = owner.sign(&message).await.unwrap();
    let payload = Payload::Authorization(Authorization { signature, ..unsigned }).to_object();
    let credential = Credential::new(challenge, payload, None);

    let request = ChargeRequest::from_object(&credential.challenge().request().decode().unwrap()).unwrap();
    let presented = Presented { credential: &credential, request: &request, now: now() };
    assert!(EvmCharge::new(settings).unwrap().verify(&presented).is_err());
    let (proof, _) = world.takes(1, &charge, &credential).await;
    assert!(matches!(way(&proof), Way::Authorization { by_contract: true, .. }));
    assert_eq!(world.has(wallet).await, 990_000);
}
