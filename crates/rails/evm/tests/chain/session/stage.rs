//! A seller of sessions on a chain, and a payer who signs whatever a test wants.

use std::num::NonZeroU64;
use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256};
use farthing_devnet::contracts::{EVM_PAYMENT_CHANNEL, STREAM_CHANNEL};
use farthing_money::Amount;
use farthing_protocol::{
    Binder, BindingSecret, Challenge, ChallengeTemplate, ChargeRequest, Credential, EncodedObject, IntentName,
    MethodName, Realm,
};
use farthing_rail::{
    ChannelStanding, Claim, Collection, DepositClaim, Deposited, Escrow as _, Opening, PaymentId, Presented, Refusal,
    Rejected, SessionAction, SessionMethod as _, SessionOrder, Settled, Settler as _, Voucher,
};
use farthing_rail_evm::evm::{calldata, payer_id};
use farthing_rail_evm::session::{
    ChainSession, ChannelTerms, DepositProof, OpenPayload, SessionPayload, SessionSettings, TopUpPayload, Vault,
    VaultKind, VoucherPayload,
};
use farthing_rail_evm::settle::SessionSettling;
use farthing_rail_evm::tempo::{Envelope, SponsorPolicy, leave_fee, signing_message};
use tempo_primitives::transaction::{Call, TEMPO_EXPIRING_NONCE_KEY, TempoTransaction};

use crate::support::{World, account, fresh, now, seconds};

/// What a unit costs.
pub(crate) const UNIT: u128 = 1_000;
/// A deposit of fifty units.
pub(crate) const DEPOSIT: u128 = 50_000;
/// The account that pays.
pub(crate) const PAYER: usize = 1;
/// Longer than the escrows' grace.
pub(crate) const GRACE: Duration = Duration::from_secs(901);

pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) rail: SessionSettling,
    pub(crate) vault: Vault,
}

/// A channel that the payer has signed for, and what the seller read of it.
pub(crate) struct Channel {
    pub(crate) terms: ChannelTerms,
    pub(crate) id: B256,
    pub(crate) payload: SessionPayload,
    pub(crate) opening: Box<Opening>,
}

impl Stage {
    /// Version 2, in the stand-in for Tempo's reserve.
    pub(crate) async fn reserve() -> Self {
        let world = World::tempo().await;
        world.devnet.place_reserve().await.unwrap();
        let vault = Vault::reserve(world.token.chain);
        Self::of(world, vault)
    }

    /// Version 1.
    pub(crate) async fn stream() -> Self {
        let world = World::tempo().await;
        let contract = world.devnet.deploy(STREAM_CHANNEL.creation().unwrap()).await.unwrap();
        let vault = Vault { kind: VaultKind::Stream, chain: world.token.chain, contract };
        Self::of(world, vault)
    }

    pub(crate) async fn evm() -> Self {
        let world = World::evm().await;
        let contract = world.devnet.deploy(EVM_PAYMENT_CHANNEL.creation().unwrap()).await.unwrap();
        let vault = Vault { kind: VaultKind::Evm, chain: world.token.chain, contract };
        Self::of(world, vault)
    }

    fn of(world: World, vault: Vault) -> Self {
        let mut settings = SessionSettings::new(vault, world.token.clone(), world.signer);
        if vault.kind == VaultKind::Evm {
            settings.accepts = super::evm::EVERY_WAY.to_vec();
        } else {
            settings.sponsor = Some(SponsorPolicy::for_chain(vault.chain, world.token.contract));
        }
        let rail = SessionSettling::new(ChainSession::new(settings).unwrap(), world.chain.clone());
        Self { world, rail, vault }
    }

    /// The same seller for another recipient, whose key only signs.
    pub(crate) fn for_recipient(self, recipient: usize) -> Self {
        let Self { world, vault, .. } = self;
        let payee = account(recipient);
        let mut settings = SessionSettings::new(vault, world.token.clone(), payee.address());
        settings.accepts = super::evm::EVERY_WAY.to_vec();
        let rail = SessionSettling::new(ChainSession::new(settings).unwrap(), world.chain.clone()).signed_by(payee);
        Self { world, rail, vault }
    }

    /// The seller's process ends and another begins, with the same journal.
    pub(crate) async fn restart(self) -> Self {
        let Self { world, rail, vault } = self;
        drop(rail);
        Self::of(world.restart().await, vault)
    }

    pub(crate) fn challenge(&self) -> Challenge {
        let order = SessionOrder {
            price: "0.001 USD".parse().unwrap(),
            unit: "token".to_owned(),
            suggested_deposit: "0.05 USD".parse().unwrap(),
            least_delta: None,
            description: None,
        };
        let request = EncodedObject::encode(&self.rail.session_request(&order).unwrap()).unwrap();
        let realm = Realm::new("api.example.com").unwrap();
        let (method, intent) =
            (MethodName::new(self.vault.kind.method()).unwrap(), IntentName::new("session").unwrap());
        let template = ChallengeTemplate::new(&realm, &method, &intent, &request, None).unwrap();
        let binder = Binder::new(BindingSecret::new(&[0x24; 32]).unwrap(), None);
        let expires = now().after(Duration::from_secs(300)).to_rfc3339();
        let mut header = String::new();
        template.issue(&binder, &expires, None, "e30", &mut header);
        Challenge::parse_all([header.as_bytes()]).remove(0).unwrap()
    }

    /// What the seller says to a payload.
    pub(crate) fn read(&self, payload: &SessionPayload) -> Result<SessionAction, Refusal> {
        let challenge = self.challenge();
        let source = payer_id(self.vault.chain, &account(PAYER).address()).as_str().to_owned();
        let credential = Credential::new(challenge.clone(), payload.to_object(), Some(source));
        let request = ChargeRequest::from_object(&challenge.request().decode().unwrap()).unwrap();
        self.rail.read(&Presented { credential: &credential, request: &request, now: now() })
    }

    pub(crate) fn terms(&self) -> ChannelTerms {
        ChannelTerms {
            payer: account(PAYER).address(),
            payee: self.rail.recipient(),
            operator: Address::ZERO,
            token: self.world.token.contract,
            salt: fresh(),
            authorized_signer: Address::ZERO,
            expiring_nonce_hash: B256::ZERO,
        }
    }

    /// A transaction of the payer's with these calls; sponsored, it leaves the fee to us.
    pub(crate) async fn transaction(&self, calls: Vec<Call>, sponsored: bool) -> Envelope {
        let mut transaction = TempoTransaction {
            chain_id: self.vault.chain,
            max_priority_fee_per_gas: 1_000_000_000,
            max_fee_per_gas: 20_000_000_000,
            gas_limit: 2_000_000,
            calls,
            nonce_key: TEMPO_EXPIRING_NONCE_KEY,
            valid_before: NonZeroU64::new(seconds() + 25),
            ..TempoTransaction::default()
        };
        if sponsored {
            leave_fee(&mut transaction);
        }
        let signature = account(PAYER).sign(&signing_message(&transaction)).await.unwrap();
        Envelope::join(transaction, &signature).unwrap()
    }

    /// The calls around one of the escrow: version 1 takes what was approved.
    pub(crate) fn calls(&self, data: Bytes, deposit: u128) -> Vec<Call> {
        let call = |to, input| Call { to: TxKind::Call(to), value: U256::ZERO, input };
        let approval = calldata::approve(self.vault.contract, U256::from(deposit));
        let approval = (self.vault.kind == VaultKind::Stream).then(|| call(self.world.token.contract, approval));
        approval.into_iter().chain([call(self.vault.contract, data)]).collect()
    }

    /// A channel of Tempo, signed for and read by the seller. The reserve's stand-in is told of it.
    pub(crate) async fn channel(&self, deposit: u128, first: u128, sponsored: bool) -> Channel {
        let mut terms = self.terms();
        let data = self.vault.open(&terms, Amount::new(deposit));
        let envelope = self.transaction(self.calls(data, deposit), sponsored).await;
        if self.vault.kind == VaultKind::Reserve {
            terms.expiring_nonce_hash = envelope.replay_hash();
            self.world.devnet.prepare_open(terms.payer, envelope.replay_hash()).await.unwrap();
        }
        let raw = envelope.to_bytes().unwrap().into();
        let payload = self.open_payload(&terms, DepositProof::Transaction(raw), first).await;
        self.read_channel(terms, payload)
    }

    pub(crate) async fn open_payload(&self, terms: &ChannelTerms, deposit: DepositProof, first: u128) -> OpenPayload {
        let channel = terms.id_in(&self.vault);
        let is_reserve = self.vault.kind == VaultKind::Reserve;
        OpenPayload {
            channel,
            deposit,
            cumulative: Amount::new(first),
            signature: self.sign(PAYER, &channel, first).await,
            authorized_signer: None,
            salt: (self.vault.kind == VaultKind::Evm).then_some(terms.salt),
            said: None,
            descriptor: is_reserve.then_some(*terms),
        }
    }

    pub(crate) fn read_channel(&self, terms: ChannelTerms, payload: OpenPayload) -> Channel {
        let id = payload.channel;
        let payload = SessionPayload::Open(Box::new(payload));
        let SessionAction::Open(opening) = self.read(&payload).unwrap() else { panic!("not an opening") };
        Channel { terms, id, payload, opening }
    }

    pub(crate) async fn sign(&self, by: usize, channel: &B256, cumulative: u128) -> Bytes {
        let message = self.vault.voucher_message(&self.vault.separator(), channel, Amount::new(cumulative));
        account(by).sign(&message).await.unwrap()
    }

    /// A voucher as the seller reads it.
    pub(crate) async fn voucher(&self, channel: &Channel, cumulative: u128) -> Voucher {
        let payload = SessionPayload::Voucher(VoucherPayload {
            channel: channel.id,
            cumulative: Amount::new(cumulative),
            signature: self.sign(PAYER, &channel.id, cumulative).await,
            descriptor: (self.vault.kind == VaultKind::Reserve).then_some(channel.terms),
        });
        match self.read(&payload).unwrap() {
            SessionAction::Voucher(voucher) => *voucher,
            other => panic!("not a voucher: {other:?}"),
        }
    }

    /// An addition on Tempo, signed for and read by the seller.
    pub(crate) async fn addition(&self, channel: &Channel, additional: u128, sponsored: bool) -> DepositClaim {
        let data = self.vault.top_up(&channel.terms, Amount::new(additional));
        let envelope = self.transaction(self.calls(data, additional), sponsored).await;
        let payload = SessionPayload::TopUp(Box::new(TopUpPayload {
            channel: channel.id,
            deposit: DepositProof::Transaction(envelope.to_bytes().unwrap().into()),
            additional: Amount::new(additional),
            salt: None,
            descriptor: (self.vault.kind == VaultKind::Reserve).then_some(channel.terms),
        }));
        self.adding(channel, &payload)
    }

    pub(crate) fn adding(&self, channel: &Channel, payload: &SessionPayload) -> DepositClaim {
        let SessionAction::TopUp(addition) = self.read(payload).unwrap() else { panic!("not a top-up") };
        DepositClaim {
            session: addition.session,
            payer: channel.opening.payer.clone(),
            amount: addition.deposit,
            key: addition.key,
            deposit_kept: addition.deposit_kept,
            session_kept: channel.opening.session_kept.clone(),
            claimed_at: now(),
        }
    }

    pub(crate) async fn deposit(&self, claim: &DepositClaim) -> Deposited {
        tokio::time::timeout(Duration::from_secs(60), self.rail.deposit(claim)).await.expect("depositing hangs")
    }

    /// Looks a deposit up until the chain says what became of it.
    pub(crate) async fn resolve(&self, claim: &DepositClaim) -> Deposited {
        for _ in 0..150 {
            match self.rail.lookup_deposit(claim).await {
                Deposited::Unknown(_) => tokio::time::sleep(Duration::from_millis(200)).await,
                deposited => return deposited,
            }
        }
        panic!("nothing is known: {:?}", self.rail.lookup_deposit(claim).await);
    }

    /// A channel that is open on the chain.
    pub(crate) async fn opened(&self, deposit: u128, first: u128) -> Channel {
        let channel = self.channel(deposit, first, false).await;
        let standing = held(self.deposit(&channel.claim()).await);
        assert_eq!(standing.deposit, Amount::new(deposit));
        channel
    }

    pub(crate) async fn standing(&self, channel: &Channel) -> ChannelStanding {
        self.rail.standing(&channel.opening.session_kept).await.unwrap()
    }

    /// The payment that collects, as the keeper would claim it.
    pub(crate) fn collecting(&self, channel: &Channel, collected: &Collected<'_>) -> Claim {
        let Collected { voucher, settled, capture, closes } = *collected;
        let collection = Collection {
            session: channel.opening.voucher.session,
            channel: &channel.opening.voucher.channel,
            payer: &channel.opening.payer,
            session_kept: &channel.opening.session_kept,
            voucher: voucher.map(|voucher| (voucher.cumulative, voucher.kept.as_slice())),
            settled: Amount::new(settled),
            capture: Amount::new(capture),
            closes,
        };
        let proof = self.rail.collection(&collection).unwrap();
        let name = alloy_primitives::keccak256(proof.key.as_str());
        let payment = PaymentId::from_bytes(name[..16].try_into().unwrap());
        Claim { payment, proof, claimed_at: now() }
    }

    pub(crate) async fn collect(&self, channel: &Channel, collected: &Collected<'_>) -> Settled {
        let claim = self.collecting(channel, collected);
        let settlement = tokio::time::timeout(Duration::from_secs(60), self.rail.settle(&claim)).await;
        crate::support::settled(settlement.expect("settling hangs"))
    }

    /// The payer acts by itself.
    pub(crate) async fn payer_sends(&self, data: Bytes) -> serde_json::Value {
        let payer = account(PAYER).address();
        self.world.devnet.node().send(payer, Some(self.vault.contract), data).await.unwrap()
    }
}

/// What is collected, and how.
#[derive(Clone, Copy)]
pub(crate) struct Collected<'a> {
    pub(crate) voucher: Option<&'a Voucher>,
    pub(crate) settled: u128,
    pub(crate) capture: u128,
    pub(crate) closes: bool,
}

impl Channel {
    /// Its opening as the books claim it.
    pub(crate) fn claim(&self) -> DepositClaim {
        let Opening { payer, deposit, key, deposit_kept, session_kept, voucher, .. } = self.opening.as_ref().clone();
        let (session, amount) = (voucher.session, deposit);
        DepositClaim { session, payer, amount, key, deposit_kept, session_kept, claimed_at: now() }
    }
}

#[track_caller]
pub(crate) fn held(deposited: Deposited) -> ChannelStanding {
    match deposited {
        Deposited::Held(standing) => standing,
        other => panic!("not held: {other:?}"),
    }
}

#[track_caller]
pub(crate) fn not_held(deposited: Deposited) -> Rejected {
    match deposited {
        Deposited::Rejected(rejected) => rejected,
        other => panic!("not rejected: {other:?}"),
    }
}

/// The twin of a signature: the same key, the same message, s in the upper half of the order.
pub(crate) fn twin(signature: &Bytes) -> Bytes {
    let mut bytes = signature.to_vec();
    let order = U256::from_be_bytes(secp256k1::constants::CURVE_ORDER);
    let s = order - U256::from_be_slice(&bytes[32..64]);
    bytes[32..64].copy_from_slice(&s.to_be_bytes::<32>());
    bytes[64] ^= 27 ^ 28;
    assert!(Signature::from_raw(&bytes).is_ok());
    bytes.into()
}
