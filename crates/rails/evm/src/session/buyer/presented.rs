//! What leaves the wallet: totals and credentials, read back before they do.

use alloy_primitives::{Address, Bytes, keccak256};
use farthing_money::Amount;
use farthing_protocol::{Challenge, Credential};
use farthing_rail::SignError;

use crate::evm::bill::unsigned_because;
use crate::evm::payer_id;
use crate::session::{KeptSession, SessionPayload, VaultKind, VoucherPayload, voucher_signature};
use crate::{Account, recover};

/// Signs a total with the key that vouchers of this channel need, and reads it back as a seller would.
pub(super) async fn sign_total(key: &Account, session: &KeptSession, cumulative: Amount) -> Result<Bytes, SignError> {
    let (vault, channel) = (&session.vault, session.channel());
    let separator = vault.separator();
    let signature = key.sign(&vault.voucher_message(&separator, &channel, cumulative)).await;
    let signature = signature.map_err(unsigned_because)?;
    let read = voucher_signature(vault, &separator, &channel, cumulative, &signature);
    match read {
        Ok((signer, read)) if signer == session.terms.signer() && read == signature => Ok(signature),
        Ok((signer, _)) => Err(SignError::Differs(format!("the voucher is {signer}'s"))),
        Err(error) => Err(SignError::Differs(error.to_string())),
    }
}

/// A total as it is presented; the last one with what some servers of the reserve demand beside it.
pub(super) async fn total(
    key: &Account,
    session: &KeptSession,
    cumulative: Amount,
    closes: bool,
) -> Result<SessionPayload, SignError> {
    let signature = sign_total(key, session, cumulative).await?;
    let descriptor = descriptor(session);
    let voucher = VoucherPayload { channel: session.channel(), cumulative, signature, descriptor };
    if !closes {
        return Ok(SessionPayload::Voucher(voucher));
    }
    let authorization = match session.vault.kind {
        VaultKind::Reserve => Some(sign_close(key, session, cumulative).await?),
        VaultKind::Stream | VaultKind::Evm => None,
    };
    Ok(SessionPayload::Close { voucher, authorization })
}

/// What a channel is made of, where credentials carry it.
pub(super) fn descriptor(session: &KeptSession) -> Option<crate::session::ChannelTerms> {
    (session.vault.kind == VaultKind::Reserve).then_some(session.terms)
}

async fn sign_close(key: &Account, session: &KeptSession, cumulative: Amount) -> Result<Bytes, SignError> {
    let message = session.vault.close_message(&session.vault.separator(), &session.channel(), cumulative);
    let signature = key.sign(&message).await.map_err(unsigned_because)?;
    if recover(&keccak256(message), &signature) != Ok(session.terms.signer()) {
        return Err(SignError::Differs("the close is another account's".into()));
    }
    Ok(signature)
}

/// The credential with this payload, read back as it would be received.
pub(super) fn credential(
    challenge: &Challenge,
    payload: &SessionPayload,
    chain: u64,
    payer: Address,
) -> Result<Credential, SignError> {
    let source = payer_id(chain, &payer).as_str().to_owned();
    let credential = Credential::new(challenge.clone(), payload.to_object(), Some(source));
    let header = credential.to_header();
    match Credential::from_lines([header.as_bytes()]) {
        Ok(Some(read)) if read == credential && SessionPayload::read(read.payload()).as_ref() == Ok(payload) => {
            Ok(credential)
        }
        _ => Err(SignError::Differs("the credential does not read back as it was written".into())),
    }
}
