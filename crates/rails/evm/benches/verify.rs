//! How long a credential takes to be believed, without asking a chain: read it, check what it says,
//! recover who signed.
//!
//! `cargo bench -p farthing-rail-evm`. Each figure is the fastest of many rounds, which is the one a
//! busy machine disturbs least. One core must manage 15 000 a second: 66 microseconds each.

#![allow(clippy::expect_used, reason = "a benchmark fails by panicking")]

use std::hint::black_box;
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use farthing_money::Amount;
use farthing_protocol::{
    Binder, BindingSecret, Challenge, ChallengeTemplate, ChargeRequest, Credential, EncodedObject, IntentName,
    JsonObject, MethodName, Realm, Timestamp,
};
use farthing_rail::{Method, Order, Presented, SessionMethod, SessionOrder};
use farthing_rail_evm::chain::{Token, by_code};
use farthing_rail_evm::evm::{self, Authorization, EvmCharge, EvmSettings};
use farthing_rail_evm::session::{
    ChainSession, ChannelTerms, SessionPayload, SessionSettings, Vault, VaultKind, VoucherPayload,
};
use farthing_rail_evm::tempo::{self, Envelope, TempoCharge, TempoSettings, attributed, attribution, payment_calls};
use farthing_rail_evm::usdc::{self, UsdcCharge, UsdcSettings};
use farthing_rail_evm::x402::{Transfer, X402Exact, X402Settings};
use secp256k1::{Message, SECP256K1, SecretKey};
use tempo_primitives::transaction::{TEMPO_EXPIRING_NONCE_KEY, TempoTransaction};

const ROUNDS: u32 = 20;
const CALLS_PER_ROUND: u32 = 2_000;

/// 2026-01-31T12:00:00Z, and five minutes later.
const NOW: u64 = 1_769_860_800;
const EXPIRES: &str = "2026-01-31T12:05:00Z";

const SELLER: Address = Address::repeat_byte(0x5e);

fn main() {
    // `cargo test --benches` asks for nothing but that it runs.
    let rounds = if std::env::args().any(|argument| argument == "--bench") { ROUNDS } else { 1 };
    let usdc = by_code(8453, "USDC").expect("USDC on Base is on file");

    let charge = EvmCharge::new(EvmSettings::new(usdc.clone(), SELLER)).expect("the settings fit together");
    let challenge = challenge(&charge);
    let nonce = keccak256([challenge.id().as_str(), challenge.realm().as_str()].concat());
    let payload = evm::Payload::Authorization(authorization(&usdc, nonce)).to_object();
    measure("evm, an authorization (EIP-3009)", rounds, &charge, &challenge, payload);

    let charge = UsdcCharge::new(UsdcSettings::new(usdc.clone(), SELLER)).expect("USDC is on file");
    let challenge = self::challenge(&charge);
    let nonce = usdc::nonce(&challenge).expect("the request decodes");
    let payload = evm::Payload::Authorization(authorization(&usdc, nonce)).to_object();
    measure("usdc, an authorization (EIP-3009)", rounds, &charge, &challenge, payload);

    let exact = X402Settings::seller(usdc.clone(), SELLER, Transfer::Eip3009);
    let exact = X402Exact::new(exact).expect("USDC takes authorizations");
    let challenge = self::challenge(&exact);
    let mut members = authorization(&usdc, B256::repeat_byte(7)).to_object();
    let signature = members.remove("signature").expect("it is signed");
    let payload = [("signature".to_owned(), signature), ("authorization".to_owned(), members.into())];
    measure("x402 exact, an authorization (EIP-3009)", rounds, &exact, &challenge, payload.into_iter().collect());

    let path_usd = by_code(42_431, "pathUSD").expect("pathUSD on Moderato is on file");
    let charge = TempoCharge::new(TempoSettings::new(path_usd, SELLER)).expect("the settings fit together");
    let challenge = self::challenge(&charge);
    let payload = tempo::Payload::Transaction(transaction(&challenge)).to_object();
    measure("tempo, a signed transaction", rounds, &charge, &challenge, payload);

    let path_usd = by_code(42_431, "pathUSD").expect("pathUSD on Moderato is on file");
    let stream = Vault { kind: VaultKind::Stream, chain: 42_431, contract: Address::repeat_byte(0xe5) };
    measure_vouchers("tempo, a voucher of version 1", rounds, stream, &path_usd);
    measure_vouchers("tempo, a voucher of version 2", rounds, Vault::reserve(42_431), &path_usd);
    let channels = Vault { kind: VaultKind::Evm, chain: 8453, contract: Address::repeat_byte(0xe5) };
    measure_vouchers("evm, a voucher", rounds, channels, &usdc);
}

/// Measures a later voucher of a channel in this vault.
fn measure_vouchers(what: &str, rounds: u32, vault: Vault, token: &Token) {
    let session = ChainSession::new(SessionSettings::new(vault, token.clone(), SELLER)).expect("they fit together");
    let order = SessionOrder {
        price: "0.001 USD".parse().expect("a price"),
        unit: "request".to_owned(),
        suggested_deposit: "0.05 USD".parse().expect("a price"),
        least_delta: None,
        description: None,
    };
    let challenge = issued(&session, "session", session.session_request(&order).expect("payable"));
    let payload = SessionPayload::Voucher(voucher(&vault, token)).to_object();
    measure_reading(what, rounds, &challenge, payload, |presented| {
        session.read(presented).expect("an honest voucher is believed");
    });
}

fn voucher(vault: &Vault, token: &Token) -> VoucherPayload {
    let terms = ChannelTerms {
        payer: Address::from_raw_public_key(&public_key()),
        payee: SELLER,
        operator: Address::ZERO,
        token: token.contract,
        salt: B256::repeat_byte(3),
        authorized_signer: Address::ZERO,
        expiring_nonce_hash: B256::ZERO,
    };
    let (channel, cumulative) = (terms.id_in(vault), Amount::new(7_000));
    let digest = keccak256(vault.voucher_message(&vault.separator(), &channel, cumulative));
    let descriptor = (vault.kind == VaultKind::Reserve).then_some(terms);
    VoucherPayload { channel, cumulative, signature: sign(digest).into(), descriptor }
}

/// Measures both what the method does and all that stands between a header and its yes.
fn measure(what: &str, rounds: u32, method: &dyn Method, challenge: &Challenge, payload: JsonObject) {
    measure_reading(what, rounds, challenge, payload, |presented| {
        method.verify(presented).expect("an honest credential is believed");
    });
}

/// See [`measure`]; `believe` is what the method does.
fn measure_reading(
    what: &str,
    rounds: u32,
    challenge: &Challenge,
    payload: JsonObject,
    believe: impl Fn(&Presented<'_>),
) {
    let credential = Credential::new(challenge.clone(), payload, None);
    let header = credential.to_header();
    let request = challenge.request().decode().expect("what we issue decodes");
    let request = ChargeRequest::from_object(&request).expect("a request");
    let now = Timestamp::from_unix_millis(i64::try_from(NOW).expect("a time") * 1000);
    let verify = |credential: &Credential| believe(black_box(&Presented { credential, request: &request, now }));
    report(what, fastest(rounds, || verify(&credential)));
    let read = || {
        let credential = Credential::from_lines([black_box(header.as_bytes())]).expect("a credential");
        verify(&credential.expect("one"));
    };
    report("  with reading its header", fastest(rounds, read));
}

fn fastest(rounds: u32, call: impl Fn()) -> Duration {
    let round = || {
        let start = Instant::now();
        (0..CALLS_PER_ROUND).for_each(|_| call());
        start.elapsed() / CALLS_PER_ROUND
    };
    (0..rounds).map(|_| round()).min().unwrap_or_default()
}

fn report(what: &str, each: Duration) {
    let per_second = Duration::from_secs(1).as_nanos() / each.as_nanos().max(1);
    println!("{what:<40}{:>8} ns{per_second:>9} a second", each.as_nanos());
}

/// A challenge for a tenth of a cent.
fn challenge(method: &dyn Method) -> Challenge {
    let order = Order { price: "0.001 USD".parse().expect("a price"), description: None, external_id: None };
    issued(method, "charge", method.request(&order).expect("payable"))
}

fn issued(method: &dyn Method, intent: &str, request: JsonObject) -> Challenge {
    let request = EncodedObject::encode(&request).expect("small");
    let realm = Realm::new("api.example.com").expect("a realm");
    // x402 is no method of the Payment scheme, and does not look at what a challenge calls it.
    let own = method.terms().method.as_str();
    let name = MethodName::new(if own == "x402" { "evm" } else { own }).expect("a name");
    let intent = IntentName::new(intent).expect("a name");
    let template = ChallengeTemplate::new(&realm, &name, &intent, &request, None).expect("what we issue is sound");
    let binder = Binder::new(BindingSecret::new(&[0x24; 32]).expect("32 bytes"), None);
    let mut header = String::new();
    template.issue(&binder, EXPIRES, None, "e30", &mut header);
    Challenge::parse_all([header.as_bytes()]).remove(0).expect("what we issue reads back")
}

fn authorization(token: &Token, nonce: B256) -> Authorization {
    let unsigned = Authorization {
        from: Address::from_raw_public_key(&public_key()),
        to: SELLER,
        value: U256::from(1000),
        valid_after: U256::ZERO,
        valid_before: U256::from(NOW + 300),
        nonce,
        signature: Bytes::new(),
    };
    let digest = unsigned.digest(&token.separator().expect("USDC takes authorizations"));
    Authorization { signature: sign(digest).into(), ..unsigned }
}

fn transaction(challenge: &Challenge) -> Vec<u8> {
    let (realm, id) = (challenge.realm().as_str(), challenge.id().as_str());
    let request = tempo::TempoRequest::read(challenge.request()).expect("ours");
    let legs = request.legs(attributed(realm, id)).expect("no splits");
    let unsigned = TempoTransaction {
        chain_id: request.chain,
        fee_token: Some(request.token),
        max_fee_per_gas: 1,
        gas_limit: 100_000,
        calls: payment_calls(request.token, &legs, attribution(realm, None, id)),
        nonce_key: TEMPO_EXPIRING_NONCE_KEY,
        valid_before: NonZeroU64::new(NOW + 25),
        ..TempoTransaction::default()
    };
    let signature = sign(unsigned.signature_hash());
    Envelope::join(unsigned, &signature).and_then(|envelope| envelope.to_bytes()).expect("a transaction")
}

fn key() -> SecretKey {
    SecretKey::from_byte_array([0x11; 32]).expect("a key")
}

fn public_key() -> [u8; 64] {
    let point = key().public_key(SECP256K1).serialize_uncompressed();
    point.split_at(1).1.try_into().expect("64 bytes")
}

fn sign(digest: B256) -> [u8; 65] {
    let (id, compact) = SECP256K1.sign_ecdsa_recoverable(Message::from_digest(digest.0), &key()).serialize_compact();
    let mut signature = [0; 65];
    signature[..64].copy_from_slice(&compact);
    signature[64] = 27 + u8::try_from(i32::from(id)).expect("0 or 1");
    signature
}
