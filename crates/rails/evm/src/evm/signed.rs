use alloy_primitives::{Address, B256};

use crate::{NotRecoverable, recover};

/// Whose signature it is, as far as bytes can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signed {
    /// The account's own key made it.
    ByKey,
    /// The account's key did not; its contract, if it has one, must be asked (ERC-1271).
    PerhapsByContract,
}

/// Why a signature is not the account's, in words for whoever signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignedBy {
    /// Not a signature of an ordinary account.
    #[error(transparent)]
    Nobody(#[from] NotRecoverable),
    /// Another account's, or another message's.
    #[error(
        "it is not {0}'s over what was presented; check the key, the chain, the token and the name and version of its \
         EIP-712 domain"
    )]
    Another(Address),
}

/// Finds out whether an account signed a digest.
///
/// Where contract accounts may pay, a signature that is longer than an ordinary one, or of the right
/// length and not the account's, is left to the chain. A second spelling of a signature (the high-s
/// or the 64-byte twin) is refused in any case.
pub(super) fn signed_by(
    account: Address,
    digest: &B256,
    signature: &[u8],
    contract_payers: bool,
) -> Result<Signed, SignedBy> {
    match recover(digest, signature) {
        Ok(signer) if signer == account => Ok(Signed::ByKey),
        Ok(_) | Err(NotRecoverable::NoKey) if contract_payers => Ok(Signed::PerhapsByContract),
        Err(NotRecoverable::Length) if contract_payers && signature.len() > 65 => Ok(Signed::PerhapsByContract),
        Ok(_) => Err(SignedBy::Another(account)),
        Err(error) => Err(error.into()),
    }
}

/// Whether it is left to the account's contract to say that it signed a digest; errs when nobody would.
pub(crate) fn signed_by_contract(
    account: Address,
    digest: &B256,
    signature: &[u8],
    contract_payers: bool,
) -> Result<bool, SignedBy> {
    signed_by(account, digest, signature, contract_payers).map(|signed| signed == Signed::PerhapsByContract)
}
