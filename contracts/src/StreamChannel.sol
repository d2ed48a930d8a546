// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {PaymentChannels} from "./PaymentChannels.sol";
import {Signatures} from "./Signatures.sol";
import {Tokens} from "./Tokens.sol";

/// The escrow of the Tempo session, version 1, for test chains. Money comes in by `approve`.
contract StreamChannel is PaymentChannels {
    /// Adds to the deposit and calls off a close that was asked for.
    function topUp(bytes32 channelId, uint256 additionalDeposit) external {
        Channel storage channel = _openChannel(channelId);
        if (msg.sender != channel.payer) revert NotPayer();
        _raise(channelId, channel, additionalDeposit);
        Tokens.take(channel.token, msg.sender, additionalDeposit);
    }

    function domainSeparator() public view override returns (bytes32) {
        return Signatures.domainOf("Tempo Stream Channel", "1");
    }

    function eip712Domain()
        external
        view
        returns (bytes1, string memory, string memory, uint256, address, bytes32, uint256[] memory)
    {
        // The bits say: name, version, chain and contract, no salt.
        return (hex"0f", "Tempo Stream Channel", "1", block.chainid, address(this), 0, new uint256[](0));
    }

    function _isSignedBy(address signer, bytes32 digest, bytes memory signature)
        internal
        view
        override
        returns (bool)
    {
        return Signatures.isBy(signer, digest, Signatures.expanded(signature));
    }
}
