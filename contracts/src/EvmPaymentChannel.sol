// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {PaymentChannels} from "./PaymentChannels.sol";
import {Permit2, PERMIT2_ON_EVERY_CHAIN} from "./Permit2.sol";
import {Signatures} from "./Signatures.sol";
import {Tokens} from "./Tokens.sol";

/// EIP-3009 with the signature in one piece.
interface AuthorizedToken {
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;
}

/// The escrow of the EVM session with its relayed profile, for test chains: the payer's money may come by an EIP-3009
/// authorization or by Permit2, and the payee may sign a settlement that somebody else sends.
contract EvmPaymentChannel is PaymentChannels {
    Permit2 public constant PERMIT2 = PERMIT2_ON_EVERY_CHAIN;

    bytes32 public constant SETTLE_AUTHORIZATION_TYPEHASH = keccak256(
        "SettleAuthorization(bytes32 channelId,uint128 cumulativeAmount,uint256 nonce,uint256 deadline)"
    );
    bytes32 public constant CLOSE_AUTHORIZATION_TYPEHASH =
        keccak256("CloseAuthorization(bytes32 channelId,uint128 cumulativeAmount,uint256 nonce,uint256 deadline)");
    bytes32 public constant CHANNEL_OPEN_WITNESS_TYPEHASH =
        keccak256("ChannelOpenWitness(address payee,bytes32 salt,address authorizedSigner)");
    bytes32 public constant CHANNEL_TOP_UP_WITNESS_TYPEHASH = keccak256("ChannelTopUpWitness(bytes32 channelId)");

    /// How Permit2 wants the witness' type: its own member first, then every struct in alphabetical order.
    string private constant OPEN_WITNESS =
        "ChannelOpenWitness witness)ChannelOpenWitness(address payee,bytes32 salt,address authorizedSigner)TokenPermissions(address token,uint256 amount)";
    string private constant TOP_UP_WITNESS =
        "ChannelTopUpWitness witness)ChannelTopUpWitness(bytes32 channelId)TokenPermissions(address token,uint256 amount)";

    /// Nonces of payees' authorizations, of settling and closing alike.
    mapping(address payee => mapping(bytes32 channelId => mapping(uint256 nonce => bool))) public nonceUsed;

    error ZeroDeposit();
    error NonceMismatch();
    error NonceAlreadyUsed();
    error AuthorizationExpired();

    modifier nonZero(uint128 deposit) {
        if (deposit == 0) revert ZeroDeposit();
        _;
    }

    function open(address payee, address token, uint128 deposit, bytes32 salt, address authorizedSigner)
        public
        override
        nonZero(deposit)
        returns (bytes32)
    {
        return super.open(payee, token, deposit, salt, authorizedSigner);
    }

    /// Opens a channel for `from`, who signed an EIP-3009 authorization to this contract. Its nonce is made of the
    /// channel's terms, since nothing else in it names the payee.
    function openWithAuthorization(
        address payee,
        address token,
        uint128 deposit,
        bytes32 salt,
        address authorizedSigner,
        address from,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external nonZero(deposit) returns (bytes32 channelId) {
        if (nonce != keccak256(abi.encode(from, payee, token, salt, authorizedSigner))) revert NonceMismatch();
        channelId = _record(from, payee, token, deposit, salt, authorizedSigner);
        _receive(token, from, deposit, validAfter, validBefore, nonce, signature);
    }

    /// Opens a channel for `from`, who signed a Permit2 transfer whose witness names the channel's terms.
    function openWithPermit2(
        address payee,
        address token,
        uint128 deposit,
        bytes32 salt,
        address authorizedSigner,
        address from,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) external nonZero(deposit) returns (bytes32 channelId) {
        channelId = _record(from, payee, token, deposit, salt, authorizedSigner);
        bytes32 witness = keccak256(abi.encode(CHANNEL_OPEN_WITNESS_TYPEHASH, payee, salt, authorizedSigner));
        _pull(token, from, deposit, nonce, deadline, witness, OPEN_WITNESS, signature);
    }

    function topUp(bytes32 channelId, uint128 additionalDeposit) external nonZero(additionalDeposit) {
        Channel storage channel = _openChannel(channelId);
        if (msg.sender != channel.payer) revert NotPayer();
        _raise(channelId, channel, additionalDeposit);
        Tokens.take(channel.token, msg.sender, additionalDeposit);
    }

    /// Adds money of anybody who authorized it; what is left at the end goes to the channel's payer.
    function topUpWithAuthorization(
        bytes32 channelId,
        uint128 additionalDeposit,
        address from,
        bytes32 topUpSalt,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external nonZero(additionalDeposit) {
        if (nonce != keccak256(abi.encode(channelId, additionalDeposit, from, topUpSalt))) revert NonceMismatch();
        Channel storage channel = _openChannel(channelId);
        _raise(channelId, channel, additionalDeposit);
        _receive(channel.token, from, additionalDeposit, validAfter, validBefore, nonce, signature);
    }

    /// The same by Permit2.
    function topUpWithPermit2(
        bytes32 channelId,
        uint128 additionalDeposit,
        address from,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) external nonZero(additionalDeposit) {
        Channel storage channel = _openChannel(channelId);
        _raise(channelId, channel, additionalDeposit);
        bytes32 witness = keccak256(abi.encode(CHANNEL_TOP_UP_WITNESS_TYPEHASH, channelId));
        _pull(channel.token, from, additionalDeposit, nonce, deadline, witness, TOP_UP_WITNESS, signature);
    }

    /// Settles for a payee who signed it. Anybody may send it.
    function settleWithAuthorization(
        bytes32 channelId,
        uint128 cumulativeAmount,
        uint256 nonce,
        uint256 deadline,
        bytes calldata payeeSignature,
        bytes calldata voucherSignature
    ) external {
        Channel storage channel = _openChannel(channelId);
        bytes32 typeHash = SETTLE_AUTHORIZATION_TYPEHASH;
        _useAuthorization(typeHash, channel.payee, channelId, cumulativeAmount, nonce, deadline, payeeSignature);
        _advance(channelId, channel, cumulativeAmount, voucherSignature);
    }

    /// Closes for a payee who signed it. Anybody may send it.
    function closeWithAuthorization(
        bytes32 channelId,
        uint128 cumulativeAmount,
        uint256 nonce,
        uint256 deadline,
        bytes calldata payeeSignature,
        bytes calldata voucherSignature
    ) external {
        Channel storage channel = _openChannel(channelId);
        bytes32 typeHash = CLOSE_AUTHORIZATION_TYPEHASH;
        _useAuthorization(typeHash, channel.payee, channelId, cumulativeAmount, nonce, deadline, payeeSignature);
        _close(channelId, channel, cumulativeAmount, voucherSignature);
    }

    function domainSeparator() public view override returns (bytes32) {
        return Signatures.domainOf("EVM Payment Channel", "1");
    }

    function _isSignedBy(address signer, bytes32 digest, bytes memory signature)
        internal
        view
        override
        returns (bool)
    {
        return Signatures.isBy(signer, digest, signature);
    }

    function _useAuthorization(
        bytes32 typeHash,
        address payee,
        bytes32 channelId,
        uint128 cumulativeAmount,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) private {
        if (block.timestamp > deadline) revert AuthorizationExpired();
        if (nonceUsed[payee][channelId][nonce]) revert NonceAlreadyUsed();
        bytes32 signed = keccak256(abi.encode(typeHash, channelId, cumulativeAmount, nonce, deadline));
        if (!_isSignedBy(payee, Signatures.digestOf(domainSeparator(), signed), signature)) revert InvalidSignature();
        nonceUsed[payee][channelId][nonce] = true;
    }

    /// Only this contract may use the authorization: it is made out to it, and `receiveWithAuthorization` demands that
    /// the payee of the authorization is the caller.
    function _receive(
        address token,
        address from,
        uint128 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) private {
        AuthorizedToken(token).receiveWithAuthorization(
            from, address(this), value, validAfter, validBefore, nonce, signature
        );
    }

    function _pull(
        address token,
        address from,
        uint128 value,
        uint256 nonce,
        uint256 deadline,
        bytes32 witness,
        string memory witnessType,
        bytes calldata signature
    ) private {
        PERMIT2.permitWitnessTransferFrom(
            Permit2.PermitTransferFrom(Permit2.TokenPermissions(token, value), nonce, deadline),
            Permit2.SignatureTransferDetails(address(this), value),
            from,
            witness,
            witnessType,
            signature
        );
    }
}
