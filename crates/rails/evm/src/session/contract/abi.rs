//! The contracts' interfaces. Version 1 and the EVM contract share theirs, but for the top-up.

use alloy_sol_types::sol;

pub(super) mod channels {
    use super::sol;

    sol! {
        struct Channel {
            bool finalized; uint64 closeRequestedAt; address payer; address payee; address token;
            address authorizedSigner; uint128 deposit; uint128 settled;
        }

        function open(address payee, address token, uint128 deposit, bytes32 salt, address authorizedSigner)
            returns (bytes32);
        function settle(bytes32 channelId, uint128 cumulativeAmount, bytes signature);
        function close(bytes32 channelId, uint128 cumulativeAmount, bytes signature);
        function requestClose(bytes32 channelId);
        function withdraw(bytes32 channelId);
        function getChannel(bytes32 channelId) view returns (Channel);
        function CLOSE_GRACE_PERIOD() view returns (uint64);
    }
}

pub(super) mod stream {
    use super::sol;

    sol! {
        function topUp(bytes32 channelId, uint256 additionalDeposit);
    }
}

pub(super) mod evm {
    use super::sol;

    sol! {
        function topUp(bytes32 channelId, uint128 additionalDeposit);
        function openWithAuthorization(
            address payee, address token, uint128 deposit, bytes32 salt, address authorizedSigner, address from,
            uint256 validAfter, uint256 validBefore, bytes32 nonce, bytes signature
        ) returns (bytes32);
        function openWithPermit2(
            address payee, address token, uint128 deposit, bytes32 salt, address authorizedSigner, address from,
            uint256 nonce, uint256 deadline, bytes signature
        ) returns (bytes32);
        function topUpWithAuthorization(
            bytes32 channelId, uint128 additionalDeposit, address from, bytes32 topUpSalt, uint256 validAfter,
            uint256 validBefore, bytes32 nonce, bytes signature
        );
        function topUpWithPermit2(
            bytes32 channelId, uint128 additionalDeposit, address from, uint256 nonce, uint256 deadline,
            bytes signature
        );
        function settleWithAuthorization(
            bytes32 channelId, uint128 cumulativeAmount, uint256 nonce, uint256 deadline, bytes payeeSignature,
            bytes voucherSignature
        );
        function closeWithAuthorization(
            bytes32 channelId, uint128 cumulativeAmount, uint256 nonce, uint256 deadline, bytes payeeSignature,
            bytes voucherSignature
        );
    }
}

pub(super) mod reserve {
    use super::sol;

    sol! {
        struct Descriptor {
            address payer; address payee; address operator; address token; bytes32 salt; address authorizedSigner;
            bytes32 expiringNonceHash;
        }
        struct State { uint96 settled; uint96 deposit; uint32 closeRequestedAt; }

        function open(
            address payee, address operator, address token, uint96 deposit, bytes32 salt, address authorizedSigner
        ) returns (bytes32);
        function settle(Descriptor descriptor, uint96 cumulativeAmount, bytes signature);
        function topUp(Descriptor descriptor, uint96 additionalDeposit);
        function close(Descriptor descriptor, uint96 cumulativeAmount, uint96 captureAmount, bytes signature);
        function requestClose(Descriptor descriptor);
        function withdraw(Descriptor descriptor);
        function getChannelState(bytes32 channelId) view returns (State);
        function getChannelStatesBatch(bytes32[] channelIds) view returns (State[]);
    }
}

/// The contracts' own words for what they refuse. Their selectors are the same everywhere.
pub(super) mod errors {
    use super::sol;

    sol! {
        error ChannelAlreadyExists();
        error ChannelNotFound();
        error ChannelFinalized();
        error InvalidSignature();
        error AmountExceedsDeposit();
        error AmountNotIncreasing();
        error CaptureAmountInvalid();
        error InvalidPayee();
        error NotPayee();
        error NotPayer();
        error NotPayeeOrOperator();
        error CloseNotReady();
        error DepositOverflow();
        error ZeroDeposit();
        error ExpiringNonceHashNotSet();
        error NonceMismatch();
        error NonceAlreadyUsed();
        error AuthorizationExpired();
    }
}

/// What they tell of; only the amounts' widths differ.
pub(super) mod events {
    pub(in crate::session::contract) mod channels {
        use alloy_sol_types::sol;

        sol! {
            event TopUp(
                bytes32 indexed channelId, address indexed payer, address indexed payee, uint256 additionalDeposit,
                uint256 newDeposit
            );
        }
    }

    pub(in crate::session::contract) mod reserve {
        use alloy_sol_types::sol;

        sol! {
            event TopUp(
                bytes32 indexed channelId, address indexed payer, address indexed payee, uint96 additionalDeposit,
                uint96 newDeposit
            );
        }
    }
}
