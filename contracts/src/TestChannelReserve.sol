// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Signatures} from "./Signatures.sol";
import {Tokens} from "./Tokens.sol";

/// Tempo's channel reserve (TIP-1034), for test chains without it. It is placed at the reserve's address,
/// 0x4D50500000000000000000000000000000000000, and differs from the real one, which is part of the node, in this:
///
/// - The real one knows the expiring nonce hash of the transaction it runs in. This one finds it in its storage, where
///   the test puts it before each `open`: the slot is keccak256(abi.encode(payer, 1)).
/// - The real one moves the payer's tokens by itself. This one needs an allowance.
/// - It takes secp256k1 signatures only, and knows neither TIP-403 policies nor virtual payees.
contract TestChannelReserve {
    struct ChannelDescriptor {
        address payer;
        address payee;
        address operator;
        address token;
        bytes32 salt;
        address authorizedSigner;
        bytes32 expiringNonceHash;
    }

    struct ChannelState {
        uint96 settled;
        uint96 deposit;
        uint32 closeRequestedAt;
    }

    struct Channel {
        ChannelDescriptor descriptor;
        ChannelState state;
    }

    uint64 public constant CLOSE_GRACE_PERIOD = 900;
    bytes32 public constant VOUCHER_TYPEHASH = keccak256("Voucher(bytes32 channelId,uint96 cumulativeAmount)");

    /// The first twelve bytes of every TIP-20 token's address.
    bytes12 private constant TOKEN_PREFIX = 0x20c000000000000000000000;

    /// Slot 0. A channel without a deposit is closed or never was.
    mapping(bytes32 channelId => ChannelState) private _states;
    /// Slot 1, written from outside; see above.
    mapping(address payer => bytes32) private _expiringNonceHashes;

    event ChannelOpened(
        bytes32 indexed channelId,
        address indexed payer,
        address indexed payee,
        address operator,
        address token,
        address authorizedSigner,
        bytes32 salt,
        bytes32 expiringNonceHash,
        uint96 deposit
    );
    event Settled(
        bytes32 indexed channelId,
        address indexed payer,
        address indexed payee,
        uint96 cumulativeAmount,
        uint96 deltaPaid,
        uint96 newSettled
    );
    event TopUp(
        bytes32 indexed channelId,
        address indexed payer,
        address indexed payee,
        uint96 additionalDeposit,
        uint96 newDeposit
    );
    event CloseRequested(
        bytes32 indexed channelId, address indexed payer, address indexed payee, uint256 closeGraceEnd
    );
    event ChannelClosed(
        bytes32 indexed channelId,
        address indexed payer,
        address indexed payee,
        uint96 settledToPayee,
        uint96 refundedToPayer
    );
    event CloseRequestCancelled(bytes32 indexed channelId, address indexed payer, address indexed payee);

    error ChannelAlreadyExists();
    error ChannelNotFound();
    error NotPayer();
    error NotPayeeOrOperator();
    error InvalidPayee();
    error ZeroDeposit();
    error ExpiringNonceHashNotSet();
    error InvalidSignature();
    error AmountExceedsDeposit();
    error AmountNotIncreasing();
    error CaptureAmountInvalid();
    error CloseNotReady();
    error DepositOverflow();

    function open(
        address payee,
        address operator,
        address token,
        uint96 deposit,
        bytes32 salt,
        address authorizedSigner
    ) external returns (bytes32 channelId) {
        if (payee == address(0) || bytes12(bytes20(payee)) == TOKEN_PREFIX) revert InvalidPayee();
        if (deposit == 0) revert ZeroDeposit();
        bytes32 nonceHash = _expiringNonceHashes[msg.sender];
        if (nonceHash == 0) revert ExpiringNonceHashNotSet();
        // One transaction, one hash.
        delete _expiringNonceHashes[msg.sender];
        channelId = computeChannelId(msg.sender, payee, operator, token, salt, authorizedSigner, nonceHash);
        if (_states[channelId].deposit != 0) revert ChannelAlreadyExists();
        _states[channelId].deposit = deposit;
        emit ChannelOpened(
            channelId, msg.sender, payee, operator, token, authorizedSigner, salt, nonceHash, deposit
        );
        Tokens.take(token, msg.sender, deposit);
    }

    function settle(ChannelDescriptor calldata descriptor, uint96 cumulativeAmount, bytes calldata signature)
        external
    {
        (bytes32 channelId, ChannelState storage state) = _openChannel(descriptor);
        _onlyPayeeOrOperator(descriptor);
        uint96 settled = state.settled;
        if (cumulativeAmount <= settled) revert AmountNotIncreasing();
        if (cumulativeAmount > state.deposit) revert AmountExceedsDeposit();
        _checkVoucher(descriptor, channelId, cumulativeAmount, signature);
        uint96 delta = cumulativeAmount - settled;
        state.settled = cumulativeAmount;
        emit Settled(channelId, descriptor.payer, descriptor.payee, cumulativeAmount, delta, cumulativeAmount);
        Tokens.give(descriptor.token, descriptor.payee, delta);
    }

    /// Adds to the deposit and calls off a close that was asked for; nothing added only calls it off.
    function topUp(ChannelDescriptor calldata descriptor, uint96 additionalDeposit) external {
        (bytes32 channelId, ChannelState storage state) = _openChannel(descriptor);
        if (msg.sender != descriptor.payer) revert NotPayer();
        if (additionalDeposit > type(uint96).max - state.deposit) revert DepositOverflow();
        state.deposit += additionalDeposit;
        if (state.closeRequestedAt != 0) {
            state.closeRequestedAt = 0;
            emit CloseRequestCancelled(channelId, descriptor.payer, descriptor.payee);
        }
        emit TopUp(channelId, descriptor.payer, descriptor.payee, additionalDeposit, state.deposit);
        if (additionalDeposit > 0) Tokens.take(descriptor.token, msg.sender, additionalDeposit);
    }

    /// Ends the channel: the payee gets `captureAmount` in total, up to what the voucher says, the payer the rest.
    function close(
        ChannelDescriptor calldata descriptor,
        uint96 cumulativeAmount,
        uint96 captureAmount,
        bytes calldata signature
    ) external {
        (bytes32 channelId, ChannelState storage stored) = _openChannel(descriptor);
        _onlyPayeeOrOperator(descriptor);
        ChannelState memory state = stored;
        if (captureAmount < state.settled || captureAmount > cumulativeAmount) revert CaptureAmountInvalid();
        if (captureAmount > state.deposit) revert AmountExceedsDeposit();
        if (captureAmount > state.settled) _checkVoucher(descriptor, channelId, cumulativeAmount, signature);
        _end(descriptor, channelId, state, captureAmount);
    }

    function requestClose(ChannelDescriptor calldata descriptor) external {
        (bytes32 channelId, ChannelState storage state) = _openChannel(descriptor);
        if (msg.sender != descriptor.payer) revert NotPayer();
        if (state.closeRequestedAt != 0) return;
        state.closeRequestedAt = uint32(block.timestamp);
        emit CloseRequested(channelId, descriptor.payer, descriptor.payee, block.timestamp + CLOSE_GRACE_PERIOD);
    }

    function withdraw(ChannelDescriptor calldata descriptor) external {
        (bytes32 channelId, ChannelState storage stored) = _openChannel(descriptor);
        if (msg.sender != descriptor.payer) revert NotPayer();
        ChannelState memory state = stored;
        if (state.closeRequestedAt == 0 || block.timestamp < uint256(state.closeRequestedAt) + CLOSE_GRACE_PERIOD) {
            revert CloseNotReady();
        }
        _end(descriptor, channelId, state, state.settled);
    }

    function getChannel(ChannelDescriptor calldata descriptor) external view returns (Channel memory) {
        return Channel(descriptor, _states[_idOf(descriptor)]);
    }

    function getChannelState(bytes32 channelId) external view returns (ChannelState memory) {
        return _states[channelId];
    }

    function getChannelStatesBatch(bytes32[] calldata channelIds) external view returns (ChannelState[] memory states) {
        states = new ChannelState[](channelIds.length);
        for (uint256 i = 0; i < channelIds.length; i++) {
            states[i] = _states[channelIds[i]];
        }
    }

    /// The real one keeps credits for the storage that a closed channel gives back; this one has none.
    function storageCredits(address) external pure returns (uint64) {
        return 0;
    }

    function computeChannelId(
        address payer,
        address payee,
        address operator,
        address token,
        bytes32 salt,
        address authorizedSigner,
        bytes32 expiringNonceHash
    ) public view returns (bytes32) {
        return keccak256(
            abi.encode(
                payer,
                payee,
                operator,
                token,
                salt,
                authorizedSigner,
                expiringNonceHash,
                address(this),
                block.chainid
            )
        );
    }

    function getVoucherDigest(bytes32 channelId, uint96 cumulativeAmount) public view returns (bytes32) {
        return Signatures.digestOf(
            domainSeparator(), keccak256(abi.encode(VOUCHER_TYPEHASH, channelId, cumulativeAmount))
        );
    }

    function domainSeparator() public view returns (bytes32) {
        return Signatures.domainOf("TIP20 Channel Reserve", "1");
    }

    function _end(
        ChannelDescriptor calldata descriptor,
        bytes32 channelId,
        ChannelState memory state,
        uint96 captureAmount
    ) private {
        delete _states[channelId];
        uint96 delta = captureAmount - state.settled;
        uint96 rest = state.deposit - captureAmount;
        emit ChannelClosed(channelId, descriptor.payer, descriptor.payee, captureAmount, rest);
        if (delta > 0) Tokens.give(descriptor.token, descriptor.payee, delta);
        if (rest > 0) Tokens.give(descriptor.token, descriptor.payer, rest);
    }

    function _openChannel(ChannelDescriptor calldata descriptor)
        private
        view
        returns (bytes32 channelId, ChannelState storage state)
    {
        channelId = _idOf(descriptor);
        state = _states[channelId];
        if (state.deposit == 0) revert ChannelNotFound();
    }

    function _idOf(ChannelDescriptor calldata descriptor) private view returns (bytes32) {
        return keccak256(abi.encode(descriptor, address(this), block.chainid));
    }

    function _onlyPayeeOrOperator(ChannelDescriptor calldata descriptor) private view {
        bool isOperator = descriptor.operator != address(0) && msg.sender == descriptor.operator;
        if (msg.sender != descriptor.payee && !isOperator) revert NotPayeeOrOperator();
    }

    function _checkVoucher(
        ChannelDescriptor calldata descriptor,
        bytes32 channelId,
        uint96 cumulativeAmount,
        bytes calldata signature
    ) private view {
        address delegate = descriptor.authorizedSigner;
        address signer = delegate == address(0) ? descriptor.payer : delegate;
        bytes32 digest = getVoucherDigest(channelId, cumulativeAmount);
        if (!Signatures.isByKey(signer, digest, Signatures.expanded(signature))) revert InvalidSignature();
    }
}
