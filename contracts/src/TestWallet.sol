// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {SigningContract, Signatures} from "./Signatures.sol";

/// The least wallet that is a contract: it has one owner, signs what the owner's key signed (ERC-1271), and does what
/// the owner calls.
contract TestWallet is SigningContract {
    bytes4 private constant INVALID = 0xffffffff;

    address public immutable owner;

    error NotOwner();

    constructor(address owner_) {
        owner = owner_;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        return Signatures.isByKey(owner, digest, signature) ? SigningContract.isValidSignature.selector : INVALID;
    }

    function execute(address to, bytes calldata data) external returns (bytes memory) {
        if (msg.sender != owner) revert NotOwner();
        (bool done, bytes memory answer) = to.call(data);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(answer, 0x20), mload(answer))
            }
        }
        return answer;
    }
}
