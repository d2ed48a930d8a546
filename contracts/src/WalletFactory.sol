// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {TestWallet} from "./TestWallet.sol";

/// Makes wallets where it says beforehand that they will be: what a signature of a wallet that is not there yet (ERC-6492)
/// refers to.
contract WalletFactory {
    function addressOf(address owner, bytes32 salt) public view returns (address) {
        bytes32 code = keccak256(_creation(owner));
        return address(uint160(uint256(keccak256(abi.encodePacked(hex"ff", address(this), salt, code)))));
    }

    function deploy(address owner, bytes32 salt) external returns (address) {
        return address(new TestWallet{salt: salt}(owner));
    }

    function _creation(address owner) private pure returns (bytes memory) {
        return abi.encodePacked(type(TestWallet).creationCode, abi.encode(owner));
    }
}
