// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Signatures} from "./Signatures.sol";
import {Tokens} from "./Tokens.sol";

/// One-way payment channels: a payer locks a deposit, signs vouchers over a growing total, and the payee takes what
/// the highest voucher says. What the Tempo session (version 1) and the EVM session have in common; each contract adds
/// its signing domain and its ways to put money in.
///
/// A channel's record stays for ever: its id is made of stable inputs, and a channel opened anew under an old id would
/// honour the old vouchers. The token must move exactly what it is told to, or the channels of one token pay for each
/// other.
abstract contract PaymentChannels {
    struct Channel {
        bool finalized;
        /// Seconds since 1970; 0 while no close is asked for.
        uint64 closeRequestedAt;
        address payer;
        address payee;
        address token;
        /// Signs the vouchers; the payer does when it is zero.
        address authorizedSigner;
        uint128 deposit;
        /// What the payee has been paid so far.
        uint128 settled;
    }

    /// How long the payee may still settle once the payer asks to close, in seconds.
    uint64 public constant CLOSE_GRACE_PERIOD = 900;
    bytes32 public constant VOUCHER_TYPEHASH = keccak256("Voucher(bytes32 channelId,uint128 cumulativeAmount)");

    mapping(bytes32 channelId => Channel) internal _channels;

    event ChannelOpened(
        bytes32 indexed channelId,
        address indexed payer,
        address indexed payee,
        address token,
        address authorizedSigner,
        bytes32 salt,
        uint256 deposit
    );
    event Settled(
        bytes32 indexed channelId,
        address indexed payer,
        address indexed payee,
        uint256 cumulativeAmount,
        uint256 deltaPaid,
        uint256 newSettled
    );
    event TopUp(
        bytes32 indexed channelId,
        address indexed payer,
        address indexed payee,
        uint256 additionalDeposit,
        uint256 newDeposit
    );
    event CloseRequested(
        bytes32 indexed channelId, address indexed payer, address indexed payee, uint256 closeGraceEnd
    );
    event CloseRequestCancelled(bytes32 indexed channelId, address indexed payer, address indexed payee);
    event ChannelClosed(
        bytes32 indexed channelId,
        address indexed payer,
        address indexed payee,
        uint256 settledToPayee,
        uint256 refundedToPayer
    );
    event ChannelExpired(bytes32 indexed channelId, address indexed payer, address indexed payee);

    error ChannelAlreadyExists();
    error ChannelNotFound();
    error ChannelFinalized();
    error NotPayer();
    error NotPayee();
    error InvalidPayee();
    error InvalidSignature();
    error AmountExceedsDeposit();
    error AmountNotIncreasing();
    error CloseNotReady();
    error DepositOverflow();

    /// Locks a deposit that the caller has approved to this contract.
    function open(address payee, address token, uint128 deposit, bytes32 salt, address authorizedSigner)
        public
        virtual
        returns (bytes32 channelId)
    {
        channelId = _record(msg.sender, payee, token, deposit, salt, authorizedSigner);
        Tokens.take(token, msg.sender, deposit);
    }

    /// Pays the payee what a voucher adds to what was paid before.
    function settle(bytes32 channelId, uint128 cumulativeAmount, bytes calldata signature) external {
        Channel storage channel = _openChannel(channelId);
        if (msg.sender != channel.payee) revert NotPayee();
        _advance(channelId, channel, cumulativeAmount, signature);
    }

    /// Pays the payee by the last voucher, the payer the rest, and ends the channel. A total that is not above what was
    /// paid needs no voucher: the payee takes nothing more.
    function close(bytes32 channelId, uint128 cumulativeAmount, bytes calldata signature) external {
        Channel storage channel = _openChannel(channelId);
        if (msg.sender != channel.payee) revert NotPayee();
        _close(channelId, channel, cumulativeAmount, signature);
    }

    /// Starts the time after which the payer may take the rest without the payee.
    function requestClose(bytes32 channelId) external {
        Channel storage channel = _openChannel(channelId);
        if (msg.sender != channel.payer) revert NotPayer();
        if (channel.closeRequestedAt != 0) return;
        channel.closeRequestedAt = uint64(block.timestamp);
        emit CloseRequested(channelId, channel.payer, channel.payee, block.timestamp + CLOSE_GRACE_PERIOD);
    }

    /// Returns what the payee has not taken, once the time has passed, and ends the channel.
    function withdraw(bytes32 channelId) external {
        Channel storage channel = _openChannel(channelId);
        if (msg.sender != channel.payer) revert NotPayer();
        uint64 requested = channel.closeRequestedAt;
        if (requested == 0 || block.timestamp < uint256(requested) + CLOSE_GRACE_PERIOD) revert CloseNotReady();
        emit ChannelExpired(channelId, channel.payer, channel.payee);
        _end(channelId, channel);
    }

    function channels(bytes32 channelId)
        external
        view
        returns (
            bool finalized,
            uint64 closeRequestedAt,
            address payer,
            address payee,
            address token,
            address authorizedSigner,
            uint128 deposit,
            uint128 settled
        )
    {
        Channel storage channel = _channels[channelId];
        return (
            channel.finalized,
            channel.closeRequestedAt,
            channel.payer,
            channel.payee,
            channel.token,
            channel.authorizedSigner,
            channel.deposit,
            channel.settled
        );
    }

    function getChannel(bytes32 channelId) external view returns (Channel memory) {
        return _channels[channelId];
    }

    function getChannelsBatch(bytes32[] calldata channelIds) external view returns (Channel[] memory states) {
        states = new Channel[](channelIds.length);
        for (uint256 i = 0; i < channelIds.length; i++) {
            states[i] = _channels[channelIds[i]];
        }
    }

    function computeChannelId(address payer, address payee, address token, bytes32 salt, address authorizedSigner)
        public
        view
        returns (bytes32)
    {
        return keccak256(abi.encode(payer, payee, token, salt, authorizedSigner, address(this), block.chainid));
    }

    function getVoucherDigest(bytes32 channelId, uint128 cumulativeAmount) public view returns (bytes32) {
        return Signatures.digestOf(
            domainSeparator(), keccak256(abi.encode(VOUCHER_TYPEHASH, channelId, cumulativeAmount))
        );
    }

    function domainSeparator() public view virtual returns (bytes32);

    /// Whether a party signed a digest; each contract knows which forms of signature it takes.
    function _isSignedBy(address signer, bytes32 digest, bytes memory signature)
        internal
        view
        virtual
        returns (bool);

    function _record(
        address payer,
        address payee,
        address token,
        uint128 deposit,
        bytes32 salt,
        address authorizedSigner
    ) internal returns (bytes32 channelId) {
        if (payee == address(0)) revert InvalidPayee();
        channelId = computeChannelId(payer, payee, token, salt, authorizedSigner);
        if (_channels[channelId].payer != address(0)) revert ChannelAlreadyExists();
        _channels[channelId] = Channel(false, 0, payer, payee, token, authorizedSigner, deposit, 0);
        emit ChannelOpened(channelId, payer, payee, token, authorizedSigner, salt, deposit);
    }

    function _openChannel(bytes32 channelId) internal view returns (Channel storage channel) {
        channel = _channels[channelId];
        if (channel.payer == address(0)) revert ChannelNotFound();
        if (channel.finalized) revert ChannelFinalized();
    }

    /// Adds to the deposit and calls off a close that the payer asked for. The money is taken by the caller.
    function _raise(bytes32 channelId, Channel storage channel, uint256 additionalDeposit) internal {
        if (additionalDeposit > type(uint128).max - channel.deposit) revert DepositOverflow();
        channel.deposit += uint128(additionalDeposit);
        if (channel.closeRequestedAt != 0) {
            channel.closeRequestedAt = 0;
            emit CloseRequestCancelled(channelId, channel.payer, channel.payee);
        }
        emit TopUp(channelId, channel.payer, channel.payee, additionalDeposit, channel.deposit);
    }

    function _close(bytes32 channelId, Channel storage channel, uint128 cumulativeAmount, bytes memory signature)
        internal
    {
        // Marked before any token is called, so that nothing can be done twice from within a transfer.
        channel.finalized = true;
        if (cumulativeAmount > channel.settled) _advance(channelId, channel, cumulativeAmount, signature);
        _end(channelId, channel);
    }

    function _advance(bytes32 channelId, Channel storage channel, uint128 cumulativeAmount, bytes memory signature)
        internal
    {
        uint128 settled = channel.settled;
        if (cumulativeAmount <= settled) revert AmountNotIncreasing();
        if (cumulativeAmount > channel.deposit) revert AmountExceedsDeposit();
        address signer = channel.authorizedSigner == address(0) ? channel.payer : channel.authorizedSigner;
        if (!_isSignedBy(signer, getVoucherDigest(channelId, cumulativeAmount), signature)) revert InvalidSignature();
        uint128 delta = cumulativeAmount - settled;
        channel.settled = cumulativeAmount;
        emit Settled(channelId, channel.payer, channel.payee, cumulativeAmount, delta, cumulativeAmount);
        Tokens.give(channel.token, channel.payee, delta);
    }

    function _end(bytes32 channelId, Channel storage channel) private {
        channel.finalized = true;
        uint128 rest = channel.deposit - channel.settled;
        emit ChannelClosed(channelId, channel.payer, channel.payee, channel.settled, rest);
        if (rest > 0) Tokens.give(channel.token, channel.payer, rest);
    }
}
