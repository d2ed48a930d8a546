//! What the escrow contracts say when they refuse.

use alloy_sol_types::SolError as _;

use super::abi::errors as abi;

/// Why an escrow refused a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VaultError {
    /// There is a channel of these terms already.
    AlreadyExists,
    /// There is none, or it has ended.
    NotFound,
    /// It has ended.
    Finalized,
    /// The voucher, or the payee's authorization, is somebody else's.
    Signature,
    /// More than is deposited.
    AboveDeposit,
    /// No more than was collected already.
    NotIncreasing,
    /// What the reserve gets from the node is missing: so it is in a rehearsal, outside of a transaction.
    NoNonceHash,
    /// Anything else that it says in words of its own.
    Other,
}

impl VaultError {
    /// Reads what a call reverted with; `None` where it is not the escrow that spoke, or nothing was said.
    pub fn read(data: &[u8]) -> Option<Self> {
        let selector: [u8; 4] = data.get(..4)?.try_into().ok()?;
        let others = [
            abi::CaptureAmountInvalid::SELECTOR,
            abi::InvalidPayee::SELECTOR,
            abi::NotPayee::SELECTOR,
            abi::NotPayer::SELECTOR,
            abi::NotPayeeOrOperator::SELECTOR,
            abi::CloseNotReady::SELECTOR,
            abi::DepositOverflow::SELECTOR,
            abi::ZeroDeposit::SELECTOR,
            abi::NonceMismatch::SELECTOR,
            abi::NonceAlreadyUsed::SELECTOR,
            abi::AuthorizationExpired::SELECTOR,
        ];
        Some(match selector {
            abi::ChannelAlreadyExists::SELECTOR => Self::AlreadyExists,
            abi::ChannelNotFound::SELECTOR => Self::NotFound,
            abi::ChannelFinalized::SELECTOR => Self::Finalized,
            abi::InvalidSignature::SELECTOR => Self::Signature,
            abi::AmountExceedsDeposit::SELECTOR => Self::AboveDeposit,
            abi::AmountNotIncreasing::SELECTOR => Self::NotIncreasing,
            abi::ExpiringNonceHashNotSet::SELECTOR => Self::NoNonceHash,
            selector if others.contains(&selector) => Self::Other,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::keccak256;

    use super::*;

    #[test]
    fn what_a_contract_says_is_told_apart() {
        let said = |error: &str| VaultError::read(&keccak256(error)[..4]);
        assert_eq!(said("ChannelNotFound()"), Some(VaultError::NotFound));
        assert_eq!(said("ChannelFinalized()"), Some(VaultError::Finalized));
        assert_eq!(said("InvalidSignature()"), Some(VaultError::Signature));
        assert_eq!(said("ExpiringNonceHashNotSet()"), Some(VaultError::NoNonceHash));
        assert_eq!(said("NotPayee()"), Some(VaultError::Other));
        assert_eq!(said("Error(string)"), None);
        assert_eq!(VaultError::read(&[]), None);
    }
}
