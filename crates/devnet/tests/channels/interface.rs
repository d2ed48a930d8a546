//! What the escrows are called with, and what is signed for them.

use alloy_sol_types::sol;

sol! {
    struct Voucher { bytes32 channelId; uint128 cumulativeAmount; }
    struct SettleAuthorization { bytes32 channelId; uint128 cumulativeAmount; uint256 nonce; uint256 deadline; }
    struct CloseAuthorization { bytes32 channelId; uint128 cumulativeAmount; uint256 nonce; uint256 deadline; }
    struct ReceiveWithAuthorization {
        address from; address to; uint256 value; uint256 validAfter; uint256 validBefore; bytes32 nonce;
    }
    struct TokenPermissions { address token; uint256 amount; }
    struct ChannelOpenWitness { address payee; bytes32 salt; address authorizedSigner; }
    struct ChannelTopUpWitness { bytes32 channelId; }

    #[derive(Debug)]
    struct Channel {
        bool finalized; uint64 closeRequestedAt; address payer; address payee; address token;
        address authorizedSigner; uint128 deposit; uint128 settled;
    }

    function approve(address spender, uint256 value) returns (bool);
    function open(address payee, address token, uint128 deposit, bytes32 salt, address authorizedSigner)
        returns (bytes32);
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
        bytes32 channelId, uint128 additionalDeposit, address from, uint256 nonce, uint256 deadline, bytes signature
    );
    function settle(bytes32 channelId, uint128 cumulativeAmount, bytes signature);
    function settleWithAuthorization(
        bytes32 channelId, uint128 cumulativeAmount, uint256 nonce, uint256 deadline, bytes payeeSignature,
        bytes voucherSignature
    );
    function topUp(bytes32 channelId, uint256 additionalDeposit);
    function close(bytes32 channelId, uint128 cumulativeAmount, bytes signature);
    function closeWithAuthorization(
        bytes32 channelId, uint128 cumulativeAmount, uint256 nonce, uint256 deadline, bytes payeeSignature,
        bytes voucherSignature
    );
    function requestClose(bytes32 channelId);
    function withdraw(bytes32 channelId);
    function getChannel(bytes32 channelId) returns (Channel);
    function computeChannelId(address payer, address payee, address token, bytes32 salt, address authorizedSigner)
        returns (bytes32);
    function getVoucherDigest(bytes32 channelId, uint128 cumulativeAmount) returns (bytes32);

    error AmountExceedsDeposit();
    error AmountNotIncreasing();
    error ChannelAlreadyExists();
    error ChannelFinalized();
    error ChannelNotFound();
    error CloseNotReady();
    error InvalidSignature();
    error NonceAlreadyUsed();
    error NonceMismatch();
    error NotPayee();
    error NotPayer();
    error ZeroDeposit();
}

/// Version 1 takes a wide number where the EVM session takes a narrow one, so the selectors differ.
pub(crate) mod narrow {
    alloy_sol_types::sol! {
        function topUp(bytes32 channelId, uint128 additionalDeposit);
    }
}
