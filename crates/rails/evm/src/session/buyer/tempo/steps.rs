use alloy_primitives::{TxKind, U256};
use farthing_money::Amount;
use farthing_rail::{Reclaim, SignError};
use tempo_primitives::transaction::{Call, TempoTransaction};

use crate::evm::calldata;
use crate::session::{KeptSession, OpenCall, TopUpCall, VaultKind};

/// Gas of an opening in version 1, beside what any transaction takes: six new places in storage at 250,000.
const OPEN_STREAM: u64 = 1_700_000;
/// Gas of an opening in the reserve, which is one place.
const OPEN_RESERVE: u64 = 900_000;
/// Gas of adding to a deposit.
const TOP_UP: u64 = 600_000;
/// Gas of asking for the rest, and of taking it.
const RECLAIM: u64 = 500_000;

/// What a payer's transaction does to a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// The calls, in their order.
    pub(super) calls: Vec<Call>,
    /// What they take at most, beside what any transaction takes.
    pub(super) gas: u64,
}

impl Step {
    /// Opens the channel with so much.
    pub(super) fn open(session: &KeptSession, deposit: Amount) -> Self {
        let opening = Call {
            to: TxKind::Call(session.vault.contract),
            value: U256::ZERO,
            input: session.vault.open(&session.terms, deposit),
        };
        Self { calls: paid(session, deposit, opening), gas: open_gas(session.vault.kind) }
    }

    /// Adds so much.
    pub(super) fn top_up(session: &KeptSession, additional: Amount) -> Self {
        let input = session.vault.top_up(&session.terms, additional);
        let adding = Call { to: TxKind::Call(session.vault.contract), value: U256::ZERO, input };
        Self { calls: paid(session, additional, adding), gas: TOP_UP }
    }

    /// Takes the rest back without the seller.
    pub(super) fn reclaim(session: &KeptSession, step: Reclaim) -> Self {
        let input = match step {
            Reclaim::Request => session.vault.request_close(&session.terms),
            Reclaim::Withdraw => session.vault.withdraw(&session.terms),
        };
        let call = Call { to: TxKind::Call(session.vault.contract), value: U256::ZERO, input };
        Self { calls: vec![call], gas: RECLAIM }
    }
}

/// What an opening takes at most; no other step takes more.
pub(super) const fn open_gas(kind: VaultKind) -> u64 {
    match kind {
        VaultKind::Reserve => OPEN_RESERVE,
        VaultKind::Stream | VaultKind::Evm => OPEN_STREAM,
    }
}

/// Decodes what was signed: it opens this channel with so much, and does nothing else.
pub(super) fn check_open(signed: &TempoTransaction, session: &KeptSession, deposit: Amount) -> Result<(), SignError> {
    let (vault, terms) = (&session.vault, &session.terms);
    let opening = vault.read_open(last(signed, session, deposit)?).ok_or_else(|| differs("no opening"))?;
    let is_so = opening
        == OpenCall {
            payee: terms.payee,
            operator: terms.operator,
            token: terms.token,
            deposit,
            salt: terms.salt,
            authorized_signer: terms.authorized_signer,
        };
    if is_so { Ok(()) } else { Err(differs("another opening")) }
}

/// Decodes what was signed: it adds so much to this channel, and does nothing else.
pub(super) fn check_top_up(
    signed: &TempoTransaction,
    session: &KeptSession,
    additional: Amount,
) -> Result<(), SignError> {
    let adding = session.vault.read_top_up(last(signed, session, additional)?);
    let is_so = adding == Some(TopUpCall { channel: session.channel(), deposit: additional });
    if is_so { Ok(()) } else { Err(differs("no addition to this channel")) }
}

/// What is said to the escrow, after it was let take exactly so much where it has to be.
fn last<'a>(signed: &'a TempoTransaction, session: &KeptSession, amount: Amount) -> Result<&'a [u8], SignError> {
    let escrow = session.vault.contract;
    let call = match (session.vault.kind, signed.calls.as_slice()) {
        (VaultKind::Reserve, [call]) => call,
        (VaultKind::Stream, [approval, call]) => {
            let allowed = calldata::read_approve(&approval.input);
            let is_exact = approval.to == TxKind::Call(session.terms.token)
                && approval.value.is_zero()
                && allowed == Some((escrow, U256::from(amount.units())));
            if !is_exact {
                return Err(differs("another allowance"));
            }
            call
        }
        _ => return Err(differs("other calls")),
    };
    if call.to != TxKind::Call(escrow) || !call.value.is_zero() {
        return Err(differs("a call of another contract"));
    }
    Ok(&call.input)
}

fn differs(what: &str) -> SignError {
    SignError::Differs(format!("the transaction has {what}"))
}

/// The reserve moves the payer's tokens by itself; a contract needs to be let.
fn paid(session: &KeptSession, amount: Amount, call: Call) -> Vec<Call> {
    if session.vault.kind == VaultKind::Reserve {
        return vec![call];
    }
    let input = calldata::approve(session.vault.contract, U256::from(amount.units()));
    vec![Call { to: TxKind::Call(session.terms.token), value: U256::ZERO, input }, call]
}
