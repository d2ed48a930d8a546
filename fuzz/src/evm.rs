//! What is read of payments on chains. Any bytes come to a value that can be written and read again, or to a refusal.

use farthing_protocol::ChargeRequest;
use farthing_protocol::json::parse_object;
use farthing_rail_evm::evm::{self, Authorization, EvmRequest, Permit2Transfer, calldata};
use farthing_rail_evm::session::{self, KeptSession, PayeeCall, SessionPayload, VaultError};
use farthing_rail_evm::tempo::{self, Envelope, TempoRequest};
use farthing_rail_evm::usdc::UsdcRequest;
use farthing_rail_evm::x402::Permit;

/// Chains: the requests and payloads of every method, and what payers sign.
pub fn credential(data: &[u8]) {
    let Ok(object) = parse_object(data) else { return };
    if let Ok(request) = ChargeRequest::from_object(&object) {
        requests(&request);
    }
    for method in ["evm", "tempo"] {
        if let Ok(read) = session::SessionRequest::from_object(method, &object) {
            assert_eq!(session::SessionRequest::from_object(method, &read.to_object(None)), Ok(read));
        }
    }
    if let Ok(payload) = evm::Payload::read(&object) {
        assert_eq!(evm::Payload::read(&payload.to_object()), Ok(payload));
    }
    if let Ok(payload) = tempo::Payload::read(&object) {
        assert_eq!(tempo::Payload::read(&payload.to_object()), Ok(payload));
    }
    if let Ok(payload) = SessionPayload::read(&object) {
        assert_eq!(SessionPayload::read(&payload.to_object()), Ok(payload));
    }
    let _ = (Authorization::read(&object), Permit2Transfer::read(&object));
    if let Ok(permit) = Permit::read(&object) {
        assert_eq!(Permit::read(&permit.to_object()), Ok(permit));
    }
}

fn requests(request: &ChargeRequest) {
    if let Ok(read) = EvmRequest::from_shared(request) {
        assert_eq!(EvmRequest::from_shared(&read.to_shared(None)), Ok(read.clone()));
        let _ = read.legs();
    }
    if let Ok(read) = TempoRequest::from_shared(request) {
        assert_eq!(TempoRequest::from_shared(&read.to_shared(None, None)), Ok(read));
    }
    if let Ok(read) = UsdcRequest::from_shared(request) {
        assert_eq!(UsdcRequest::from_shared(&read.to_shared(None, None)), Ok(read));
    }
}

/// Bytes of chains: calls, answers, revert reasons, transactions, and what the settler kept. In hexadecimal too.
pub fn bytes(data: &[u8]) {
    let bytes = unhexed(data).unwrap_or_else(|| data.to_vec());
    if let Some((to, value)) = calldata::read_transfer(&bytes) {
        assert_eq!(calldata::read_transfer(&calldata::transfer(to, value)), Some((to, value)));
    }
    if let Some((spender, value)) = calldata::read_approve(&bytes) {
        assert_eq!(calldata::read_approve(&calldata::approve(spender, value)), Some((spender, value)));
    }
    let _ = (calldata::read_word(&bytes), VaultError::read(&bytes), PayeeCall::read(&bytes));
    if let Ok(transaction) = Envelope::parse(&bytes) {
        let _ = (transaction.sender(), transaction.wants_sponsor(), transaction.replay_hash());
        let longer = [bytes.as_slice(), &[0]].concat();
        assert!(Envelope::parse(&longer).is_err(), "nothing may stand behind it");
    }
    if let Ok(kept) = KeptSession::read(&bytes) {
        let _ = kept.channel();
        assert!(KeptSession::read(&kept.to_bytes()).is_ok());
    }
}

fn unhexed(data: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(data).ok()?.trim();
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    (digits.len() % 2 == 0).then(|| digits.as_bytes().chunks(2).map(byte).collect())?
}
